package app

import (
	"context"
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/sqlite"
)

// TestArchiveOfADay: a day of single shares is there, compressed, with the columns
// of an export, and is written once and whole.
func TestArchiveOfADay(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	s, err := sqlite.Open(ctx, filepath.Join(dir, databaseName))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	day := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	chunk := &store.Chunk{Instance: "here", Log: "log", First: 1, Last: 1}
	for i, at := range []time.Time{day.Add(-time.Microsecond), day, day.Add(24*time.Hour - time.Microsecond), day.Add(24 * time.Hour)} {
		chunk.Shares = append(chunk.Shares, store.Share{
			ID: uint64(i + 1), At: at, Worker: "alice.rig", Pool: "main", Route: "farm",
			Verdict: mining.Accepted, Difficulty: 8, Value: mining.Amount{Sat: 1, Pico: 500_000_000_000},
		})
	}
	if err := s.Apply(ctx, chunk); err != nil {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := archive(cancelled, dir, s, day); !errors.Is(err, context.Canceled) {
		t.Errorf("an archive that is broken off: %v", err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, archiveName)); err != nil || len(left) != 0 {
		t.Errorf("it leaves %v, %v", left, err)
	}
	for range 2 { // the second time it is there
		if err := archive(ctx, dir, s, day); err != nil {
			t.Fatal(err)
		}
	}
	packed, err := os.Open(filepath.Join(dir, archiveName, "shares-2026-01-31.csv.zst"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = packed.Close() }()
	plain, err := zstd.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	rows, err := csv.NewReader(plain).ReadAll()
	if err != nil || len(rows) != 3 || strings.Join(rows[0][:3], ",") != "id,time,worker" {
		t.Fatalf("%v: %v", err, rows)
	}
	if rows[1][0] != "2" || rows[2][0] != "3" || rows[1][2] != "alice.rig" || rows[1][9] != "1.5" {
		t.Errorf("the day's shares are %v", rows[1:])
	}
	if err := s.DropDay(ctx, day); err != nil {
		t.Fatal(err)
	}
	if err := archive(ctx, dir, s, day); err != nil { // nor is it written anew once the day is gone
		t.Error(err)
	}
	if again, err := os.Stat(packed.Name()); err != nil || again.Size() == 0 {
		t.Errorf("after the day was dropped the archive is %v, %v", again, err)
	}
}

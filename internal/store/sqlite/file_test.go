package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/sqlite"
	"github.com/loka/stratum/internal/store/storetest"
)

// shares makes n shares of some workers within an hour.
func shares(first uint64, n int, at time.Time) []store.Share {
	some := make([]store.Share, 0, n)
	for i := range n {
		some = append(some, store.Share{
			ID: first + uint64(i), At: at.Add(time.Duration(i) * time.Hour / time.Duration(n)).Truncate(time.Microsecond),
			Worker: fmt.Sprintf("farm.rig%d", i%50), Pool: "first", Route: "main",
			Verdict: mining.Accepted, Difficulty: 65536, Reached: 65536 * 3.7 * float64(i+1), Value: mining.Amount{Pico: int64(i) * 987_654_321},
			Sent: true, PoolVerdict: mining.Accepted, PoolDifficulty: 65536, PoolValue: mining.Amount{Pico: int64(i) * 987_654_321},
		})
	}
	return some
}

// noon is a time in the middle of a day.
func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func TestMode(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	path := filepath.Join(t.TempDir(), "loka.db")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, path)
	if err := s.Save(t.Context(), "x", nil); err != nil {
		t.Fatal(err)
	}
	for _, end := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + end)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("loka.db%s has mode %v", end, info.Mode().Perm())
		}
	}
}

func TestSettings(t *testing.T) {
	s := open(t)
	for name, want := range map[string]string{"auto_vacuum": "2", "journal_mode": "wal"} {
		if got, err := s.Text(t.Context(), "PRAGMA "+name); err != nil || got != want {
			t.Errorf("%s is %q, %v; want %q", name, got, err, want)
		}
	}
}

func TestDamaged(t *testing.T) {
	ctx := t.Context()
	good := filepath.Join(t.TempDir(), "good.db")
	s, err := sqlite.Open(ctx, good)
	if err != nil {
		t.Fatal(err)
	}
	var root int
	defer func() { t.Logf("the shares' first page is %d", root) }()
	err = errors.Join(s.Append(ctx, frame(1, 10), frame(2, 10)), s.Apply(ctx, storetest.Chunk("a", "log", 1, 1, shares(1, 2000, noon())...)), scanRoot(t, s, &root), s.Close())
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"garbage":    bytes.Repeat([]byte("no database at all. "), 1000),
		"cut":        whole[:4096*3],
		"first page": append(bytes.Repeat([]byte{0xaa}, 4096), whole[4096:]...),
	} {
		path := filepath.Join(t.TempDir(), "loka.db")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := sqlite.Open(ctx, path)
		var damaged *sqlite.CorruptError
		if !errors.As(err, &damaged) || damaged.Path != path {
			t.Errorf("%s: %v", name, err)
		}
		if s != nil {
			t.Errorf("%s: it was opened", name)
		}
		if left, err := os.ReadFile(path); err != nil || !bytes.Equal(left, data) {
			t.Errorf("%s: it was changed, %v", name, err)
		}
	}
	// What comes to light later only: pages of shares.
	path := filepath.Join(t.TempDir(), "loka.db")
	copy(whole[(root-1)*4096:root*4096], bytes.Repeat([]byte{0xaa}, 4096))
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	err = openAt(t, path).Shares(ctx, store.Filter{}, func(*store.Share) error { return nil })
	if _, ok := errors.AsType[*sqlite.CorruptError](err); !ok {
		t.Errorf("damaged pages of shares: %v", err)
	}
}

// scanRoot finds the first page of a day's shares.
func scanRoot(t *testing.T, s *sqlite.Store, to *int) error {
	t.Helper()
	text, err := s.Text(t.Context(), "SELECT rootpage FROM sqlite_master WHERE name = 'submissions_20260301'")
	if err != nil {
		return err
	}
	*to, err = strconv.Atoi(text)
	return err
}

func TestLostFrames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "loka.db")
	s := openAt(t, path)
	if err := errors.Join(s.Append(t.Context(), frame(1, 1), frame(2, 1)), s.Exec(t.Context(), "DELETE FROM journal WHERE number = 2")); err != nil {
		t.Fatal(err)
	}
	var damaged *sqlite.CorruptError
	if _, err := sqlite.Open(t.Context(), path); !errors.As(err, &damaged) {
		t.Errorf("a log without its last frame: %v", err)
	}
}

func TestNewer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "loka.db")
	s := openAt(t, path)
	if err := s.Exec(t.Context(), "INSERT INTO loka_schema (version_id, is_applied) VALUES (77, 1)"); err != nil {
		t.Fatal(err)
	}
	_, err := sqlite.Open(t.Context(), path)
	var newer *store.NewerSchemaError
	if !errors.As(err, &newer) || newer.Has != 77 || newer.Knows != 4 || newer.Database != path {
		t.Errorf("%v", err)
	}
}

// full lets a database run full, makes room, and does what failed once more.
func full(t *testing.T, s *sqlite.Store, limit, room func() error) {
	t.Helper()
	ctx := t.Context()
	const size = 50_000
	n := uint64(0)
	runFull := func() {
		t.Helper()
		if err := limit(); err != nil {
			t.Fatal(err)
		}
		for {
			if err := s.Append(ctx, frame(n+1, size)); err != nil {
				t.Log(err)
				break
			}
			if n++; n > 5000 {
				t.Fatal("it is never full")
			}
		}
		if got := state(t, s); got.Last != n || got.Bytes != int64(n)*size {
			t.Errorf("%d frames were taken, it has %+v", n, got)
		}
	}
	again := func(do func() error) {
		t.Helper()
		if err := do(); err == nil {
			t.Error("a full disk took something at the second try")
		}
		if err := room(); err != nil {
			t.Fatal(err)
		}
		if err := do(); err != nil {
			t.Errorf("once there is room: %v", err)
		}
	}
	runFull()
	again(func() error { return s.Append(ctx, frame(n+1, size)) })
	n++
	runFull()
	c := storetest.Chunk("a", "log", 1, 1, shares(1, 1000, noon())...)
	again(func() error { return s.Apply(ctx, c) })
	if taken, err := s.Shipped(ctx, "a", "log"); err != nil || taken != (store.Taken{Last: 1}) {
		t.Errorf("taken is %+v, %v", taken, err)
	}
	for _, step := range store.Steps() {
		sums, err := s.Sums(ctx, store.Filter{}, step, store.Group{})
		if err != nil || len(sums) != 3 || sums[0].Shares != 1000 {
			t.Errorf("%+v, %v", sums, err)
		}
	}
	if text, err := s.Text(ctx, "PRAGMA integrity_check"); err != nil || text != "ok" {
		t.Errorf("the file: %s, %v", text, err)
	}
}

func TestFull(t *testing.T) {
	s := open(t)
	full(t, s, func() error { return s.LimitPages(t.Context(), 60) }, func() error { return s.LimitPages(t.Context(), 1<<20) })
}

// TestFullDisk is TestFull with a disk that is full.
func TestFullDisk(t *testing.T) {
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		t.Skip("a small disk can be made by root on Linux only: the limit of pages stands in for it, in TestFull")
	}
	dir := t.TempDir()
	if said, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("no file system can be mounted here: the limit of pages stands in for it, in TestFull: %v %s", err, said)
	}
	t.Cleanup(func() {
		if said, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("%v %s", err, said)
		}
	})
	s := openAt(t, filepath.Join(dir, "loka.db"))
	resize := func(size string) func() error {
		return func() error {
			said, err := exec.Command("mount", "-o", "remount,size="+size, dir).CombinedOutput()
			if err != nil {
				return fmt.Errorf("%w: %s", err, said)
			}
			return nil
		}
	}
	n := 4
	full(t, s, func() error { return nil }, func() error { n += 8; return resize(fmt.Sprintf("%dm", n))() })
}

// appender is the environment of a process that appends until it is killed.
const appender = "LOKA_TEST_APPEND"

// TestKill kills a process that appends, and looks for all that it was told is kept.
func TestKill(t *testing.T) {
	if path := os.Getenv(appender); path != "" {
		appendForever(path)
		return
	}
	for round := range 3 {
		path := filepath.Join(t.TempDir(), "loka.db")
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKill$")
		cmd.Env = append(os.Environ(), appender+"="+path)
		said, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stdout = w
		if err := errors.Join(cmd.Start(), w.Close()); err != nil {
			t.Fatal(err)
		}
		var last uint64
		for last < uint64(20+7*round) {
			if _, err := fmt.Fscan(said, &last); err != nil {
				t.Fatal(err)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for {
			var n uint64
			if _, err := fmt.Fscan(said, &n); err != nil {
				break
			}
			last = n
		}
		if err := cmd.Wait(); err == nil {
			t.Error("it ended by itself")
		}
		_ = said.Close()
		s := openAt(t, path)
		if got := state(t, s); got.Last < last {
			t.Errorf("frame %d was kept, the log ends with %d", last, got.Last)
		}
		frames, err := s.Read(t.Context(), 0, 1<<30)
		if err != nil || uint64(len(frames)) < last {
			t.Errorf("%d frames of %d, %v", len(frames), last, err)
		}
	}
}

// appendForever appends and says what was kept.
func appendForever(path string) {
	s, err := sqlite.Open(context.Background(), path)
	for n := uint64(1); err == nil; n++ {
		if err = s.Append(context.Background(), frame(n, 2000)); err == nil {
			_, err = fmt.Println(n)
		}
	}
	fmt.Fprintln(os.Stderr, err)
}

// TestBounded holds the log of writes, and the file after days were dropped, to
// bounds.
func TestBounded(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "loka.db")
	s := openAt(t, path)
	size := func(end string) int64 {
		info, err := os.Stat(path + end)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	for n := range uint64(2) {
		if err := s.Apply(ctx, storetest.Chunk("a", "log", n+1, n+1, shares(n, 1, noon().AddDate(0, 0, int(n)))...)); err != nil {
			t.Fatal(err)
		}
	}
	// The rest by SQLite itself, which is faster.
	const each = 18_000
	for _, day := range []string{"20260301", "20260302"} {
		for part := range 3 {
			err := s.Exec(ctx, fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
INSERT INTO submissions_%s SELECT i + %d, instance, at + i, worker, pool, route, verdict, difficulty, 1e5 / i, 0, 987654321 * (i %% 1000), 1, 1, 65536.5, 0, 987654321 * (i %% 1000)
FROM n, (SELECT * FROM submissions_%[2]s LIMIT 1)`, each/3, day, 1000+part*each))
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Exec(ctx, fmt.Sprintf("UPDATE submission_days SET shares = %d WHERE day = '%s'", each, day)); err != nil {
			t.Fatal(err)
		}
	}
	days, err := s.Days(ctx)
	if err != nil || len(days) != 2 {
		t.Fatal(days, err)
	}
	if err := s.Exec(ctx, "PRAGMA wal_checkpoint(PASSIVE)"); err != nil {
		t.Fatal(err)
	}
	before := size("")
	for _, d := range days {
		if err := s.DropDay(ctx, d.Day); err != nil {
			t.Fatal(err)
		}
		if wal := size("-wal"); wal > 20<<20 {
			t.Errorf("the log of writes has %d bytes", wal)
		}
	}
	if err := s.DropMinutes(ctx, noon().Add(999*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(ctx, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		t.Fatal(err)
	}
	after, estimate := size(""), days[0].Bytes+days[1].Bytes
	t.Logf("%d bytes, and %d once the days are dropped; %d by estimate, %.1f a share", before, after, estimate, float64(before-after)/(2*each))
	if after > 2<<20 || before-after < 1<<20 || estimate < before/2 || estimate > 2*before {
		t.Errorf("it has %d bytes of %d", after, before)
	}
	all, err := s.Bytes(ctx)
	if err != nil || all < after || all > after+20<<20 {
		t.Errorf("%d bytes, %v", all, err)
	}
	if text, err := s.Text(ctx, "PRAGMA integrity_check"); err != nil || !strings.HasPrefix(text, "ok") {
		t.Errorf("the file: %s, %v", text, err)
	}
}

// TestPlans holds the questions that are asked all the time to plans that do not
// read more than what they are about.
func TestPlans(t *testing.T) {
	s := open(t)
	for query, want := range map[string]string{
		"WITH steps AS MATERIALIZED (SELECT DISTINCT at FROM farm_minute WHERE at >= 1) SELECT r.at FROM steps CROSS JOIN workers w CROSS JOIN rollups_minute r WHERE r.at = steps.at AND r.worker = w.id AND w.login = 'x'": "(at=? AND worker=?)",
		"SELECT * FROM farm_minute r WHERE r.at >= 1 AND r.at < 2": "(at>? AND at<?)",
	} {
		plan, err := s.Plan(t.Context(), query)
		if err != nil || !strings.Contains(plan, want) {
			t.Errorf("%s\n%s, %v", query, plan, err)
		}
	}
}

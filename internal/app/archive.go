package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/loka/stratum/internal/atomicfile"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/store"
)

// archiveName is the folder in data_dir of days that were dropped.
const archiveName = "archive"

// archive keeps the single shares of a day, of all instances that the store has,
// as shares-2026-01-31.csv.zst before the day is dropped: whole or not at all. A
// day that was archived before is not again.
func archive(ctx context.Context, dir string, of store.History, day time.Time) error {
	dir = filepath.Join(dir, archiveName)
	path := filepath.Join(dir, "shares-"+day.UTC().Format(time.DateOnly)+".csv.zst")
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = atomicfile.WriteWith(path, func(to io.Writer) error { return pack(ctx, of, day, to) })
	}
	if err != nil {
		return fmt.Errorf("archive the shares of a day: %w", err)
	}
	return nil
}

// pack writes the shares of a day, compressed.
func pack(ctx context.Context, of store.History, day time.Time, to io.Writer) error {
	out, err := zstd.NewWriter(to, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	filter := store.Filter{From: day, To: day.Add(store.Day.Length())}
	return errors.Join(httpapi.WriteShares(ctx, of, filter, out), out.Close())
}

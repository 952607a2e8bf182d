package app

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/loka/stratum/internal/view"
)

// TestFullDisk fills a disk of its own, and has it found out by bytes and by inodes.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ options, word string }{
		"bytes": {"size=1m", "no space"}, "inodes": {"size=1m,nr_inodes=3", "no space"},
	} {
		dir := t.TempDir()
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, tt.options); err != nil {
			if errors.Is(err, os.ErrPermission) {
				t.Skipf("SKIPPED: only root can mount a disk to fill: %v", err)
			}
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
		look := diskLook{dir: dir, most: func() int64 { return 0 }}
		expect(t, name+", empty", look.at(t.Context(), time.Now())["disk"], view.Degraded) // a MiB is below the floor
		var err error
		for i := 0; err == nil && i < 10; i++ {
			err = os.WriteFile(filepath.Join(dir, string(rune('a'+i))), make([]byte, 512<<10), 0o600)
		}
		expect(t, name+", full", look.at(t.Context(), time.Now())["disk"], view.Down, tt.word)
	}
}

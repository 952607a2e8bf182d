package durable

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/loka/stratum/internal/view"
)

const (
	// inside says that a process of these tests has mounts of its own.
	inside = "LOKA_INSIDE"
	// diskSize is how large the disk is that is filled.
	diskSize = 24 << 20
	// mostMemory bounds what a proxy takes while its disk is full.
	mostMemory = 400 << 20
)

// private runs a test once more in a process that has mounts of its own, and says
// whether this is that process.
func private(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inside) != "" {
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		return true
	}
	bin := loka(t)
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=30m")
	cmd.Env = append(os.Environ(), inside+"=1", "LOKA_BINARY="+bin)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	}
	said, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err != nil && !errors.As(err, &exit):
		t.Skipf("SKIPPED, NOTHING IS PROVED: no mounts of its own can be had here: %v", err)
	case err != nil:
		t.Errorf("%v\n%s", err, said)
	default:
		t.Logf("%s", said)
	}
	return false
}

// disk is a small disk with a directory in it, until the test ends.
func disk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", diskSize)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes all the room that there is, and returns what gives so much of it back.
func fill(t *testing.T, dir string) (give func(bytes int64)) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(f, zeros{}); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	return func(bytes int64) {
		info, err := f.Stat()
		if err == nil {
			err = f.Truncate(max(0, info.Size()-bytes))
		}
		if err != nil {
			t.Fatal(err)
		}
		if bytes >= diskSize {
			_ = f.Close()
		}
	}
}

type zeros struct{}

// Read implements [io.Reader].
func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// memory is how much of it a process has.
func memory(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// TestDiskFull fills the disk that data_dir is on, for LOKA_DISKFULL. Mining goes on,
// /health tells, what happens waits in memory, and once there is room all of it is
// kept. Room that comes by the drop, so that writing fails at any point, changes
// nothing of that.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	duration := wanted(t, "LOKA_DISKFULL", "soak-disk DISKFULL=3m", time.ParseDuration)
	if !private(t) {
		return
	}
	random := chance(t)
	dir := disk(t)
	f := newFarm(t, random.Uint64())
	p := newProxy(t, f.pool.URL(), filepath.Join(dir, "data"), "")
	p.start()
	f.mine(p, 16, 1000)
	f.mining()
	begun, connects := time.Now(), f.connects()
	await(t, "two seconds of shares", patience, func() bool { return time.Since(begun) > 2*time.Second && len(f.heard()) > 500 })
	usual := f.paceOf(begun, time.Now())

	give := fill(t, dir)
	filled := time.Now()
	t.Logf("full: %s", p.says("journal", view.Degraded, patience).Detail)
	pass(duration, p.life.Done())
	full := f.paceOf(filled, time.Now())
	t.Logf("full for %v: %s; usually: %s; %d MB of memory, %s", time.Since(filled).Round(time.Second), full, usual, memory(t, p.life.PID())>>20, p.checks().Checks["journal"].Detail)
	for until := time.Now().Add(duration); time.Now().Before(until) && pass(between(random, time.Millisecond, 300*time.Millisecond), p.life.Done()); {
		give(random.Int64N(256 << 10))
		if random.IntN(4) == 0 {
			give(0)
			give = fill(t, dir)
		}
	}
	if m := memory(t, p.life.PID()); m > mostMemory {
		t.Errorf("%d bytes of memory", m)
	}
	give(diskSize)
	if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
		t.Fatal(err)
	}
	p.says("journal", view.OK, patience)
	p.says("store", view.OK, noticed)
	if p.ended() {
		t.Fatalf("the proxy has ended: %v", p.life.Err())
	}
	if f.connects() != connects {
		t.Errorf("miners made %d connections, and %d before", f.connects(), connects)
	}
	if full.rate < 0.7*usual.rate || full.longest > 5*time.Second {
		t.Error("mining suffered")
	}
	f.rest()
	before := p.books()
	p.stop()
	p.start()
	if now := p.books(); now.accepted != before.accepted {
		t.Errorf("%d shares are restored of %d", now.accepted, before.accepted)
	}
	f.lost(p.history(before), nil)
	t.Logf("%d shares acknowledged, %d kept", len(f.heard()), before.accepted)
	p.stop()
}

// TestNoDisk: a data_dir that cannot be written when the proxy starts is an error
// that names it and says what is wrong.
func TestNoDisk(t *testing.T) {
	t.Parallel()
	if !private(t) {
		return
	}
	dir := disk(t)
	f := newFarm(t, 1)
	data := filepath.Join(dir, "data")
	p := newProxy(t, f.pool.URL(), data, "")
	refused := func(what string, want ...string) {
		t.Helper()
		before := p.said.Len()
		p.begin()
		late := time.NewTimer(patience)
		defer late.Stop()
		select {
		case <-p.life.Done():
		case <-late.C:
			t.Fatalf("%s: it runs", what)
		}
		said := p.said.String()[before:]
		t.Logf("%s: %v: %s", what, p.life.Err(), said)
		if p.life.Err() == nil {
			t.Errorf("%s: it ended well", what)
		}
		for _, text := range want {
			if !strings.Contains(said, text) {
				t.Errorf("%s: it does not say %q", what, text)
			}
		}
	}
	give := fill(t, dir)
	refused("a new data_dir on a full disk", "data_dir", "the disk is full")
	give(diskSize)
	p.start()
	p.stop()
	give = fill(t, dir)
	refused("a data_dir on a full disk", "data_dir", "the disk is full")
	give(diskSize)
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	refused("a disk that is read only", "data_dir", "read-only")
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	p.start()
	p.stop()
}

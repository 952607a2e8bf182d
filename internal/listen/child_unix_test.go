//go:build linux || darwin

package listen

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/loka/stratum/internal/guard"
	"github.com/loka/stratum/internal/mining"
)

const childVariable = "LOKA_LISTEN_TEST_FILES"

func isChild() bool { return os.Getenv(childVariable) != "" }

// child is a process with few descriptors that listens and echoes until its
// standard input ends. It says its address on standard output and logs to
// standard error.
func child() {
	limit := syscall.Rlimit{Cur: 32, Max: 64}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		panic(err)
	}
	// The first one is a miner, the others stay strangers.
	var first atomic.Bool
	serve := func(ctx context.Context, conn net.Conn, preread []byte, a mining.Arrival, gone func()) {
		defer gone()
		if first.CompareAndSwap(false, true) {
			a.Guest.(*guard.Guest).Settled("first")
		}
		echo(ctx, conn, preread)
	}
	l := New(Config{Address: "127.0.0.1:0"}, Deps{
		Gate: NewGate(guard.New(guard.Config{}, guard.Deps{})), Serve: serve, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	ctx, cancel := context.WithCancel(context.Background())
	if err := l.Listen(ctx); err != nil {
		panic(err)
	}
	ended := make(chan error)
	go func() { ended <- l.Run(ctx) }()
	_, _ = io.WriteString(os.Stdout, l.Addr().String()+"\n")
	_, _ = io.Copy(io.Discard, os.Stdin)
	cancel()
	if err := <-ended; err != nil {
		panic(err)
	}
	soft, err := RaiseFileLimit()
	if err != nil || soft != 64 {
		panic("the soft limit was not raised to 64")
	}
}

// TestOutOfDescriptors takes all of a process's descriptors and gives them
// back: it serves on, who has no worker gives way to who comes, and it says so once.
func TestOutOfDescriptors(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"=1")
	var log strings.Builder
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err = cmd.Start(); err != nil {
		t.Fatal(err)
	}
	addr, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	addr = strings.TrimSpace(addr)

	first := dial(t, addr)
	say(t, first, "{\"id\":1}\n")
	hear(t, first, "{\"id\":1}\n")
	rest := make([]net.Conn, 0, 60)
	for range 60 {
		rest = append(rest, dial(t, addr))
	}
	// The first line of its log says that it is out of descriptors.
	lines := bufio.NewReader(stderr)
	line, err := lines.ReadString('\n')
	if err != nil || !strings.Contains(line, "cannot accept connections") || !strings.Contains(line, "too many open files") {
		t.Fatalf("log says %q, %v", line, err)
	}
	log.WriteString(line)
	// Who is in is served meanwhile.
	say(t, first, "{\"id\":2}\n")
	hear(t, first, "{\"id\":2}\n")
	// And who comes now is, too, for strangers give way.
	last := dial(t, addr)
	say(t, last, "{\"id\":7}\n")
	hear(t, last, "{\"id\":7}\n")
	say(t, first, "{\"id\":8}\n")
	hear(t, first, "{\"id\":8}\n")
	for _, conn := range rest {
		_ = conn.Close()
	}
	late := dial(t, addr)
	say(t, late, "{\"id\":3}\n")
	hear(t, late, "{\"id\":3}\n")

	_ = stdin.Close()
	tail, err := io.ReadAll(lines)
	if err != nil {
		t.Fatal(err)
	}
	log.Write(tail)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	paused, resumed := strings.Count(log.String(), "cannot accept"), strings.Count(log.String(), "accepting connections again")
	// The backlog may take the descriptors again as they come free, and the end
	// may come while it has them.
	if over := paused - resumed; paused < 1 || resumed < 1 || over < 0 || over > 1 || paused > 10 {
		t.Errorf("the log names %d pauses and %d resumptions:\n%s", paused, resumed, log.String())
	}
}

func TestRaiseFileLimit(t *testing.T) {
	soft, err := RaiseFileLimit()
	if err != nil {
		t.Fatal(err)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if soft != limit.Cur || limit.Cur != limit.Max {
		t.Errorf("soft limit is said to be %d and is %d of %d", soft, limit.Cur, limit.Max)
	}
}

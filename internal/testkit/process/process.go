package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Output collects what processes write.
type Output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *Output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

// String is all of it.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// Len is how many bytes it has.
func (o *Output) Len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Len()
}

// Tail is the last n bytes of it, or all.
func (o *Output) Tail(n int) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := o.buf.Bytes()
	return string(b[max(0, len(b)-n):])
}

// Process is a program that was started.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// Start starts a program in a folder, or in this one if it is empty, with none of
// loka's variables in its environment. What it writes goes to said.
func Start(said *Output, dir, program string, args ...string) (*Process, error) {
	cmd := exec.Command(program, args...) //nolint:gosec,noctx // a test says what; Stop and Kill end it
	p := &Process{cmd: cmd, done: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.Stdout, p.cmd.Stderr = said, said
	p.cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "LOKA_") })
	if err := p.cmd.Start(); err != nil {
		return nil, err //nolint:wrapcheck // it names the program
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// PID is its number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when it has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Ended reports whether it has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Err waits for its end and says how that was; nil is a good one.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// ErrLate is a program's end that had to be forced.
var ErrLate = errors.New("it did not end in time")

// Stop asks it to end in good order (SIGTERM), kills what does not within that time,
// which is [ErrLate], and says how it ended.
func (p *Process) Stop(within time.Duration) error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	late := time.NewTimer(within)
	defer late.Stop()
	select {
	case <-p.done:
		return p.err
	case <-late.C:
		p.Kill()
		return fmt.Errorf("%w: %v", ErrLate, within)
	}
}

// Kill ends it as a crash does.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
}

// FreePort is an address of this machine that nobody listens on. Where all of 127.0.0.0/8
// is the machine's own it is of a host of its own, so that nobody else is given its port
// before it is listened on: neither whoever asks for any port of 127.0.0.1, nor an outgoing
// connection.
func FreePort(tb testing.TB) string {
	tb.Helper()
	host := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254)) //nolint:gosec // one of many
	addr, err := freePort(tb.Context(), host)
	if err != nil {
		return FreeLocalPort(tb)
	}
	return addr
}

// FreeLocalPort is one of 127.0.0.1, for a program that takes no other for loopback.
func FreeLocalPort(tb testing.TB) string {
	tb.Helper()
	addr, err := freePort(tb.Context(), "127.0.0.1")
	if err != nil {
		tb.Fatal(err)
	}
	return addr
}

func freePort(ctx context.Context, host string) (addr string, err error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", host+":0")
	if err != nil {
		return "", err //nolint:wrapcheck // it names the address
	}
	return l.Addr().String(), l.Close() //nolint:wrapcheck // likewise
}

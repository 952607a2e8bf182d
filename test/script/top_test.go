//go:build linux

package script

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"

	"github.com/loka/stratum/internal/testkit/process"
)

// screen is the binary on a terminal: what is typed goes to it, and what it draws is on
// an emulated screen.
type screen struct {
	t    *testing.T
	tty  *os.File
	term *vt.SafeEmulator
	cmd  *exec.Cmd
	done chan error
	// mu guards the emulator, which has no lock of its own for what is on it, and raw,
	// all that was written, for what it does not keep: colours.
	mu  sync.Mutex
	raw strings.Builder
}

// onScreen runs loka with arguments on a terminal of that size.
func onScreen(t *testing.T, columns, rows int, env []string, args ...string) *screen {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Args[0] = "loka"
	cmd.Env = append(append(os.Environ(), "TERM=xterm-256color", "TZ=UTC"), env...)
	cmd.Dir = t.TempDir()
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: uint16(rows), Cols: uint16(columns)})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	s := &screen{t: t, tty: tty, term: vt.NewSafeEmulator(columns, rows), cmd: cmd, done: make(chan error, 1)}
	var copies sync.WaitGroup
	copies.Go(func() { // what it draws
		buf := make([]byte, 32<<10)
		for {
			n, err := tty.Read(buf)
			if n > 0 {
				s.mu.Lock()
				s.raw.Write(buf[:n])
				_, _ = s.term.Write(buf[:n])
				s.mu.Unlock()
			}
			if err != nil {
				return
			}
		}
	})
	copies.Go(func() { // what the terminal answers to its questions
		buf := make([]byte, 1024)
		for {
			n, err := s.term.Read(buf)
			if n > 0 {
				_, _ = tty.Write(buf[:n])
			}
			if err != nil {
				return
			}
		}
	})
	go func() { s.done <- cmd.Wait() }()
	t.Cleanup(func() {
		cancel()
		_ = tty.Close()
		if in, ok := s.term.InputPipe().(io.Closer); ok { // which is what ends its Read
			_ = in.Close()
		}
		copies.Wait()
		_ = s.term.Close()
	})
	return s
}

// press types keys.
func (s *screen) press(keys string) {
	s.t.Helper()
	if _, err := s.tty.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

// text is what is on the screen.
func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.term.String()
}

// shows waits until the screen has a match, and returns it.
func (s *screen) shows(want string) []string {
	s.t.Helper()
	re := regexp.MustCompile(want)
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if m := re.FindStringSubmatch(s.text()); m != nil {
			return m
		}
		if time.Now().After(end) {
			s.t.Fatalf("no %q on the screen:\n%s", want, s.text())
		}
	}
}

// resize gives it another size.
func (s *screen) resize(columns, rows int) {
	s.t.Helper()
	s.mu.Lock()
	s.term.Resize(columns, rows)
	s.mu.Unlock()
	if err := pty.Setsize(s.tty, &pty.Winsize{Rows: uint16(rows), Cols: uint16(columns)}); err != nil {
		s.t.Fatal(err)
	}
}

// ends waits for its end and returns its exit code.
func (s *screen) ends() int {
	s.t.Helper()
	select {
	case err := <-s.done:
		if _, exited := err.(*exec.ExitError); err != nil && !exited { //nolint:errorlint // it is of Wait itself
			s.t.Fatal(err)
		}
		return s.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		s.t.Fatalf("it does not end:\n%s", s.text())
	}
	return -1
}

// written is all that was.
func (s *screen) written() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raw.String()
}

// farm is a pool, a proxy and miners; it is started anew at the same addresses by start.
type farm struct {
	t                   *testing.T
	dir                 string
	pool, spare, miners string
	http                string
	proxy               *exec.Cmd
}

func newFarm(t *testing.T) *farm {
	t.Helper()
	f := &farm{t: t, dir: t.TempDir()}
	for _, at := range []*string{&f.pool, &f.spare, &f.miners, &f.http} {
		*at = process.FreePort(t)
	}
	config := `data_dir = "data"
[server]
listen = ["` + f.miners + `"]
[http]
listen = "` + f.http + `"
[[pool]]
name = "main"
url = "stratum+tcp://` + f.pool + `"
username = "acct"
[[pool]]
name = "backup"
url = "stratum+tcp://` + f.spare + `"
username = "acct"
[vardiff]
start = 0.001
[flight_recorder]
enabled = true
`
	if err := os.WriteFile(f.dir+"/loka.toml", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	f.run("sim", "pool", "--listen", f.pool, "--difficulty", "0.001", "--every", "0", "--seed", "1")
	f.run("sim", "pool", "--listen", f.spare, "--difficulty", "0.001", "--every", "0", "--seed", "2")
	f.start()
	f.ready()
	f.run("sim", "miners", "--pool", f.miners, "--count", "3", "--every", "0")
	return f
}

// run runs loka until the test ends.
func (f *farm) run(args ...string) *exec.Cmd {
	f.t.Helper()
	self, err := os.Executable()
	if err != nil {
		f.t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Args[0] = "loka"
	cmd.Dir = f.dir
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { f.stop(cmd) })
	return cmd
}

func (f *farm) start() { f.proxy = f.run("start", "-c", "loka.toml") }

// ready waits until the proxy can serve work.
func (f *farm) ready() {
	f.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		res, err := http.Get("http://" + f.http + "/ready")
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(end) {
			f.t.Fatal("the proxy is not ready")
		}
	}
}

// stop ends a program that was started here.
func (f *farm) stop(cmd *exec.Cmd) {
	if cmd.ProcessState == nil {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}
}

// TestTop drives the live view on a terminal against a farm that works.
func TestTop(t *testing.T) {
	t.Parallel()
	f := newFarm(t)
	s := onScreen(t, 80, 24, nil, "top", "--http", f.http, "--data", f.dir+"/data", "--interval", "200ms")
	s.shows(`● live`)
	s.shows(`(?s)Hashrate .*Shares .*Earned .*Lost .*3 miners, 3 workers.*POOL .*main .*backup `)
	for i, line := range strings.Split(s.text(), "\n") {
		if n := len([]rune(line)); n > 80 {
			t.Errorf("line %d has %d columns: %q", i, n, line)
		}
	}
	s.press("2")
	s.shows(`(?s)1 of 3.*WORKER .*1H▼`)
	s.press("\r")
	s.shows(`(?s)Route +default.*1 connections`)
	s.press("\x1b")
	s.shows(`WORKER `)
	s.press("/nobody")
	s.shows(`nothing has "nobody" in it`)
	s.press("\x1b")
	s.shows(`1 of 3`)

	s.press("4")
	before := s.shows(`(?m)^ +(\d+) sim\.`)[1]
	s.press("x")
	s.shows(`Disconnect connection \d+ of .*y yes`)
	s.press("n")
	s.shows(`nothing is done`)
	s.press("xy")
	s.shows(`connection ` + before + ` of .* is ended`)

	s.press("3")
	s.shows(`main +● active`)
	s.press("d")
	s.shows(`Drain pool main, and send its \d+ miners elsewhere\?`)
	s.press("y")
	s.shows(`pool main is drained`)
	s.shows(`backup +● active`)
	s.press("d")
	s.shows(`Take pool main back into use\?`)
	s.press("y")
	s.shows(`pool main is in use`)
	s.press("p")
	s.shows(`Pool main:  1 pin default`)
	s.press("1")
	s.shows(`route default is pinned to pool main`)

	s.press("5")
	s.shows(`(?i)(pool|switch) +.*(drained|backup|main)`)
	s.press("6")
	s.shows(`SEVERITY +ALERT `)
	s.press("5")
	s.resize(60, 15)
	s.shows(`KIND`)
	s.resize(120, 40)
	s.shows(`\? help`)
	s.press("1")

	f.stop(f.proxy)
	s.shows(`✕ gone for .*s`)
	s.shows(`figures are .* old, asking again: no proxy answers at `)
	f.start()
	s.shows(`the proxy is back after`)
	s.shows(`● live`)
	if !regexp.MustCompile(`\x1b\[[0-9;]*3[1-3]`).MatchString(s.written()) {
		t.Error("no colour was written")
	}
	s.press("q")
	if code := s.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestTopWithoutColour has all in words, and writes no colour.
func TestTopWithoutColour(t *testing.T) {
	t.Parallel()
	f := newFarm(t)
	s := onScreen(t, 80, 24, []string{"NO_COLOR=1"}, "top", "--http", f.http, "--interval", "200ms")
	s.shows(`main +● active`)
	s.press("3")
	s.shows(`1 of 2`)
	s.press("d")
	s.shows(`that needs a token of the role operator`)
	s.press("\x03")
	if code := s.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if found := regexp.MustCompile(`\x1b\[[0-9;]*(3[0-7]|4[0-7]|9[0-7]|38;|48;)[0-9;]*m`).FindString(s.written()); found != "" {
		t.Errorf("a colour was written: %q", found)
	}
}

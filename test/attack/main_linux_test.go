package attack

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/loka/stratum/internal/listen"
	"github.com/loka/stratum/internal/testkit/process"
)

const (
	// durationVariable says how long all attacks take together.
	durationVariable = "LOKA_ATTACK"
	// timesVariable of "print" has late verdicts printed and not judged.
	timesVariable = "LOKA_ATTACK_TIMES"
	// roleVariable makes the test binary one of the other processes.
	roleVariable = "LOKA_ATTACK_ROLE"
	// patience bounds what takes moments.
	patience = 60 * time.Second
)

// roles are what a process of the test binary can be. Each does what it is told, a
// JSON value a command, until its input ends.
var roles = map[string]func(in *json.Decoder, out *json.Encoder) error{
	"honest":   serveHonest,
	"attacker": serveAttacker,
	"bare":     serveBare,
}

// loka is the product's binary.
var loka = process.Binary{Root: filepath.Join("..", "..")}

func TestMain(m *testing.M) {
	if _, err := listen.RaiseFileLimit(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if serve := roles[os.Getenv(roleVariable)]; serve != nil {
		if err := serve(json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", os.Getenv(roleVariable), err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	loka.Remove()
	os.Exit(code)
}

// wanted is how long all attacks take together; without the variable the test is
// skipped.
func wanted(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv(durationVariable)
	if text == "" {
		t.Skip("takes its time and both cores: make attack")
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("%s: %v", durationVariable, err)
	}
	return d
}

// child is another process of this test.
type child struct {
	t    *testing.T
	role string
	cmd  *exec.Cmd
	in   *json.Encoder
	out  *json.Decoder
}

// startChild starts a process in a role; it ends with the test. pinned holds it to
// the last of the cores that there are.
func startChild(t *testing.T, role string, pinned bool) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	start := cmd.Start
	if pinned {
		start = func() error { return onLastCore(cmd.Start) }
	}
	if err := start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { endChild(cmd, in) })
	return &child{t: t, role: role, cmd: cmd, in: json.NewEncoder(in), out: json.NewDecoder(out)}
}

// endChild closes a process's input, which ends it, and kills what does not end.
func endChild(cmd *exec.Cmd, in io.Closer) {
	_ = in.Close()
	late := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	_ = cmd.Wait() // what it said last is not of interest
}

// onLastCore does something in a thread that may run on one core only, which a
// process that it starts inherits. The thread is given up.
func onLastCore(start func() error) error {
	failed := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: it ends with the goroutine
		var may, last unix.CPUSet
		if err := unix.SchedGetaffinity(0, &may); err != nil {
			failed <- err
			return
		}
		for core := len(may) * 64; core >= 0; core-- {
			if may.IsSet(core) {
				last.Set(core)
				break
			}
		}
		if err := unix.SchedSetaffinity(0, &last); err != nil {
			failed <- err
			return
		}
		failed <- start()
	}()
	return <-failed
}

// tell has a command carried out and waits for what is answered.
func tell[Answer any](c *child, command any) Answer {
	c.t.Helper()
	var a Answer
	if err := c.in.Encode(command); err != nil {
		c.t.Fatalf("%s: %v", c.role, err)
	}
	if err := c.out.Decode(&a); err != nil {
		c.t.Fatalf("%s has ended: %v", c.role, err)
	}
	return a
}

// await polls until something is so; atMost is a bound against hanging.
func await(t *testing.T, what string, atMost time.Duration, so func() bool) (in bool) {
	t.Helper()
	begin := time.Now()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !so() {
		if time.Since(begin) > atMost {
			t.Errorf("waited %v for %s in vain", atMost, what)
			return false
		}
		<-again.C
	}
	return true
}

// pass lets time pass while the other processes work.
func pass(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
}

package app_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// countedCalls are the system calls of which there are some for each share; of all others
// there is but a sum.
var countedCalls = []string{"read", "write", "epoll_pwait", "futex"}

// untold are calls by the clock, which say nothing about shares.
var untold = map[string]bool{"nanosleep": true, "total": true}

// TestCountedCalls counts the system calls of a proxy that is handed so many shares, and
// then more, by miners in a process of their own: one that waits for each answer, and a
// hundred that do. test/counts runs it.
func TestCountedCalls(t *testing.T) {
	if os.Getenv("LOKA_COUNTED") == "" {
		t.Skip("traces this process: make counts")
	}
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("SKIPPED: strace is not installed")
	}
	// All shares of a miner are fewer than the rate limit lets come at once.
	for _, c := range []struct {
		miners int
		shares [2]int
	}{{1, [2]int{250, 1150}}, {100, [2]int{2000, 10_000}}} {
		f := newFarm(t, c.miners)
		f.connect(f.addr, c.miners, false)
		f.load.do("closed %d", 10*c.miners) // the first has caches and buffers to fill
		var calls [2]calls
		for i, shares := range c.shares {
			calls[i].N = uint64(shares)
			hand := func() { f.load.do("closed %d", shares) }
			// What is traced is slow, and has more beside it that is by the clock.
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			hand()
			runtime.ReadMemStats(&after)
			calls[i].Mallocs = after.Mallocs - before.Mallocs
			calls[i].By = traced(t, hand)
		}
		line, err := json.Marshal(struct {
			Counted string
			Calls   any
		}{fmt.Sprintf("share over TCP, one at a time from each of %d", c.miners), calls})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(string(line))
		f.load.do("close")
	}
}

// calls are what so many shares took, system calls by name.
type calls struct {
	N, Mallocs uint64
	By         map[string]uint64
}

// traced counts this process's system calls while something is done.
func traced(t *testing.T, do func()) map[string]uint64 {
	t.Helper()
	file := filepath.Join(t.TempDir(), "calls")
	cmd := exec.CommandContext(t.Context(), "strace", "-f", "-c", "-U", "calls,name", "-o", file, "-p", strconv.Itoa(os.Getpid()))
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	heard := bufio.NewReader(said)
	// It says so once it has all threads that there are; later ones it has from their first.
	for line := ""; !strings.Contains(line, "attached"); {
		if line, err = heard.ReadString('\n'); err != nil || strings.Contains(line, "attach:") {
			rest, _ := io.ReadAll(heard)
			_ = cmd.Wait()
			t.Skipf("SKIPPED: strace may not trace this process: %s%s", line, rest)
		}
	}
	do()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, heard)
	_ = cmd.Wait() // by the signal
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return tally(text)
}

// tally reads lines of a number and a call.
func tally(text []byte) map[string]uint64 {
	by := map[string]uint64{"others": 0}
	for _, call := range countedCalls {
		by[call] = 0
	}
	for line := range bytes.Lines(text) {
		fields := strings.Fields(string(line))
		if len(fields) != 2 {
			continue
		}
		n, err := strconv.ParseUint(fields[0], 10, 64)
		call := fields[1]
		switch _, told := by[call]; {
		case err != nil, untold[call]:
		case told:
			by[call] += n
		default:
			by["others"] += n
		}
	}
	return by
}

func TestTally(t *testing.T) {
	got := tally([]byte("    calls syscall\n--------- ---\n      17 write\n       2 fsync\n   1 fchmod\n  400 nanosleep\n--------- ---\n      420 total\n"))
	if got["write"] != 17 || got["others"] != 3 || got["read"] != 0 || len(got) != 5 {
		t.Errorf("%v", got)
	}
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/sys/unix"
)

// facts are what a figure depends on beside the code. They stand at the top of
// every report and baseline.
type facts struct {
	Date    string `json:"date"`   // of the start, UTC
	Commit  string `json:"commit"` // "+" after it where files differ from it
	Go      string `json:"go"`
	Kernel  string `json:"kernel"`
	Machine string `json:"cpu"`
	Cores   string `json:"cores"`
	Memory  string `json:"memory"`
	Load    string `json:"load"` // of the minute before the start: what else ran
	Rounds  string `json:"rounds"`
	Took    string `json:"took"`
	Others  string `json:"others"` // what other programs took of the processors meanwhile
}

// fact is one of them by its key in a file of results.
type fact struct {
	Key   string
	Value *string
}

// All lists them.
func (f *facts) All() []fact {
	return []fact{
		{"date", &f.Date},
		{"commit", &f.Commit},
		{"go", &f.Go},
		{"kernel", &f.Kernel},
		{"cpu", &f.Machine},
		{"cores", &f.Cores},
		{"memory", &f.Memory},
		{"load", &f.Load},
		{"rounds", &f.Rounds},
		{"took", &f.Took},
		{"others", &f.Others},
	}
}

// look gathers the facts of this machine and of the tree at root. What cannot be
// found out says unknown.
func look(ctx context.Context, goTool, root string, now time.Time) facts {
	f := facts{
		Date:    now.UTC().Format("2006-01-02T15:04Z"),
		Go:      said(ctx, root, goTool, "env", "GOVERSION"),
		Kernel:  kernel(),
		Machine: found("/proc/cpuinfo", `(?m)^model name\s*:\s*(.+)$`),
		Cores:   fmt.Sprintf("%d, GOMAXPROCS %d", runtime.NumCPU(), runtime.GOMAXPROCS(0)),
		Memory:  found("/proc/meminfo", `(?m)^MemTotal:\s*(.+)$`),
		Load:    found("/proc/loadavg", `^(\S+)`),
		Commit:  said(ctx, root, "git", "rev-parse", "--short", "HEAD"),
	}
	if f.Commit != unknown && said(ctx, root, "git", "status", "--porcelain", "--untracked-files=no") != unknown {
		f.Commit += "+"
	}
	return f
}

const unknown = "unknown"

// said is what a program prints, on one line.
func said(ctx context.Context, dir, name string, args ...string) string {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // programs named above
	cmd.Dir = dir
	out, err := cmd.Output()
	if text := strings.Join(strings.Fields(string(out)), " "); err == nil && text != "" {
		return text
	}
	return unknown
}

func kernel() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return unknown
	}
	text := func(field []byte) string { return string(bytes.TrimRight(field, "\x00")) }
	return text(u.Sysname[:]) + " " + text(u.Release[:]) + " " + text(u.Machine[:])
}

// found is what an expression's group matches in a file.
func found(file, expression string) string {
	text, err := os.ReadFile(file) //nolint:gosec // the kernel's files named above
	if err != nil {
		return unknown
	}
	m := regexp.MustCompile(expression).FindSubmatch(text)
	if m == nil {
		return unknown
	}
	return string(m[1])
}

// factsOf reads them back from a result's configuration.
func factsOf(r *benchfmt.Result) facts {
	var f facts
	for _, one := range f.All() {
		*one.Value = r.GetConfig(one.Key)
	}
	return f
}

// usage is processor time up to now: of the whole machine, and of this program and
// those that it started and that ended.
type usage struct{ machine, ours time.Duration }

// used reads it; the machine's is 0 where the kernel does not tell.
func used() usage {
	var u usage
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return u
	}
	const tick = 10 * time.Millisecond
	first, _, _ := strings.Cut(string(text), "\n")
	for i, field := range strings.Fields(first) {
		n, err := strconv.ParseInt(field, 10, 64)
		// After the name: user, nice, system, idle, waiting, interrupts, stolen. Guests are in user.
		if err == nil && i <= 8 && i != 4 && i != 5 {
			u.machine += time.Duration(n) * tick
		}
	}
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var r unix.Rusage
		if unix.Getrusage(who, &r) == nil {
			u.ours += time.Duration(r.Utime.Nano() + r.Stime.Nano())
		}
	}
	return u
}

// othersTook says what part of so many processors other programs took between two
// readings.
func othersTook(from, to usage, elapsed time.Duration, cores int) string {
	if from.machine == 0 || elapsed <= 0 {
		return unknown
	}
	part := 100 * (to.machine - from.machine - (to.ours - from.ours)).Seconds() / elapsed.Seconds() / float64(cores)
	text := fmt.Sprintf("%.0f %% of the processors", max(part, 0))
	if part > muchOfOthers {
		text += ": too much for figures to be relied on"
	}
	return text
}

// muchOfOthers is more than what a machine does by itself, in per cent.
const muchOfOthers = 10

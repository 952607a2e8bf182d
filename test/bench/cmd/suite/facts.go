package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
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

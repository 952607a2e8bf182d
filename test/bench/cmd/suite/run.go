package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// runner compiles and runs benchmarks.
type runner struct {
	goTool    string
	pattern   string
	benchtime string
	timeout   time.Duration // of a package in a round
	rounds    int
	say       io.Writer // what it is at
}

// run runs all targets, once a round, and returns what they printed and what
// failed. Binaries are kept in dir.
func (r *runner) run(ctx context.Context, targets []target, dir string) (printed []byte, failed []string) {
	binaries := make(map[string]string)
	for i, t := range targets {
		binary := filepath.Join(dir, strconv.Itoa(i)+".test")
		r.note("compile %d of %d: %s\n", i+1, len(targets), t.pkg)
		if err := r.compile(ctx, t, binary); err != nil {
			failed = append(failed, fmt.Sprintf("%s does not compile: %v", t.pkg, err))
			continue
		}
		binaries[t.pkg] = binary
	}
	var all bytes.Buffer
	for round := range r.rounds {
		for _, t := range targets {
			binary, ok := binaries[t.pkg]
			if !ok || ctx.Err() != nil {
				continue
			}
			r.note("round %d of %d: %s ", round+1, r.rounds, t.pkg)
			begin := time.Now()
			out, complaint, err := r.once(ctx, t, binary)
			all.Write(out)
			r.note("%d s\n", int(time.Since(begin).Seconds()))
			if err != nil {
				failed = append(failed, fmt.Sprintf("%s, round %d: %v", t.pkg, round+1, err))
				r.note("%s%s", out, complaint)
			}
		}
	}
	if ctx.Err() != nil {
		failed = append(failed, "stopped before the end")
	}
	return all.Bytes(), failed
}

func (r *runner) note(format string, args ...any) { _, _ = fmt.Fprintf(r.say, format, args...) }

func (r *runner) compile(ctx context.Context, t target, binary string) error {
	cmd := exec.CommandContext(ctx, r.goTool, "test", "-c", "-o", binary, t.dir) //nolint:gosec // who runs this names its Go
	cmd.Dir = t.in
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// once runs a package's benchmarks where its tests would run. What it prints ends
// with a whole line.
func (r *runner) once(ctx context.Context, t target, binary string) (out, complaint []byte, err error) {
	// Verbose, for else a benchmark that is skipped says nothing.
	args := []string{"-test.v", "-test.run=^$", "-test.bench=" + r.pattern, "-test.benchmem", "-test.timeout=" + r.timeout.String()}
	if r.benchtime != "" {
		args = append(args, "-test.benchtime="+r.benchtime)
	}
	if len(t.skip) > 0 {
		args = append(args, "-test.skip=^Benchmark("+strings.Join(t.skip, "|")+")$")
	}
	cmd := exec.CommandContext(ctx, binary, args...) //nolint:gosec // compiled above
	cmd.Dir = t.dir
	cmd.WaitDelay = 10 * time.Second
	// Apart, for a benchmark's name is printed before it runs and its figures after.
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return append(stdout.Bytes(), '\n'), stderr.Bytes(), err
}

// skipped are the benchmarks that did not run because something they need is not
// there.
func skipped(printed []byte) []string {
	found := regexp.MustCompile(`--- SKIP: (\S+)`).FindAllSubmatch(printed, -1)
	names := make([]string, 0, len(found))
	for _, m := range found {
		names = append(names, string(m[1]))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

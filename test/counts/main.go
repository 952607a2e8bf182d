package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
)

func main() {
	file := flag.String("baseline", filepath.Join("test", "counts", "baseline.json"), "the counts to hold against")
	update := flag.Bool("update", false, "make what is counted now the baseline")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	well, err := run(ctx, *file, *update, os.Stdout)
	stop()
	switch {
	case err != nil:
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	case !well:
		os.Exit(1)
	}
}

// run counts and judges, or renews the baseline.
func run(ctx context.Context, file string, update bool, out io.Writer) (well bool, err error) {
	base, err := read(file)
	if err != nil {
		return false, err
	}
	dir, err := os.MkdirTemp("", "counts")
	if err != nil {
		return false, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b := bench{dir: dir, out: out, skipping: map[unit]bool{}}
	if err := b.count(ctx); err != nil {
		return false, err
	}
	m := measured{rows: b.rows, goes: runtime.Version(), arch: runtime.GOARCH, skipping: b.skipping}
	if update {
		if len(b.skipping) > 0 {
			return false, errors.New("a baseline is made where everything can be counted")
		}
		base.Rows, base.Go, base.Arch = rounded(m.rows), m.goes, m.arch
		return true, write(file, base)
	}
	if base.Go != m.goes || base.Arch != m.arch {
		_, _ = fmt.Fprintf(out, "the baseline's instructions are those of %s on %s, these are of %s on %s: they are not judged\n", base.Go, base.Arch, m.goes, m.arch)
	}
	return printTable(out, base.judge(m))
}

func read(file string) (*baseline, error) {
	text, err := os.ReadFile(file) //nolint:gosec // who runs it names the file
	if err != nil {
		return nil, err
	}
	var b baseline
	if err := json.Unmarshal(text, &b); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &b, nil
}

func write(file string, b *baseline) error {
	text, err := json.MarshalIndent(b, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644) //nolint:gosec // it is committed
}

// rounded are counts to a thousandth, which is more than they are good for.
func rounded(rows []row) []row {
	for i := range rows {
		rows[i].Count = math.Round(1000*rows[i].Count) / 1000
	}
	return rows
}

// bench is where counts are taken.
type bench struct {
	dir      string
	out      io.Writer
	rows     []row
	skipping map[unit]bool
}

// count takes all counts that can be taken here.
func (b *bench) count(ctx context.Context) error {
	program := filepath.Join(b.dir, "app.test")
	// As make test builds, so that there is little to compile.
	build := exec.CommandContext(ctx, "go", "test", "-trimpath", "-vet=off", "-c", "-o", program, "./internal/app") //nolint:gosec // into a directory of its own
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	var called []unit
	for _, name := range systemCalls() {
		called = append(called, calls(name))
	}
	for _, step := range []struct {
		name  string
		do    func(context.Context, string) error
		units []unit
	}{
		{"memory", b.memory, []unit{allocations, allocated, writes}},
		{"instructions", b.instructions, []unit{instructions, hashing}},
		{"system calls", b.calls, called},
	} {
		err := step.do(ctx, program)
		if cannot, is := errors.AsType[*impossible](err); is {
			_, _ = fmt.Fprintf(b.out, "SKIPPED: %s are not counted: %s\n", step.name, cannot.why)
			for _, u := range step.units {
				b.skipping[u] = true
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

// impossible says that something cannot be counted here.
type impossible struct{ why string }

func (i *impossible) Error() string { return i.why }

// plain is an environment in which a program does the same each time: one goroutine at a
// time, no garbage collection, no interruptions by the clock, and of the CPU only what all
// have.
func plain() []string {
	return append(os.Environ(), "LOKA_COUNTED=1", "GOMAXPROCS=1", "GOGC=off", "GODEBUG=asyncpreemptoff=1,cpu.all=off")
}

// memory has what is done in memory seen from within.
func (b *bench) memory(ctx context.Context, program string) error {
	all, err := output(exec.CommandContext(ctx, program, "-test.run=^TestCounted$"), plain())
	for _, c := range all {
		b.rows = append(b.rows, c.seen()...)
	}
	return err
}

// instructions has the same run on valgrind's CPU.
func (b *bench) instructions(ctx context.Context, program string) error {
	if _, err := exec.LookPath("valgrind"); err != nil {
		return &impossible{"valgrind is not installed"}
	}
	const mark = "github.com/loka/stratum/internal/app.countedMark"
	into := filepath.Join(b.dir, "profile")
	cmd := exec.CommandContext(ctx, "valgrind", "-q", "--tool=callgrind", "--dump-before="+mark, "--callgrind-out-file="+into, program, "-test.run=^TestCounted$") //nolint:gosec // what was just built
	all, err := output(cmd, plain())
	if err != nil {
		return err
	}
	var parts []profile
	for i := range 4 * len(all) {
		text, err := os.ReadFile(fmt.Sprintf("%s.%d", into, i+1))
		if err != nil {
			return err
		}
		p, err := parseProfile(text)
		if err != nil {
			return err
		}
		parts = append(parts, p)
	}
	rows, err := instructed(all, parts)
	b.rows = append(b.rows, rows...)
	return err
}

// calls has shares handed in over loopback.
func (b *bench) calls(ctx context.Context, program string) error {
	if _, err := exec.LookPath("strace"); err != nil {
		return &impossible{"strace is not installed"}
	}
	all, err := output(exec.CommandContext(ctx, program, "-test.v", "-test.timeout=2m", "-test.run=^TestCountedCalls$"), append(os.Environ(), "LOKA_COUNTED=1"))
	for _, c := range all {
		b.rows = append(b.rows, c.called()...)
	}
	return err
}

// output runs a test and returns the operations that it tells of. A test that skips itself
// says why.
func output(cmd *exec.Cmd, env []string) ([]counted, error) {
	cmd.Env = env
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w\n%s%s", err, out, said.String())
	}
	all, err := parseCounted(out)
	if err != nil {
		return nil, err
	}
	if _, why, no := strings.Cut(string(out), "SKIPPED: "); no {
		why, _, _ = strings.Cut(why, "\n")
		return nil, &impossible{why}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("nothing was counted: %s", out)
	}
	return all, nil
}

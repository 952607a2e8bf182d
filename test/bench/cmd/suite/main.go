package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code, err := suite(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "suite:", err)
		code = 2
	}
	os.Exit(code)
}

// options are the flags.
type options struct {
	root, goTool, bench, benchtime string
	group, save, compare, from     string
	soaks, out                     string
	count                          int
	threshold                      float64
	timeout                        time.Duration
	strict, list                   bool
}

func parse(args []string, stderr io.Writer) (*options, error) {
	var o options
	f := flag.NewFlagSet("suite", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.root, "root", "../..", "the `directory` of the tree")
	f.StringVar(&o.goTool, "go", "go", "the Go `program`")
	f.StringVar(&o.bench, "bench", ".", "which benchmarks, as a `regexp` of go test -bench")
	f.StringVar(&o.group, "group", "", "which `groups`, with commas between: "+groupNames()+" (all)")
	f.StringVar(&o.benchtime, "benchtime", "", "how `long` a benchmark runs (Go's default)")
	f.IntVar(&o.count, "count", 3, "how many `rounds`")
	f.DurationVar(&o.timeout, "timeout", time.Hour, "the most that the benchmarks of a package take in a round")
	f.StringVar(&o.save, "save", "", "keep the results as the baseline of this `name`, or in this file")
	f.StringVar(&o.compare, "compare", "", "compare with the baseline of this `name`, or with this file")
	f.Float64Var(&o.threshold, "threshold", 10, "by how many `percent` a figure may get worse")
	f.BoolVar(&o.strict, "strict", false, "fail where a row is not reached, or not measured")
	f.StringVar(&o.from, "from", "", "run nothing, and report on the results in this `file`")
	f.StringVar(&o.soaks, "soak", "", "plot the samples of long runs, from these `files`, with commas between")
	f.StringVar(&o.out, "out", "", "where reports and baselines are kept (.bench in the tree)")
	f.BoolVar(&o.list, "list", false, "say what would run, and run nothing")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 || o.count < 1 || o.threshold < 0 {
		return nil, errors.New("no arguments, a count of at least 1 and a threshold of at least 0 are wanted")
	}
	if o.out == "" {
		o.out = filepath.Join(o.root, ".bench")
	}
	return &o, nil
}

// suite does what the arguments ask for and returns the exit code.
func suite(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	was, err := o.baseline()
	if err != nil {
		return 0, err
	}
	soaks, err := o.readSoaks()
	if err != nil {
		return 0, err
	}
	is, failed, missed, err := o.results(ctx, stdout, stderr)
	if err != nil || is == nil {
		return 0, err
	}
	r := newReport(is)
	r.Failed, r.Skipped, r.Soaks = failed, missed, soaks
	if was != nil {
		r.Comparison = compare(strings.TrimSuffix(filepath.Base(o.compare), ".txt"), was, is, o.threshold)
	}
	if err := o.publish(r, stdout); err != nil {
		return 0, err
	}
	if o.save != "" {
		if err := o.keep(is, failed); err != nil {
			return 0, err
		}
	}
	return r.code(o.strict), nil
}

// results runs the benchmarks, or reads what they printed another time. It
// returns nothing where only a list was wanted.
func (o *options) results(ctx context.Context, stdout, stderr io.Writer) (r *results, failed, missed []string, err error) {
	if o.from != "" {
		r, err = readFile(o.from)
		return r, nil, nil, err
	}
	asked, err := parseGroups(o.group)
	if err != nil {
		return nil, nil, nil, err
	}
	targets, err := plan(ctx, o.goTool, []string{o.root, filepath.Join(o.root, "test", "bench")}, asked, o.bench)
	if err != nil {
		return nil, nil, nil, err
	}
	if o.list {
		for _, t := range targets {
			for _, f := range t.run {
				_, _ = fmt.Fprintf(stdout, "%-9s %s Benchmark%s\n", groupOf(t.pkg, f), t.pkg, f)
			}
		}
		return nil, nil, nil, nil
	}
	if len(targets) == 0 {
		return nil, nil, nil, fmt.Errorf("no benchmark matches %q in group %q", o.bench, o.group)
	}
	dir, err := os.MkdirTemp("", "loka-bench-")
	if err != nil {
		return nil, nil, nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	begin, before := time.Now(), used()
	facts := look(ctx, o.goTool, o.root, begin)
	run := &runner{goTool: o.goTool, pattern: o.bench, benchtime: o.benchtime, timeout: o.timeout, rounds: o.count, say: stderr}
	printed, failed := run.run(ctx, targets, dir)
	r, err = read(strings.NewReader(string(printed)), "the benchmarks")
	if err != nil {
		return nil, nil, nil, err
	}
	facts.Rounds, facts.Took = strconv.Itoa(o.count), time.Since(begin).Round(time.Second).String()
	facts.Others = othersTook(before, used(), time.Since(begin), runtime.NumCPU())
	r.facts = facts
	return r, failed, skipped(printed), nil
}

// baseline reads the one to compare with, before anything runs: it may not be
// there, or have too few runs to be compared with so many.
func (o *options) baseline() (*results, error) {
	if o.compare == "" {
		return nil, nil //nolint:nilnil // none is wanted
	}
	for _, name := range []string{o.file(o.compare), filepath.Join(o.root, "test", "bench", "baselines", o.compare+".txt")} {
		was, err := readFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		most := 0
		for _, v := range was.values {
			most = max(most, len(v))
		}
		if o.from == "" && !enough(most, o.count) {
			return nil, fmt.Errorf("baseline %s has %d runs: too few for %d to tell a change from chance; 4 and 4 are enough, or 6 and 3", o.compare, most, o.count)
		}
		return was, nil
	}
	return nil, fmt.Errorf("no baseline %s, in %s or test/bench/baselines", o.compare, o.out)
}

// file is where the baseline of a name is: a path is one itself.
func (o *options) file(name string) string {
	if strings.ContainsRune(name, filepath.Separator) {
		return name
	}
	return filepath.Join(o.out, name+".txt")
}

// keep writes a baseline, unless something is missing in it.
func (o *options) keep(r *results, failed []string) error {
	if len(failed) > 0 {
		return fmt.Errorf("not saved as %s, for something failed: %s", o.save, strings.Join(failed, "; "))
	}
	return writeFile(o.file(o.save), r.write)
}

func (o *options) readSoaks() ([]soak, error) {
	all := []soak{}
	for name := range strings.SplitSeq(o.soaks, ",") {
		if name == "" {
			continue
		}
		s, err := readSoak(name)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// publish prints the report and keeps it in files.
func (o *options) publish(r *report, stdout io.Writer) error {
	page, data := filepath.Join(o.out, "report.html"), filepath.Join(o.out, "report.json")
	if err := writeFile(data, r.writeJSON); err != nil {
		return err
	}
	if err := writeFile(page, r.writeHTML); err != nil {
		return err
	}
	if err := writeFile(filepath.Join(o.out, "report.txt"), r.writeText); err != nil {
		return err
	}
	if err := r.writeText(stdout); err != nil {
		return err
	}
	_, err := fmt.Fprintf(stdout, "with plots: %s; as data: %s\n", page, data)
	return err
}

func writeFile(name string, write func(io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil { //nolint:gosec // named by who runs this
		return err
	}
	f, err := os.Create(name) //nolint:gosec // named by who runs this
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

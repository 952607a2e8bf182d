package main

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// target is a package with benchmarks to run.
type target struct {
	pkg  string // without the module's path
	dir  string
	in   string // the directory of its module
	run  []string
	skip []string // benchmarks of the package that were not asked for
}

// plan finds the packages of the modules that have benchmarks which a pattern, as
// of go test -bench, may match and which are in the groups.
func plan(ctx context.Context, goTool string, modules, asked []string, pattern string) ([]target, error) {
	var targets []target
	for _, dir := range modules {
		found, err := packages(ctx, goTool, dir)
		if err != nil {
			return nil, err
		}
		for _, t := range found {
			all := t.run
			t.run = slices.DeleteFunc(slices.Clone(all), func(f string) bool { return !within(asked, t.pkg, f) })
			t.skip = slices.DeleteFunc(all, func(f string) bool { return within(asked, t.pkg, f) })
			if slices.ContainsFunc(t.run, func(f string) bool { return mayMatch(pattern, f) }) {
				targets = append(targets, t)
			}
		}
	}
	return targets, nil
}

// packages lists a module's packages that have benchmarks.
func packages(ctx context.Context, goTool, dir string) ([]target, error) {
	const format = "{{.ImportPath}}\t{{.Dir}}\t{{range .TestGoFiles}}{{.}} {{end}}{{range .XTestGoFiles}}{{.}} {{end}}"
	cmd := exec.CommandContext(ctx, goTool, "list", "-f", format, "./...") //nolint:gosec // who runs this names its Go
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list the packages in %s: %w", dir, err)
	}
	var found []target
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 3 {
			return nil, fmt.Errorf("list the packages in %s: cannot read %q", dir, line)
		}
		t := target{pkg: strings.TrimPrefix(fields[0], module), dir: fields[1], in: dir}
		for file := range strings.FieldsSeq(fields[2]) {
			names, err := functions(filepath.Join(t.dir, file))
			if err != nil {
				return nil, err
			}
			t.run = append(t.run, names...)
		}
		if len(t.run) > 0 {
			slices.Sort(t.run)
			found = append(found, t)
		}
	}
	return found, nil
}

// functions are the benchmarks in a file, without their "Benchmark".
func functions(file string) ([]string, error) {
	source, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(source.Decls))
	for _, d := range source.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
			if name, ok := strings.CutPrefix(f.Name.Name, "Benchmark"); ok {
				names = append(names, name)
			}
		}
	}
	return names, nil
}

// mayMatch says whether a pattern could match a function's benchmark or one of its
// parts; the test binary decides. It is here so that what cannot match is not
// compiled.
func mayMatch(pattern, function string) bool {
	return slices.ContainsFunc(tops(pattern), func(top string) bool {
		e, err := regexp.Compile(top)
		return err != nil || e.MatchString("Benchmark"+function) // of what is no expression the test binary complains
	})
}

// tops are the parts of a pattern that stand for functions: as go test does it, a
// bar outside of brackets divides patterns, and a stroke their levels.
func tops(pattern string) []string {
	var all []string
	top, depth, below := "", 0, false
	for _, r := range pattern {
		switch {
		case strings.ContainsRune("([", r):
			depth++
		case strings.ContainsRune(")]", r):
			depth--
		}
		switch {
		case depth == 0 && r == '|':
			all, top, below = append(all, top), "", false
		case depth == 0 && r == '/':
			below = true
		case !below:
			top += string(r)
		}
	}
	return append(all, top)
}

package stratum_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// speakers are methods and functions whose arguments are read by people: those of
// package log/slog and its loggers, of errors, and of fmt but for scanning.
var speakers = []string{
	"Debug", "Info", "Warn", "Error", "Log", "LogAttrs", "DebugContext", "InfoContext", "WarnContext", "ErrorContext", "With", "WithGroup", "Group",
	"Any", "Errorf", "Sprintf", "Sprint", "Sprintln", "Printf", "Print", "Println", "Fprintf", "Fprint", "Fprintln", "Appendf", "Append", "Appendln",
	"Fatal", "Fatalf", "Panic", "Panicf",
}

// A secret is revealed to who sends it on, never to who writes a log line, an error
// or a text: such a call has no Reveal() among its arguments, at whatever depth.
func TestNobodyTellsASecret(t *testing.T) {
	told, revealed := indiscretions(t, os.DirFS("."))
	for _, at := range told {
		t.Error(at)
	}
	if revealed == 0 {
		t.Error("no secret is revealed to anybody: is the method's name another one?")
	}
}

// What is looked for is found where it is planted.
func TestNobodyTellsASecretRefuses(t *testing.T) {
	for src, want := range map[string]int{
		`log.Info("x", "password", c.Password.Reveal())`:              1,
		`log.Info("x", slog.Group("g", "p", f(c.Password.Reveal())))`: 1,
		`_ = fmt.Errorf("bad password %q", p.Reveal())`:               1,
		`_ = fmt.Sprintf("%s:%s", user, string([]byte(p.Reveal())))`:  1,
		`l.Authorize(login, p.Reveal(), 0)`:                           0,
		`log.Info("x", "password", c.Password)`:                       0,
	} {
		file := fmt.Sprintf("package p\n\nfunc f() {\n\t%s\n}\n", src)
		told, _ := indiscretions(t, fstest.MapFS{"a.go": {Data: []byte(file)}})
		if len(told) != want {
			t.Errorf("%s: %q, want %d", src, told, want)
		}
	}
}

// indiscretions reads every file of the tree, tests aside, and returns what tells a
// secret, as FILE:LINE, and how many are revealed at all.
func indiscretions(t *testing.T, tree fs.FS) (told []string, revealed int) {
	t.Helper()
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || name == "test" || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		src, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, src, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if nameOf(call) == "Reveal" {
				revealed++
			}
			if !slices.Contains(speakers, nameOf(call)) {
				return true
			}
			for _, arg := range call.Args {
				ast.Inspect(arg, func(n ast.Node) bool {
					if inner, ok := n.(*ast.CallExpr); ok && nameOf(inner) == "Reveal" {
						told = append(told, fmt.Sprintf("%s: a secret is told to %s", files.Position(inner.Pos()), nameOf(call)))
					}
					return true
				})
			}
			return false // what is within was looked at
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return told, revealed
}

// nameOf is the name of the function or method that is called.
func nameOf(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		return f.Sel.Name
	case *ast.Ident:
		return f.Name
	}
	return ""
}

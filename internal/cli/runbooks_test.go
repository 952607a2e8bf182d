package cli

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// The commands, flags and requests that runbooks name are there: who is woken by an alert
// types what stands in them.
func TestRunbooksNameWhatExists(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/OPERATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	_, book, ok := strings.Cut(string(text), "\n## Runbooks\n")
	if !ok {
		t.Fatal("docs/OPERATIONS.md has no runbooks")
	}
	_, alerts, ok := strings.Cut(string(text), "\n## Prometheus alerts\n")
	if !ok {
		t.Fatal("docs/OPERATIONS.md has no runbooks of Prometheus' alerts")
	}
	alerts, _, _ = strings.Cut(alerts, "\n## ")
	book += alerts

	parser, err := kong.New(new(commands), kong.Name("loka"), simWords(), kong.Vars{"version": "", "iterations": "1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"pool vanish main", "status --loud"} {
		if unknown(parser.Model.Node, strings.Fields(line)) == "" {
			t.Errorf("loka %s is taken for a command", line)
		}
	}
	commands := 0
	for _, m := range regexp.MustCompile("`loka ([^`]+)`").FindAllStringSubmatch(book, -1) {
		commands++
		if why := unknown(parser.Model.Node, strings.Fields(m[1])); why != "" {
			t.Errorf("`loka %s`: %s", m[1], why)
		}
	}
	api, err := os.ReadFile("../../docs/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	requests := 0
	for _, m := range regexp.MustCompile(`/api/v1/[a-zA-Z/]+`).FindAllString(book, -1) {
		requests++
		path := regexp.MustCompile(`/NAME`).ReplaceAllString(strings.TrimSuffix(m, "/"), "/{name}")
		if !strings.Contains(string(api), `"`+path+`"`) {
			t.Errorf("%s is no request", m)
		}
	}
	if commands < 50 || requests < 20 {
		t.Errorf("%d commands and %d requests were found", commands, requests)
	}
}

// unknown says what of a command line is not there.
func unknown(at *kong.Node, words []string) string {
	for _, word := range words {
		if flag, ok := strings.CutPrefix(word, "--"); ok {
			flag, _, _ = strings.Cut(flag, "=")
			if !slices.ContainsFunc(slices.Concat(at.AllFlags(false)...), func(f *kong.Flag) bool { return f.Name == flag }) {
				return at.Name + " has no flag --" + flag
			}
			continue
		}
		if len(at.Children) == 0 {
			continue // an argument, or a flag's value
		}
		next := slices.IndexFunc(at.Children, func(n *kong.Node) bool { return n.Name == word })
		if next < 0 {
			return at.Name + " has no command " + word
		}
		at = at.Children[next]
	}
	return ""
}

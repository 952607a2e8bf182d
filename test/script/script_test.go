// Package script runs the loka binary as an operator does, by the scripts in
// testdata: what it prints, what it exits with, and how signals end it.
package script

import (
	"flag"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/loka/stratum/internal/testkit/process"
)

var update = flag.Bool("update", false, "write the scripts' golden files anew")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"loka": func() { os.Exit(overheard()) },
	})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			for _, name := range []string{"MINERS", "HTTP", "POOL", "SPARE"} {
				env.Setenv(name, process.FreePort(t))
			}
			// A time that is over, by hours, however long a script takes.
			over := time.Now().UTC().Truncate(time.Hour).Add(-2 * time.Hour)
			env.Setenv("OVER", over.Format(time.RFC3339))
			env.Setenv("BEFORE", over.Add(-24*time.Hour).Format(time.RFC3339))
			env.Setenv("NOT_OVER", over.Add(26*time.Hour).Format(time.RFC3339))
			return listen(t, env)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"signal":     sendSignal,
			"answers":    answers,
			"eventually": eventually,
			"worked":     worked,
			"newer":      newer,
			"damage":     damage,
		},
	})
}

// patience bounds every wait of a script for something that must come.
const patience = 60 * time.Second

// await polls until done, or ends the script.
func await(ts *testscript.TestScript, what string, done func() bool) {
	for end := time.Now().Add(patience); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("%s: not within %s", what, patience)
		}
	}
}

// sendSignal is "signal TERM WORDS": the signal goes to the background command
// that has WORDS in its command line.
func sendSignal(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]os.Signal{"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "TERM": syscall.SIGTERM}
	if neg || len(args) != 2 || signals[args[0]] == nil {
		ts.Fatalf("usage: signal HUP|INT|TERM WORD")
	}
	for _, cmd := range ts.BackgroundCmds() {
		if strings.Contains(strings.Join(cmd.Args, " "), args[1]) {
			ts.Check(cmd.Process.Signal(signals[args[0]]))
			return
		}
	}
	ts.Fatalf("no background command is %s", args[1])
}

// answers is "answers URL [REGEXP]": wait until it answers 200, with a match.
func answers(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || len(args) > 2 {
		ts.Fatalf("usage: answers URL [REGEXP]")
	}
	want, err := regexp.Compile(strings.Join(args[1:], ""))
	ts.Check(err)
	await(ts, strings.Join(args, " with "), func() bool {
		res, err := http.Get(args[0])
		if err != nil {
			return false
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		return err == nil && res.StatusCode == http.StatusOK && want.Match(body)
	})
}

// eventually is "eventually FILE REGEXP": wait until the file has a match.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: eventually FILE REGEXP")
	}
	want, err := regexp.Compile(args[1])
	ts.Check(err)
	await(ts, args[0]+" with "+args[1], func() bool {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		return err == nil && want.Match(text)
	})
}

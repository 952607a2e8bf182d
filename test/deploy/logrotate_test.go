package deploy

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
)

// A log that loka goes on writing to is cut while it does, and nothing is written twice
// or left in a hole: the file that is shipped, on another folder.
func TestLogrotate(t *testing.T) {
	t.Parallel()
	program := tool(t, "logrotate", "logrotate")
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: logrotate cannot be another user here, so nobody knows whether its file is right")
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := replaced(t, string(read(t, "logrotate", "loka")), `/var/log/loka/\*`, filepath.Join(dir, "*"))
	text = replaced(t, text, `su loka loka`, "su "+me.Username+" "+me.Username)
	file := filepath.Join(dir, "loka.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "loka.log")
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close() //nolint:errcheck // the test reads what is there
	// What loka says goes to the file that somebody else opened, as by >> or append:.
	bin, err := loka.Path()
	if err != nil {
		t.Fatal(err)
	}
	speak := func() {
		cmd := exec.CommandContext(t.Context(), bin, "start")
		cmd.Stderr, cmd.Dir = out, dir
		if err := cmd.Run(); err == nil {
			t.Fatal("loka starts without a pool")
		}
	}
	speak()
	before, err := os.ReadFile(log)
	if err != nil || len(before) == 0 {
		t.Fatalf("nothing is in the log: %v", err)
	}
	state := filepath.Join(dir, "state")
	if odd := said(t, dir, program, "-d", "-s", state, file); strings.Contains(odd, "error") {
		t.Errorf("logrotate says %s", odd)
	}
	said(t, dir, program, "-f", "-s", state, file)
	speak()
	after, err := os.ReadFile(log)
	if err != nil || string(after) != string(before) {
		t.Errorf("after it was cut the log has %q: %v", after, err)
	}
	kept, err := filepath.Glob(log + "-*")
	if err != nil || len(kept) != 1 {
		t.Fatalf("%q are kept: %v", kept, err)
	}
	if text, err := os.ReadFile(kept[0]); err != nil || string(text) != string(before) {
		t.Errorf("kept is %q: %v", text, err)
	}
}

// What loka keeps small by itself is left alone, and the file says so.
func TestLogrotateLeavesDataAlone(t *testing.T) {
	t.Parallel()
	for _, line := range strings.Split(string(read(t, "logrotate", "loka")), "\n") {
		if !strings.HasPrefix(line, "#") && strings.HasPrefix(line, "/") && line != "/var/log/loka/*.log {" {
			t.Errorf("it rotates %s", line)
		}
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", "OPERATIONS.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, fact := range []string{"`audit.jsonl`", "10 MiB a file"} {
		if !strings.Contains(string(text), fact) {
			t.Error(fmt.Sprintf("docs/OPERATIONS.md does not say %s", fact))
		}
	}
}

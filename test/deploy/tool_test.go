package deploy

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// tool is where a program is; the test is skipped, aloud, where it is not.
func tool(t *testing.T, name, install string) string {
	t.Helper()
	path, err := lookup(name)
	if err != nil {
		t.Skipf("SKIPPED: there is no %s, so nobody knows whether its files are right (Debian: apt-get install %s)", name, install)
	}
	return path
}

// lookup is where a program is, also where only root has it in its path.
func lookup(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + name)
	}
	return path, err
}

// prometheus and its kin, by the package that has them.
func promtool(t *testing.T) string { return tool(t, "promtool", "prometheus") }
func amtool(t *testing.T) string   { return tool(t, "amtool", "prometheus-alertmanager") }

// said runs a program in a folder, or here, and returns what it said; it has to end
// well.
func said(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	text, err := try(t, dir, program, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, text)
	}
	return text
}

// try is said for what may fail.
func try(t *testing.T, dir, program string, args ...string) (text string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

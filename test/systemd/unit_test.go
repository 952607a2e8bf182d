package systemd

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// folder is where the unit is.
const folder = "../../deploy/systemd"

// analyze runs systemd-analyze, and skips the test, aloud, where there is none.
func analyze(t *testing.T, args ...string) (said string, code int) {
	t.Helper()
	path, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("SKIPPED: there is no systemd-analyze, so nobody knows whether the unit is right (Debian: apt-get install systemd)")
	}
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(out), failed.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(out), 0
}

// unit copies the unit, with a program that is there in place of loka, and one of the
// drop-ins if it is named.
func unit(t *testing.T, dropIn string) (path string) {
	t.Helper()
	dir := t.TempDir()
	text, err := os.ReadFile(filepath.Join(folder, "loka.service"))
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const program = "/usr/local/bin/loka"
	if !strings.Contains(string(text), "ExecStart="+program+" start ") {
		t.Fatalf("the unit does not start %s", program)
	}
	files := map[string]string{"loka.service": strings.Replace(string(text), "ExecStart="+program, "ExecStart="+here, 1)}
	if dropIn != "" {
		more, err := os.ReadFile(filepath.Join(folder, "loka.service.d", dropIn))
		if err != nil {
			t.Fatal(err)
		}
		files["loka.service.d/more.conf"] = string(more)
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "loka.service")
}

// dropIns are those that there are, and none.
func dropIns(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, "loka.service.d", "*"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no drop-in is found: %v", err)
	}
	all := make([]string, 1, 1+len(found))
	for _, name := range found {
		all = append(all, filepath.Base(name))
	}
	return all
}

// systemd has nothing to say against the unit, with each drop-in and without.
func TestUnitIsRight(t *testing.T) {
	for _, name := range dropIns(t) {
		if said, code := analyze(t, "verify", "--man=no", unit(t, name)); code != 0 || strings.TrimSpace(said) != "" {
			t.Errorf("with %q: exit code %d: %s", name, code, said)
		}
	}
}

// A service that may not ask the kernel for this machine's addresses makes a
// certificate that no miner can verify by one of them, and keeps it for ten years.
func TestUnitKnowsItsAddresses(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(folder, "loka.service"))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^RestrictAddressFamilies=.*\bAF_NETLINK\b`).Match(text) {
		t.Error("AF_NETLINK is not among RestrictAddressFamilies: net.InterfaceAddrs needs it")
	}
}

// A mistake in a unit is told, or nothing that is above means anything.
func TestUnitThatIsWrong(t *testing.T) {
	path := unit(t, "")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), "NoNewPrivileges=", "NoNewPrivilege=", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, code := analyze(t, "verify", "--man=no", path); code == 0 && !strings.Contains(said, "NoNewPrivilege") {
		t.Errorf("a key that does not exist is not told: %q", said)
	}
}

// The service is as little exposed as docs/OPERATIONS.md says, on a scale from 0 to
// 10; other versions of systemd may count a little otherwise.
func TestUnitExposure(t *testing.T) {
	const slack = 0.4
	documented := documentedExposure(t)
	for _, name := range dropIns(t) {
		want, ok := documented[name]
		if !ok {
			t.Errorf("docs/OPERATIONS.md does not say how exposed the service is with %q", name)
			continue
		}
		most := strconv.Itoa(int((want+slack)*10 + 0.5))
		said, code := analyze(t, "security", "--offline=true", "--no-pager", "--threshold="+most, unit(t, name))
		m := regexp.MustCompile(`exposure level for loka\.service: ([0-9.]+)`).FindStringSubmatch(said)
		if m == nil {
			t.Fatalf("with %q systemd says %s", name, said)
		}
		t.Logf("with %q: %s", name, m[1])
		if got, err := strconv.ParseFloat(m[1], 64); err != nil || code != 0 || got > want+slack || got < want-slack {
			t.Errorf("with %q: exposure %s, exit code %d, documented is %.1f", name, m[1], code, want)
		}
	}
}

// documentedExposure is the table in docs/OPERATIONS.md, by drop-in.
func documentedExposure(t *testing.T) map[string]float64 {
	t.Helper()
	text, err := os.ReadFile("../../docs/OPERATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]float64)
	for _, m := range regexp.MustCompile("(?m)^\\| `loka\\.service`(?: with `([a-z.-]+)`)? \\| ([0-9.]+) \\|").FindAllStringSubmatch(string(text), -1) {
		figure, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			t.Fatal(fmt.Errorf("the exposure of %q: %w", m[1], err))
		}
		all[m[1]] = figure
	}
	return all
}

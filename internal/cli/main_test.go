package cli

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/mining"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestUsage(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args   []string
		code   int
		stderr string
	}{
		"nothing":        {nil, exitUsage, "loka: no command; `loka --help` lists them\n"},
		"unknown":        {[]string{"chek"}, exitUsage, "loka: unknown command chek, did you mean \"check\"?; see `loka --help`\n"},
		"unknown flag":   {[]string{"start", "--bogus"}, exitUsage, "loka: unknown flag --bogus; see `loka start --help`\n"},
		"of a group":     {[]string{"sim", "pool", "--bogus"}, exitUsage, "loka: unknown flag --bogus; see `loka sim pool --help`\n"},
		"extra argument": {[]string{"version", "x"}, exitUsage, "loka: unexpected argument x; see `loka version --help`\n"},
		"no file":        {[]string{"check"}, exitUsage, "loka: expected \"<file>\"; see `loka check --help`\n"},
		"no terminal":    {[]string{"top"}, exitUsage, "loka: top needs a terminal; `loka status` is for scripts, and `loka status --json`\n"},
		"help":           {[]string{"--help"}, exitOK, ""},
		"help of one":    {[]string{"check", "--help"}, exitOK, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench()
			if code := b.run(tt.args...); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			if got := b.stderr.String(); got != tt.stderr {
				t.Errorf("stderr %q, want %q", got, tt.stderr)
			}
			if got := b.stdout.String(); (tt.code == exitOK) != strings.HasPrefix(got, "Usage: loka") {
				t.Errorf("stdout %q", got)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	b := newBench()
	path := writeFile(t, goodFile+"[[route]]\nname = \"farm\"\nmode = \"dedicated\"\n[vardiff]\nmin = 1\n")
	b.vars["LOKA_HTTP_LISTEN"] = "127.0.0.1:1"
	if code := b.run("check", path); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, b.stderr)
	}
	want := path + `: ok
pools: main stratum+tcp://pool.example.com:3333 as acct
routes: farm (dedicated: main); miners connect to 0.0.0.0:3333; page and API on 127.0.0.1:1
note: ` + path + `:8:2: vardiff: has no effect in dedicated mode, where the pool sets the difficulty
note: http.listen comes from LOKA_HTTP_LISTEN, not from the file
`
	if got := b.stdout.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestCheckProblemsAndStdin(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.env.stdin = strings.NewReader("[sever]\n[http]\nlisten = 1\n")
	if code := b.run("check", "-"); code != exitUsage {
		t.Fatalf("exit code %d\n%s", code, b.stderr)
	}
	want := `-:1:1: pool: no pool to mine at; add a [[pool]] with url and username
-:1:2: sever: unknown key "sever", did you mean "server"?
-:3:10: http.listen: want a text such as "…", got the integer 1
`
	if got := b.stderr.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	b = newBench()
	if code := b.run("check", t.TempDir()); code != exitUsage || !strings.Contains(b.stderr.String(), "is a directory") {
		t.Errorf("a folder: exit code %d\n%s", code, b.stderr)
	}
	b = newBench()
	b.env.stdin = bytes.NewReader(make([]byte, config.MaxFileSize+5))
	if code := b.run("check", "-"); code != exitUsage || !strings.Contains(b.stderr.String(), "at most 1MiB") {
		t.Errorf("a huge file: exit code %d\n%s", code, b.stderr)
	}
}

func TestInit(t *testing.T) {
	t.Parallel()
	b := newBench()
	if code := b.run("init"); code != exitOK || b.stdout.String() != config.Example() {
		t.Errorf("exit code %d, stdout\n%s", code, b.stdout)
	}
	path := filepath.Join(t.TempDir(), "new.toml")
	b = newBench()
	if code := b.run("init", "-o", path); code != exitOK || !strings.Contains(b.stdout.String(), path+" written") {
		t.Errorf("exit code %d\n%s%s", code, b.stdout, b.stderr)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file %v, %v", info, err)
	}
	if code := b.run("check", path); code != exitOK {
		t.Errorf("the example does not pass: %s", b.stderr)
	}
	if code := b.run("init", "-o", path); code != exitFailed || !strings.Contains(b.stderr.String(), "exists already and is left as it is") {
		t.Errorf("a second time: exit code %d\n%s", code, b.stderr)
	}
	b = newBench()
	if code := b.run("init", "-o", filepath.Join(path, "x")); code != exitFailed || !strings.Contains(b.stderr.String(), "cannot be written") {
		t.Errorf("below a file: exit code %d\n%s", code, b.stderr)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	b := newBench()
	if code := b.run("version"); code != exitOK || !strings.HasPrefix(b.stdout.String(), "loka "+version()+" (go1.") {
		t.Errorf("exit code %d, stdout %s", code, b.stdout)
	}
	flag := newBench()
	if code := flag.run("--version"); code != exitOK || flag.stdout.String() != b.stdout.String() || flag.stderr.String() != "" {
		t.Errorf("--version: exit code %d, stdout %s%s", code, flag.stdout, flag.stderr)
	}
	info := &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"},
	}}
	if got := versionOf(info) + " " + commitOf(info); got != "v1.2.3 0123456789ab+" {
		t.Errorf("got %s", got)
	}
	none := &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}
	if got := versionOf(none) + " " + commitOf(none); got != "devel unknown" {
		t.Errorf("got %s", got)
	}
}

func TestLoggerStarsSecrets(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	logger := newLogger(&log, true)
	logger.Debug("one", "x", mining.Secret("hunter2"), "password", "hunter2", slog.Group("g", "token", "hunter2"), "user", "u")
	if got := log.String(); strings.Contains(got, "hunter2") || strings.Count(got, "***") != 3 || !strings.Contains(got, `"user":"u"`) {
		t.Errorf("log %s", got)
	}
	log.Reset()
	newLogger(&log, false).Debug("hidden")
	newSimLogger(&log, false).Info("hidden")
	if log.Len() > 0 {
		t.Errorf("log %s", log.String())
	}
	newSimLogger(&log, true).Debug("shown")
	if log.Len() == 0 {
		t.Error("a verbose logger is silent")
	}
}

package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/loka/stratum/internal/config"
)

// screen is a writer that several goroutines may share.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// fakeProxy is what start runs in tests.
type fakeProxy struct {
	cfg     *config.Config
	version string
	run     func(ctx context.Context) error
}

func (p *fakeProxy) Run(ctx context.Context) error { return p.run(ctx) }

// bench is a command line's environment in a test.
type bench struct {
	env            *environment
	stdout, stderr *screen
	vars           map[string]string
	signals        chan os.Signal
	proxy          *fakeProxy
}

func newBench() *bench {
	b := &bench{
		stdout: &screen{}, stderr: &screen{}, vars: map[string]string{},
		signals: make(chan os.Signal, 8), proxy: &fakeProxy{run: untilDone},
	}
	b.env = &environment{
		stdin: strings.NewReader(""), stdout: b.stdout, stderr: b.stderr,
		lookup: func(name string) (string, bool) {
			v, ok := b.vars[name]
			return v, ok
		},
		names:   func() []string { return slices.Sorted(maps.Keys(b.vars)) },
		signals: func(...os.Signal) (<-chan os.Signal, func()) { return b.signals, func() {} },
		newProxy: func(cfg *config.Config, _ *slog.Logger, version string) (proxy, error) {
			b.proxy.cfg, b.proxy.version = cfg, version
			return b.proxy, nil
		},
	}
	return b
}

// run runs a command line and returns its exit code.
func (b *bench) run(args ...string) int { return run(append([]string{"loka"}, args...), b.env) }

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "loka.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const goodFile = `[[pool]]
url = "stratum+tcp://pool.example.com:3333"
username = "acct"
password = "hunter2"
`

func TestStartRunsUntilSignal(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.vars["LOKA_USER"] = "fromenv"
	b.signals <- syscall.SIGTERM
	code := b.run("start", "-c", writeFile(t, goodFile), "--listen", "127.0.0.1:0", "--listen", "127.0.0.1:7",
		"--http", "127.0.0.1:8", "--pool", "a:1", "--data", "d", "--mode", "dedicated", "-v")
	if code != exitOK {
		t.Fatalf("exit code %d\n%s", code, b.stderr)
	}
	cfg := b.proxy.cfg
	got := fmt.Sprint(cfg.Server.Listen, " ", cfg.HTTP.Listen, " ", cfg.Pools[0].URL, " ", cfg.Pools[0].Username, " ", cfg.DataDir, " ", cfg.Routes[0].Mode)
	if want := "[127.0.0.1:0 127.0.0.1:7] 127.0.0.1:8 a:1 fromenv d dedicated"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if b.proxy.version == "" {
		t.Error("no version")
	}
	log := b.stderr.String()
	for _, want := range []string{`"msg":"starting"`, `"msg":"told to stop","signal":"terminated"`, `"msg":"configuration override"`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s:\n%s", want, log)
		}
	}
	if strings.Contains(log, "hunter2") {
		t.Errorf("the log shows a secret:\n%s", log)
	}
}

func TestStartFlagsBecomeConfig(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.signals <- os.Interrupt
	if code := b.run("start", "--pool", "a:1", "--pool", "b:2", "--user", "u", "--password", "pw,1"); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, b.stderr)
	}
	pools := b.proxy.cfg.Pools
	if len(pools) != 2 || pools[1].URL != "b:2" || pools[0].Username != "u" || pools[1].Password.Reveal() != "pw,1" {
		t.Errorf("pools %+v", pools)
	}
	if mode := b.proxy.cfg.Routes[0].Mode; mode != config.Shared {
		t.Errorf("mode %s by default", mode)
	}
}

func TestStartFailures(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args   []string
		run    error
		code   int
		stderr string
	}{
		"nothing":       {[]string{"start"}, nil, exitUsage, "loka: pool: no pool to mine at; give --pool URL and --user ACCOUNT, or a file with -c FILE (`loka init` writes an example)\n"},
		"mode":          {[]string{"start", "--pool", "a:1", "--user", "u", "--mode", "dedicate"}, nil, exitUsage, "--mode: route[0].mode: \"dedicate\" is not known, did you mean \"dedicated\"? Known are \"shared\", \"dedicated\"\n"},
		"no such file":  {[]string{"start", "-c", "/nowhere/loka.toml"}, nil, exitUsage, "loka: /nowhere/loka.toml: no such file; `loka init -o /nowhere/loka.toml` writes an example\n"},
		"port taken":    {[]string{"start", "--pool", "a:1", "--user", "u"}, fmt.Errorf("listen on x: %w", syscall.EADDRINUSE), exitFailed, "loka: listen on x: address already in use; another program has that port: stop it (it may be another loka), or choose another port with --listen or --http\n"},
		"several lines": {[]string{"start", "--pool", "a:1", "--user", "u"}, errors.Join(errors.New("one"), errors.New("two")), exitFailed, "loka: one; two\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench()
			b.proxy.run = func(context.Context) error { return tt.run }
			if code := b.run(tt.args...); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			if got := b.stderr.String(); !strings.HasSuffix(got, tt.stderr) {
				t.Errorf("stderr\n%s\nwant\n%s", got, tt.stderr)
			}
		})
	}
}

func TestStartCannotMakeProxy(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.env.newProxy = func(*config.Config, *slog.Logger, string) (proxy, error) {
		return nil, &os.PathError{Op: "mkdir", Path: "/data", Err: syscall.EACCES}
	}
	if code := b.run("start", "--pool", "a:1", "--user", "u"); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	if got := b.stderr.String(); !strings.Contains(got, "mkdir /data: permission denied; this user may not") {
		t.Errorf("stderr %s", got)
	}
}

func TestStartReload(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file string
		want []string
	}{
		"unchanged": {goodFile, []string{`"msg":"configuration unchanged"`}},
		"changed": {strings.Replace(goodFile, "hunter2", "hunter3", 1) + "[server]\nidle_timeout = \"1h\"\n", []string{
			`"key":"server.idle_timeout","old":"\"2h\"","new":"\"1h\""`, `"key":"pool[main].password","old":"\"***\"","new":"\"***\""`,
			`"msg":"configuration valid but not applied: restart to apply the differences"`, `"differences":2`,
		}},
		"invalid": {"[sever]\n[http]\nlisten = 5\n", []string{
			`sever: unknown key \"sever\", did you mean \"server\"?`, `http.listen: want a text`,
			`"msg":"configuration not reloaded: nothing changes until the problems are mended"`, `"problems":3`,
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			b := newBench()
			path := writeFile(t, goodFile)
			running, err := b.env.loadConfig(path, config.Flags{})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(tt.file), 0o600); err != nil {
				t.Fatal(err)
			}
			reloader{
				path: path, running: running, logger: newLogger(&log, false),
				load: func() (*config.Config, error) { return b.env.loadConfig(path, config.Flags{}) },
			}.check()
			for _, want := range tt.want {
				if !strings.Contains(log.String(), want) {
					t.Errorf("the log lacks %s:\n%s", want, log.String())
				}
			}
			if strings.Contains(log.String(), "hunter") {
				t.Errorf("the log shows a secret:\n%s", log.String())
			}
		})
	}
}

func TestReloadWithoutFile(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	reloader{logger: newLogger(&log, false)}.check()
	if !strings.Contains(log.String(), "nothing to reload") {
		t.Errorf("log %s", log.String())
	}
	log.Reset()
	reloader{
		path: "/nowhere/loka.toml", logger: newLogger(&log, false),
		load: func() (*config.Config, error) { return newBench().env.loadConfig("/nowhere/loka.toml", config.Flags{}) },
	}.check()
	if !strings.Contains(log.String(), "not reloaded") || !strings.Contains(log.String(), "no such file") {
		t.Errorf("log %s", log.String())
	}
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loka/stratum/internal/app"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/testkit"
	"github.com/loka/stratum/internal/testkit/process"
)

// fakeProxy is what start runs in tests.
type fakeProxy struct {
	cfg    *config.Config
	deps   app.Deps
	run    func(ctx context.Context) error
	reread chan struct{}
}

func (p *fakeProxy) Run(ctx context.Context) error { return p.run(ctx) }

func (p *fakeProxy) Reread(context.Context) { p.reread <- struct{}{} }

func (*fakeProxy) ShutdownTimeout() time.Duration { return 30 * time.Second }

// testBench is a command line's environment in a test.
type testBench struct {
	env            *environment
	stdout, stderr *process.Output
	vars           map[string]string
	signals        chan os.Signal
	proxy          *fakeProxy
}

func newBench() *testBench {
	b := &testBench{
		stdout: new(process.Output), stderr: new(process.Output), vars: map[string]string{},
		signals: make(chan os.Signal, 8), proxy: &fakeProxy{run: untilDone, reread: make(chan struct{}, 8)},
	}
	b.env = &environment{
		stdin:  strings.NewReader(""),
		stdout: testkit.Overhear(outcry{}, "the standard output", b.stdout), stderr: testkit.Overhear(outcry{}, "the standard error", b.stderr),
		lookup: func(name string) (string, bool) {
			v, ok := b.vars[name]
			return v, ok
		},
		names:   func() []string { return slices.Sorted(maps.Keys(b.vars)) },
		signals: func(...os.Signal) (<-chan os.Signal, func()) { return b.signals, func() {} },
		newProxy: func(cfg *config.Config, deps app.Deps) (proxy, error) {
			b.proxy.cfg, b.proxy.deps = cfg, deps
			return b.proxy, nil
		},
	}
	return b
}

// outcry ends a test where a command says the secret of a file.
type outcry struct{}

func (outcry) Helper()                           {}
func (outcry) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// run runs a command line and returns its exit code.
func (b *testBench) run(args ...string) int { return run(append([]string{"loka"}, args...), b.env) }

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
	if b.proxy.deps.Version == "" {
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
	b.env.newProxy = func(*config.Config, app.Deps) (proxy, error) {
		return nil, &os.PathError{Op: "mkdir", Path: "/data", Err: syscall.EACCES}
	}
	if code := b.run("start", "--pool", "a:1", "--user", "u"); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	if got := b.stderr.String(); !strings.Contains(got, "mkdir /data: permission denied; this user may not") {
		t.Errorf("stderr %s", got)
	}
}

// What start was given is read again in the same way: the file, the environment and
// the flags.
func TestStartCanReadItsFileAgain(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.vars["LOKA_USER"] = "fromenv"
	path := writeFile(t, goodFile)
	b.proxy.run = func(ctx context.Context) error {
		b.signals <- syscall.SIGHUP
		<-b.proxy.reread
		b.signals <- syscall.SIGTERM
		return untilDone(ctx)
	}
	if code := b.run("start", "-c", path, "--mode", "dedicated"); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, b.stderr)
	}
	from := b.proxy.deps.Source
	if string(b.proxy.deps.Text) != goodFile || from.Name() != path {
		t.Errorf("started with %q, text %q", from.Name(), b.proxy.deps.Text)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(goodFile, "hunter2", "hunter3", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := from.Read()
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := from.Load(text)
	if err != nil {
		t.Fatal(err)
	}
	if p := cfg.Pools[0]; p.Password.Reveal() != "hunter3" || p.Username != "fromenv" || cfg.Routes[0].Mode != config.Dedicated {
		t.Errorf("read again: %+v, mode %s", p, cfg.Routes[0].Mode)
	}
	_, err = from.Load([]byte("[sever]\n"))
	var problems config.Problems
	if !errors.As(err, &problems) || problems[0].Line != 1 || problems[0].Origin != path {
		t.Errorf("a bad file: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := from.Read(); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("a file that is gone: %v", err)
	}
	// What comes from standard input cannot be read again.
	if name := (&source{env: b.env, path: "-"}).Name(); name != "" {
		t.Errorf("standard input has the name %q", name)
	}
}

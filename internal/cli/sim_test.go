package cli

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/loka/stratum/internal/sim"
)

// parse fills a command from its flags.
func parse(t *testing.T, cmd any, args ...string) {
	t.Helper()
	parser, err := kong.New(cmd, kong.Name("x"), simWords())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(args); err != nil {
		t.Fatal(err)
	}
}

// Without flags, the simulator is asked for its own defaults.
func TestSimPoolDefaults(t *testing.T) {
	t.Parallel()
	var cmd simPoolCmd
	parse(t, &cmd)
	cfg, err := cmd.config(newBench().env)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Quirks != (sim.Quirks{}) {
		t.Errorf("quirks %+v", cfg.Quirks)
	}
	if cfg.Difficulty != 1 || cfg.Extranonce1Size != 4 || cfg.NoExtranonce1 || cfg.Extranonce2Size != 8 || cfg.VersionMask != 0x1fffe000 ||
		cfg.NoVersionRolling || cfg.JobInterval != 30*time.Second || cfg.Transactions != 12 || cfg.Node != nil || cfg.NBits != 0 {
		t.Errorf("config %+v", cfg)
	}
}

func TestSimPoolFlags(t *testing.T) {
	t.Parallel()
	var cmd simPoolCmd
	parse(t, &cmd, "--listen=127.0.0.1:1", "--seed=7", "--difficulty=0.5", "--shares-per-minute=6", "--extranonce1-size=0",
		"--extranonce2-size=4", "--version-mask=0", "--job-interval=1s", "--block-interval=2s", "--nbits=207fffff", "--transactions=0",
		"--node=http://127.0.0.1:1", "--node-user=u", "--node-password=p", "--dialect=ckpool", "--version-rule=xor",
		"--difficulty-rule=strict", "--strict", "--one-worker", "--resume-sessions",
		"--latency=1s", "--jitter=1s", "--disconnect-every=1s", "--disconnect-reset", "--refuse", "--silent", "--subscribe=error",
		"--configure=refused", "--authorize=silent", "--refuse-shares", "--clean=never", "--unpadded", "--coinbase-padding=5",
		"--difficulty-every=1s", "--extranonce-every=1s", "--malformed-every=2", "--unanswered-every=3", "--out-of-order",
		"--duplicate-replies", "--notify-first", "--chatter-every=1s", "--reconnect=h:1")
	cfg, err := cmd.config(newBench().env)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Listen != "127.0.0.1:1" || cfg.Seed != 7 || cfg.Difficulty != 0.5 || cfg.SharesPerMinute != 6 || !cfg.NoExtranonce1 ||
		cfg.Extranonce2Size != 4 || !cfg.NoVersionRolling || cfg.JobInterval != time.Second || cfg.BlockInterval != 2*time.Second ||
		cfg.NBits != 0x207fffff || cfg.Transactions != -1 || cfg.Node == nil || cfg.Dialect != sim.DialectCKPool ||
		cfg.VersionRule != sim.RuleXor || cfg.DifficultyRule != sim.DifficultyStrict || !cfg.Strict || !cfg.OneWorker || !cfg.ResumeSessions {
		t.Errorf("config %+v", cfg)
	}
	// Quirks that have no flag: they are made by others or by code alone.
	without := map[string]bool{"MaskBeforeConfigure": true, "MaskAfterConfigure": true, "ConfigureExtraKeys": true, "NoBranches": true}
	for f, v := range reflect.ValueOf(cfg.Quirks).Fields() {
		if v.IsZero() && !without[f.Name] {
			t.Errorf("quirk %s has no flag", f.Name)
		}
	}
}

func TestSimPoolRefusesFlags(t *testing.T) {
	t.Parallel()
	for flag, want := range map[string]string{
		"--version-mask=zz":      `--version-mask "zz" is no mask`,
		"--nbits=x":              `--nbits "x" is no target`,
		"--dialect=x":            `unknown dialect "x"`,
		"--extranonce2-size=100": "extranonce2",
	} {
		b := newBench()
		if code := b.run("sim", "pool", "--listen=127.0.0.1:0", "--duration=1ms", flag); code != exitUsage {
			t.Errorf("%s: exit code %d", flag, code)
		}
		if got := b.stderr.String(); !strings.Contains(got, want) {
			t.Errorf("%s: stderr %s", flag, got)
		}
	}
	b := newBench()
	if code := b.run("sim", "miners", "--manner=x"); code != exitUsage || !strings.Contains(b.stderr.String(), `unknown manner "x"`) {
		t.Errorf("exit code %d\n%s", code, b.stderr)
	}
}

// A pool and miners by the command line, without the proxy between them.
func TestSimPoolAndMiners(t *testing.T) {
	t.Parallel()
	pool := newBench()
	done := make(chan int, 1)
	go func() {
		done <- pool.run("sim", "pool", "--listen=127.0.0.1:0", "--difficulty=0.000001", "--json", "--every=0", "--seed=1")
	}()
	var addr string
	for addr == "" {
		_, rest, ok := strings.Cut(pool.stdout.String(), "pool at stratum+tcp://")
		if line, _, complete := strings.Cut(rest, "\n"); ok && complete {
			addr = line
		}
		select {
		case code := <-done:
			t.Fatalf("the pool ended with %d\n%s", code, pool.stderr)
		case <-time.After(5 * time.Millisecond):
		}
	}
	miners := newBench()
	if code := miners.run("sim", "miners", "--pool="+addr, "--shares=5", "--duration=20s", "--count=2", "--manner=cgminer,cpuminer", "--seed=1", "--every=100ms"); code != exitOK {
		t.Errorf("miners ended with %d\n%s%s", code, miners.stdout, miners.stderr)
	}
	if got := miners.stdout.String(); !strings.Contains(got, "miners 2 connected") {
		t.Errorf("stdout %s", got)
	}
	pool.signals <- syscall.SIGTERM
	if code := <-done; code != exitOK {
		t.Errorf("the pool ended with %d\n%s", code, pool.stderr)
	}
	var figures struct {
		Shares struct{ Accepted int }
	}
	_, report, _ := strings.Cut(pool.stdout.String(), "\n")
	if err := json.Unmarshal([]byte(report), &figures); err != nil || figures.Shares.Accepted < 5 {
		t.Errorf("%v, figures %+v of\n%s", err, figures, report)
	}
}

func TestSimMinersTooFewShares(t *testing.T) {
	t.Parallel()
	b := newBench()
	if code := b.run("sim", "miners", "--pool=127.0.0.1:1", "--shares=1", "--duration=50ms", "--count=1", "--json"); code != exitFailed {
		t.Errorf("exit code %d\n%s", code, b.stderr)
	}
	if got := b.stderr.String(); !strings.Contains(got, "fewer shares were accepted than --shares asks for: 0 of 1") {
		t.Errorf("stderr %s", got)
	}
	var stats sim.MinersStats
	if err := json.Unmarshal([]byte(b.stdout.String()), &stats); err != nil || len(stats.Miners) != 1 {
		t.Errorf("%v in\n%s", err, b.stdout)
	}
}

func TestSimPoolPortTaken(t *testing.T) {
	t.Parallel()
	first := newBench()
	done := make(chan int, 1)
	go func() { done <- first.run("sim", "pool", "--listen=127.0.0.1:0", "--every=0") }()
	for !strings.Contains(first.stdout.String(), "\n") {
		time.Sleep(5 * time.Millisecond)
	}
	addr := strings.TrimSpace(strings.TrimPrefix(first.stdout.String(), "pool at stratum+tcp://"))
	second := newBench()
	if code := second.run("sim", "pool", "--listen="+addr, "--duration=1s"); code != exitFailed || !strings.Contains(second.stderr.String(), "another program has that port") {
		t.Errorf("exit code %d\n%s", code, second.stderr)
	}
	first.signals <- os.Interrupt
	if code := <-done; code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

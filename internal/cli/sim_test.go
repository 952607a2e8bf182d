package cli

import (
	"encoding/json"
	"net"
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
		"--payout=0014", "--tag=/x/", "--behind", "--duplicate-replies", "--notify-first", "--chatter-every=1s", "--reconnect=h:1")
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
	const replies = `"x" is not known; want refused, error, string or silent`
	for flag, want := range map[string]string{
		"--listen=nope":          `"nope" is no address to listen on; want HOST:PORT such as 127.0.0.1:3334`,
		"--version-mask=zz":      `"zz" is no mask; write 8 hex digits such as 1fffe000`,
		"--nbits=x":              `"x" is no target; write 8 hex digits such as 207fffff`,
		"--nbits=1":              `00000001 is no target`,
		"--dialect=x":            `"x" is not known; want array, ckpool, object, string or p2pool`,
		"--version-rule=x":       `"x" is not known; want bip310, or or xor`,
		"--difficulty-rule=x":    `"x" is not known; want tolerant or strict`,
		"--subscribe=x":          replies,
		"--configure=x":          replies,
		"--authorize=x":          replies,
		"--clean=x":              `"x" is not known; want always or never`,
		"--reconnect=host":       `"host" is no address; want HOST:PORT, or -`,
		"--extranonce1-size=33":  "33 bytes; want 0 to 32",
		"--extranonce2-size=100": "100 bytes; want 1 to 16",
		"--extranonce2-size=0":   "0; want 1 to 16",
		"--transactions=-1":      "-1; want a number from 0",
		"--difficulty=0":         "0; want a number above 0",
		"--difficulty=-1":        "-1; want a number above 0",
		"--shares-per-minute=-1": "-1 is no such number; want one from 0",
		"--job-interval=-1s":     "-1s; want a time above 0",
		"--block-interval=-1s":   "-1s is negative",
		"--latency=-1s":          "-1s is negative",
		"--jitter=-1s":           "-1s is negative",
		"--disconnect-every=-1s": "-1s is negative",
		"--difficulty-every=-1s": "-1s is negative",
		"--extranonce-every=-1s": "-1s is negative",
		"--chatter-every=-1s":    "-1s is negative",
		"--coinbase-padding=-1":  "-1 is negative",
		"--malformed-every=-1":   "-1 is negative",
		"--unanswered-every=-1":  "-1 is negative",
		"--every=-1s":            "-1s is negative",
		"--duration=-1s":         "-1s is negative",
	} {
		name, _, _ := strings.Cut(flag, "=")
		want = "loka: " + name + ": " + want
		b := newBench()
		args := []string{"sim", "pool", "--listen=127.0.0.1:0", "--duration=1ms", flag}
		if code := b.run(args...); code != exitUsage {
			t.Errorf("%s: exit code %d", flag, code)
		}
		if got := b.stderr.String(); !strings.HasPrefix(got, want) {
			t.Errorf("%s: stderr %s", flag, got)
		}
	}
}

func TestSimMinersRefusesFlags(t *testing.T) {
	t.Parallel()
	for flag, want := range map[string]string{
		"--manner=x":              `"x" is not known; want cgminer, `,
		"--pool=nowhere":          `"nowhere" is no address; want HOST:PORT`,
		"--count=-1":              "-1 is negative",
		"--hashrate=-5":           `"-5" is no hashrate; `,
		"--suggest-difficulty=-1": "-1 is no difficulty",
		"--ramp=-1s":              "-1s is negative",
		"--duration=-1s":          "-1s is negative",
		"--every=-1s":             "-1s is negative",
	} {
		b := newBench()
		if code := b.run("sim", "miners", "--pool=127.0.0.1:1", flag); code != exitUsage {
			t.Errorf("%s: exit code %d", flag, code)
		}
		name, _, _ := strings.Cut(flag, "=")
		if got := b.stderr.String(); !strings.HasPrefix(got, "loka: "+name+": "+want) {
			t.Errorf("%s: stderr %s", flag, got)
		}
	}
}

// Every field that the simulator may refuse is called by a flag that there is.
func TestFlagOfIsAFlag(t *testing.T) {
	t.Parallel()
	flags := map[string]bool{}
	for _, cmd := range []any{&simPoolCmd{}, &simMinersCmd{}} {
		parser, err := kong.New(cmd, kong.Name("x"), simWords())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range parser.Model.Flags {
			flags["--"+f.Name] = true
		}
	}
	for _, field := range []string{
		"Listen", "Extranonce1Size", "SharesPerMinute", "NBits", "Manners", "SuggestDifficulty", "CoinbasePadding", "DifficultyRule",
	} {
		if got := flagOf(field); !flags[got] {
			t.Errorf("%s is no flag", got)
		}
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
	if code := b.run("sim", "miners", "--pool="+silence(t), "--shares=1", "--duration=2s", "--count=1", "--json"); code != exitFailed {
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

// silence is the address of a server that takes connections and says nothing.
func silence(t *testing.T) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func TestSimMinersNeverConnected(t *testing.T) {
	t.Parallel()
	const told = "loka: no miner ever connected: 127.0.0.1:1"
	for args, want := range map[string]string{
		"--once --duration=1m": told + " (",
		// It may be over before a miner has tried, and there is nothing to tell of what it met.
		"--duration=50ms":            told,
		"--duration=50ms --shares=1": told,
	} {
		b := newBench()
		if code := b.run(append([]string{"sim", "miners", "--pool=127.0.0.1:1", "--count=1", "--every=0"}, strings.Fields(args)...)...); code != exitFailed {
			t.Errorf("%s: exit code %d", args, code)
		}
		if got := b.stderr.String(); !strings.HasPrefix(got, want) || !strings.Contains(got, "--pool") {
			t.Errorf("%s: stderr %s", args, got)
		}
	}
	b := newBench()
	b.signals <- os.Interrupt
	if code := b.run("sim", "miners", "--pool=127.0.0.1:1", "--count=1", "--every=0"); code != exitOK {
		t.Errorf("interrupted: exit code %d\n%s", code, b.stderr)
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

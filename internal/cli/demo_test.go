package cli

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/loka/stratum/internal/app"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/view"
)

// The screen fits 80 by 24, with its addresses on top, whatever the workers
// are called and however many there are.
func TestDemoFiguresFit(t *testing.T) {
	t.Parallel()
	addrs := app.Addrs{HTTP: "127.0.0.1:9090", Miners: []string{"127.0.0.1:3333"}}
	now := time.Unix(1e9, 0)
	share := now.Add(-59*time.Minute - 59*time.Second)
	for _, tt := range []struct {
		workers, rows int
		size          screenSize
	}{
		{0, 0, screenSize{79, 23}},
		{8, 8, screenSize{79, 23}},
		{13, 13, screenSize{79, 23}},
		{14, 12, screenSize{79, 23}},
		{500, 12, screenSize{79, 23}},
		{8, 2, screenSize{39, 13}},
		{8, 0, screenSize{79, 11}},
	} {
		workers := make([]view.Worker, 0, tt.workers)
		for i := range tt.workers {
			w := view.Worker{Name: fmt.Sprintf("demo.%d-%s", i, strings.Repeat("n", 200)), Difficulty: 123456.789, LastShareAt: &share}
			w.Accepted, w.Rejected, w.Hashrate.Minute = 12345678, 1234567, 999.99e12
			workers = append(workers, w)
		}
		text := demoFigures(addrs, demoMoment{
			"figures go on since 2026-01-31 12:00", view.Summary{UptimeSeconds: 5, Miners: tt.workers, PoolConnections: 2}, workers,
		}, tt.size, now)
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		if len(lines) > tt.size.lines {
			t.Errorf("%d workers: %d lines, want at most %d", tt.workers, len(lines), tt.size.lines)
		}
		for _, line := range lines {
			if n := utf8.RuneCountInString(line); n > tt.size.columns {
				t.Errorf("%d workers: %d columns in %q", tt.workers, n, line)
			}
		}
		if !strings.HasPrefix("page               http://127.0.0.1:9090/", strings.TrimSuffix(lines[0], "…")) ||
			lines[1] != "miners connect to  127.0.0.1:3333" {
			t.Errorf("%d workers: begins with\n%s\n%s", tt.workers, lines[0], lines[1])
		}
		if tt.size.columns == 79 && !strings.Contains(text, "\nup        5s; Ctrl-C ends it; figures go on since 2026-01-31 12:00\n") {
			t.Errorf("%d workers: it does not say since when:\n%s", tt.workers, text)
		}
		if want := fmt.Sprintf("\nminers    %d on 2 pool connections", tt.workers); tt.size.columns == 79 && !strings.Contains(text, want) {
			t.Errorf("%d workers: no line %q in\n%s", tt.workers, want, text)
		}
		if got := strings.Count(text, "\ndemo."); got != tt.rows {
			t.Errorf("%d workers: %d rows, want %d", tt.workers, got, tt.rows)
		}
		if more := fmt.Sprintf("\n… and %d more\n", tt.workers-tt.rows); (tt.workers > tt.rows) != strings.HasSuffix(text, more) {
			t.Errorf("%d workers: ends with %q", tt.workers, lines[len(lines)-1])
		}
		if tt.size.columns == 79 && tt.rows > 0 && !strings.Contains(text, "59m59s ago\n") {
			t.Errorf("%d workers: the last column is cut:\n%s", tt.workers, text)
		}
	}
	if got, want := sizeOf(io.Discard), (screenSize{79, 23}); got != want {
		t.Errorf("size %v, want %v", got, want)
	}
}

// The demo is in the default mode, and its miners begin with a difficulty at
// which a share comes within a few seconds.
func TestDemoConfig(t *testing.T) {
	t.Parallel()
	cfg, err := new(demoCmd).config(t.TempDir(), "127.0.0.1:4444", config.Flags{HTTP: "127.0.0.1:0", Listen: []string{"127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Notes) > 0 || len(cfg.Routes) != 1 || cfg.Routes[0].Mode != config.Shared {
		t.Errorf("notes %v, routes %+v", cfg.Notes, cfg.Routes)
	}
	v := cfg.VardiffFor(cfg.Listeners[0].Address, 0)
	if v.Fixed != 0 || v.Start > demoDifficulty || v.Min > 1e-9 {
		t.Errorf("vardiff %+v", v)
	}
	const rate = 100_000 // the flag's default, of one miner
	if seconds := v.Start * (1 << 32) / rate; seconds > 2 {
		t.Errorf("a miner's first share takes %.1f s", seconds)
	}
}

func TestDemoRefusesFlags(t *testing.T) {
	t.Parallel()
	for flag, want := range map[string]string{
		"--http=bad":               "--http: http.listen: \"bad\" is no address to listen on; ",
		"--listen=bad":             "--listen: server.listen[0]: \"bad\" is no address to listen on; ",
		"--listen=127.0.0.1:99999": "--listen: server.listen[0]: \"127.0.0.1:99999\" has no port from 0 to 65535; ",
		"--listen=127.0.0.1:9090":  "--http: http.listen: \"127.0.0.1:9090\" is taken by server.listen[0] already; ",
		"--hashrate=-5":            "loka: --hashrate: \"-5\" is no hashrate; write a number above 0, or one with a unit such as 1MH/s; see `loka demo --help`",
		"--hashrate=fast":          "loka: --hashrate: \"fast\" is no hashrate; ",
		"--hashrate=NaN":           "loka: --hashrate: \"NaN\" is no hashrate; ",
		"--duration=-1s":           "loka: --duration: -1s is negative; ",
	} {
		b := newBench()
		if code := b.run("demo", flag); code != exitUsage {
			t.Errorf("%s: exit code %d", flag, code)
		}
		if got := b.stderr.String(); !strings.HasPrefix(got, want) {
			t.Errorf("%s: stderr %s", flag, got)
		}
	}
}

func TestHashrateFlag(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]float64{"50000": 50000, "1e5": 1e5, "0.5": 0.5, "1MH/s": 1e6, "1.5 kh/s": 1500} {
		var cmd simMinersCmd
		parse(t, &cmd, "--hashrate="+text)
		if got := float64(cmd.Hashrate); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

package attack

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/testkit"
)

// What follows shows that the instruments measure what the figures rest on. It takes
// moments and runs with all other tests.

func TestReadMetrics(t *testing.T) {
	t.Parallel()
	read := func(text string) metrics {
		m, err := readMetrics(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	before := read("# HELP a x\na 3\nends{reason=\"peer_reset\",side=\"downstream\"} 4\n")
	after := read("a 3.5\nends{reason=\"peer_reset\",side=\"downstream\"} 6\nends{reason=\"nul_byte\",side=\"downstream\"} 1e3\n" +
		"ends{reason=\"nul_byte\",side=\"upstream\"} 7\nends_of_others{reason=\"x\"} 1\nends{reason=\"same\",side=\"downstream\"} 0\n")
	if got := after["a"] - before["a"]; got != 0.5 {
		t.Errorf("a has gained %v", got)
	}
	want := map[string]float64{"peer_reset": 2, "nul_byte": 1000}
	if got := after.by(before, "ends", "reason", `side="downstream"`); !maps.Equal(got, want) {
		t.Errorf("ends %v, want %v", got, want)
	}
	if got := counts(want); got != "nul_byte 1000, peer_reset 2" {
		t.Errorf("counts %q", got)
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	times := make([]time.Duration, 1000)
	for i := range times {
		times[i] = time.Duration(999 - i)
	}
	for q, want := range map[float64]time.Duration{0: 0, 0.5: 500, 0.99: 990, 0.999: 999, 1: 999} {
		if got := quantile(times, q); got != want {
			t.Errorf("quantile %v is %d, want %d", q, got, want)
		}
	}
	if got := quantile(nil, 0.5); got != 0 {
		t.Errorf("the median of nothing is %v", got)
	}
}

// A share that is asked for meets the target, a bad one does not, and none comes twice.
func TestShares(t *testing.T) {
	t.Parallel()
	k := talk{worker: "w"}
	var known jobs
	for _, line := range []string{
		`{"id":1,"result":[[["mining.notify","1"]],"00000001",4],"error":null}`,
		`{"id":2,"result":true,"error":null}`,
		`{"id":null,"method":"mining.set_difficulty","params":[1e-8]}`,
		plainNotify,
	} {
		if k.ready() {
			t.Errorf("ready before %s", line)
		}
		if _, _, err := k.hear([]byte(line), &known); err != nil {
			t.Fatal(err)
		}
	}
	if !k.ready() {
		t.Fatal("not ready with extranonce, login and job")
	}
	seen := map[string]bool{}
	for i := range 200 {
		line := string(k.share(nil, 7, i%2 == 0))
		if met := k.target.Met(k.header.Hash()); met != (i%2 == 0) {
			t.Errorf("share %d: the target is met: %v", i, met)
		}
		if seen[line] || !strings.Contains(line, k.header.Nonce.String()) {
			t.Errorf("share %d was sent before, or has another nonce: %s", i, line)
		}
		seen[line] = true
	}
	if _, _, err := k.hear([]byte(`{"id":"x"}`), &known); err == nil {
		t.Error("a line that is nothing was taken for something")
	}
}

const plainNotify = `{"id":null,"method":"mining.notify","params":["1","0000000000000000000000000000000000000000000000000000000000000000","aa","bb",[],"20000000","1703a30c","65537f00",true]}`

// plainWords are a server's, for where no proxy is asked for its own.
func plainWords() bareOrder {
	return bareOrder{
		Subscribe: `{"id":1,"result":[[["mining.notify","1"]],"00000001",4],"error":null}` + "\n",
		Authorize: `{"id":2,"result":true,"error":null}` + "\n" + `{"id":null,"method":"mining.set_difficulty","params":[1e-9]}` + "\n" + plainNotify + "\n",
		Submit:    `{"id":1000,"result":true,"error":null}` + "\n",
	}
}

// The miners' process has all at work, counts shares and newcomers by the clock, and
// says who was disconnected.
func TestMiners(t *testing.T) {
	t.Parallel()
	server := tell[bareReport](startChild(t, "bare", false), plainWords())
	honest := startChild(t, "honest", false)
	const n = 50
	// The server calls every share by the id of the first: one each is right.
	opened := tell[farmReport](honest, farmOrder{Do: "open", Address: server.Address, N: n, Rate: 2000, Plain: true, Newcomers: 200})
	if opened.Error != "" || opened.Ready != n {
		t.Fatalf("%d of %d are at work: %s", opened.Ready, n, opened.Error)
	}
	var p period
	await(t, "one share each, and the disconnects that the next bring", patience, func() bool {
		p = tell[farmReport](honest, farmOrder{Do: "report"}).Period
		return p.Disconnects >= n && len(p.Joined) > 0
	})
	if p.Accepted < n || p.Accepted > p.Sent || p.Sent > p.Due || len(p.Verdicts) != p.Accepted+p.Refused {
		t.Errorf("accepted %d of %d sent of %d due, with %d verdicts", p.Accepted, p.Sent, p.Due, len(p.Verdicts))
	}
	if !slices.ContainsFunc(slices.Collect(maps.Keys(p.Why)), func(why string) bool { return strings.Contains(why, "is not next") }) {
		t.Errorf("a verdict for another share went unnoticed: %v", p.Why)
	}
	next := tell[farmReport](honest, farmOrder{Do: "mark"}).Number
	if next != 1 {
		t.Errorf("the second period is number %d", next)
	}
	if closed := tell[farmReport](honest, farmOrder{Do: "close"}); closed.Ready != 0 {
		t.Errorf("%d are at work after the end", closed.Ready)
	}
}

// Every attack that does not hold thousands of sockets does what it says against a
// server that refuses everything, and ends when it is told to.
func TestAttacksEnd(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	names := map[string]bool{}
	for _, a := range append(attacks(), honestCases()...) {
		if names[a.Name()] {
			t.Errorf("two attacks are called %s", a.Name())
		}
		names[a.Name()] = true
		if _, found := find(a.Name()); found != a {
			t.Errorf("%s is not found by its name", a.Name())
		}
		switch a.(type) {
		case halfOpen, fullHouse, slowLoris, connects:
			continue
		}
		ctx, cancel := context.WithCancel(t.Context())
		at := &target{Plain: l.Addr().String(), TLS: l.Addr().String(), HTTP: l.Addr().String()}
		done := make(chan struct{})
		go func() {
			defer close(done)
			a.Run(ctx, at)
		}()
		await(t, a.Name()+" to connect", patience, func() bool { return at.connects.Load() > 0 })
		cancel()
		<-done
	}
}

// The configuration is one that the proxy takes.
func TestConfiguration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key, err := testkit.KeyPairFiles(dir, time.Now().Add(time.Hour), false, "farm.example")
	if err != nil {
		t.Fatal(err)
	}
	file, err := place{
		Data: dir, Pool: "stratum+tcp://127.0.0.1:1", Plain: "127.0.0.1:2", TLS: "127.0.0.1:3", HTTP: "127.0.0.1:4", Cert: cert, Key: key,
	}.file()
	if err != nil {
		t.Fatal(err)
	}
	cfg, problems := config.Load(file, configuration, config.Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if len(cfg.Listeners) != 2 {
		t.Errorf("%d listeners, want one plain and one with TLS", len(cfg.Listeners))
	}
}

// A process without input ends by itself, and one with an order that it cannot read says so.
func TestRolesEnd(t *testing.T) {
	t.Parallel()
	for name, serve := range roles {
		err := serve(json.NewDecoder(strings.NewReader("")), json.NewEncoder(io.Discard))
		if name != "bare" && err != nil { // a bare server wants its one order
			t.Errorf("%s: %v", name, err)
		}
		if err := serve(json.NewDecoder(strings.NewReader("}")), json.NewEncoder(io.Discard)); err == nil {
			t.Errorf("%s takes what is no JSON", name)
		}
	}
}

package sim

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// TestReplyModes: how subscribe, configure and authorize are refused.
func TestReplyModes(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, method, params string
		quirks               Quirks
		want                 string // in the reply; "" for none
	}{
		{"subscribe refused", "mining.subscribe", ``, Quirks{Subscribe: ReplyRefused}, `"error":[20,`},
		{"subscribe string", "mining.subscribe", ``, Quirks{Subscribe: ReplyString}, `"result":"Initialising"`},
		{"subscribe silent", "mining.subscribe", ``, Quirks{Subscribe: ReplySilent}, ""},
		{"configure refused", "mining.configure", `["version-rolling"],{}`, Quirks{Configure: ReplyRefused}, `{"version-rolling":false}`},
		{"configure error", "mining.configure", `["version-rolling"],{}`, Quirks{Configure: ReplyError}, `"error":[20,`},
		{"configure silent", "mining.configure", `["version-rolling"],{}`, Quirks{Configure: ReplySilent}, ""},
		{"configure extra", "mining.configure", `["version-rolling"],{}`, Quirks{ConfigureExtraKeys: true}, `"minimum-difficulty":true`},
		{"authorize refused", "mining.authorize", `"u","x"`, Quirks{Authorize: ReplyRefused}, `"result":false,"error":null`},
		{"authorize error", "mining.authorize", `"u","x"`, Quirks{Authorize: ReplyError}, `[24,`},
		{"authorize silent", "mining.authorize", `"u","x"`, Quirks{Authorize: ReplySilent}, ""},
		{"silent", "mining.ping", ``, Quirks{Silent: true}, ""},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			p := startPool(t, PoolConfig{Quirks: r.quirks})
			c := dial(t, p)
			c.write(fmt.Sprintf(`{"id":1,"method":%q,"params":[%s]}`, r.method, r.params))
			if r.want == "" {
				// The next thing heard is the answer to a ping, or with Silent
				// the pool's word when it is silent no more.
				within(t, "the line is read", func() bool { return p.Stats().Lines == 1 })
				p.SetQuirks(Quirks{})
				c.write(`{"id":2,"method":"mining.ping","params":[]}`)
				r.want = `"id":2`
			}
			line, _ := c.line()
			if !strings.Contains(line, r.want) {
				t.Errorf("got %s, want %s in it", line, r.want)
			}
		})
	}
}

// TestDialects: the form of an accept, a refusal, a login and a subscribe reply.
func TestDialects(t *testing.T) {
	t.Parallel()
	rows := map[Dialect][4]string{ // login, subscribe, low difficulty, accept
		DialectArray:  {`"result":true`, `[[["mining.set_difficulty","`, `"error":[23,"Low difficulty share",null]`, `"result":true`},
		DialectCKPool: {`"result":true`, `"result":[[["mining.notify","`, `{"reject-reason":"Above target","result":false,"error":null`, `"result":true`},
		DialectObject: {`"result":true`, `[[["mining.set_difficulty","`, `"error":{"code":23,"message":"Low difficulty share","data":null},"jsonrpc":"2.0"`, `"jsonrpc":"2.0"`},
		DialectString: {`"result":true`, `[[["mining.set_difficulty","`, `"result":false,"error":"Low difficulty share"`, `"result":true`},
		DialectP2Pool: {`"result":null`, `"result":[["mining.notify","`, `"result":false,"error":[-1,"Low difficulty share",null]`, `"result":true`},
	}
	for dialect, want := range rows {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			p := startPool(t, PoolConfig{Dialect: dialect})
			c := dial(t, p)
			c.write(`{"id":1,"method":"mining.authorize","params":["u","x"]}`)
			login, _ := c.line()
			c.write(`{"id":2,"method":"mining.subscribe","params":["test"]}`)
			subscribe, _ := c.line()
			var m sv1.Message
			if err := m.Scan([]byte(subscribe)); err != nil {
				t.Fatal(err)
			}
			if err := c.sub.Decode(m.Result); err != nil || c.sub.Extranonce1.Len() != 4 || c.sub.Extranonce2Size != 8 {
				t.Errorf("%+v: %v", c.sub, err)
			}
			c.awaitJob()
			low, good := c.solve(0, 0, false), c.solve(0, 0, true)
			_, _ = c.conn.Write(low.Append(nil, []byte("3")))
			refusal, _ := c.line()
			_, _ = c.conn.Write(good.Append(nil, []byte("4")))
			accept, _ := c.line()
			for i, line := range []string{login, subscribe, refusal, accept} {
				if err := m.Scan([]byte(line)); err != nil {
					t.Errorf("%v: %s", err, line)
				}
				if !strings.Contains(line, want[i]) {
					t.Errorf("got %s, want %s in it", line, want[i])
				}
			}
			if !sv1.Accepted(&m) {
				t.Errorf("not an accept: %s", accept)
			}
		})
	}
}

// TestJobQuirks: the forms of jobs.
func TestJobQuirks(t *testing.T) {
	t.Parallel()
	first := func(t *testing.T, p *Pool) string {
		t.Helper()
		c := dial(t, p)
		c.write(`{"id":1,"method":"mining.subscribe","params":["test"]}`)
		var all strings.Builder
		for !strings.Contains(all.String(), "mining.notify\",\"params") {
			line, ok := c.line()
			if !ok {
				t.Fatal("closed")
			}
			all.WriteString(line + "\n")
		}
		return all.String()
	}
	rows := []struct {
		name string
		cfg  PoolConfig
		want string
	}{
		{"clean", PoolConfig{}, `,true]}`},
		{"never clean", PoolConfig{Quirks: Quirks{Clean: CleanNever}}, `,false]}`},
		{"unpadded", PoolConfig{Version: 2, Quirks: Quirks{Unpadded: true}}, `"2","1703a30c"`[:4]},
		{"no branches", PoolConfig{Quirks: Quirks{NoBranches: true}}, `",[],"`},
		{"no transactions", PoolConfig{Transactions: -1}, `",[],"`},
		{"large coinbase", PoolConfig{Quirks: Quirks{CoinbasePadding: 3000}}, strings.Repeat("00", 3000)},
		{"broken line", PoolConfig{Quirks: Quirks{MalformedEvery: 1}}, `"params":[` + "\n"},
		{"work before the reply", PoolConfig{Quirks: Quirks{NotifyBeforeSubscribe: true}}, `{"id":null,"method":"mining.set_difficulty"`},
		{"no extranonce1", PoolConfig{NoExtranonce1: true}, `]],"",8]`},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			text := first(t, startPool(t, r.cfg))
			if !strings.Contains(text, r.want) {
				t.Errorf("%.60q is not in %s", r.want, text)
			}
			if r.cfg.Quirks.NotifyBeforeSubscribe && !strings.HasPrefix(text, r.want) {
				t.Errorf("the work is not first: %s", text)
			}
		})
	}
	t.Run("always clean", func(t *testing.T) {
		t.Parallel()
		p := startPool(t, PoolConfig{Quirks: Quirks{Clean: CleanAlways}})
		c := ready(t, p)
		p.NewJob()
		c.newJob()
		if !c.job.Clean {
			t.Error("not clean")
		}
	})
}

// TestOddShapesAreMined: the swarm earns on pools of odd but legal shapes.
func TestOddShapesAreMined(t *testing.T) {
	t.Parallel()
	rows := map[string]PoolConfig{
		"no extranonce1":      {NoExtranonce1: true},
		"extranonce1 of 28":   {Extranonce1Size: 28},
		"extranonce2 of 4":    {Extranonce2Size: 4},
		"no branches":         {Transactions: -1},
		"32 transactions":     {Transactions: 33},
		"work before reply":   {Quirks: Quirks{MaskAfterConfigure: true}},
		"latency":             {Quirks: Quirks{Latency: 30 * time.Millisecond, Jitter: 30 * time.Millisecond}},
		"out of order":        {Quirks: Quirks{OutOfOrder: true}},
		"extranonce changes":  {Quirks: Quirks{ExtranonceEvery: 200 * time.Millisecond}},
		"difficulty changes":  {Quirks: Quirks{DifficultyEvery: 100 * time.Millisecond}, JobInterval: 150 * time.Millisecond},
		"always clean":        {Quirks: Quirks{Clean: CleanAlways}, JobInterval: 100 * time.Millisecond},
		"resumes, disconnect": {ResumeSessions: true, Quirks: Quirks{DisconnectEvery: 400 * time.Millisecond, DisconnectReset: true}},
		"own blocks":          {NBits: 0x2000ffff},
		"others' blocks":      {BlockInterval: 150 * time.Millisecond},
		"vardiff":             {SharesPerMinute: 600, MinDifficulty: easy, MaxDifficulty: 1e-5},
	}
	for name, cfg := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			audit := NewAudit()
			cfg.OnShare = audit.Pool
			p := startPool(t, cfg)
			manners := []Manner{Bitmain, ESPMiner, BFGMiner}
			if cfg.Quirks.ExtranonceEvery == 0 { // which these do not follow
				manners = append(manners, CGMiner, Whatsminer)
			}
			w := startMiners(t, MinersConfig{
				Pool: p.URL(), Manners: manners,
				TimeScale: 0.05, ExtranonceSubscribe: true, OnShare: audit.Miner,
			})
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("%+v", w.Stats())
				}
			})
			within(t, "10 accepted shares of each", func() bool {
				for _, m := range w.Stats().Miners {
					if m.Accepted < 10 {
						return false
					}
				}
				return true
			})
			w.Pause(true)
			p.SetQuirks(Quirks{})
			within(t, "all answered", w.Settled)
			if err := audit.Report().Err(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDisconnect: FIN and RST, by hand and by the clock, and doors shut.
func TestDisconnect(t *testing.T) {
	t.Parallel()
	for _, reset := range []bool{false, true} {
		p := startPool(t, PoolConfig{Quirks: Quirks{DisconnectReset: reset}})
		c := ready(t, p)
		if n := p.Disconnect(reset); n != 1 {
			t.Errorf("%d connections", n)
		}
		_, err := c.conn.Read(make([]byte, 1))
		if want := map[bool]error{false: io.EOF, true: syscall.ECONNRESET}[reset]; !errors.Is(err, want) {
			t.Errorf("reset %t: %v", reset, err)
		}
		within(t, "the pool forgets it", func() bool { return p.Stats().Connections == 0 })
	}
	p := startPool(t, PoolConfig{Quirks: Quirks{DisconnectEvery: 100 * time.Millisecond}})
	c := dial(t, p)
	if line, ok := c.line(); ok {
		t.Errorf("heard %s", line)
	}
	p.SetQuirks(Quirks{RefuseConnections: true})
	if line, ok := dial(t, p).line(); ok {
		t.Errorf("heard %s", line)
	}
	if st := p.Stats(); st.Connects != 1 {
		t.Errorf("%d connects", st.Connects)
	}
}

// TestSubmitQuirks: answers left out, doubled, delayed, and all refused.
func TestSubmitQuirks(t *testing.T) {
	t.Parallel()
	p := startPool(t, PoolConfig{Quirks: Quirks{UnansweredEvery: 2}})
	w := startMiners(t, MinersConfig{Pool: p.URL(), Manners: []Manner{CGMiner}, TimeScale: 0.005})
	within(t, "unanswered shares", func() bool { return w.Stats().Unanswered > 0 })
	if p.Stats().Unanswered == 0 {
		t.Error("not counted")
	}

	complaints := &failures{}
	p = startPool(t, PoolConfig{Quirks: Quirks{DuplicateReplies: true}})
	startMiners(t, MinersConfig{Pool: p.URL(), Manners: []Manner{CGMiner}, OnFailure: complaints.add})
	within(t, "a complaint", func() bool { return len(complaints.list()) > 0 })
	if f := complaints.list()[0]; !strings.Contains(f.Text, "nothing that was asked") || f.Fatal {
		t.Errorf("%+v", f)
	}

	p = startPool(t, PoolConfig{Quirks: Quirks{SubmitRefused: true}})
	w = startMiners(t, MinersConfig{Pool: p.URL(), Manners: []Manner{NerdMiner}})
	within(t, "refused shares", func() bool { return w.Stats().Rejected[sv1.CodeUnauthorized] > 0 })

	p = startPool(t, PoolConfig{Quirks: Quirks{Latency: 50 * time.Millisecond}})
	c := ready(t, p)
	begin := time.Now()
	c.hand(c.solve(0, 0, true))
	if d := time.Since(begin); d < 50*time.Millisecond {
		t.Errorf("answered after %v", d)
	}
}

// TestChatter: messages, questions and pings are sent, and a reconnect.
func TestChatter(t *testing.T) {
	t.Parallel()
	p := startPool(t, PoolConfig{Quirks: Quirks{ChatterEvery: 50 * time.Millisecond, Reconnect: "-"}})
	c := ready(t, p)
	var heard strings.Builder
	for range 4 {
		line, _ := c.line()
		heard.WriteString(line)
	}
	for _, method := range []string{"client.show_message", "client.get_version", "mining.ping", "client.reconnect"} {
		if !strings.Contains(heard.String(), method) {
			t.Errorf("no %s in %s", method, heard.String())
		}
	}
	w := startMiners(t, MinersConfig{Pool: p.URL(), Manners: []Manner{CGMiner, ESPMiner}, TimeScale: 0.01})
	within(t, "reconnects", func() bool {
		for _, m := range w.Stats().Miners {
			if m.Chatter < 4 || m.Connects < 2 || m.Failures > 0 {
				return false
			}
		}
		return true
	})
	p.SetQuirks(Quirks{ChatterEvery: 50 * time.Millisecond, Reconnect: "evil.example.org:3333"})
	within(t, "no more reconnects", func() bool {
		before := w.Stats().Miners[0]
		time.Sleep(500 * time.Millisecond)
		after := w.Stats().Miners[0]
		return after.Connects == before.Connects && after.Chatter > before.Chatter+3
	})
}

// TestControls: what can be done to a running pool by hand.
func TestControls(t *testing.T) {
	t.Parallel()
	p := startPool(t, PoolConfig{Seed: 7})
	c := ready(t, p)
	en1 := c.sub.Extranonce1
	p.SetExtranonce()
	for c.sub.Extranonce1 == en1 {
		c.read()
	}
	c.newJob()
	if !c.job.Clean {
		t.Error("the job after another extranonce1 is not clean")
	}
	if code := c.hand(c.solve(0, 0, true)); code != 0 {
		t.Errorf("share with the new extranonce1: %d", code)
	}
	p.SetDifficulty(2 * easy)
	for c.diff != 2*easy {
		c.read()
	}
	p.SetDifficulty(-1)
	p.Broadcast("not JSON at all")
	if line, _ := c.line(); line != "not JSON at all" {
		t.Errorf("heard %s", line)
	}
	st := p.Stats()
	if len(st.Conns) != 1 || st.Conns[0].Workers[0] != "u" || st.Conns[0].UserAgent != "test" ||
		st.Conns[0].Extranonce1 != c.sub.Extranonce1 || st.Conns[0].Difficulty != 2*easy {
		t.Errorf("%+v", st.Conns)
	}
}

// TestStrictPool: lines that a strict pool closes on are counted by all.
func TestStrictPool(t *testing.T) {
	t.Parallel()
	lines := map[string]string{
		"line over 1024":     `{"id":1,"method":"mining.authorize","params":["` + strings.Repeat("u", 1100) + `","x"]}`,
		"not an integer":     `{"id":"auth","method":"mining.authorize","params":["u","x"]}`,
		"not strings":        `{"id":1,"method":"mining.submit","params":["u",1,"00","00000000","00000000"]}`,
		"4 parameters":       `{"id":1,"method":"mining.submit","params":["u","1","00","00000000"]}`,
		"lower-case hex":     `{"id":1,"method":"mining.submit","params":["u","1","AA","00000000","00000000"]}`,
		"eight lower-case":   `{"id":1,"method":"mining.submit","params":["u","1","00","00000000","2"]}`,
		"malformed or worse": `{"id":1,"method":`,
	}
	for why, line := range lines {
		for _, strict := range []bool{false, true} {
			p := startPool(t, PoolConfig{Strict: strict})
			c := dial(t, p)
			c.write(line)
			c.write(`{"id":2,"method":"mining.ping","params":[]}`)
			heard := ""
			for l, ok := c.line(); ok; l, ok = c.line() {
				if heard = l; strings.Contains(l, `"id":2`) {
					break
				}
			}
			if got, want := strings.Contains(heard, `"id":2`), !strict && why != "malformed or worse"; got != want {
				t.Errorf("%s, strict %t: goes on = %t", why, strict, got)
			}
			if st := p.Stats(); st.Untidy == 0 || st.LastUntidy == "" {
				t.Errorf("%s is not counted", why)
			}
		}
	}
}

// TestOneWorker: as ckpool, one login, and no share for another.
func TestOneWorker(t *testing.T) {
	t.Parallel()
	p := startPool(t, PoolConfig{OneWorker: true})
	c := ready(t, p)
	c.write(`{"id":5,"method":"mining.authorize","params":["v","x"]}`)
	s := c.solve(0, 0, true)
	if code := c.hand(s); code != 0 {
		t.Errorf("its own share: %d", code)
	}
	s.Worker = []byte("v")
	_, _ = c.conn.Write(s.Append(nil, []byte("9")))
	if line, ok := c.line(); ok {
		t.Errorf("heard %s", line)
	}
}

// A pool that is taken over pays another script and signs with another text, and one
// that is behind stays on its block.
func TestTakenOver(t *testing.T) {
	t.Parallel()
	p := startPool(t, PoolConfig{Tag: "/good/"})
	c := ready(t, p)
	read := func() (payee, script string) {
		t.Helper()
		en, _ := work.MakeExtranonce(make([]byte, c.sub.Extranonce2Size))
		coinbase, err := work.ParseCoinbase(work.AppendCoinbase(nil, c.job.Coinb1, c.sub.Extranonce1, en, c.job.Coinb2))
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range coinbase.Outputs() {
			payee = hex.EncodeToString(to)
		}
		return payee, string(coinbase.Script)
	}
	prev := c.job.PrevHash
	if payee, script := read(); payee != "51" || !strings.Contains(script, "/good/") {
		t.Errorf("pays %s, signs %q", payee, script)
	}
	p.SetQuirks(Quirks{Payout: "0014ab", Tag: "/bad/", Behind: true})
	p.NewBlock()
	c.newJob()
	if payee, script := read(); payee != "0014ab" || !strings.Contains(script, "/bad/") || strings.Contains(script, "/good/") || c.job.PrevHash != prev {
		t.Errorf("pays %s, signs %q, is on %v after %v", payee, script, c.job.PrevHash, prev)
	}
	if code := c.hand(c.solve(0, 0, true)); code != 0 {
		t.Errorf("a good share is refused with %d", code)
	}
	p.SetQuirks(Quirks{})
	p.NewBlock()
	c.newJob()
	if payee, _ := read(); payee != "51" || c.job.PrevHash == prev {
		t.Errorf("pays %s, is on %v", payee, c.job.PrevHash)
	}
	for _, q := range []Quirks{{Payout: "0"}, {Payout: strings.Repeat("00", 101)}, {Tag: strings.Repeat("x", 21)}} {
		if _, err := NewPool(PoolConfig{Quirks: q}); err == nil {
			t.Errorf("%+v is taken", q)
		}
	}
}

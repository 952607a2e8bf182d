package watch_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/watch"
	"github.com/loka/stratum/work"
)

// always is the same job again, on ever other blocks.
func always(block *byte, scripts ...[]byte) func() *mining.Job {
	n := 0
	return func() *mining.Job {
		if n++; n%20 == 0 {
			*block++
		}
		return jobOf(*block, scripts...)
	}
}

// A pool that has paid the same for long enough is expected to go on so; one that
// never does is not.
func TestPayoutIsLearnt(t *testing.T) {
	var block byte
	for name, c := range map[string]struct {
		before func(r *rig)
		after  [][]byte
		want   []watch.Kind
		mode   watch.Mode
	}{
		"another address":        {func(r *rig) { r.jobs(21*time.Minute, always(&block, alice)) }, [][]byte{bob}, []watch.Kind{watch.PayoutChanged}, watch.Fixed},
		"the same":               {func(r *rig) { r.jobs(21*time.Minute, always(&block, alice)) }, [][]byte{alice}, nil, watch.Fixed},
		"in another order":       {func(r *rig) { r.jobs(21*time.Minute, always(&block, alice, bob)) }, [][]byte{bob, alice}, nil, watch.Fixed},
		"one of two is left out": {func(r *rig) { r.jobs(21*time.Minute, always(&block, alice, bob)) }, [][]byte{bob}, []watch.Kind{watch.PayoutChanged}, watch.Fixed},
		"somebody besides":       {func(r *rig) { r.jobs(21*time.Minute, always(&block, alice)) }, [][]byte{alice, bob}, []watch.Kind{watch.PayoutChanged}, watch.Fixed},
		"not known long enough":  {func(r *rig) { r.jobs(9*time.Minute, always(&block, alice)) }, [][]byte{bob}, nil, watch.Learning},
		"not over two blocks": {func(r *rig) {
			r.jobs(time.Hour, func() *mining.Job { return jobOf(7, alice) })
		}, [][]byte{bob}, nil, watch.Learning},
		"ever others": {func(r *rig) {
			n := byte(10)
			r.jobs(time.Hour, func() *mining.Job { n++; return jobOf(n/20, p2wpkh(n)) })
		}, [][]byte{bob}, nil, watch.Varies},
		"another one each block": {func(r *rig) {
			n := byte(0)
			r.jobs(2*time.Hour, func() *mining.Job { n++; return jobOf(n/20, p2wpkh(n/20)) })
		}, [][]byte{bob}, nil, watch.Varies},
		"many miners": {func(r *rig) {
			many := make([][]byte, 0, 9)
			for n := range byte(9) {
				many = append(many, p2wpkh(n))
			}
			r.jobs(time.Hour, always(&block, many...))
		}, [][]byte{bob}, nil, watch.Varies},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil, watch.PoolConfig{})
			c.before(r)
			r.expect("before")
			block++
			r.probe.Job(jobOf(block, c.after...), r.now)
			r.expect("after", c.want...)
			if got := r.pool.Report().Mode; got != c.mode {
				t.Errorf("mode %q, want %q", got, c.mode)
			}
		})
	}
}

// What nobody is paid does not count: the witness commitment, and outputs of nothing.
func TestOutputsOfNothing(t *testing.T) {
	var block byte
	r := newRig(t, nil, watch.PoolConfig{})
	r.jobs(21*time.Minute, always(&block, alice))
	c := coin{height: 840_100, tag: "/test pool/", pays: []pay{{alice, 100}, {bob, 0}, {[]byte{0x6a, 2, 1, 2}, 5}}}
	r.probe.Job(c.job(9), r.now)
	r.expect("with outputs of nothing")
}

// Life of a change: it is told at once, stays while any connection has it, and ends
// when the old payout has been back for a while or an operator accepts it.
func TestPayoutChange(t *testing.T) {
	var block byte
	r := newRig(t, nil, watch.PoolConfig{OnChange: watch.Failover})
	other := r.pool.Stream(watch.Shared, true)
	r.jobs(21*time.Minute, always(&block, alice))
	other.Job(jobOf(block, bob), r.now)
	if !r.pool.Leave() {
		t.Fatal("miners are not to leave at once")
	}
	r.pass(time.Second, nil)
	if s := r.pool.Report().Signals; len(s) != 1 || !strings.Contains(s[0].Detail, watch.Address(bob)) || s[0].Since != r.now.Add(-time.Second) {
		t.Fatalf("signals: %+v", s)
	}
	for range 60 { // the probe is told the old one all the time
		r.probe.Job(jobOf(block, alice), r.now)
		r.pass(15*time.Second, nil)
		other.Job(jobOf(block, bob), r.now)
		r.pass(15*time.Second, nil)
	}
	r.expect("half an hour later", watch.PayoutChanged)
	r.jobs(9*time.Minute, always(&block, alice))
	r.expect("the old one is just back", watch.PayoutChanged)
	r.jobs(3*time.Minute, always(&block, alice))
	r.expect("the old one is back")
	if r.pool.Leave() {
		t.Error("miners are still to leave")
	}
	r.probe.Job(jobOf(block, carol), r.now)
	r.pass(time.Second, nil)
	if !r.pool.Leave() || !r.pool.Accept(r.now) || r.pool.Leave() {
		t.Error("what is accepted is no reason to leave")
	}
	r.jobs(time.Hour, always(&block, carol))
	r.jobs(time.Hour, always(&block, alice)) // is known all the same
	r.expect("accepted")
	want := []string{"+payout_changed", "-payout_changed", "+payout_changed", "-payout_changed"}
	if !slices.Equal(r.log, want) {
		t.Errorf("told %v, want %v", r.log, want)
	}
}

// What was learnt and accepted outlives a restart.
func TestKnownIsKept(t *testing.T) {
	var block byte
	r := newRig(t, nil, watch.PoolConfig{})
	r.jobs(21*time.Minute, always(&block, alice))
	r.probe.Job(jobOf(block, bob), r.now)
	r.pool.Accept(r.now)
	kept := r.pool.Known()
	for _, c := range []struct {
		script []byte
		own    watch.PoolConfig
		want   []watch.Kind
	}{
		{alice, watch.PoolConfig{}, nil},
		{bob, watch.PoolConfig{}, nil},
		{carol, watch.PoolConfig{}, []watch.Kind{watch.PayoutChanged}},
		{carol, watch.PoolConfig{OnChange: watch.Ignore}, nil},
		{carol, watch.PoolConfig{Payout: [][]byte{carol}}, nil},
		{alice, watch.PoolConfig{Payout: [][]byte{carol}}, []watch.Kind{watch.PayoutChanged}}, // learnt only
		{bob, watch.PoolConfig{Payout: [][]byte{carol}}, nil},                                 // accepted
	} {
		again := &rig{t: t, pool: watch.NewPool(watch.Defaults(), c.own, kept), now: start}
		again.pool.Stream(watch.Shared, true).Job(jobOf(1, c.script), start)
		again.pass(time.Second, nil)
		again.expect(fmt.Sprintf("%x with %+v", c.script[2], c.own), c.want...)
		if got := again.pool.Known(); got != kept {
			t.Errorf("kept %q, and then %q", kept, got)
		}
	}
	if p := watch.NewPool(watch.Defaults(), watch.PoolConfig{}, watch.Known{Payouts: "=\n?x\n\n+", Tags: "\x00"}); p.Known() != (watch.Known{}) {
		t.Errorf("of nonsense %q is kept", p.Known())
	}
}

// What is configured counts from the first job on, and may be configured otherwise.
func TestConfiguredPayout(t *testing.T) {
	r := newRig(t, nil, watch.PoolConfig{Payout: [][]byte{alice, bob}, Tag: "*test*"})
	r.probe.Job(jobOf(1, bob), r.now)
	r.pass(time.Second, nil)
	r.expect("one of two")
	if rep := r.pool.Report(); rep.Mode != watch.Configured || rep.TagMode != watch.Configured || rep.Paid != 1 || rep.Outputs[0].Payee != watch.Address(bob) {
		t.Errorf("%+v", rep)
	}
	c := coin{height: 840_001, tag: "/somebody/", pays: []pay{{alice, 99}, {carol, 1}}}
	r.probe.Job(c.job(1), r.now)
	r.pass(time.Second, nil)
	r.expect("somebody else", watch.PayoutChanged, watch.TagChanged)
	r.pool.Configure(watch.Defaults(), watch.PoolConfig{Payout: [][]byte{alice, carol}, Tag: "/some?ody/", OnChange: watch.Failover})
	r.pass(11*time.Minute, nil)
	r.expect("configured otherwise")
	r.pool.Configure(watch.Defaults(), watch.PoolConfig{Payout: [][]byte{alice}, OnChange: watch.Failover})
	r.pass(time.Second, nil)
	if r.expect("and again", watch.PayoutChanged); !r.pool.Leave() {
		t.Error("a change of the configuration counts at once")
	}
	r.pool.Configure(watch.Defaults(), watch.PoolConfig{OnChange: watch.Ignore})
	r.pass(time.Second, nil)
	if r.expect("not wanted"); r.pool.Leave() {
		t.Error("what is not wanted keeps miners away")
	}
}

// A coinbase that cannot be read any more is no reason to believe in it.
func TestUnreadableCoinbase(t *testing.T) {
	var block byte
	r := newRig(t, nil, watch.PoolConfig{})
	r.jobs(21*time.Minute, always(&block, alice))
	job := jobOf(block, alice)
	job.CoinbaseSuffix = job.CoinbaseSuffix[:5]
	r.probe.Job(job, r.now)
	r.expect("cut", watch.PayoutChanged)
	if r.pool.Accept(r.now) {
		t.Error("it can be accepted")
	}
	if rep := r.pool.Report(); !strings.Contains(rep.Signals[0].Detail, "cannot be read") {
		t.Errorf("%+v", rep.Signals)
	}
}

// Whoever has a connection of which the payout is its own says nothing of others.
func TestPayoutOfOthers(t *testing.T) {
	var block byte
	r := newRig(t, nil, watch.PoolConfig{})
	r.jobs(21*time.Minute, always(&block, alice))
	r.pool.Stream(watch.Own, false).Job(jobOf(block, bob), r.now)
	r.expect("of another account")
	r.pool.Stream(watch.Own, true).Job(jobOf(block, bob), r.now)
	r.expect("of the same", watch.PayoutChanged)
}

func TestTag(t *testing.T) {
	r := newRig(t, nil, watch.PoolConfig{})
	n := uint32(0)
	sign := func(tag string) func() *mining.Job {
		return func() *mining.Job {
			n++
			return coin{height: 840_000 + n/20, tag: tag, pays: []pay{{alice, 1}}}.job(byte(n / 20))
		}
	}
	r.jobs(21*time.Minute, sign("/slush/"))
	r.jobs(time.Minute, sign("%/slush/A")) // what stands beside it
	r.expect("as ever")
	r.jobs(time.Minute, sign("/other/"))
	r.expect("another", watch.TagChanged)
	if d := r.pool.Report().Signals[0].Detail; !strings.Contains(d, "/other/") {
		t.Error(d)
	}
	r.pool.Accept(r.now)
	r.jobs(time.Minute, sign("/other/"))
	r.expect("accepted")
}

// sharesFile are real jobs; its README says where they come from.
const sharesFile = "../../work/testdata/sv1_shares.json"

// Real coinbases: whom they pay, and what they are signed with.
func TestRealCoinbases(t *testing.T) {
	raw, err := os.ReadFile(sharesFile)
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Name, Extranonce1, Extranonce2 string
		Notify                         []any
	}
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	want := map[string]struct {
		tag    string
		payees []string
	}{
		"V1":  {"Public-Pool", []string{"bc1qnp980s5fpp8l94p5cvttmtdqy8rvrq74qly2yrfmzkdsntqzlc5qkc4rkq"}},
		"V2":  {`\public-pool\`, []string{"bc1qumezefzdeqqwn5zfvgdrhxjzc5ylr39ua6atex", "bc1qumezefzdeqqwn5zfvgdrhxjzc5ylr39ua6atex"}},
		"V3a": {"P2Poolv2", nil},
		"V5":  {"/P2SH/ /slush/", []string{"1LAhLWDhe57YEcTk6mPkh85cYyRnCcyH7j"}},
	}
	for _, v := range vectors {
		name, _, _ := strings.Cut(v.Name, " ")
		prefix, _ := hex.DecodeString(v.Notify[2].(string))
		suffix, _ := hex.DecodeString(v.Notify[3].(string))
		en1, _ := work.ParseExtranonce([]byte(v.Extranonce1))
		p := watch.NewPool(watch.Defaults(), watch.PoolConfig{}, watch.Known{})
		p.Stream(watch.Probe, true).Job(&mining.Job{
			CoinbasePrefix: prefix, CoinbaseSuffix: suffix, Extranonce1: en1, Extranonce2Size: len(v.Extranonce2) / 2,
		}, start)
		rep := p.Report()
		if rep.Tag != want[name].tag {
			t.Errorf("%s is signed with %q, want %q", v.Name, rep.Tag, want[name].tag)
		}
		for i, o := range rep.Outputs {
			script, err := watch.ParsePayout(o.Payee)
			if err != nil || watch.Address(script) != o.Payee || o.Satoshi <= 0 {
				t.Errorf("%s pays %+v: %v", v.Name, o, err)
			}
			if w := want[name].payees; w != nil && (i >= len(w) || w[i] != o.Payee) {
				t.Errorf("%s pays %s, want %v", v.Name, o.Payee, w)
			}
		}
		if len(rep.Outputs) == 0 || rep.Paid != len(rep.Outputs) {
			t.Errorf("%s pays %v, %d in all", v.Name, rep.Outputs, rep.Paid)
		}
	}
}

// The addresses of BIP 173, BIP 350, the first block and the first script addresses.
func TestAddresses(t *testing.T) {
	for text, script := range map[string]string{
		"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa":                             "76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac",
		"3P14159f73E4gFr7JterCCQh9QjiTjiZrG":                             "a914e9c3dd0c07aac76179ebc76a6c78d4d67c6c160a87",
		"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4":                     "0014751e76e8199196d454941c45d1b3a323f1433bd6",
		"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0": "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
	} {
		got, err := watch.ParsePayout(text)
		if err != nil || hex.EncodeToString(got) != script {
			t.Errorf("%s is %x, %v; want %s", text, got, err, script)
		}
		if back := watch.Address(got); back != text {
			t.Errorf("%s is shown as %s", text, back)
		}
		if raw, err := watch.ParsePayout(script); err != nil || !reflect.DeepEqual(raw, got) {
			t.Errorf("%s: %x, %v", script, raw, err)
		}
	}
	tests := map[string]string{ // the same on test networks
		"tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx": "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
		"mpXwg4jMtRhuSpVq4xS3HFHmCmWp9NyGKt":         "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
	}
	for test, main := range tests {
		got, err := watch.ParsePayout(test)
		if err != nil || watch.Address(got) != main {
			t.Errorf("%s is %s, %v", test, watch.Address(got), err)
		}
	}
	for _, wrong := range []string{
		"", "bc1", "main", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
		"lc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3t4", "0", "zz",
	} {
		if got, err := watch.ParsePayout(wrong); !errors.Is(err, watch.ErrPayout) {
			t.Errorf("%q is %x, %v", wrong, got, err)
		}
	}
}

func FuzzCoinbase(f *testing.F) {
	prefix, suffix := coin{height: 840_000, tag: "/slush/", pays: []pay{{alice, 1}, {bob, 2}}}.halves()
	f.Add(prefix, suffix, uint8(4))
	f.Add([]byte{}, []byte{}, uint8(0))
	f.Fuzz(func(t *testing.T, prefix, suffix []byte, size uint8) {
		p := watch.NewPool(watch.Defaults(), watch.PoolConfig{Payout: [][]byte{alice}, Tag: "*"}, watch.Known{})
		s := p.Stream(watch.Probe, true)
		s.Job(&mining.Job{CoinbasePrefix: prefix, CoinbaseSuffix: suffix, Extranonce2Size: int(size)}, start)
		p.Tick(nil, start)
		p.Accept(start)
		if r := p.Report(); len(r.Outputs) > 8 || len(r.Tag) > 100 || len(p.Known().Payouts) > 8*202+8 {
			t.Fatalf("%+v", r)
		}
	})
}

func FuzzParsePayout(f *testing.F) {
	for _, s := range []string{"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "0014", "BC1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		script, err := watch.ParsePayout(text)
		if err != nil {
			return
		}
		if a := watch.Address(script); a != "" {
			if again, err := watch.ParsePayout(a); err != nil || !slices.Equal(again, script) {
				t.Fatalf("%q is %x, shown as %q, which is %x, %v", text, script, a, again, err)
			}
		}
	})
}

// What a job costs, of a pool whose payout is known.
func BenchmarkJob(b *testing.B) {
	p := watch.NewPool(watch.Defaults(), watch.PoolConfig{}, watch.Known{Payouts: "=" + hex.EncodeToString(alice)})
	s, job := p.Stream(watch.Shared, true), jobOf(1, alice)
	b.ReportAllocs()
	for b.Loop() {
		s.Job(job, start)
	}
}

// What a coinbase pays must not hang on the extranonce: a pool that wants its fraud
// unseen lays it where the outputs are, so that whoever reads zeros there is shown
// the old payout, and the block pays another.
func TestPayoutHiddenByTheExtranonce(t *testing.T) {
	var block byte
	r := newRig(t, nil, watch.PoolConfig{OnChange: watch.Failover})
	r.jobs(21*time.Minute, always(&block, alice))
	r.expect("before")

	block++
	c := coin{height: 840_000 + uint32(block), tag: "/test pool/"}
	prefix, _ := c.halves()
	prefix[41] -= 8                                               // no extranonce in the script
	prefix = append(prefix, 0xff, 0xff, 0xff, 0xff, 3)            // three outputs, of which the first is the old payout
	prefix = append(prefix, 1, 0, 0, 0, 0, 0, 0, 0, 22)           // of a satoshi
	prefix = append(append(prefix, alice...), 0, 0, 0)            // and the second is worth as much as the extranonce says
	thief := append([]byte{0x75, 33}, make([]byte, 33)...)        // OP_DROP, a key
	thief = append(thief, 0xac)                                   // OP_CHECKSIG
	en1 := []byte{0x12, 0, 0, 0, 0, byte(1 + 7 + len(thief)), 7}  // 3 BTC, to one who pushes the miner's part and drops it
	third := append(make([]byte, 8), make([]byte, 200)...)        // of nothing
	third[8], third[9] = 199, 0x6a                                //
	suffix := append(append(thief, third...), make([]byte, 4)...) // lock time
	suffix = slices.Clip(suffix)
	at, ok := work.MakeExtranonce(en1)
	if !ok {
		t.Fatal("extranonce")
	}
	job := jobOf(block, alice)
	job.CoinbasePrefix, job.CoinbaseSuffix, job.Extranonce1, job.Extranonce2Size = prefix, suffix, at, 7

	seven, _ := work.MakeExtranonce([]byte{1, 2, 3, 4, 5, 6, 7})
	paid, err := work.ParseCoinbase(work.AppendCoinbase(nil, prefix, at, seven, suffix))
	if err != nil || paid.Reward != 1+0x12000000 {
		t.Fatalf("the block pays %d, %v", paid.Reward, err)
	}
	zero, _ := work.MakeExtranonce(make([]byte, 7))
	if seen, err := work.ParseCoinbase(work.AppendCoinbase(nil, prefix, zero, zero, suffix)); err != nil || seen.Reward != 1 {
		t.Fatalf("with zeros it pays %d, %v", seen.Reward, err)
	}
	r.probe.Job(job, r.now)
	r.expect("with the fraud", watch.PayoutChanged)
	if !r.pool.Leave() {
		t.Error("miners stay")
	}
}

package sim

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// TestRejections provokes every kind of rejection, after one good share.
func TestRejections(t *testing.T) {
	t.Parallel()
	other, _ := work.MakeExtranonce([]byte{1, 2, 3})
	rows := []struct {
		name   string
		change func(c *client, p *Pool, s *sv1.Submit)
		code   int
		text   string
	}{
		{"good", func(*client, *Pool, *sv1.Submit) {}, 0, ""},
		{"ntime 0 is the job's", func(_ *client, _ *Pool, s *sv1.Submit) { s.NTime = 0 }, 0, ""},
		{"no sixth parameter", func(_ *client, _ *Pool, s *sv1.Submit) { s.HasVersionBits = false }, 0, ""},
		{"unknown job", func(_ *client, _ *Pool, s *sv1.Submit) { s.JobID = []byte("nope") }, 21, "Job not found"},
		{"stale", func(c *client, p *Pool, _ *sv1.Submit) { p.NewBlock(); c.newJob() }, 21, "Stale"},
		{"old job of the same block", func(c *client, p *Pool, _ *sv1.Submit) { p.NewJob(); c.newJob() }, 0, ""},
		{"width", func(_ *client, _ *Pool, s *sv1.Submit) { s.Extranonce2 = other }, 20, "Invalid extranonce2 size"},
		{"time too old", func(_ *client, _ *Pool, s *sv1.Submit) { s.NTime-- }, 20, "Time too old"},
		{"time too new", func(_ *client, _ *Pool, s *sv1.Submit) { s.NTime += 601 }, 20, "Time too new"},
		{"bits outside the mask", func(_ *client, _ *Pool, s *sv1.Submit) { s.VersionBits = 1 }, 20, "Invalid version mask"},
		{"worker", func(_ *client, _ *Pool, s *sv1.Submit) { s.Worker = []byte("v") }, 24, "Unauthorized worker"},
		{"duplicate", func(c *client, _ *Pool, s *sv1.Submit) {
			if code := c.hand(*s); code != 0 {
				c.t.Errorf("the first is refused: %d", code)
			}
		}, 22, "Duplicate share"},
		{"low difficulty", func(c *client, _ *Pool, s *sv1.Submit) { *s = c.solve(0, 0, false) }, 23, "Low difficulty share"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			var last ShareEvent
			p := startPool(t, PoolConfig{OnShare: func(ev ShareEvent) { last = ev }})
			c := ready(t, p)
			s := c.solve(0, 0, true)
			r.change(c, p, &s)
			if code := c.hand(s); code != r.code {
				t.Errorf("code %d, want %d", code, r.code)
			}
			if last.Text != r.text || last.Code != r.code || (r.code == 0) != (last.Outcome == OutcomeAccepted) {
				t.Errorf("the pool booked %+v", last)
			}
			total := p.Ledger().Conn(1)
			if r.code != 0 && total.Rejected[r.code] != 1 {
				t.Errorf("ledger: %+v", total)
			}
		})
	}
}

// TestOrderOfRequests hands shares in before subscribe and before authorize.
func TestOrderOfRequests(t *testing.T) {
	t.Parallel()
	p := startPool(t, PoolConfig{})
	c := dial(t, p)
	en2, _ := work.MakeExtranonce(make([]byte, 8))
	s := sv1.Submit{Worker: []byte("u"), JobID: []byte("1"), Extranonce2: en2, NTime: 1, Nonce: 1}
	if code := c.hand(s); code != sv1.CodeNotSubscribed {
		t.Errorf("before subscribe: %d", code)
	}
	c.subscribe()
	if code := c.hand(s); code != sv1.CodeUnauthorized {
		t.Errorf("before authorize: %d", code)
	}
	if m := c.call("mining.nonsense", ""); sv1.Refusal(m).Code != sv1.CodeOther {
		t.Errorf("unknown method: %s", m.Error)
	}
}

// TestMaskOfTheJob: after a narrower mask the old job's bits are still good,
// and with no version rolling a sixth parameter is not.
func TestMaskOfTheJob(t *testing.T) {
	t.Parallel()
	p := startPool(t, PoolConfig{})
	c := ready(t, p)
	s := c.solve(0x10000000, 0, true)
	p.SetVersionMask(0x00c00000)
	if code := c.hand(s); code != 0 {
		t.Errorf("old job, old bits: %d", code)
	}
	p.NewJob()
	c.newJob()
	if code := c.hand(c.solve(0x10000000, 0, true)); code != sv1.CodeOther {
		t.Errorf("new job, old bits: %d", code)
	}
	without := ready(t, startPool(t, PoolConfig{NoVersionRolling: true}))
	if without.mask != 0 {
		t.Fatalf("granted %s", without.mask)
	}
	s = without.solve(0, 0, true)
	s.HasVersionBits, s.VersionBits = true, 0x2000
	if code := without.hand(s); code != sv1.CodeOther {
		t.Errorf("bits without a mask: %d", code)
	}
}

// TestDifficultyRules hands in shares across changes of difficulty.
func TestDifficultyRules(t *testing.T) {
	t.Parallel()
	for _, rule := range []DifficultyRule{DifficultyTolerant, DifficultyStrict} {
		t.Run(string(rule), func(t *testing.T) {
			t.Parallel()
			p := startPool(t, PoolConfig{DifficultyRule: rule, Difficulty: 1e-5})
			c := ready(t, p)
			easy, hard := c.diff/64, c.diff
			p.SetDifficulty(hard * 64)
			if code := c.hand(c.solve(0, 0, true)); code != 0 {
				t.Errorf("raised in the middle of a job: %d", code)
			}
			p.SetDifficulty(easy)
			for c.diff != easy {
				c.read()
			}
			// A share between the two difficulties.
			var s sv1.Submit
			for start := uint32(1 << 28); ; start = uint32(s.Nonce) + 1 {
				s = c.solve(0, start, true)
				if !hard.Target().Met(c.hash(s)) {
					break
				}
			}
			want := map[DifficultyRule]int{DifficultyTolerant: 0, DifficultyStrict: sv1.CodeLowDifficulty}[rule]
			if code := c.hand(s); code != want {
				t.Errorf("lowered in the middle of a job: %d, want %d", code, want)
			}
		})
	}
}

// hash is the header hash of a share of the present job.
func (c *client) hash(s sv1.Submit) work.Hash {
	coinbase := work.AppendCoinbase(nil, c.job.Coinb1, c.sub.Extranonce1, s.Extranonce2, c.job.Coinb2)
	return work.Header{
		Version: c.mask.Replace(c.job.Version, s.VersionBits), PrevHash: c.job.PrevHash, NTime: s.NTime,
		NBits: c.job.NBits, MerkleRoot: work.MerkleRoot(work.DoubleSHA256(coinbase), c.job.Branches), Nonce: s.Nonce,
	}.Hash()
}

// TestMadeUpBlocks: a share that meets an easy nbits ends the block, once.
func TestMadeUpBlocks(t *testing.T) {
	t.Parallel()
	p := startPool(t, PoolConfig{NBits: 0x207fffff})
	c := ready(t, p)
	first, second := c.solve(0, 0, true), c.solve(0, 1<<30, true)
	height := p.Stats().Height
	key := c.hash(first)
	if code := c.hand(first); code != 0 {
		t.Fatalf("block refused: %d", code)
	}
	if code := c.hand(second); code != sv1.CodeStale {
		t.Errorf("a second share of the ended block: %d", code)
	}
	if c.job.PrevHash != key || !c.job.Clean {
		t.Errorf("the next job is on %s, clean %t; the block was %s", c.job.PrevHash, c.job.Clean, key)
	}
	st := p.Stats()
	if st.Height != height+1 || st.BestBlock != key.String() || st.BlocksAccepted != 1 || p.Ledger().Blocks() != 1 {
		t.Errorf("%+v", st)
	}
}

// TestBlockInterval: blocks of others come by the clock.
func TestBlockInterval(t *testing.T) {
	t.Parallel()
	p := startPool(t, PoolConfig{BlockInterval: 100 * time.Millisecond})
	c := ready(t, p)
	prev := c.job.PrevHash
	for range 3 {
		c.newJob()
		if c.job.PrevHash == prev || !c.job.Clean {
			t.Errorf("job %s on %s, clean %t", c.job.JobID, c.job.PrevHash, c.job.Clean)
		}
		prev = c.job.PrevHash
	}
}

// TestTooManyWorkers: a login past the bound is refused, not granted and then
// disowned.
func TestTooManyWorkers(t *testing.T) {
	t.Parallel()
	c := dial(t, startPool(t, PoolConfig{}))
	for i := range maxWorkers + 1 {
		c.write(fmt.Sprintf(`{"id":%d,"method":"mining.authorize","params":["u.%d","x"]}`, i+1, i))
		line, _ := c.line()
		if granted := strings.Contains(line, `"result":true`); granted != (i < maxWorkers) {
			t.Fatalf("login %d: %s", i+1, line)
		}
	}
}

package hub_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/vardiff"
	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// easy is the least difficulty that vardiff gives: four hashes a share.
const easy work.Difficulty = 1.0 / (1 << 30)

// judge is what a pool that looks at shares has seen.
type judge struct {
	// reading is how it reads version bits.
	reading work.VersionReading

	mu       sync.Mutex
	seen     map[work.Hash]bool
	accepted int
	refused  []string
}

// posed is a job as one connection was given it.
type posed struct {
	notify sv1.Notify
	en1    work.Extranonce
	size   int
	diff   work.Difficulty
	block  int
}

// verdict judges a share by the job that this connection was given, as a pool
// does that knows nothing of the proxy.
func (c *poolConn) verdict(s *sv1.Submit) string {
	j := c.pool.judge
	c.mu.Lock()
	job, let := c.jobs[string(s.JobID)], c.let[string(s.Worker)]
	var p posed
	if job != nil {
		p = *job
	}
	stale := p.block < c.block
	c.mu.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	reply := "true"
	switch hash := p.hash(s, c.pool.mask, j.reading); {
	case !let:
		reply = `[24,"Unauthorized worker",null]`
	case job == nil:
		reply = `[21,"Job not found",null]`
	case s.Extranonce2.Len() != p.size:
		reply = `[20,"Invalid extranonce2 size",null]`
	case stale:
		reply = `[21,"Stale share",null]`
	case s.NTime < p.notify.NTime:
		reply = `[20,"Ntime out of range",null]`
	case j.seen[hash]:
		reply = `[22,"Duplicate share",null]`
	case !p.diff.Target().Met(hash):
		reply = `[23,"Low difficulty share",null]`
	default:
		if j.seen == nil {
			j.seen = make(map[work.Hash]bool)
		}
		j.seen[hash] = true
		j.accepted++
		return reply
	}
	j.refused = append(j.refused, reply)
	return reply
}

// hash is the header's that the pool builds of a share.
func (p *posed) hash(s *sv1.Submit, mask work.VersionMask, reading work.VersionReading) work.Hash {
	n := &p.notify
	version := n.Version
	if s.HasVersionBits {
		version = reading.Apply(n.Version, s.VersionBits, mask)
	}
	coinbase := work.AppendCoinbase(nil, n.Coinb1, p.en1, s.Extranonce2, n.Coinb2)
	return work.Header{
		Version: version, PrevHash: n.PrevHash, NTime: s.NTime, NBits: n.NBits, Nonce: s.Nonce,
		MerkleRoot: work.MerkleRoot(work.DoubleSHA256(coinbase), n.Branches),
	}.Hash()
}

// tally is how many shares the pool took, and what it said of the others.
func (p *fakePool) tally() (accepted int, refused []string) {
	p.judge.mu.Lock()
	defer p.judge.mu.Unlock()
	return p.judge.accepted, p.judge.refused
}

// built is the hash of the header that the pool builds of the share with a
// nonce, and the connection that the share came by; nil if it did not come, or
// by one that was not given its job.
func (p *fakePool) built(nonce work.Nonce) (by *poolConn, hash work.Hash) {
	for _, c := range p.all() {
		c.mu.Lock()
		for i := range c.came {
			s := &c.came[i]
			if job := c.jobs[string(s.JobID)]; job != nil && s.Nonce == nonce {
				by, hash = c, job.hash(s, p.mask, p.judge.reading)
			}
		}
		c.mu.Unlock()
	}
	return by, hash
}

// sharedPool is a pool that judges shares, and whose difficulty is that of all
// miners unless a test says otherwise.
func sharedPool(name string) *fakePool {
	p := goodPool(name)
	p.diff, p.judge, p.unique = easy, new(judge), true
	return p
}

// buildShared is build with a shared route whose miners have the least
// difficulty.
func buildShared(t *testing.T, pools []*fakePool, change func(*hub.Config)) *house {
	t.Helper()
	return build(t, pools, func(c *hub.Config) {
		shareAll(c)
		if change != nil {
			change(c)
		}
	})
}

// shareAll makes the route a shared one with the least difficulty.
func shareAll(c *hub.Config) {
	c.Routes[0].Shared = true
	c.Routes[0].Vardiff = func(string) vardiff.Config { return vardiff.Config{Fixed: easy} }
}

// logText is what was logged.
type logText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// count is how many times the log has a text.
func (l *logText) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

// bring is a miner that negotiates, subscribes and authorizes.
func (h *house) bring(id uint64, login string) *guest {
	h.t.Helper()
	g := h.join(id)
	g.ask(mining.Request{Kind: mining.Negotiate, VersionMask: 0xffffffff})
	if a := g.open(); a.Verdict != mining.Accepted {
		h.t.Fatalf("%s: open: %+v, closed with %q", login, a, g.reason())
	}
	if a := g.authorize(login); a.Verdict != mining.Accepted {
		h.t.Fatalf("%s: authorize: %v, closed with %q", login, a.Verdict, g.reason())
	}
	return g
}

// assigned is how the newest work was given.
func (g *guest) assigned() mining.Assignment {
	g.newest()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.terms[len(g.terms)-1]
}

// search finds a share of a work whose hash's difficulty is within bounds; no
// share comes twice.
func (g *guest) search(w *mining.Work, least, below work.Difficulty) mining.Share {
	g.house.t.Helper()
	en2, _ := work.MakeExtranonce(make([]byte, g.told.Extranonce2Size))
	return g.seek(w, mining.Share{Job: w.ID, Known: true, Extranonce2: en2, NTime: w.NTime}, least, below)
}

// seek is search for a share whose nonce alone is to be found.
func (g *guest) seek(w *mining.Work, s mining.Share, least, below work.Difficulty) mining.Share {
	g.house.t.Helper()
	header, enough, tooMuch := g.header(w, &s), least.Target(), below.Target()
	for range 1 << 22 {
		g.tried++
		s.Nonce = g.tried
		header.Nonce = s.Nonce
		hash := header.Hash()
		if enough.Met(hash) && !tooMuch.Met(hash) {
			return s
		}
	}
	g.house.t.Fatalf("no share of %v to %v was found", least, below)
	return s
}

// hash is of the header that the miner builds.
func (g *guest) hash(w *mining.Work, s *mining.Share) work.Hash {
	h := g.header(w, s)
	return h.Hash()
}

// header is what the miner builds of what it was told.
func (g *guest) header(w *mining.Work, s *mining.Share) work.Header {
	version := w.Job.Version
	if s.HasVersionBits {
		version = work.MaskBIP320.Replace(version, s.VersionBits)
	}
	coinbase := work.AppendCoinbase(nil, w.Prefix, g.told.Extranonce1, s.Extranonce2, w.Job.CoinbaseSuffix)
	return work.Header{
		Version: version, PrevHash: w.Job.PrevHash, NTime: s.NTime, NBits: w.Job.NBits, Nonce: s.Nonce,
		MerkleRoot: work.MerkleRoot(work.DoubleSHA256(coinbase), w.Job.Branches),
	}
}

// hand hands in a share.
func (g *guest) hand(login string, s mining.Share) mining.Answer {
	return g.ask(mining.Request{Kind: mining.Submit, Worker: g.workers[login], Share: s})
}

// mine finds a share of the newest work at the difficulty that it was given
// with, and hands it in.
func (g *guest) mine(login string) mining.Answer {
	g.house.t.Helper()
	a := g.assigned()
	return g.hand(login, g.search(a.Work, a.Difficulty, impossible))
}

// impossible is a difficulty that no search here reaches.
const impossible work.Difficulty = 1 << 40

// pass lets time pass and everything settle.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// shared is the pool's first connection after its probe's.
func (p *fakePool) shared() *poolConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.conns) < 2 {
		panic("pool " + p.name + " has no shared connection")
	}
	return p.conns[1]
}

// block makes the pool's connections give a job of a new block.
func (p *fakePool) block() {
	p.mu.Lock()
	p.prev++
	conns := p.conns
	p.mu.Unlock()
	for _, c := range conns {
		c.notify(true)
	}
	synctest.Wait()
}

// job makes the pool's connections give a job of the same block.
func (p *fakePool) job() {
	p.mu.Lock()
	conns := p.conns
	p.mu.Unlock()
	for _, c := range conns {
		c.notify(false)
	}
	synctest.Wait()
}

// expectBooks compares what the ledger has in total.
func (h *house) expectBooks(what string, ours, pools map[mining.Verdict]uint64) {
	h.t.Helper()
	total := h.books.Snapshot(time.Now()).Total.Tally
	for _, v := range mining.Verdicts() {
		if got := total.Ours.Of(v); got != ours[v] {
			h.t.Errorf("%s: %d shares are %v by our word, want %d", what, got, v, ours[v])
		}
		if got := total.Pools.Of(v); got != pools[v] {
			h.t.Errorf("%s: %d shares are %v by the pool's word, want %d", what, got, v, pools[v])
		}
	}
}

// live lets minutes pass with a job in each, so that no link ends for silence.
func (p *fakePool) live(minutes int) {
	for range minutes {
		pass(time.Minute)
		p.job()
	}
}

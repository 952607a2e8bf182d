package hub_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/steer"
	"github.com/loka/stratum/internal/testkit"
	"github.com/loka/stratum/internal/wire"
	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakePool is a scripted pool: it answers as its fields say and remembers
// what it was asked. It speaks the real codec over in-memory connections.
type fakePool struct {
	name    string
	refuse  atomic.Bool   // the dial fails
	slow    time.Duration // the dial takes that long
	en1     string
	en2Size int
	mask    work.VersionMask
	diff    work.Difficulty
	// authorize answers a login; nil accepts. An empty answer is silence.
	authorize func(user string) string
	// submit answers a share; nil accepts. An empty answer is silence.
	submit func(s sv1.Submit) string
	// noJob withholds the job that follows the subscribe reply.
	noJob bool
	// lateMask makes the answer to mining.configure come after the first job.
	lateMask bool

	mu      sync.Mutex
	conns   []*poolConn
	logins  []sv1.Authorize
	submits []sv1.Submit
	jobs    int
}

// poolConn is one connection of a fakePool.
type poolConn struct {
	net.Conn

	pool *fakePool
	mu   sync.Mutex
	ids  map[string]string // by job and nonce: the submit's id
	// configured is the id of a configure whose answer is to come late.
	configured []byte
}

func (p *fakePool) dial() (net.Conn, error) {
	time.Sleep(p.slow)
	if p.refuse.Load() {
		return nil, errors.New("connection refused")
	}
	ours, theirs := testkit.Pipe()
	c := &poolConn{Conn: theirs, pool: p, ids: make(map[string]string)}
	p.mu.Lock()
	p.conns = append(p.conns, c)
	p.mu.Unlock()
	go c.run()
	return ours, nil
}

func (c *poolConn) run() {
	r := sv1.NewReader(c, 1<<16)
	for {
		line, err := r.ReadLine()
		if err != nil {
			_ = c.Close()
			return
		}
		var m sv1.Message
		if err := m.Scan(line); err != nil {
			panic(err)
		}
		c.answer(&m)
	}
}

func (c *poolConn) answer(m *sv1.Message) {
	p := c.pool
	switch sv1.ParseMethod(m.Method) {
	case sv1.MethodConfigure:
		if p.lateMask {
			c.configured = slices.Clone(m.ID)
			return
		}
		c.grant(m.ID)
	case sv1.MethodSubscribe:
		en1, _ := work.ParseExtranonce([]byte(p.en1))
		c.say(string((&sv1.SubscribeReply{Session: []byte("1"), Extranonce1: en1, Extranonce2Size: p.en2Size}).Append(nil, m.ID)))
		if !p.noJob {
			c.setDifficulty(p.diff)
			c.notify(true)
		}
		if c.configured != nil {
			c.grant(c.configured)
		}
	case sv1.MethodAuthorize:
		var a sv1.Authorize
		_ = a.Decode(m.Params)
		a.User, a.Password = slices.Clone(a.User), slices.Clone(a.Password)
		p.mu.Lock()
		p.logins = append(p.logins, a)
		p.mu.Unlock()
		reply := "true"
		if p.authorize != nil {
			reply = p.authorize(string(a.User))
		}
		c.result(m.ID, reply)
	case sv1.MethodSubmit:
		var s sv1.Submit
		_ = s.Decode(m.Params)
		s.Worker, s.JobID = slices.Clone(s.Worker), slices.Clone(s.JobID)
		p.mu.Lock()
		p.submits = append(p.submits, s)
		p.mu.Unlock()
		c.mu.Lock()
		c.ids[s.Nonce.String()] = string(m.ID)
		c.mu.Unlock()
		reply := "true"
		if p.submit != nil {
			reply = p.submit(s)
		}
		c.result(m.ID, reply)
	default: // a link says nothing else
	}
}

// result answers with true, or with an error array; an empty one is silence.
func (c *poolConn) result(id []byte, reply string) {
	switch reply {
	case "":
	case "true":
		c.say(string(sv1.AppendTrue(nil, id)))
	default:
		c.say(`{"id":` + string(id) + `,"result":null,"error":` + reply + "}\n")
	}
}

// late answers the submit with the nonce now.
func (c *poolConn) late(nonce work.Nonce, reply string) {
	c.mu.Lock()
	id := c.ids[nonce.String()]
	c.mu.Unlock()
	c.result([]byte(id), reply)
}

func (c *poolConn) say(line string) {
	if _, err := c.Write([]byte(line)); err != nil {
		return // the link is gone; its own end is what tests look at
	}
}

func (c *poolConn) grant(id []byte) {
	c.say(string((&sv1.ConfigureReply{VersionRolling: sv1.GrantYes, VersionMask: c.pool.mask}).Append(nil, id)))
}

func (c *poolConn) setDifficulty(d work.Difficulty) {
	c.say(string((&sv1.SetDifficulty{Difficulty: d}).Append(nil)))
}

func (c *poolConn) setExtranonce(en1 string, size int) {
	e, _ := work.ParseExtranonce([]byte(en1))
	c.say(string((&sv1.SetExtranonce{Extranonce1: e, Extranonce2Size: size, HasSize: true}).Append(nil)))
}

func (c *poolConn) notify(clean bool) {
	c.pool.mu.Lock()
	c.pool.jobs++
	n := sv1.Notify{
		JobID:  []byte{'j', byte('a' + c.pool.jobs%26), byte('a' + c.pool.jobs/26%26)},
		Coinb1: []byte("coinbase one "), Coinb2: []byte(" coinbase two"),
		Version: 0x20000000, NBits: 0x1703a30c, NTime: work.NTime(1_700_000_000 + c.pool.jobs),
		Clean: clean, CleanKnown: true,
	}
	c.pool.mu.Unlock()
	c.say(string(n.Append(nil)))
}

// last is the pool's newest connection: a miner's link, once there is one
// after the probe.
func (p *fakePool) last() *poolConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conns[len(p.conns)-1]
}

func (p *fakePool) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}

func (p *fakePool) submitted() []sv1.Submit {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.submits)
}

// users are the names that asked to be authorized, in order.
func (p *fakePool) users() (names []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.logins {
		names = append(names, string(a.User))
	}
	return names
}

// fakePeer is a miner's connection that remembers what it was given.
type fakePeer struct {
	mu      sync.Mutex
	works   []*mining.Work
	terms   []mining.Assignment // works, as they were given
	answers map[uint64]mining.Answer
	closed  mining.Reason
	// follows says whether the miner takes a changed extranonce.
	follows bool
	en1     work.Extranonce
	en2Size int
	sets    int
}

func (p *fakePeer) Work(a mining.Assignment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.works, p.terms = append(p.works, a.Work), append(p.terms, a)
}

// given is how many works the miner was given.
func (p *fakePeer) given() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.works)
}

func (p *fakePeer) Answer(a mining.Answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, twice := p.answers[a.Ticket]; twice {
		panic("a ticket is answered twice")
	}
	p.answers[a.Ticket] = a
}

func (p *fakePeer) SetExtranonce(en1 work.Extranonce, size int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.follows {
		p.en1, p.en2Size, p.sets = en1, size, p.sets+1
	}
	return p.follows
}

func (p *fakePeer) Close(reason mining.Reason) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed == "" {
		p.closed = reason
	}
}

// house is a hub with its pools, in a synctest bubble.
type house struct {
	t     *testing.T
	hub   *hub.Hub
	books *ledger.Ledger
	pools map[string]*fakePool
}

// build makes a hub of the pools, with one route over all of them unless
// change says otherwise, and runs it until the test ends.
func build(t *testing.T, pools []*fakePool, change func(*hub.Config)) *house {
	t.Helper()
	return buildWith(t, pools, nil, change)
}

// buildWith is build with a logger.
func buildWith(t *testing.T, pools []*fakePool, log *slog.Logger, change func(*hub.Config)) *house {
	t.Helper()
	h := &house{t: t, books: ledger.New(ledger.Config{}, time.Now()), pools: make(map[string]*fakePool)}
	template, err := mining.ParseTemplate(mining.DefaultTemplate)
	if err != nil {
		t.Fatal(err)
	}
	cfg := hub.Config{UserAgent: "loka/test", VersionMask: work.MaskBIP320}
	r := hub.RouteConfig{Name: "farm", Worker: template}
	for _, p := range pools {
		h.pools[p.name] = p
		cfg.Pools = append(cfg.Pools, hub.PoolConfig{
			Name: p.name, Endpoint: dial.Endpoint{Host: p.name, Port: 3333},
			Account: "ACC-" + p.name, Password: "pool-secret",
		})
		r.Pools = append(r.Pools, p.name)
	}
	cfg.Routes = []hub.RouteConfig{r}
	if change != nil {
		change(&cfg)
	}
	h.hub, err = hub.New(cfg, hub.Deps{
		Ledger: h.books,
		Dial: func(_ context.Context, e dial.Endpoint) (net.Conn, error) {
			return h.pools[e.Host].dial()
		},
		Wire: wire.Config{MaxLine: 1 << 20}, Logger: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.hub.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("hub: %v", err)
		}
	})
	synctest.Wait()
	return h
}

// guest is a miner at the house.
type guest struct {
	*fakePeer

	house   *house
	miner   *mining.Miner
	ticket  uint64
	workers map[string]*mining.Worker
}

func (h *house) join(id uint64) *guest {
	g := &guest{
		fakePeer: &fakePeer{answers: make(map[uint64]mining.Answer)}, house: h,
		miner: &mining.Miner{ID: mining.MinerID(id), Listener: "0.0.0.0:3333"}, workers: make(map[string]*mining.Worker),
	}
	h.hub.Join(g.miner, g.fakePeer)
	return g
}

// ask makes a request and returns its answer after everything has settled;
// a Pending one is still open.
func (g *guest) ask(req mining.Request) mining.Answer {
	g.ticket++
	req.Ticket = g.ticket
	a := g.house.hub.Booked(g.house.hub).Handle(g.miner, &req)
	synctest.Wait()
	if a.Verdict == mining.Pending {
		return g.answer(g.ticket)
	}
	return a
}

// answer is the answer of a ticket, Pending while there is none.
func (g *guest) answer(ticket uint64) mining.Answer {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.answers[ticket]
}

func (g *guest) open() mining.Answer {
	return g.ask(mining.Request{Kind: mining.Open, UserAgent: "test/1"})
}

func (g *guest) authorize(login string) mining.Answer {
	w := mining.NewWorker(login)
	a := g.ask(mining.Request{Kind: mining.Authorize, Worker: w, Password: "miner-secret"})
	g.workers[login] = w
	return a
}

// submit hands in a share of the newest work.
func (g *guest) submit(login string, nonce work.Nonce, en2 work.Extranonce) mining.Answer {
	return g.ask(mining.Request{Kind: mining.Submit, Worker: g.workers[login], Share: mining.Share{
		Job: g.newest().ID, Known: true, Extranonce2: en2, NTime: g.newest().NTime, Nonce: nonce,
	}})
}

func (g *guest) newest() *mining.Work {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.works) == 0 {
		g.house.t.Fatal("the miner has no work")
	}
	return g.works[len(g.works)-1]
}

func (g *guest) reason() mining.Reason {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed
}

// leave lets the miner go, as the end of its connection does.
func (g *guest) leave() {
	g.house.hub.Leave(g.miner)
	synctest.Wait()
}

func hex(t *testing.T, text string) work.Extranonce {
	t.Helper()
	e, err := work.ParseExtranonce([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// anyone is a rule that every miner matches.
var anyone = steer.Rule{}

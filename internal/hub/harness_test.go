package hub_test

import (
	"cmp"
	"context"
	"flag"
	"log/slog"
	"net"
	"sync"
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
	"github.com/loka/stratum/work"
)

// TestMain draws fewer samples than rapid does by itself, for each is a house with
// all its pools; more come with -rapid.checks (make thorough).
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "20"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
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
	// gathers is what Gather said last.
	gathers bool
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

func (p *fakePeer) Gather(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gathers == on {
		panic("what is gathered is gathered twice, or let go twice")
	}
	p.gathers = on
}

func (p *fakePeer) Follows() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
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
	cfg   hub.Config
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
	return buildHub(t, pools, hub.Deps{Logger: log}, change)
}

// poolSecret is our password at pools. Nobody may hear it but they.
const poolSecret = testkit.Canary + "pool"

// buildHub is build with a logger, metrics or a ledger.
func buildHub(t *testing.T, pools []*fakePool, deps hub.Deps, change func(*hub.Config)) *house {
	t.Helper()
	h := &house{t: t, books: cmp.Or(deps.Ledger, ledger.New(ledger.Config{}, time.Now())), pools: make(map[string]*fakePool)}
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
			Account: "ACC-" + p.name, Password: poolSecret,
		})
		r.Pools = append(r.Pools, p.name)
	}
	cfg.Routes = []hub.RouteConfig{r}
	if change != nil {
		change(&cfg)
	}
	deps.Logger = testkit.OverhearLog(t, slog.LevelDebug, deps.Logger)
	deps.Ledger, deps.Wire = h.books, wire.Config{MaxLine: 64 << 10}
	deps.Dial = func(_ context.Context, e dial.Endpoint) (net.Conn, error) { return h.pools[e.Host].dial() }
	h.cfg = cfg
	h.hub, err = hub.New(cfg, deps)
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
	// told is the answer to the newest open, and tried the nonce that was
	// looked at last.
	told   mining.Answer
	opened uint64 // its ticket
	tried  work.Nonce
	// refused are the logins that were not let in.
	refused map[string]bool
}

func (h *house) join(id uint64) *guest {
	return h.joinBy(id, mining.Arrival{Listener: "0.0.0.0:3333"})
}

func (h *house) joinBy(id uint64, arrival mining.Arrival) *guest {
	g := &guest{
		fakePeer: &fakePeer{answers: make(map[uint64]mining.Answer)}, house: h,
		miner: &mining.Miner{ID: mining.MinerID(id), Arrival: arrival}, workers: make(map[string]*mining.Worker),
		refused: make(map[string]bool),
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
	g.house.hub.Flush(g.miner)
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
	g.opened = g.ticket + 1
	g.told = g.ask(mining.Request{Kind: mining.Open, UserAgent: "test/1"})
	return g.told
}

func (g *guest) authorize(login string) mining.Answer {
	return g.authorizeBy(login, testkit.Canary+"miner")
}

func (g *guest) authorizeBy(login string, password mining.Secret) mining.Answer {
	w := mining.NewWorker(login)
	a := g.ask(mining.Request{Kind: mining.Authorize, Worker: w, Password: password})
	g.workers[login] = w
	g.refused[login] = a.Verdict != mining.Accepted
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

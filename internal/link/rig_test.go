package link_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/testkit"
	"github.com/loka/stratum/internal/upstream"
	"github.com/loka/stratum/work"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	configure  = `{"id":1,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"1fffe000"}]}`
	subscribe2 = `{"id":2,"method":"mining.subscribe","params":["loka/1"]}`
	subscribe1 = `{"id":1,"method":"mining.subscribe","params":["loka/1"]}`
	granted    = `{"id":1,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null}`
	ckpool1    = `{"result":[[["mining.notify","66d5a1b0"]],"66d5a1b0",8],"id":1,"error":null}`
	ckpool2    = `{"result":[[["mining.notify","66d5a1b0"]],"66d5a1b0",8],"id":2,"error":null}`
	difficulty = `{"id":null,"method":"mining.set_difficulty","params":[16]}`
	notify     = `{"id":null,"method":"mining.notify","params":["a","0000000000000000000000000000000000000000000000000000000000000001","01","ff",[],"20000000","1d00ffff","504e86ed",true]}`
)

// fakePool is the far end of a connection: a script speaks and listens.
type fakePool struct {
	t    *testing.T
	conn *testkit.Conn
	in   *bufio.Reader
}

func newFakePool(t *testing.T) (*fakePool, net.Conn) {
	t.Helper()
	near, far := testkit.Pipe()
	return &fakePool{t: t, conn: far, in: bufio.NewReader(far)}, near
}

func (p *fakePool) say(lines ...string) {
	p.t.Helper()
	if _, err := p.conn.Write([]byte(strings.Join(lines, "\n") + "\n")); err != nil {
		p.t.Errorf("pool cannot speak: %v", err)
	}
}

func (p *fakePool) hear() string {
	p.t.Helper()
	line, err := p.in.ReadString('\n')
	if err != nil {
		p.t.Errorf("pool hears %q, %v", line, err)
	}
	return strings.TrimSuffix(line, "\n")
}

func (p *fakePool) want(lines ...string) {
	p.t.Helper()
	for _, want := range lines {
		if got := p.hear(); got != want {
			p.t.Errorf("pool hears %s, want %s", got, want)
		}
	}
}

// wantEnd checks that nothing more comes but the end.
func (p *fakePool) wantEnd() {
	p.t.Helper()
	if rest, err := io.ReadAll(p.in); len(rest) != 0 || err != nil {
		p.t.Errorf("pool hears %q, %v, want the end", rest, err)
	}
	_ = p.conn.Close()
}

// record is a link's Events.
type record struct {
	mu     sync.Mutex
	events []upstream.Event
	ends   []mining.Reason
	err    error
	on     func(*link.Link, upstream.Event)
}

func (r *record) LinkEvent(l *link.Link, ev upstream.Event) {
	r.mu.Lock()
	if len(r.ends) > 0 {
		panic("an event after the end")
	}
	r.events = append(r.events, ev)
	on := r.on
	r.mu.Unlock()
	if on != nil {
		on(l, ev)
	}
}

func (*record) LinkRead(*link.Link) {}

func (r *record) LinkEnded(_ *link.Link, reason mining.Reason, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ends, r.err = append(r.ends, reason), err
}

// all returns what came so far, once nobody has anything left to do.
func (r *record) all() []upstream.Event {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]upstream.Event(nil), r.events...)
}

func (r *record) of(kind upstream.EventKind) []upstream.Event {
	var some []upstream.Event
	for _, ev := range r.all() {
		if ev.Kind == kind {
			some = append(some, ev)
		}
	}
	return some
}

// rig is a link under test, its pool, and what came of it.
type rig struct {
	*record

	t      *testing.T
	pool   *fakePool
	link   *link.Link
	cancel context.CancelFunc
	done   chan mining.Reason
	began  time.Time
	count  counts
}

func testConfig() link.Config {
	return link.Config{ID: 7, Pool: "main", UserAgent: "loka/1"}
}

// newRig starts a link over a connection in memory; it is called in a bubble.
func newRig(t *testing.T, cfg link.Config, more ...func(*link.Deps)) *rig {
	t.Helper()
	r := &rig{record: &record{}, t: t, done: make(chan mining.Reason, 1), began: time.Now()}
	pool, near := newFakePool(t)
	r.pool = pool
	deps := link.Deps{
		Dial:    func(context.Context, dial.Endpoint) (net.Conn, error) { return near, nil },
		Events:  r.record,
		Metrics: r.count.metrics(),
	}
	for _, m := range more {
		m(&deps)
	}
	r.link = link.New(cfg, deps)
	ctx, cancel := context.WithCancel(t.Context())
	r.cancel = cancel
	go func() { r.done <- r.link.Run(ctx) }()
	return r
}

// steady does the handshake without version rolling and gives a job.
func (r *rig) steady() *mining.Job {
	r.t.Helper()
	r.pool.want(subscribe1)
	r.pool.say(ckpool1, difficulty, notify)
	jobs := r.of(upstream.Job)
	if len(jobs) != 1 {
		r.t.Fatalf("%d jobs came", len(jobs))
	}
	return jobs[0].Job
}

// wantEnd waits for the link's end and checks that it is one, and this one.
func (r *rig) wantEnd(want mining.Reason) {
	r.t.Helper()
	got := <-r.done
	r.cancel()
	r.mu.Lock()
	defer r.mu.Unlock()
	if got != want || len(r.ends) != 1 || r.ends[0] != want {
		r.t.Errorf("ended with %s and %v (%v), want %s", got, r.ends, r.err, want)
	}
	if r.count.closed[want].n != 1 {
		r.t.Errorf("%s counted %d times", want, r.count.closed[want].n)
	}
}

func share(j *mining.Job, tag uint64) upstream.Submit {
	en2, _ := work.MakeExtranonce(make([]byte, 8))
	return upstream.Submit{Job: j, Worker: "acct.rig1", Extranonce2: en2, NTime: j.NTime, Nonce: work.Nonce(tag), Tag: tag}
}

// counter counts for tests.
type counter struct {
	mu  sync.Mutex
	n   int
	sum float64
}

func (c *counter) Inc() { c.Observe(0) }

func (c *counter) Observe(v float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	c.sum += v
}

type counts struct {
	rtt, bad, unanswered, late counter
	closed                     map[mining.Reason]*counter
}

func (c *counts) metrics() *link.Metrics {
	m := &link.Metrics{
		RTT: &c.rtt, BadLines: &c.bad, Unanswered: &c.unanswered, Late: &c.late,
		Closed: map[mining.Reason]link.Counter{},
	}
	c.closed = map[mining.Reason]*counter{}
	for _, reason := range mining.Reasons(mining.Upstream) {
		c.closed[reason] = &counter{}
		m.Closed[reason] = c.closed[reason]
	}
	return m
}

var errNoRoute = errors.New("no route to host")

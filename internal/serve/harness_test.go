package serve

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/loka/stratum/internal/downstream"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/testkit"
	"github.com/loka/stratum/work"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	difficulty = `{"id":null,"method":"mining.set_difficulty","params":[1024]}`
	// password is every miner's. No log may say it.
	password = testkit.Canary + "miner"
)

// house is a scripted House and Handler in one. It notes what it must not
// see: a request before Join or after Leave, a second Join or Leave.
type house struct {
	t *testing.T
	// handle answers requests; nil grants all.
	handle func(c *Conn, req *mining.Request) mining.Answer
	// silent makes Open give no work.
	silent bool

	mu    sync.Mutex
	conns map[mining.MinerID]*Conn // joined and not left
	left  int
	asked []mining.RequestKind
	// strangers counts the shares of nobody that was let in.
	strangers int
	// refused are the shares that never became a request.
	refused []mining.Verdict
	// waiting are the tickets answered with Pending, by grant's order.
	waiting []mining.Request
}

func (h *house) Join(m *mining.Miner, c *Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conns[m.ID] != nil {
		h.t.Errorf("miner %v joins twice", m.ID)
	}
	m.Seat = c
	h.conns[m.ID] = c
}

func (h *house) Leave(m *mining.Miner) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conns[m.ID] == nil {
		h.t.Errorf("miner %v leaves, but is not here", m.ID)
	}
	delete(h.conns, m.ID)
	h.left++
}

func (*house) Flush(*mining.Miner) {}

func (h *house) Refused(m *mining.Miner, _ *mining.Worker, v mining.Verdict) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conns[m.ID] == nil {
		h.t.Errorf("a share of miner %v, who is not here", m.ID)
	}
	h.refused = append(h.refused, v)
}

func (h *house) Handle(m *mining.Miner, req *mining.Request) mining.Answer {
	c, _ := m.Seat.(*Conn)
	h.mu.Lock()
	if h.conns[m.ID] != c || c == nil {
		h.t.Errorf("%v of miner %v, who is not here", req.Kind, m.ID)
	}
	stranger := req.Kind == mining.Submit && req.Worker == nil
	told := stranger || req.Kind == mining.Suggest // not asked
	if !told {
		h.asked = append(h.asked, req.Kind)
	}
	if stranger {
		h.strangers++
	}
	h.mu.Unlock()
	if told {
		return mining.Answer{}
	}
	if h.handle != nil {
		return h.handle(c, req)
	}
	return h.grant(c, req)
}

// grant says yes, and gives the first work with the answer to an Open.
func (h *house) grant(c *Conn, req *mining.Request) mining.Answer {
	a := mining.Answer{Ticket: req.Ticket, Verdict: mining.Accepted}
	switch req.Kind {
	case mining.Negotiate:
		a.VersionMask = req.VersionMask & work.MaskBIP320
	case mining.Open:
		if !h.silent {
			c.Work(assigned(someWork(1)))
		}
		a.Extranonce1, _ = work.MakeExtranonce([]byte{8, 0, 0, 2})
		a.Extranonce2Size = 4
	case mining.Authorize, mining.Submit, mining.Suggest:
	}
	return a
}

// pend keeps the request for answer.
func (h *house) pend(_ *Conn, req *mining.Request) mining.Answer {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiting = append(h.waiting, *req)
	return mining.Answer{Verdict: mining.Pending}
}

// pending is the number of requests that wait.
func (h *house) pending() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.waiting)
}

// answer grants the i-th request that waits.
func (h *house) answer(c *Conn, i int) {
	h.mu.Lock()
	req := h.waiting[i]
	h.waiting = append(h.waiting[:i:i], h.waiting[i+1:]...)
	h.mu.Unlock()
	c.Answer(h.grant(c, &req))
}

// rig is a server with its house.
type rig struct {
	t      *testing.T
	house  *house
	server *Server
	cancel context.CancelCauseFunc
	ctx    context.Context //nolint:containedctx // a test's
	wg     sync.WaitGroup

	mu     sync.Mutex
	closed map[mining.Reason]int
}

// newRig makes a server whose connections are all gone, and whose house is
// empty, when the test ends.
func newRig(t *testing.T, change ...func(*Config)) *rig {
	t.Helper()
	r := &rig{
		t: t, closed: make(map[mining.Reason]int),
		house: &house{t: t, conns: make(map[mining.MinerID]*Conn)},
	}
	r.ctx, r.cancel = context.WithCancelCause(t.Context())
	cfg := Config{Session: downstream.DefaultConfig()}
	for _, c := range change {
		c(&cfg)
	}
	r.server = New(cfg, Deps{House: r.house, Handler: r.house, Logger: testkit.OverhearLog(t, slog.LevelDebug, nil), Metrics: Metrics{
		Closed: func(reason mining.Reason) Counter { return count{r, reason} },
	}})
	t.Cleanup(func() {
		r.cancel(nil)
		r.wg.Wait()
		if n := r.server.Len(); n != 0 || len(r.house.conns) != 0 {
			t.Errorf("%d connections and %d miners are left", n, len(r.house.conns))
		}
		ends := 0
		for _, n := range r.closed {
			ends += n
		}
		if ends != r.house.left {
			t.Errorf("%d ends were counted (%v), %d miners left", ends, r.closed, r.house.left)
		}
	})
	return r
}

// count counts ends by reason.
type count struct {
	rig    *rig
	reason mining.Reason
}

func (c count) Inc() {
	c.rig.mu.Lock()
	defer c.rig.mu.Unlock()
	c.rig.closed[c.reason]++
}

// ended is how many connections ended for the reason.
func (r *rig) ended(reason mining.Reason) int {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed[reason]
}

// miner is the far end of one connection.
type miner struct {
	*testkit.Conn

	r *rig
	// near is our end, whose writes are counted.
	near *testkit.Conn
	conn *Conn
	done chan struct{}
	// broken makes reads of our end fail; see connectBroken.
	broken *atomic.Bool
}

// connect lets a miner in.
func (r *rig) connect() *miner { return r.connectBy(testkit.DefaultBuffer, nil) }

// connectBy lets a miner in over a pipe of this size, wrapped by wrap.
func (r *rig) connectBy(size int, wrap func(net.Conn) net.Conn) *miner {
	r.t.Helper()
	near, far := testkit.PipeSize(size)
	m := &miner{Conn: far, r: r, near: near, done: make(chan struct{})}
	var conn net.Conn = near
	if wrap != nil {
		conn = wrap(near)
	}
	before := r.server.ids.Load()
	r.wg.Add(1)
	r.server.Serve(r.ctx, conn, nil, mining.Arrival{Listener: "0.0.0.0:3333"}, func() {
		close(m.done)
		r.wg.Done()
	})
	synctest.Wait()
	if m.conn = r.server.Find(mining.MinerID(before + 1)); m.conn == nil {
		r.t.Fatal("the connection is not found")
	}
	r.t.Cleanup(func() { _ = far.Close() })
	return m
}

// mining brings a new miner to the point where it submits.
func (r *rig) mining() *miner {
	r.t.Helper()
	m := r.connect()
	m.say(subscribe("1"), authorize("2", "alice"))
	m.expect(m.subscribed("1"), ok("2"), difficulty, notify(1))
	return m
}

// say sends the lines in one segment and waits until all is quiet.
func (m *miner) say(lines ...string) {
	m.r.t.Helper()
	if _, err := m.Write([]byte(strings.Join(lines, "\n") + "\n")); err != nil {
		m.r.t.Fatal(err)
	}
	synctest.Wait()
	m.idle()
}

// idle checks that a connection that says nothing holds no memory to speak.
func (m *miner) idle() {
	m.r.t.Helper()
	synctest.Wait()
	m.conn.mu.Lock()
	defer m.conn.mu.Unlock()
	if m.conn.voice != nil {
		m.r.t.Error("a quiet connection holds a voice")
	}
	if m.conn.reading {
		m.r.t.Error("a quiet connection is in the middle of a read")
	}
}

// heard returns the lines that came since it was asked last.
func (m *miner) heard() []string {
	m.r.t.Helper()
	synctest.Wait()
	var all []byte
	for m.Buffered() > 0 {
		buf := make([]byte, 4096)
		n, err := m.Read(buf)
		all = append(all, buf[:n]...)
		if err != nil {
			m.r.t.Fatal(err)
		}
		synctest.Wait()
	}
	if len(all) == 0 {
		return nil
	}
	whole, isWhole := bytes.CutSuffix(all, []byte{'\n'})
	if !isWhole {
		m.r.t.Errorf("the last line has no end: %q", all)
	}
	return strings.Split(string(whole), "\n")
}

// expect compares what came since it was asked last.
func (m *miner) expect(lines ...string) {
	m.r.t.Helper()
	if diff := cmp.Diff(lines, m.heard()); diff != "" {
		m.r.t.Errorf("heard (-want +got):\n%s", diff)
	}
}

// gone says whether the connection has ended.
func (m *miner) gone() bool {
	synctest.Wait()
	select {
	case <-m.done:
		return true
	default:
		return false
	}
}

// subscribed is the reply to this miner's subscribe.
func (m *miner) subscribed(id string) string {
	return fmt.Sprintf(`{"id":%s,"result":[[["mining.set_difficulty","%08[2]x"],["mining.notify","%08[2]x"]],"08000002",4],"error":null}`,
		id, uint64(m.conn.miner.ID))
}

func ok(id string) string { return `{"id":` + id + `,"result":true,"error":null}` }

func subscribe(id string) string {
	return `{"id":` + id + `,"method":"mining.subscribe","params":["cpuminer/2.5.1"]}`
}

func authorize(id, login string) string {
	return `{"id":` + id + `,"method":"mining.authorize","params":["` + login + `","` + password + `"]}`
}

// submit is a share of the first work.
func submit(id string, nonce uint32) string {
	return fmt.Sprintf(`{"id":%s,"method":"mining.submit","params":["alice","00000001","00000001","504e86ed","%08x"]}`, id, nonce)
}

func someWork(id mining.JobID) *mining.Work {
	return &mining.Work{
		ID: id,
		Job: &mining.Job{
			Pool: "main", Version: 0x20000000, NBits: 0x1d00ffff, NTime: 0x504e86b9,
			CoinbaseSuffix: []byte{0xff, 0xff}, Branches: []work.Hash{{1}, {2}},
		},
		Prefix: []byte{1, 2}, NTime: 0x504e86b9, VersionMask: work.MaskBIP320,
	}
}

// notify is the line that someWork is sent as.
func notify(id mining.JobID) string {
	return strings.TrimSuffix(string(downstream.RenderNotify(nil, someWork(id))), "\n")
}

// assigned is work at the difficulty that these tests mostly use.
func assigned(w *mining.Work) mining.Assignment {
	return mining.Assignment{Work: w, Difficulty: 1024, Clean: w.Clean}
}

package app

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/guard/bans"
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/serve"
	"github.com/loka/stratum/internal/testkit"
	"github.com/loka/stratum/work"
)

// What the sessions of the fuzzer are bounded by.
const (
	// sessionSteps is how many instructions of a program are followed.
	sessionSteps = 160
	// sessionTime is how much time passes in one at most, besides that of the end.
	sessionTime = 10 * time.Minute
	// sessionMiners is how many connections one program has at most.
	sessionMiners = 6
	// sessionCalm is for how many times eight seconds answers may be waited for at the
	// end: as many lines as a program can say take that long by the limits.
	sessionCalm = 30
	// sessionMemory is what all of a process may hold after many programs, in bytes;
	// 100 MiB of it are the fuzzer's own.
	sessionMemory = 256 << 20
)

// sessionConfigs are what a proxy of the fuzzer may be configured by: both modes,
// and both manners of an outage.
var sessionConfigs = func() (all []*config.Config) {
	for _, mode := range []string{"shared", "dedicated"} {
		for _, outage := range []string{"close", "hold"} {
			text := fmt.Sprintf(`
data_dir = "/nowhere"
[vardiff]
min = 1e-9
start = 1e-9
shares_per_minute = 60.0
[[pool]]
name = "main"
url = "stratum+tcp://main.example:3333"
username = "ACCOUNT"
[[pool]]
name = "backup"
url = "stratum+tcp://backup.example:3333"
username = "ACCOUNT"
[[route]]
name = "farm"
mode = %q
pools = ["main", "backup"]
on_outage = %q
`, mode, outage)
			cfg, problems := config.Load([]byte(text), "fuzz.toml", config.Options{})
			if len(problems) > 0 {
				panic(problems)
			}
			all = append(all, cfg)
		}
	}
	return all
}()

// sessionCounts are the counters of all programs of this process.
var sessionCounts = sync.OnceValues(func() (*counts, error) { return newCounts(sessionConfigs[0], "fuzz", scraped{}) })

// sessions are the programs that have run in this process.
var sessions atomic.Uint64

// FuzzSession lets a program drive miners, pools and the clock of a whole proxy in
// memory: the real sessions, pipeline, hub and books. Whatever it does,
//
//   - nothing panics, and every goroutine has its end;
//   - each request with an id has exactly one reply, in order, with that id byte for
//     byte, unless its connection has ended;
//   - between a handshake request and its reply nothing is sent;
//   - all that is sent is JSON, a line each;
//   - a share is in the books once;
//   - what waits for a peer that does not read is bounded.
func FuzzSession(f *testing.F) {
	for _, program := range sessionSeeds() {
		f.Add(program)
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		synctest.Test(t, func(t *testing.T) { newSessionWorld(t, program).run() })
		if sessions.Add(1)%8192 == 0 {
			var m runtime.MemStats
			runtime.GC()
			runtime.GC() // what pools keep goes with the second
			if runtime.ReadMemStats(&m); m.HeapAlloc > sessionMemory {
				t.Fatalf("%d bytes are held after %d programs", m.HeapAlloc, sessions.Load())
			}
		}
	})
}

// sessionWorld is a proxy between its pools and its miners.
type sessionWorld struct {
	t       *testing.T
	program []byte
	hub     *hub.Hub
	server  *serve.Server
	holds   *sessionHolds // nil: nobody asks
	books   *ledger.Ledger
	pools   map[string]*sessionPool
	miners  []*sessionMiner
	at      int           // the miner that is spoken of
	left    time.Duration // of sessionTime
	end     func()
}

func newSessionWorld(t *testing.T, program []byte) *sessionWorld {
	t.Helper()
	w := &sessionWorld{t: t, program: program, left: sessionTime, holds: &sessionHolds{times: make(map[mining.MinerID]int)}}
	kind := w.next()
	// A pool of 3 bytes hands its own extranonce on.
	width := []int{8, 5, 4, 3}[kind>>2&3]
	w.begin(sessionConfigs[int(kind)%len(sessionConfigs)], func() *sessionPool { return &sessionPool{width: width, difficulty: sessionEasy, template: sessionJob} })
	return w
}

// begin has a proxy run that is so configured, before such pools.
func (w *sessionWorld) begin(cfg *config.Config, pool func() *sessionPool) {
	t := w.t
	t.Helper()
	w.pools = make(map[string]*sessionPool)
	for _, p := range cfg.Pools {
		endpoint, err := dial.Parse(p.URL)
		if err != nil {
			t.Fatal(err)
		}
		w.pools[endpoint.Host] = pool()
	}
	hc, err := hubConfig(cfg, "fuzz")
	if err != nil {
		t.Fatal(err)
	}
	counted, err := sessionCounts()
	if err != nil {
		t.Fatal(err)
	}
	w.books = ledger.New(ledger.Config{}, time.Now())
	w.hub, err = hub.New(hc, hub.Deps{
		Dial:   func(_ context.Context, e dial.Endpoint) (net.Conn, error) { return w.pools[e.Host].dial() },
		Ledger: w.books, Wire: wireConfig(poolLine, counted.wire(mining.Upstream)), Metrics: counted.hub(),
	})
	if err != nil {
		t.Fatal(err)
	}
	book := bans.New(bansConfig(cfg), bans.Deps{})
	standing := bans.NewStanding(book)
	guarded, err := newWalk(cfg, w.hub, counted, advisers{gate: book, standing: standing}, nil)
	if err != nil {
		t.Fatal(err)
	}
	deps := serve.Deps{House: house{w.hub, standing}, Handler: guarded.handler(), Watch: guarded.chain, Metrics: counted.serve()}
	if w.holds != nil {
		w.holds.Watch = deps.Watch
		deps.Handler, deps.Watch = w.holds.over(deps.Handler), w.holds
	}
	w.server = serve.New(serveConfig(cfg, counted), deps)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.hub.Run(ctx) }()
	w.end = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("hub: %v", err)
		}
	}
	synctest.Wait()
}

// next is the program's next byte, and 0 once there is none.
func (w *sessionWorld) next() byte {
	if len(w.program) == 0 {
		return 0
	}
	b := w.program[0]
	w.program = w.program[1:]
	return b
}

// run follows the program, lets all come to rest, and looks at what there is.
func (w *sessionWorld) run() {
	for steps := 0; len(w.program) > 0 && steps < sessionSteps && !w.t.Failed(); steps++ {
		w.step(w.next())
		w.settle()
	}
	w.calm()
	w.leave()
	w.book()
	w.over()
}

// leave ends all connections.
func (w *sessionWorld) leave() {
	w.server.CloseAll(mining.Shutdown)
	for _, m := range w.miners {
		_ = m.conn.Close()
		<-m.gone
	}
}

// over ends the proxy.
func (w *sessionWorld) over() {
	w.end()
	if n := w.server.Len(); n != 0 {
		w.t.Errorf("%d connections are left", n)
	}
}

// step does what one instruction says.
func (w *sessionWorld) step(op byte) {
	if op < 0x20 || len(w.miners) == 0 {
		w.worldly(op)
		return
	}
	w.miners[w.at].step(op)
}

// worldly is what befalls the pools, the clock and the whole.
func (w *sessionWorld) worldly(op byte) {
	host := []string{"main.example", "backup.example"}[op>>4&1]
	p := w.pools[host]
	if op >= 0x20 { // there is no miner yet
		op = 0
	}
	switch op & 0xf {
	case 0:
		w.connect()
	case 1:
		if n := len(w.miners); n > 0 {
			w.at = int(w.next()) % n
		}
	case 2:
		w.pass(sessionTimes[int(w.next())%len(sessionTimes)])
	case 3:
		p.job(false)
	case 4:
		p.job(true)
	case 5:
		p.setDifficulty(sessionEasy * work.Difficulty(int(1)<<(w.next()&3)))
	case 6:
		p.setExtranonce(w.next())
	case 7:
		p.say(sessionPoolLines[int(w.next())%len(sessionPoolLines)])
	case 8:
		p.hangUp(w.next()&1 != 0)
	case 9:
		p.answers(sessionMode(w.next()) % sessionModes)
	case 10:
		p.refuses(w.next()&1 != 0)
	case 11:
		w.hub.DrainPool(host[:len(host)-len(".example")], w.next()&1 != 0)
	case 12:
		w.apply(w.next())
	default:
		w.pass(time.Second)
	}
}

// sessionTimes are for how long time may pass.
var sessionTimes = []time.Duration{
	time.Millisecond, 300 * time.Millisecond, time.Second, 2 * time.Second, 11 * time.Second,
	16 * time.Second, 31 * time.Second, 61 * time.Second, 5 * time.Minute,
}

// pass lets time pass, as far as there is some left.
func (w *sessionWorld) pass(d time.Duration) {
	d = min(d, w.left)
	w.left -= d
	w.rest(d)
}

// rest lets time pass; miners take what they are sent.
func (w *sessionWorld) rest(d time.Duration) {
	for ; d > 0; d -= min(d, 10*time.Second) {
		time.Sleep(min(d, 10*time.Second))
		w.settle()
	}
}

// settle lets everything happen that needs no time.
func (w *sessionWorld) settle() {
	synctest.Wait()
	for _, m := range w.miners {
		m.hear()
	}
	for _, c := range w.server.Conns() {
		if s := c.State(); s.Wire.QueuedBytes > queueBytes+minerLine || s.Session.Pending > 1024 {
			w.t.Errorf("%d bytes and %d requests wait for one peer", s.Wire.QueuedBytes, s.Session.Pending)
		}
	}
}

// connect brings a miner.
func (w *sessionWorld) connect() {
	if len(w.miners) == sessionMiners {
		return
	}
	w.at = len(w.miners)
	w.arrive()
}

// arrive is connect without a bound.
func (w *sessionWorld) arrive() *sessionMiner {
	near, far := testkit.Pipe()
	m := &sessionMiner{world: w, conn: far, near: near, gone: make(chan struct{}), known: make(map[string]sessionDue)}
	w.miners = append(w.miners, m)
	m.id = mining.MinerID(len(w.miners)) // they are counted from 1
	w.server.Serve(context.Background(), near, nil, mining.Arrival{Listener: "0.0.0.0:3333"}, func() { close(m.gone) })
	return m
}

// apply puts another configuration in place, as a reload does.
func (w *sessionWorld) apply(which byte) {
	hc, err := hubConfig(sessionConfigs[int(which)%len(sessionConfigs)], "fuzz")
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.hub.Apply(hc); err != nil {
		w.t.Fatal(err)
	}
}

// calm makes the pools well, the miners listen, and waits until all answers have come,
// or for as long as the slowest may take.
func (w *sessionWorld) calm() {
	for _, p := range w.pools {
		p.answers(sessionGrants)
		p.refuses(false)
	}
	for _, m := range w.miners {
		m.deaf = false
	}
	for round := 0; round == 0 || round < sessionCalm && (w.waits() || w.underway()); round++ {
		w.rest(8 * time.Second)
		for _, p := range w.pools {
			p.job(false)
		}
		w.settle()
	}
	for i, m := range w.miners {
		if !m.ended {
			for _, d := range m.due {
				if !d.maybe {
					w.t.Errorf("miner %d: no reply to %q", i, d.line)
				}
			}
		}
	}
}

// waits says that a miner has an answer to come.
func (w *sessionWorld) waits() bool {
	return slices.ContainsFunc(w.miners, func(m *sessionMiner) bool {
		return !m.ended && slices.ContainsFunc(m.due, func(d sessionDue) bool { return !d.maybe })
	})
}

// underway says that a share is on its way whose answer nobody waits for: limits may hold
// one that was sent without an id.
func (w *sessionWorld) underway() bool {
	handed, _, whole := w.shares()
	return whole && w.booked() < handed
}

// shares is how many the miners handed in and were answered, and whether all of them
// are still there.
func (w *sessionWorld) shares() (handed, told uint64, whole bool) {
	whole = true
	for _, m := range w.miners {
		handed, told = handed+m.handed, told+m.told
		whole = whole && !m.ended
	}
	return handed, told, whole
}

// booked is how many shares the books hold.
func (w *sessionWorld) booked() (n uint64) {
	total := w.books.Snapshot(time.Now()).Total.Tally
	for _, v := range mining.Verdicts() {
		n += total.Ours.Of(v)
	}
	return n
}

// book compares what the books hold with what was handed in.
func (w *sessionWorld) book() {
	booked := w.booked()
	handed, told, whole := w.shares()
	if booked < told || booked > handed || whole && booked != handed {
		w.t.Errorf("%d shares are in the books; %d were handed in and %d answered", booked, handed, told)
	}
}

// lines splits off whole lines of what came.
func lines(b []byte) (whole [][]byte, rest []byte) {
	for {
		line, after, ok := bytes.Cut(b, []byte{'\n'})
		if !ok {
			return whole, b
		}
		whole, b = append(whole, line), after
	}
}

package hub_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/downstream"
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/serve"
	"github.com/loka/stratum/internal/testkit"
	"github.com/loka/stratum/internal/wire"
	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// The pool's word on a share, by its nonce.
const (
	fateAccepted = iota
	fateLow
	fateSilence
	fateSlow
	fates
)

// fateful makes a pool judge shares by their nonces.
func fateful(p *fakePool) {
	p.submit = func(s sv1.Submit) string {
		switch s.Nonce % fates {
		case fateLow:
			return `[23,"low",null]`
		case fateSilence:
			return ""
		case fateSlow:
			go func() {
				time.Sleep(time.Duration(s.Nonce%97) * time.Millisecond)
				for _, c := range p.all() {
					if c.owns(s.Nonce) {
						c.late(s.Nonce, "true")
					}
				}
			}()
			return ""
		}
		return "true"
	}
}

// all are the pool's connections so far.
func (p *fakePool) all() []*poolConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]*poolConn(nil), p.conns...)
}

// owns says that a share with the nonce came by this connection.
func (c *poolConn) owns(nonce work.Nonce) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ids[nonce.String()] != ""
}

// lodger lets real sessions into the hub.
type lodger struct{ *hub.Hub }

func (l lodger) Join(m *mining.Miner, c *serve.Conn) { l.Hub.Join(m, c) }

// walker is a miner behind a real session and a real connection.
type walker struct {
	t    *testing.T
	conn net.Conn
	n    uint32
	// loses: its link ends with shares on their way.
	loses bool

	mu      sync.Mutex
	job     string
	asked   []string          // ids, in order
	want    map[string]string // what the reply to an id has in it
	replies int
	over    bool
}

// listen checks every line that comes.
func (w *walker) listen() {
	r := bufio.NewReader(w.conn)
	for {
		line, err := r.ReadString('\n')
		w.mu.Lock()
		if err != nil {
			w.over = true
			w.mu.Unlock()
			return
		}
		var m sv1.Message
		if err := m.Scan([]byte(strings.TrimSpace(line))); err != nil {
			w.t.Errorf("miner heard %q: %v", line, err)
		}
		switch {
		case sv1.ParseMethod(m.Method) == sv1.MethodNotify:
			w.job = strings.Split(line, `"`)[9]
		case m.Method == nil:
			w.reply(string(m.ID), line)
		}
		w.mu.Unlock()
	}
}

func (w *walker) reply(id, line string) {
	if w.replies >= len(w.asked) || w.asked[w.replies] != id {
		w.t.Errorf("reply %q out of turn, the %d. of %v", line, w.replies, w.asked)
		return
	}
	w.replies++
	lost := w.loses && strings.Contains(line, "Pool did not answer")
	if want := w.want[id]; !lost && !strings.Contains(line, want) {
		w.t.Errorf("id %s was answered %q, want %s", id, line, want)
	}
}

// say sends requests in one write; each has one id, and what its reply is to
// contain.
func (w *walker) say(lines ...[3]string) {
	var text strings.Builder
	w.mu.Lock()
	for _, l := range lines {
		w.asked = append(w.asked, l[0])
		w.want[l[0]] = l[2]
		fmt.Fprintf(&text, `{"id":%s,%s}`+"\n", l[0], l[1])
	}
	w.mu.Unlock()
	_, _ = w.conn.Write([]byte(text.String())) // it may have ended: that is seen in listen
}

func (w *walker) id() string {
	w.n++
	if w.n%2 == 0 {
		return fmt.Sprintf(`"s-%d"`, w.n)
	}
	return strconv.FormatUint(uint64(w.n), 10)
}

// shares hands in some shares in one write.
func (w *walker) shares(login string, nonces ...work.Nonce) {
	w.mu.Lock()
	job := w.job
	w.mu.Unlock()
	lines := make([][3]string, 0, len(nonces))
	for _, n := range nonces {
		want := `"result":true`
		if n%fates == fateLow {
			want = `[23,`
		}
		if n%fates == fateSilence {
			want = `[20,"Pool did not answer"`
		}
		lines = append(lines, [3]string{w.id(), fmt.Sprintf(
			`"method":"mining.submit","params":[%q,%q,"00000001","65537f00",%q]`, login, job, n), want})
	}
	w.say(lines...)
}

func (w *walker) open() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.over
}

// Through real sessions and connections, with a pool of every temper: each
// share is answered once, in its turn, with the pool's own word on it, and
// booked once.
func TestWalkOfManyShares(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { walk(t, rand.New(rand.NewPCG(seed, 0))) })
		})
	}
}

func walk(t *testing.T, rnd *rand.Rand) {
	t.Helper()
	p := goodPool("main")
	fateful(p)
	h := build(t, []*fakePool{p}, nil)
	server := serve.New(serve.Config{Session: downstream.DefaultConfig(), Wire: wire.Config{MaxLine: 16 << 10}},
		serve.Deps{House: lodger{h.hub}, Handler: h.hub.Booked(h.hub)})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()

	walkers := make([]*walker, 6)
	nonce := work.Nonce(0)
	for i := range walkers {
		near, far := testkit.Pipe()
		far.Chunk(1 + rnd.IntN(4000))
		near.Chunk(1 + rnd.IntN(4000))
		w := &walker{t: t, conn: far, want: make(map[string]string), loses: i == 0}
		walkers[i] = w
		running.Add(1)
		server.Serve(ctx, near, nil, mining.Arrival{Listener: "0.0.0.0:3333"}, running.Done)
		running.Go(w.listen)
		w.say(
			[3]string{w.id(), `"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"ffffffff"}]`, `1fffe000`},
			[3]string{w.id(), `"method":"mining.subscribe","params":["walker"]`, `mining.notify`},
			[3]string{w.id(), `"method":"mining.authorize","params":["a.1","x"]`, `"result":true`},
		)
	}
	synctest.Wait()
	for range 400 {
		w := walkers[rnd.IntN(len(walkers))]
		switch rnd.IntN(12) {
		case 0:
			for _, c := range p.all() {
				c.notify(rnd.IntN(2) == 0)
			}
		case 1:
			w.say([3]string{w.id(), `"method":"mining.authorize","params":["a.2","x"]`, `"result":true`})
		case 2:
			w.say([3]string{w.id(), `"method":"mining.subscribe","params":["walker"]`, `mining.notify`})
		case 3:
			time.Sleep(time.Duration(rnd.IntN(2000)) * time.Millisecond)
		case 4:
			for _, c := range p.all() {
				c.setExtranonce(fmt.Sprintf("%08x", rnd.Uint32()), 8)
			}
		default:
			nonces := make([]work.Nonce, 1+rnd.IntN(9))
			for i := range nonces {
				nonce++
				nonces[i] = nonce
			}
			w.shares("a.1", nonces...)
		}
	}
	for _, c := range p.all() {
		c.notify(false) // the clock has gone on
	}
	synctest.Wait()
	// One link ends with shares on their way; its miner is told all the same,
	// and gets another.
	walkers[0].shares("a.1", 4_000_002, 4_000_006)
	for _, c := range p.all() {
		if synctest.Wait(); c.owns(4_000_002) {
			_ = c.Close()
		}
	}
	time.Sleep(time.Minute)
	synctest.Wait()
	for i, w := range walkers {
		if w.replies != len(w.asked) {
			t.Errorf("miner %d: %d of %d requests were answered", i, w.replies, len(w.asked))
		}
		if !w.open() {
			t.Errorf("miner %d was closed", i)
		}
	}
	if got, want := len(p.submitted()), int(nonce)+2; got != want {
		t.Errorf("the pool saw %d shares of %d", got, want)
	}
	got := uint64(0)
	for _, n := range h.books.Snapshot(time.Now()).Total.Tally.Ours {
		got += n.Shares
	}
	if got != uint64(nonce)+2 {
		t.Errorf("%d shares are booked, of %d", got, nonce+2)
	}
	cancel()
	for _, w := range walkers {
		_ = w.conn.Close()
	}
}

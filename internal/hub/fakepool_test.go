package hub_test

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loka/stratum/internal/testkit"
	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// fakePool is a scripted pool: it answers as its fields say and remembers
// what it was asked. It speaks the real codec over in-memory connections.
type fakePool struct {
	name   string
	refuse atomic.Bool // the dial fails
	// alive counts its connections.
	alive   atomic.Int32
	dials   atomic.Int64  // that were tried
	failure error         // of a dial that is refused; nil is the usual
	slow    time.Duration // the dial takes that long
	en1     string
	en2Size int
	mask    work.VersionMask
	diff    work.Difficulty
	// authorize answers a login; nil accepts. An empty answer is silence.
	authorize func(user string) string
	// submit answers a share; nil accepts. An empty answer is silence.
	submit func(s sv1.Submit) string
	// judge, if not nil, looks at each share as a real pool does; submit, if
	// not nil, still has the last word.
	judge *judge
	// version, prev and nbits are of the next job; 0 is the usual.
	version work.Version
	prev    byte
	nbits   work.NBits
	// coinb1 and coinb2 are around the extranonce; nil is the usual.
	coinb1, coinb2 []byte
	// branches are the merkle branches of its jobs.
	branches []work.Hash
	// unique gives each connection an extranonce1 of its own.
	unique bool
	// noJob withholds the job that follows the subscribe reply.
	noJob bool
	// then, if not nil, is what a connection does once a login was answered.
	then func(c *poolConn)
	// lateMask makes the answer to mining.configure come after the first job.
	lateMask bool

	mu      sync.Mutex
	conns   []*poolConn
	logins  []sv1.Authorize
	submits []sv1.Submit
	// suggested are the parameters of each mining.suggest_difficulty.
	suggested []string
	jobs      int
}

// poolConn is one connection of a fakePool.
type poolConn struct {
	net.Conn

	pool *fakePool
	mu   sync.Mutex
	ids  map[string]string // by job and nonce: the submit's id
	came []sv1.Submit
	// let are the names that it let in, for pools that judge.
	let map[string]bool
	// What is valid from the next job on, and the jobs by their ids.
	en1  work.Extranonce
	size int
	diff work.Difficulty
	jobs map[string]*posed
	// block counts the clean jobs: what is of an earlier block is stale.
	block int
	// gone is set once its end is known: nothing is said on it any more.
	gone bool
	// configured is the id of a configure whose answer is to come late.
	configured []byte
}

func (p *fakePool) dial() (net.Conn, error) {
	p.mu.Lock()
	slow := p.slow
	p.mu.Unlock()
	time.Sleep(slow)
	p.dials.Add(1)
	if p.refuse.Load() {
		if p.failure != nil {
			return nil, p.failure
		}
		return nil, errors.New("connection refused")
	}
	ours, theirs := testkit.Pipe()
	c := &poolConn{Conn: theirs, pool: p, ids: make(map[string]string), jobs: make(map[string]*posed), let: make(map[string]bool)}
	p.mu.Lock()
	p.conns = append(p.conns, c)
	en1 := p.en1
	if p.unique {
		en1 = fmt.Sprintf("%s%02x", en1, len(p.conns))
	}
	c.en1, _ = work.ParseExtranonce([]byte(en1))
	c.size = p.en2Size
	p.mu.Unlock()
	go c.run()
	return ours, nil
}

func (c *poolConn) run() {
	c.pool.alive.Add(1)
	defer c.pool.alive.Add(-1)
	r := sv1.NewReader(c, 1<<16)
	for {
		line, err := r.ReadLine()
		if err != nil {
			_ = c.Close()
			c.mu.Lock()
			c.gone = true
			c.mu.Unlock()
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
		c.say(string((&sv1.SubscribeReply{Session: []byte("1"), Extranonce1: c.en1, Extranonce2Size: c.size}).Append(nil, m.ID)))
		if !p.withholds() {
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
		if authorize := p.answersLogin(); authorize != nil {
			reply = authorize(string(a.User))
		}
		if reply == "true" {
			c.mu.Lock()
			c.let[string(a.User)] = true
			c.mu.Unlock()
		}
		c.result(m.ID, reply)
		if then := p.does(); then != nil {
			then(c)
		}
	case sv1.MethodSubmit:
		var s sv1.Submit
		_ = s.Decode(m.Params)
		s.Worker, s.JobID = slices.Clone(s.Worker), slices.Clone(s.JobID)
		p.mu.Lock()
		p.submits = append(p.submits, s)
		p.mu.Unlock()
		c.mu.Lock()
		c.ids[s.Nonce.String()] = string(m.ID)
		c.came = append(c.came, s)
		c.mu.Unlock()
		reply := "true"
		if p.judge != nil {
			reply = c.verdict(&s)
		}
		if submit := p.answersSubmit(); submit != nil {
			reply = submit(s)
		}
		c.result(m.ID, reply)
	case sv1.MethodSuggestDifficulty:
		p.mu.Lock()
		p.suggested = append(p.suggested, string(m.Params))
		p.mu.Unlock()
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
	c.mu.Lock()
	c.diff = d
	c.mu.Unlock()
	c.say(string((&sv1.SetDifficulty{Difficulty: d}).Append(nil)))
}

func (c *poolConn) setExtranonce(en1 string, size int) {
	e, _ := work.ParseExtranonce([]byte(en1))
	c.mu.Lock()
	c.en1, c.size = e, size
	c.mu.Unlock()
	c.say(string((&sv1.SetExtranonce{Extranonce1: e, Extranonce2Size: size, HasSize: true}).Append(nil)))
}

func (c *poolConn) notify(clean bool) {
	c.mu.Lock()
	gone := c.gone
	c.mu.Unlock()
	if gone {
		return
	}
	c.pool.mu.Lock()
	c.pool.jobs++
	n := sv1.Notify{
		JobID:  fmt.Appendf(nil, "j%x", c.pool.jobs),
		Coinb1: []byte(cmp.Or(string(c.pool.coinb1), "coinbase one ")), Coinb2: []byte(cmp.Or(string(c.pool.coinb2), " coinbase two")),
		PrevHash: work.Hash{c.pool.prev}, Branches: c.pool.branches,
		Version: cmp.Or(c.pool.version, 0x20000000), NBits: cmp.Or(c.pool.nbits, 0x1703a30c),
		NTime: work.NTime(1_700_000_000 + c.pool.jobs),
		Clean: clean, CleanKnown: true,
	}
	c.pool.mu.Unlock()
	c.mu.Lock()
	if clean {
		c.block++
	}
	c.jobs[string(n.JobID)] = &posed{notify: n, en1: c.en1, size: c.size, diff: c.diff, block: c.block}
	c.mu.Unlock()
	c.say(string(n.Append(nil)))
}

// last is the pool's newest connection: a miner's link, once there is one
// after the probe.
func (p *fakePool) last() *poolConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conns[len(p.conns)-1]
}

func (p *fakePool) withholds() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.noJob
}

func (p *fakePool) answersLogin() func(string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.authorize
}

func (p *fakePool) does() func(*poolConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.then
}

func (p *fakePool) answersSubmit() func(sv1.Submit) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.submit
}

// change changes what the pool does from now on.
func (p *fakePool) change(how func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	how()
}

// closeAll ends all the pool's connections, as a restart does.
func (p *fakePool) closeAll() {
	p.mu.Lock()
	conns := slices.Clone(p.conns)
	p.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
	}
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

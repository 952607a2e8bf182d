package sim

import (
	"context"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

const (
	maxPoolLine = 16 << 10
	// keptJobs is how many jobs of a connection are remembered.
	keptJobs = 64
	// maxWorkers is how many logins a connection may have; more are refused.
	maxWorkers = 4096
)

// poolConn is one connection to a pool. Its reader runs serve; the pool's
// ticker and control methods use it from other goroutines.
type poolConn struct {
	// static after construction
	pool  *Pool
	id    uint64
	conn  net.Conn
	out   *outbox
	since time.Time

	mu         sync.Mutex // guards all below; taken before Pool.mu, never after
	userAgent  string
	session    string
	subscribed bool
	workers    []string
	en1        work.Extranonce
	en1Changes uint64
	difficulty work.Difficulty
	told       work.Difficulty // what the miner was last told
	mask       work.VersionMask
	jobs       map[string]*poolJob
	jobOrder   []string
	lastSeq    uint64
	blockTold  uint64 // the newest block that a job was told of
	blockRead  uint64 // the newest whose ping was answered
	sent       uint64 // jobs told
	vardiff    vardiffWindow
	timers     connTimers
}

// poolJob is a template as one connection was told it.
type poolJob struct {
	t              *template
	coinb1, coinb2 []byte
	branches       []work.Hash
	en1            work.Extranonce
	difficulty     work.Difficulty
	target         work.Target
	mask           work.VersionMask
}

// connTimers are the times at which timed quirks are due.
type connTimers struct {
	disconnect, difficulty, extranonce, chatter time.Time
	raise                                       bool
	chat                                        int
}

func (p *Pool) serve(ctx context.Context, conn net.Conn) {
	c := p.connect(conn)
	var writer sync.WaitGroup
	writer.Go(c.out.run)
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	reason := c.read()
	stop()
	c.out.close()
	endConn(conn, p.Quirks().DisconnectReset)
	writer.Wait()
	p.mu.Lock()
	delete(p.conns, c.id)
	p.mu.Unlock()
	if p.cfg.OnEnd != nil {
		p.cfg.OnEnd(c.id)
	}
	p.log.DebugContext(ctx, "miner left", "conn", c.id, "reason", reason)
}

func (p *Pool) connect(conn net.Conn) *poolConn {
	if t, ok := conn.(*net.TCPConn); ok {
		_ = t.SetNoDelay(true)
	}
	c := &poolConn{
		pool: p, conn: conn, out: newOutbox(conn), since: time.Now(),
		difficulty: p.cfg.Difficulty, jobs: map[string]*poolJob{},
	}
	p.connects.Add(1)
	p.mu.Lock()
	p.nextConn++
	c.id = p.nextConn
	c.en1 = p.extranonce1(c.id, 0)
	c.vardiff.reset(c.since)
	p.conns[c.id] = c // from here on others use it
	p.mu.Unlock()
	p.log.Debug("miner connected", "conn", c.id, "remote", conn.RemoteAddr().String())
	return c
}

// extranonce1 is the extranonce1 of a connection after so many changes: the
// seed's scrambling of its number, different for all connections as far as the
// width allows.
func (p *Pool) extranonce1(conn, change uint64) work.Extranonce {
	var b [work.MaxExtranonce]byte
	n := p.cfg.Extranonce1Size
	// An odd multiplier permutes the numbers of any number of low bytes.
	v := (conn+change<<12)*0x9e3779b97f4a7c15 + p.cfg.Seed
	for i := range n {
		if i < 8 {
			b[i] = byte(v >> (8 * i)) //nolint:gosec // one byte of it
		} else {
			b[i] = byte(i)
		}
	}
	e, _ := work.MakeExtranonce(b[:n])
	return e
}

func (c *poolConn) read() (reason string) {
	r := sv1.NewReader(c.conn, maxPoolLine)
	for {
		line, err := r.ReadLine()
		if err != nil {
			return err.Error()
		}
		c.pool.lines.Add(1)
		if why := c.line(line); why != "" {
			return why
		}
	}
}

// line handles one line; a reason ends the connection.
func (c *poolConn) line(line []byte) (reason string) {
	if c.pool.Quirks().Silent {
		return ""
	}
	var m sv1.Message
	if err := m.Scan(line); err != nil {
		c.pool.badLines.Add(1)
		c.pool.note("not a message: "+err.Error(), line)
		return "malformed line"
	}
	if why := untidy(line, &m); why != "" {
		c.pool.note(why, line)
		if c.pool.cfg.Strict {
			return why
		}
	}
	if m.Kind() != sv1.KindRequest && m.Kind() != sv1.KindNotification {
		c.reply(&m)
		return ""
	}
	return c.request(&m)
}

func (c *poolConn) request(m *sv1.Message) (reason string) {
	switch sv1.ParseMethod(m.Method) {
	case sv1.MethodSubscribe:
		c.subscribe(m)
	case sv1.MethodConfigure:
		c.configure(m)
	case sv1.MethodAuthorize:
		c.authorize(m)
	case sv1.MethodSubmit:
		return c.submit(m)
	case sv1.MethodSuggestDifficulty:
		c.suggest(m)
	case sv1.MethodExtranonceSubscribe, sv1.MethodSuggestTarget, sv1.MethodMultiVersion:
		c.grant(m)
	case sv1.MethodGetTransactions:
		c.answer(m, sv1.AppendResult(nil, m.ID, []byte("[]")))
	case sv1.MethodPing:
		c.answer(m, sv1.AppendPong(nil, m.ID))
	case sv1.MethodPong, sv1.MethodCapabilities, sv1.MethodHashesDone:
	default:
		c.refuse(m, refuse.method)
	}
	return ""
}

// send queues a line that is no reply.
func (c *poolConn) send(line []byte) {
	if c.pool.Quirks().Silent {
		return
	}
	c.out.put(line, time.Now(), false)
}

// answer queues a reply; requests without an id get none.
func (c *poolConn) answer(m *sv1.Message, line []byte) {
	if !m.HasID() {
		return
	}
	q := c.pool.Quirks()
	c.out.put(line, time.Now().Add(q.Latency+c.pool.jitter(q.Jitter)), false)
}

func (c *poolConn) grant(m *sv1.Message) {
	c.answer(m, c.pool.cfg.Dialect.appendAccept(nil, m.ID, false))
}

func (c *poolConn) refuse(m *sv1.Message, r *refusal) {
	c.answer(m, c.pool.cfg.Dialect.appendRefusal(nil, m.ID, r))
}

func (c *poolConn) info() PoolConn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return PoolConn{
		ID: c.id, Remote: c.conn.RemoteAddr().String(), UserAgent: c.userAgent,
		Workers: append([]string{}, c.workers...), Extranonce1: c.en1, Difficulty: c.difficulty,
		VersionMask: c.mask, Since: c.since,
	}
}

func (p *Pool) nextJobID() string {
	return strconv.FormatUint(p.jobID.Add(1)+0x61a0, 16)
}

package sim

import (
	"maps"
	"slices"
	"time"

	"github.com/loka/stratum/work"
)

// Ledger is the book of shares.
func (p *Pool) Ledger() *Ledger { return p.ledger }

// Quirks is the present misbehaviour.
func (p *Pool) Quirks() Quirks { return *p.quirks.Load() }

// SetQuirks replaces the misbehaviour; it holds from the next event on.
func (p *Pool) SetQuirks(q Quirks) { p.quirks.Store(&q) }

// NewJob sends a job of the present block (later ntime, another id) to all.
func (p *Pool) NewJob() { p.advance(false, work.Hash{}) }

// NewBlock ends the made-up block: another prevhash, a clean job to all. With a
// Node it only asks for a template.
func (p *Pool) NewBlock() { p.advance(true, work.Hash{}) }

// SetDifficulty tells all connections another difficulty, without a job.
func (p *Pool) SetDifficulty(d work.Difficulty) {
	if !d.Valid() {
		return
	}
	for _, c := range p.open() {
		c.mu.Lock()
		c.setDifficulty(d)
		c.mu.Unlock()
	}
}

// SetExtranonce gives all connections another extranonce1 and a clean job.
func (p *Pool) SetExtranonce() {
	for _, c := range p.open() {
		c.changeExtranonce()
	}
}

// SetVersionMask tells another mask to all connections that may roll.
func (p *Pool) SetVersionMask(m work.VersionMask) {
	for _, c := range p.open() {
		c.mu.Lock()
		if c.mask != 0 {
			c.setMask(m)
		}
		c.mu.Unlock()
	}
}

// Broadcast sends a line as it is (a newline is added) to all.
func (p *Pool) Broadcast(line string) {
	for _, c := range p.open() {
		c.send([]byte(line + "\n"))
	}
}

// Disconnect ends all connections, with RST or FIN, and returns how many.
func (p *Pool) Disconnect(reset bool) int {
	return p.DisconnectSome(reset, func(PoolConn) bool { return true })
}

// DisconnectSome ends the connections that which says yes to, oldest first,
// with RST or FIN, and returns how many.
func (p *Pool) DisconnectSome(reset bool, which func(PoolConn) bool) (ended int) {
	for _, c := range p.open() {
		if which(c.info()) {
			endConn(c.conn, reset)
			ended++
		}
	}
	return ended
}

// PoolStats is a pool's state.
type PoolStats struct {
	// Connections are open now; Connects counts all so far.
	Connections int    `json:"connections"`
	Connects    uint64 `json:"connects"`
	// Authorized counts logins granted so far.
	Authorized uint64 `json:"authorized"`
	// Lines counts lines received; BadLines those that are no Stratum message.
	Lines    uint64 `json:"lines"`
	BadLines uint64 `json:"bad_lines"`
	// Untidy counts lines that a strict pool would close the connection for;
	// LastUntidy is the newest, with the reason in front.
	Untidy     uint64 `json:"untidy"`
	LastUntidy string `json:"last_untidy"`
	// Unanswered counts submits left without an answer on purpose.
	Unanswered uint64 `json:"unanswered"`
	// Height is the block being mined; Jobs counts jobs made; Blocks counts
	// blocks found, BlocksAccepted those that the node took, BlocksRejected
	// those that it refused, LastReject is its word for the newest.
	Height         int64  `json:"height"`
	Jobs           uint64 `json:"jobs"`
	Blocks         uint64 `json:"blocks"`
	BlocksAccepted uint64 `json:"blocks_accepted"`
	BlocksRejected uint64 `json:"blocks_rejected"`
	LastReject     string `json:"last_reject"`
	// BestBlock is the display hash of the newest block taken.
	BestBlock string `json:"best_block"`
	// NodeError is the node's present trouble; "" when all is well.
	NodeError string `json:"node_error"`
	// Conns lists the open connections, oldest first.
	Conns []PoolConn `json:"conns"`
}

// PoolConn is one connection to a pool.
type PoolConn struct {
	ID          uint64           `json:"id"`
	Remote      string           `json:"remote"`
	UserAgent   string           `json:"user_agent"`
	Workers     []string         `json:"workers"`
	Extranonce1 work.Extranonce  `json:"-"`
	Difficulty  work.Difficulty  `json:"difficulty"`
	VersionMask work.VersionMask `json:"-"`
	Since       time.Time        `json:"since"`
}

// Stats is a snapshot.
func (p *Pool) Stats() PoolStats {
	p.mu.Lock()
	conns := p.openLocked()
	s := PoolStats{
		Connections: len(conns), Untidy: p.stats.untidy, LastUntidy: p.stats.lastUntidy,
		Jobs: p.stats.jobs, Blocks: p.stats.found, BlocksAccepted: p.stats.accepted,
		BlocksRejected: p.stats.rejected, LastReject: p.stats.lastReject,
		BestBlock: p.stats.best, NodeError: p.stats.nodeError,
	}
	if p.tip != nil {
		s.Height = p.tip.height
	}
	p.mu.Unlock()
	s.Connects, s.Authorized = p.connects.Load(), p.authorized.Load()
	s.Lines, s.BadLines, s.Unanswered = p.lines.Load(), p.badLines.Load(), p.unanswered.Load()
	s.Conns = make([]PoolConn, 0, len(conns))
	for _, c := range conns {
		s.Conns = append(s.Conns, c.info())
	}
	return s
}

func (p *Pool) openLocked() []*poolConn {
	ids := slices.Sorted(maps.Keys(p.conns))
	conns := make([]*poolConn, len(ids))
	for i, id := range ids {
		conns[i] = p.conns[id]
	}
	return conns
}

// jitter is a random time below d.
func (p *Pool) jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Duration(p.rng.Int64N(int64(d)))
}

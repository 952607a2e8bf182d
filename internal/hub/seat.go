package hub

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loka/stratum/internal/extranonce"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/steer"
	"github.com/loka/stratum/work"
)

// seat is one miner's place in the house: who it is, what it was told once
// for the life of its connection, and the role in which it is served.
type seat struct {
	// What work on its way to the miner looks at comes first, side by side: peer is
	// static after construction, mu guards the others.
	peer  Peer
	mu    sync.Mutex
	left  bool
	first *member

	// Static after construction.
	hub   *Hub
	miner *mining.Miner
	// due counts shares that the miner has no answer to.
	due atomic.Int64
	// worker is the first that it named, nil before, and bond the part of its
	// route's split that is for it; both are atomic.
	worker atomic.Pointer[mining.Worker]
	bond   atomic.Pointer[bond]

	// unsent is the link that has shares of the read in progress which have not left;
	// nil is none. It is owned by the miner's reader.
	unsent *link.Link

	// Guarded by mu.
	facts steer.Facts
	// floor is the least difficulty that the firmware can be told.
	floor work.Difficulty
	// wish is the difficulty that the miner asked for last.
	wish work.Difficulty
	// requested is what the miner asked to roll last, and granted all that it
	// may ever have been told: what it asked for of what we allow, once it was
	// granted any of it.
	requested, granted work.VersionMask

	// The miner's extranonce, fixed once planned.
	planned bool
	layout  extranonce.Layout
	space   *space
	slot    work.Extranonce

	// route and role are decided together; both are nil before.
	route *route
	role  role
	// past are the roles before, newest first, for the shares that are on their
	// way.
	past []past

	members []*member
	// accepted and rejected count shares by our verdict.
	accepted, rejected uint64

	// gone is closed by leave; nil unless somebody waits.
	gone chan struct{}
}

// role is how a seat's miner is served. All methods are called with the seat's
// mutex held.
type role interface {
	// begin is called once, when the seat has its route.
	begin()
	// authorize lets a worker in, now or later through the miner's Peer. pass
	// are the options that came with the login.
	authorize(ticket uint64, w *mining.Worker, pass options) mining.Answer
	// submit judges or relays a share of a member; m is nil where nobody who
	// was let in hands it in.
	submit(req *mining.Request, m *member, now time.Time) mining.Answer
	// at is where the miner's work comes from; nil is nowhere yet.
	at() *pool
	// leave is called once, when the miner is gone.
	leave(now time.Time)
	// state fills in what the role knows.
	state(s *MinerState, now time.Time)
}

// member is a worker of a seat: where its shares are booked, and what pools
// know it by.
type member struct {
	seat   *seat
	worker *mining.Worker
	// place is where it is among those of its login; Hub.mu guards it.
	place int
	book  *ledger.WorkerBook
	// name is what the pool of a link of the miner's own knows it by.
	name string
	// shared is its name on shared connections of a pool and a route; both are nil
	// before anybody asked. A late share may be of others than the miner has now.
	shared struct {
		name string
		at   *pool
		of   *route
	}
}

// books is where a member's shares are booked; nil, which is nobody's book,
// for nobody.
func (m *member) books() *ledger.WorkerBook {
	if m == nil {
		return nil
	}
	return m.book
}

func newSeat(h *Hub, m *mining.Miner, p Peer) *seat {
	return &seat{
		hub: h, miner: m, peer: p,
		facts: factsOf(m.Arrival),
	}
}

// record books a share by our word, and the pool's where it is known.
func (s *seat) record(e ledger.Entry) ledger.ShareID {
	switch e.Verdict {
	case mining.Accepted:
		s.accepted++
	case mining.Unpaid: // neither
	default:
		s.rejected++
	}
	return s.hub.deps.Ledger.Record(e)
}

// memberOf finds a worker that was let in.
func (s *seat) memberOf(w *mining.Worker) (*member, bool) {
	if w == nil {
		return nil, false
	}
	for _, m := range s.members { // nearly always one
		if m.worker.Login == w.Login {
			return m, true
		}
	}
	return nil, false
}

// admit makes a worker a member; name is what the pool knows it by.
func (s *seat) admit(w *mining.Worker, name string, now time.Time) *member {
	m := &member{seat: s, worker: w, name: name, book: s.hub.deps.Ledger.Worker(w.Login, s.route.Name, now)}
	s.members = append(s.members, m)
	if s.left { // a pool's yes that outlives its miner
		s.hub.deps.Ledger.Release(m.book)
	} else {
		s.hub.enlist(m)
	}
	if s.first == nil {
		s.first = m
		s.warnObstacles(w.Login, now)
	}
	return m
}

// leave is called when the miner is gone.
func (s *seat) leave(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = true
	s.hub.strike(s.members)
	for _, m := range s.members { // what is due is still booked
		s.hub.deps.Ledger.Release(m.book)
	}
	if s.gone != nil {
		close(s.gone)
	}
	if s.space != nil {
		s.space.slots.Free(s.slot, now)
	}
	s.letPastGo(0)
	if s.role == nil {
		s.release()
		return
	}
	s.role.leave(now)
}

// release lets the seat go. mu is held.
func (s *seat) release() {
	s.hub.forget(s)
	s.members = nil
}

// tick looks after what happens by the clock, and returns the role of a miner
// with a link of its own: what happens to others happens to groups. The seat is counted.
func (s *seat) tick(c *census, now time.Time) (d *dedicated) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tickPast(now)
	if own, ok := s.role.(*dedicated); ok {
		d = own
		d.tick(now)
	}
	c.count(s)
	return d
}

// take gives the seat its route and the role that goes with it. mu is held.
func (s *seat) take(r *route) {
	s.route = r
	if r.Shared && !s.layout.PassThrough {
		s.role = newShared(s)
	} else {
		if s.layout.PassThrough && r.split.Load() != nil {
			s.hub.log.LogAttrs(context.Background(), warnOr(&s.hub.undivided, time.Now()),
				"a miner of a split route stays at the part that it came to: one of the route's pools has room for one miner a connection only",
				slog.String("route", r.Name), slog.Uint64("miner", uint64(s.miner.ID)))
		}
		s.role = newDedicated(s)
	}
	s.role.begin()
}

// settled is the route that the miner surely has by now, or nil.
func (s *seat) settled() *route {
	ro := s.hub.roster()
	r := ro.match(s.facts)
	if r == nil || ro.candidates(s.facts)[0] != r {
		return nil
	}
	return r
}

func randomUint64() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	return binary.BigEndian.Uint64(b[:])
}

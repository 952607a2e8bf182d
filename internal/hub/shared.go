package hub

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/loka/stratum/internal/atomics"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/vardiff"
	"github.com/loka/stratum/work"
)

// maxFormer bounds how many groups a miner's late shares may belong to, and of how
// many it is known what it has had: one miner may be divided among as many pools.
const maxFormer = 8

// former is a group that a miner came from, and the newest work that it had of it, if
// any.
type former struct {
	group *group
	last  mining.JobID
	had   bool
}

// shared is the role of a miner that shares a pool connection with others. It
// has a difficulty of its own, and its shares are judged here. All of it is
// guarded by the seat's mutex, but for place.
type shared struct {
	*seat

	// group is whose work it has; nil before it has one. former are groups
	// that it came from, newest first, whose work may still bring shares.
	group  *group
	former []former
	// current is the newest work given, from the group that gave it.
	current *mining.Work
	from    *group
	// place is where the group lists it, guarded by the group's mutex.
	place int

	// account is the pool's name for whom the miner's work is paid, once a
	// worker is known.
	account string
	known   bool

	vardiff vardiff.Control
	told    vardiff.History
	// started says that vardiff has begun: with the first worker, or with the
	// first work. It begins anew after an outage of the group.
	started bool
	outages uint32
	// rate is the hashrate as of the last work, in H/s; moved is when it was
	// sent to another part of a split, in Unix nanoseconds. Both are atomic.
	rate  atomics.Float64
	moved atomic.Int64
	opts  options
	// hurried says that the group knows of a change that must not wait.
	hurried bool
	// behind says that newer work went by, for want of a worker.
	behind bool
}

func newShared(s *seat) *shared { return &shared{seat: s} }

// begin gives the miner work at once where its account does not hang on its
// worker's name.
func (m *shared) begin() {
	if m.route.oneAccount() {
		m.account, m.known = "", true
		m.board()
	}
}

// board makes the miner a member of a group and gives it the group's work, if
// there is some by now.
func (m *shared) board() {
	m.boardAt(m.hub.chooseFor(m, time.Now()))
}

// boardAt is board at a pool.
func (m *shared) boardAt(p *pool) {
	g, w, why := m.hub.place(m, p)
	if g == nil {
		m.peer.Close(why)
		return
	}
	m.group, m.outages = g, g.outages.Load()
	if w != nil {
		m.give(w, time.Now())
	}
}

// move takes the miner from a group to another, which is at the given pool.
func (m *shared) move(from *group, to *pool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left || m.group != from {
		return
	}
	m.quit()
	m.boardAt(to)
	if m.group != nil && from.withoutFor(time.Now()) > longOutage {
		m.outages-- // its silence says nothing: see give
	}
}

// retell gives the miner an extranonce that the pools there are now have room
// for, and another group with it. Its extranonce2 stays as wide as it is: no
// firmware takes another width within a connection.
func (m *shared) retell(from *group) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left || m.group != from {
		return
	}
	layout, ok := m.layoutFor(m.seat.known())
	if !ok || layout.PassThrough || layout.Miner != m.layout.Miner || !m.peer.Follows() {
		m.peer.Close(mining.ExtranonceChanged)
		return
	}
	space, slot := m.hub.takeSlot(layout)
	m.peer.SetExtranonce(slot, layout.Miner)
	m.space.slots.Free(m.slot, time.Now())
	m.layout, m.space, m.slot = layout, space, slot
	m.quit()
	// Shares of before are built on another extranonce1. Those of the group
	// that it comes from are stale, those of others could not be judged.
	m.former, m.current, m.from = m.former[:1], nil, nil
	m.board()
}

// login is a worker for whose account the miner works, or nil.
func (m *shared) login() *mining.Worker {
	if m.first == nil {
		return nil
	}
	return m.first.worker
}

// authorize lets a worker in: the pool is asked for it when it has a share
// for the pool. A connection works for one account.
func (m *shared) authorize(ticket uint64, w *mining.Worker, pass options) mining.Answer {
	now := time.Now()
	a := mining.Answer{Ticket: ticket, Verdict: mining.Accepted}
	account := m.route.accountOf(w)
	if m.known && account != m.account {
		m.hub.log.LogAttrs(context.Background(), warnOr(&m.hub.foreign, now),
			"worker of another account on one connection refused: a connection's work is paid to one account",
			slog.String("worker", w.Login), slog.String("account", account), slog.String("connection_account", m.account),
			slog.Uint64("miner", uint64(m.miner.ID)))
		a.Verdict = mining.Unauthorized
		return a
	}
	m.account, m.known = account, true
	first, before := m.first == nil, m.vardiff.Difficulty()
	m.admit(w, "", now)
	if first {
		m.opts = pass
		m.start(now)
		m.hub.tellArrival(now, []slog.Attr{
			slog.String("worker", w.Login), slog.Uint64("miner", uint64(m.miner.ID)),
			slog.String("remote", m.miner.Remote.String()), slog.String("user_agent", m.facts.UserAgent),
			slog.String("route", m.route.Name),
		})
	}
	switch {
	case m.group == nil:
		m.board()
	case first && m.behind:
		if w := m.group.newest(); w != nil {
			m.give(w, now)
		}
	case first:
		m.restarted(before)
	}
	if m.group == nil {
		a.Verdict = mining.Pending // it is being closed
	}
	return a
}

// restarted asks for new work if the miner is to have another difficulty than
// the one that it was told.
func (m *shared) restarted(told work.Difficulty) {
	if m.current == nil {
		return
	}
	want := m.vardiff.Difficulty()
	m.vardiff.Told(told, time.Now())
	if m.group.limit(m.current, want, 0) != told {
		m.hurry()
	}
}

// start begins vardiff anew: with what is remembered of the worker, else with
// what the miner asked for, else with the configured start.
func (m *shared) start(now time.Time) {
	cfg := m.hub.vardiffOf(m.route, m.miner.Listener, m.floor, m.opts)
	begin := m.wish
	if m.first != nil {
		if rate, ok := m.hub.memory.Recall(m.first.worker.Login, now); ok {
			begin = vardiff.Difficulty(rate, cfg.SharesPerMinute)
		}
	}
	m.vardiff = vardiff.New(cfg, begin, now)
	m.started = true
}

// give hands work of the miner's group to the miner, at the difficulty that it
// should have now.
func (m *shared) give(w *mining.Work, now time.Time) {
	if m.had(w) {
		// It is back at a group whose work it had: the same again would be the
		// same search. It goes on with what it has until there is another.
		m.hurry()
		if m.from != nil && !m.from.counts(m.current, now) {
			m.group.rush() // what it has is worth nothing
		}
		return
	}
	if !m.started {
		m.start(now)
	} else if n := m.group.outages.Load(); n != m.outages {
		// That it was silent without work says nothing of its hashrate.
		m.outages = n
		cfg := m.hub.vardiffOf(m.route, m.miner.Listener, m.floor, m.opts)
		m.vardiff = vardiff.New(cfg, vardiff.Difficulty(m.rate.Load(), cfg.SharesPerMinute), now)
	}
	// A flush costs hashes: work of before is dropped only if it is worth
	// nothing any more. Between links of one block it still is.
	clean := m.current == nil || w.Job.PrevHash != m.current.Job.PrevHash || !m.from.counts(m.current, now)
	before := m.vardiff.Difficulty()
	want, _ := m.vardiff.Want(now)
	rate := m.vardiff.Hashrate(now)
	m.rate.Store(rate)
	d := m.group.limit(w, want, rate)
	m.vardiff.Told(d, now)
	if m.current != nil {
		m.hub.countChange(before, d)
	}
	m.told.Set(w.ID, d, now)
	m.current, m.from, m.hurried, m.behind = w, m.group, false, false
	m.peer.Work(mining.Assignment{Work: w, Difficulty: d, Clean: clean})
}

// had says whether the miner was given a work of its group, or a later one of it.
func (m *shared) had(w *mining.Work) bool {
	if m.from == m.group {
		return !m.current.ID.Before(w.ID)
	}
	return slices.ContainsFunc(m.former, func(f former) bool { return f.group == m.group && f.had && !f.last.Before(w.ID) })
}

// measure estimates the miner's hashrate, in H/s.
func (m *shared) measure(now time.Time) float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.started && !m.left {
		m.rate.Store(m.vardiff.Hashrate(now))
	}
	return m.rate.Load()
}

// deliver is give for a group's fan-out: a miner that has left the group or
// has newer work is passed over.
func (m *shared) deliver(g *group, w *mining.Work, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left || m.group != g || m.from == g && !m.current.ID.Before(w.ID) {
		return
	}
	if m.first == nil && m.from == g {
		// Who has not logged in has something to look at, and no share of it counts:
		// else a flood of such miners would have each job handed out to all of them.
		m.behind = true
		return
	}
	m.give(w, now)
}

// hurry asks the group for work that carries a new difficulty soon.
func (m *shared) hurry() {
	if !m.hurried && m.group != nil {
		m.hurried = true
		m.group.hurry(m)
	}
}

// suggest starts anew from the miner's wish, unless shares have said better.
func (m *shared) suggest(now time.Time) {
	if m.opts.fixed > 0 || m.started && m.vardiff.Hashrate(now) > 0 {
		return
	}
	before := m.vardiff.Difficulty()
	m.start(now)
	m.restarted(before)
}

// knows says whether the miner was given a work in this role.
func (m *shared) knows(id mining.JobID, now time.Time) bool {
	in := func(g *group) bool {
		w, _ := g.works.Get(id, now)
		return w != nil
	}
	return m.group != nil && in(m.group) || slices.ContainsFunc(m.former, func(f former) bool { return in(f.group) })
}

func (m *shared) at() *pool {
	if m.group == nil {
		return nil
	}
	return m.group.pool
}

// KeepRates remembers the hashrates of the miners that are there, as is done of
// each when it leaves.
func (h *Hub) KeepRates(now time.Time) {
	for _, s := range h.all() {
		s.mu.Lock()
		if m, ok := s.role.(*shared); ok && !s.left {
			m.keepRate(now)
		}
		s.mu.Unlock()
	}
}

func (m *shared) keepRate(now time.Time) {
	if m.first != nil && m.started {
		m.hub.memory.Keep(m.first.worker.Login, m.vardiff.Hashrate(now), now)
	}
}

// leave gives the miner's place up. Shares that the pool has not answered are
// the group's to book.
func (m *shared) leave(now time.Time) {
	if m.group != nil {
		m.group.remove(m)
	}
	m.keepRate(now)
	m.release()
}

func (m *shared) state(s *MinerState, now time.Time) {
	if m.started {
		s.Hashrate = m.vardiff.Hashrate(now)
	}
	if m.group != nil {
		s.Link = m.group.linkID()
	}
}

package hub

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/extranonce"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pace"
	"github.com/loka/stratum/internal/quality"
	"github.com/loka/stratum/internal/steer"
	"github.com/loka/stratum/internal/watch"
	"github.com/loka/stratum/work"
)

// pool is one configured pool, its probe, and what was found out about it.
type pool struct {
	PoolConfig

	// probe, breaker and book are there once the pool is in a roster. endProbe ends the
	// probe; it is guarded by the hub's applyMu.
	probe *link.Keeper
	// breaker keeps connections away while it takes none.
	breaker  *link.Breaker
	book     *ledger.PoolBook
	endProbe context.CancelFunc
	// born is when a pool of the first roster was made: it is given a moment to
	// come up. It is zero for a later one.
	born time.Time
	// leaving: it is not in the roster any more, and its miners go to others as
	// soon as those have work.
	leaving atomic.Bool

	links atomic.Int64
	// rtt is the last round trip of a share, in nanoseconds.
	rtt  atomic.Int64
	jobs Counter
	// quota spaces what its links log.
	quota link.Quota
	// redirected and astray space what is logged of reconnects that the pool asks
	// for, followed and refused.
	redirected, astray pace.Pace
	// ended, moved, refused, silent and discrepancy space the warnings of links
	// that end, of miners that go elsewhere for it, of workers that the pool
	// refuses, of those it says nothing about, and of valid shares that it
	// refuses; lost spaces the errors of blocks that cannot be handed in.
	ended, moved, refused, silent, discrepancy, fickle, lost pace.Pace

	// oneWorker is when it was found to know one worker a connection, and
	// suspected when a link ended in a way that points at that, both in Unix
	// nanoseconds, 0 for never. suspect counts such ends in a row that have no
	// other sign for it.
	oneWorker, suspected atomic.Int64
	suspect              atomic.Int32
	// bits is how it reads version bits, shown how it read those of the last
	// share that it took where that matters; sure says that this leaves no doubt.
	bits, shown atomic.Uint32
	sure        atomic.Bool
	// discrepancies counts valid shares that it refused; disagreed counts
	// those of late, and asked the shares that it answered of late.
	discrepancies    atomic.Uint64
	disagreed, asked quality.Recent

	// since is when it came back from its latest trouble, in Unix nanoseconds;
	// 0 if it never had any. down says that its probe is, after it was active
	// or in vain. working counts the groups that have work from it, and workless
	// says that there was none since the probe was well.
	since          atomic.Int64
	down, workless atomic.Bool
	working        atomic.Int32
	// narrowed is an extranonce2 size, in bytes, that the pool has given to a
	// link and that is less than what the probe was given; 0 is none.
	narrowed atomic.Int64
	// silences and refusals count the shares in a row that it has not answered,
	// and that it refused though they are valid here; heard is when the latest
	// that it answered was sent. shunned is until when miners are kept away from
	// it for that. Both in Unix nanoseconds.
	silences, refusals atomic.Int32
	heard, shunned     atomic.Int64
	// drained: an operator wants its miners elsewhere.
	drained atomic.Bool
	// disabled: nothing is to be connected to it, since disabledAt (Unix
	// nanoseconds).
	disabled   atomic.Bool
	disabledAt atomic.Int64
	// byFile: the configuration disables it; byOperator: an operator does, whatever
	// that says.
	byFile, byOperator atomic.Bool
	// streak is its refusal streak.
	streak atomic.Int64

	condition condition
	// events is told of its conditions; nil: nobody is.
	events events.Publisher
	// quality is what is measured of it. It steers nothing.
	quality quality.Meter
	// watch looks at what it does; varies says that what it pays may hang on a
	// miner's name, and plain that it was said that it is spoken to in the clear.
	watch         *watch.Pool
	varies, plain atomic.Bool

	// kept is what was told to be kept last; the hub's Run owns it.
	kept Found
	// size is the extranonce2 size that an earlier run has found, in bytes; 0 is
	// none. It is static.
	size int
}

// Found is what was found out about a pool that it does not announce: worth
// keeping for the next run.
type Found struct {
	// OneWorker is when the pool was found to know one worker a connection;
	// zero where it was not.
	OneWorker time.Time
	// Reading is how it reads version bits, as far as shares have shown; zero
	// where the reading is configured.
	Reading work.VersionReading
	// Extranonce2Size is what it gave last, in bytes; 0 is not known.
	Extranonce2Size int
	// Watch is what it usually pays, and how it is signed.
	Watch watch.Known
}

// recall begins with what an earlier run has found.
func (p *pool) recall(f Found) {
	p.bits.Store(uint32(p.Reading))
	if p.ReadingAuto && f.Reading <= work.ReadXor {
		p.bits.Store(max(uint32(p.Reading), uint32(f.Reading)))
	}
	p.shown.Store(p.bits.Load())
	if !f.OneWorker.IsZero() {
		p.oneWorker.Store(f.OneWorker.UnixNano())
	}
	p.size = f.Extranonce2Size
	p.kept = p.found()
}

// found is what there is to keep.
func (p *pool) found() (f Found) {
	if p.ReadingAuto {
		f.Reading = work.VersionReading(p.shown.Load()) //nolint:gosec // stored as one
	}
	if at := p.oneWorker.Load(); at != 0 {
		f.OneWorker = time.Unix(0, at)
	}
	f.Extranonce2Size = p.extranonce2Size()
	f.Watch = p.watch.Known()
	return f
}

// extranonce2Size is what the pool gave last, in this run or an earlier one, in
// bytes; 0 is not known.
func (p *pool) extranonce2Size() int {
	if p.probe != nil {
		if facts, ok := p.facts(); ok {
			return facts.Extranonce2Size
		}
	}
	return p.size
}

// probed hears of the probe's state.
func (p *pool) probed(s link.State, now time.Time) {
	switch s {
	case link.Down:
		p.down.Store(true)
	case link.Active:
		if p.down.Swap(false) {
			p.narrowed.Store(0) // the probe has asked anew
			if p.workless.Swap(false) || p.working.Load() == 0 {
				p.since.Store(max(p.since.Load(), now.UnixNano()))
			}
		}
	case link.Connecting:
	}
}

// worked notes that a group has work from the pool, or has lost it.
func (p *pool) worked(has bool) {
	switch {
	case !has:
		if p.working.Add(-1) == 0 {
			p.workless.Store(true)
		}
	case p.working.Add(1) == 1 && !p.down.Load():
		p.workless.Store(false) // its connection was cut, and that was all
	}
}

// troubled remembers that something was wrong with the pool until now. Where
// miners have work from it all the time, it was no trouble of the pool's.
func (p *pool) troubled(now time.Time) {
	if p.working.Load() == 0 {
		p.since.Store(max(p.since.Load(), now.UnixNano()))
	}
}

// healthySince is when the pool came back from trouble; zero if it never had
// any.
func (p *pool) healthySince() time.Time {
	if ns := p.since.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}

const (
	// maxSilences is how many shares in a row a pool may leave unanswered, and
	// silenceAfter the least time that each of them has waited.
	maxSilences, silenceAfter = 3, 20 * time.Second
	// shunFor is for how long miners are kept away from a pool that is connected
	// and of no use.
	shunFor = 5 * time.Minute
)

// answered notes that the pool has answered a share that was sent at a time;
// good says that it took it.
func (p *pool) answered(sent time.Time, good bool) {
	p.silences.Store(0)
	p.heard.Store(max(p.heard.Load(), sent.UnixNano()))
	if good {
		p.refusals.Store(0)
	}
}

// unanswered notes that the pool has not answered a share that was sent at a
// time. It does not count if it has answered one that was sent later, or where
// it had no time to: the link has ended.
func (h *Hub) unanswered(p *pool, sent, now time.Time) {
	if now.Sub(sent) >= silenceAfter && sent.UnixNano() > p.heard.Load() && p.silences.Add(1) >= maxSilences {
		h.shun(p, now, "it leaves shares unanswered")
	}
}

// shun keeps miners away from the pool from now on.
func (h *Hub) shun(p *pool, now time.Time, why string) {
	until := now.Add(shunFor).UnixNano()
	p.silences.Store(0)
	p.refusals.Store(0)
	p.since.Store(until)
	if p.shunned.Swap(until) < now.UnixNano() {
		h.log.Warn("pool is connected and of no use: its miners go to another one, if there is any", "pool", p.Name, "why", why, "for", shunFor)
	}
	h.poolChanged()
}

// avoid is how much miners are to be kept away from the pool.
func (p *pool) avoid(now time.Time) steer.Avoidance {
	switch {
	case p.drained.Load() || p.disabled.Load():
		return steer.Drained
	case p.shunned.Load() > now.UnixNano(), p.watch.Leave():
		return steer.OfNoUse
	}
	return steer.Good
}

// out says that miners are to be kept away from the pool.
func (p *pool) out(now time.Time) bool { return p.avoid(now) != steer.Good }

// facts is what is known of the pool; ok is false where nothing is.
func (p *pool) facts() (facts link.Facts, ok bool) {
	facts, ok = p.probe.Facts()
	if size := int(p.narrowed.Load()); size > 0 {
		facts.Extranonce2Size = min(facts.Extranonce2Size, size)
	}
	return facts, ok
}

// remembered is the narrower of an extranonce2 size and what an earlier run has found
// of a pool that is not known in this one: miners that come while it is away should
// fit there, too. A pool that is too narrow to be shared is left to be known.
func (p *pool) remembered(narrowest int) int {
	if _, known := p.facts(); known || p.size < leastShared {
		return narrowest
	}
	return min(narrowest, p.size)
}

// leastShared is the least extranonce2 size, in bytes, of a pool whose connections
// can be shared.
const leastShared = 4

// fits says whether the pool has room for a layout, as far as is known.
func (p *pool) fits(l extranonce.Layout) bool {
	facts, ok := p.facts()
	if !ok {
		return true
	}
	_, fits := extranonce.Fits(l, facts.Extranonce2Size)
	return fits
}

// noRoomAt notes that the pool has given a link an extranonce2 size, in bytes, that
// is too small for whom it is for. Of where it has sent the link that says nothing.
func (p *pool) noRoomAt(l *link.Link, size int) {
	if !l.Sent() {
		p.narrowed.Store(int64(size))
	}
}

// usualPassword is what miners send where no password is asked for.
const usualPassword mining.Secret = "x"

// template is what the pool sees of a route's workers.
func (p *pool) template(r *route) mining.Template {
	if p.HasWorker {
		return p.Worker
	}
	return r.Worker
}

// password goes to the pool with every login of a route's: its own, the route's
// or, for a pool that does not look at it, the usual one.
func (p *pool) password(r *route) mining.Secret {
	switch {
	case p.Password != "":
		return p.Password
	case r.Password != "":
		return r.Password
	}
	return usualPassword
}

// reading is how the pool reads the version bits of a submit, as configured or
// as far as is found out.
func (p *pool) reading() work.VersionReading {
	return work.VersionReading(p.bits.Load()) //nolint:gosec // stored as one
}

// confirm remembers that a share showed the reading to be right. To or in bits
// and to flip them is mostly the same, so that none shows a pool to do the
// former; and one that does takes what the other two readings make, too.
func (p *pool) confirm(r work.VersionReading) {
	if r != p.reading() {
		return
	}
	p.shown.Store(uint32(r))
	if r != work.ReadOr {
		p.sure.Store(true)
	}
}

// nextReading goes on to the next reading where the pool's is to be found out
// and tried is wrong. It is false where there is nothing to try.
func (p *pool) nextReading(tried work.VersionReading) bool {
	if !p.ReadingAuto || p.sure.Load() {
		return false
	}
	next := (tried + 1) % (work.ReadXor + 1)
	p.bits.CompareAndSwap(uint32(tried), uint32(next))
	return next != work.ReadReplace // after a round the reason is another
}

// trouble says whether the pool refuses too much of what is valid here.
func (p *pool) trouble(now time.Time) bool {
	bad, all := p.disagreed.Count(now), p.asked.Count(now)
	return bad >= 3 && float64(bad) > 0.02*float64(all)
}

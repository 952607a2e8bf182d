package watch

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/steer"
)

const (
	// minute, tenMinutes and hour are the spans of what is counted.
	minute, tenMinutes, hour = time.Minute, 10 * time.Minute, time.Hour
	// forgetHeight is for how long a pool has to stay at lower heights for those to
	// be its usual ones.
	forgetHeight = time.Hour
	// leastShares is how many shares there must be for a part of them to say
	// anything, leastRefused how many refusals.
	leastShares, leastRefused = 50, 3
)

// Known is what was learnt of a pool, worth keeping for the next run: of payouts and
// of tags.
type Known struct{ Payouts, Tags string }

// Books is what was counted of a pool so far.
type Books struct {
	// Known says that the books were looked at.
	Known bool
	// Sent counts the shares that the pool has answered or will not, SentWork is
	// their work and AcceptedWork what of it was accepted, in difficulty-1 shares.
	Sent                   uint64
	SentWork, AcceptedWork float64
	// Answered counts the shares of the last 10 to 20 minutes that were answered,
	// RefusedValid those of them that were refused though they are valid here.
	Answered, RefusedValid uint64
}

// Pool watches one pool. It is safe for any number of goroutines.
type Pool struct {
	// leave says that miners are to be kept away; it is read without mu.
	leave atomic.Bool

	mu  sync.Mutex
	cfg Config
	own PoolConfig
	// tag is own's, empty where there is none.
	tag steer.Globs

	gates  [len(table)]gate
	values [len(table)]float64
	// begun and ended are signals that changed since the last tick.
	changes []Change

	payouts, tags learner
	latest        payment
	// What was seen of payouts and tags since the last tick.
	rightPayout, wrongPayout, rightTag, wrongTag bool
	// oddPayout and oddTag are those that are not expected.
	oddPayout, oddTag string

	flood, jump, extra, empty peak
	unknown                   window
	// behind and alone are for how many seconds it lagged, and was alone.
	behind, alone peak

	height    uint32
	lowSince  time.Time
	at        tip
	away      bool
	books     [slots + 1]Books
	bookTurn  int
	bookSince time.Time
}

// NewPool watches a pool of which an earlier run has learnt something.
func NewPool(cfg Config, own PoolConfig, known Known) *Pool { //nolint:gocritic // once a pool
	p := &Pool{payouts: recall(known.Payouts), tags: recall(known.Tags)}
	p.Configure(cfg, own)
	return p
}

// Configure puts another configuration in place.
func (p *Pool) Configure(cfg Config, own PoolConfig) { //nolint:gocritic // seldom
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cfg, p.own, p.tag = cfg, own, steer.Globs{}
	if own.Tag != "" {
		p.tag = steer.CompileGlobs([]string{own.Tag})
	}
	p.rightPayout, p.wrongPayout, p.rightTag, p.wrongTag = false, false, false, false
	if p.latest.readable {
		p.judge() // by what counts now
	}
	p.decide()
}

// Known is what there is to keep.
func (p *Pool) Known() Known {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Known{Payouts: p.payouts.keep(), Tags: p.tags.keep()}
}

// Leave says that miners are to be kept away from the pool. It takes no lock.
func (p *Pool) Leave() bool { return p.leave.Load() }

// Accept takes what the latest job pays, and how it is signed, as right from now on.
// It is false where there is nothing that could be: no job yet, or one that pays too
// many to remember.
func (p *Pool) Accept(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := p.latest.key
	if p.wrongPayout || p.gate(PayoutChanged).on { // what is wrong may be another connection's
		if p.oddPayout == "" {
			return false
		}
		key = p.oddPayout
	}
	if key == "" {
		return false
	}
	p.payouts.accept(key)
	tag := p.latest.tag
	if p.oddTag != "" && (p.wrongTag || p.gate(TagChanged).on) { // else it was odd long ago
		tag = p.oddTag
	}
	if tag != "" && !p.tagRight(tag) {
		p.tags.accept(tag)
	}
	for _, k := range []Kind{PayoutChanged, TagChanged} {
		p.end(k, now)
	}
	p.rightPayout, p.wrongPayout, p.rightTag, p.wrongTag = false, false, false, false
	p.oddPayout, p.oddTag = "", ""
	p.decide()
	return true
}

// end ends a signal at once.
func (p *Pool) end(k Kind, now time.Time) {
	i := indexOf(k)
	if was := p.gates[i]; was.on {
		p.gates[i] = gate{}
		p.changes = append(p.changes, Change{Signal: p.signal(i, &was), Lasted: now.Sub(was.since)})
	}
	p.values[i] = 0
}

// Unasked notes that the pool has answered what was not asked.
func (p *Pool) Unasked(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unknown.add(1, tenMinutes, now)
}

// Connected says whether the pool's probe is. Of one that is not nobody knows which
// block it is on.
func (p *Pool) Connected(is bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = !is
	if p.away {
		p.at.known = false
	}
}

// pays looks at what a job pays and how it is signed. mu is held.
func (p *Pool) pays(job *mining.Job, paid payment, now time.Time) { //nolint:gocritic // once a job
	if p.own.OnChange == Ignore {
		return
	}
	p.latest = paid
	if len(p.own.Payout) == 0 {
		p.payouts.learn(p.latest.key, job.PrevHash, &p.cfg, now)
	}
	if p.tag.Empty() {
		p.tags.learn(p.latest.tag, job.PrevHash, &p.cfg, now)
	}
	p.judge()
	if p.wrongPayout && !p.gate(PayoutChanged).on { // miners are not to wait for a tick
		p.see(indexOf(PayoutChanged), 1, now)
		p.decide()
	}
}

// judge says whether the latest payment is right. mu is held.
func (p *Pool) judge() {
	if p.own.OnChange == Ignore {
		return
	}
	switch key := p.latest.key; {
	case p.payoutRight(key):
		p.rightPayout = true
	case len(p.own.Payout) > 0 || len(p.payouts.known) > 0 && p.cfg.LearnJobs > 0:
		p.wrongPayout, p.oddPayout = true, key
	}
	switch tag := p.latest.tag; {
	case !p.latest.readable:
	case p.tagRight(tag):
		p.rightTag = true
	case !p.tag.Empty() || len(p.tags.known) > 0 && p.cfg.LearnJobs > 0:
		p.wrongTag, p.oddTag = true, tag
	}
}

func (p *Pool) payoutRight(key string) bool {
	if configured := p.own.Payout; len(configured) > 0 {
		return p.latest.within(configured) || key != "" && p.payouts.knows(key, true)
	}
	return key != "" && p.payouts.knows(key, false)
}

func (p *Pool) tagRight(tag string) bool {
	if !p.tag.Empty() {
		return p.tag.Match(tag) || p.tags.knows(tag, true)
	}
	return p.tags.knows(tag, false)
}

// decide says whether miners are to be kept away. mu is held.
func (p *Pool) decide() {
	p.leave.Store(p.own.OnChange == Failover && p.gate(PayoutChanged).on)
}

func (p *Pool) gate(k Kind) *gate { return &p.gates[indexOf(k)] }

func indexOf(k Kind) int {
	for i := range table {
		if table[i].Kind == k {
			return i
		}
	}
	return 0 // there is none else
}

// threshold is from where on a signal of this pool begins; 0 is never. mu is held.
func (p *Pool) threshold(k Kind) float64 {
	given := k == PayoutChanged && len(p.own.Payout) > 0 || k == TagChanged && !p.tag.Empty()
	if (k == PayoutChanged || k == TagChanged) && (p.own.OnChange == Ignore || p.cfg.LearnJobs <= 0 && !given) {
		return 0
	}
	return p.cfg.threshold(k)
}

// see takes the value of a signal. mu is held.
func (p *Pool) see(i int, value float64, now time.Time) {
	was, changed := p.gates[i].see(value, p.threshold(table[i].Kind), p.cfg.Calm, now)
	switch {
	case changed && was.on:
		p.changes = append(p.changes, Change{Signal: p.signal(i, &was), Lasted: now.Sub(was.since)})
	case changed:
		p.changes = append(p.changes, Change{Signal: p.signal(i, &p.gates[i]), Begun: true})
	}
}

// Tick is called about once a second, with the books where they were looked at, and
// returns what has begun and ended.
func (p *Pool) Tick(books *Books, now time.Time) []Change {
	p.mu.Lock()
	defer p.mu.Unlock()
	set := func(k Kind, v float64) { p.values[indexOf(k)] = v }
	hold := func(k Kind, wrong, right bool) {
		if wrong {
			set(k, 1)
		} else if right {
			set(k, 0)
		}
	}
	hold(PayoutChanged, p.wrongPayout, p.rightPayout)
	hold(TagChanged, p.wrongTag, p.rightTag)
	p.rightPayout, p.wrongPayout, p.rightTag, p.wrongTag = false, false, false, false
	set(JobFlood, p.flood.most(minute, now))
	set(DifficultyJump, p.jump.most(tenMinutes, now))
	set(ExtranonceChanges, p.extra.most(tenMinutes, now))
	set(EmptyBlocks, p.empty.most(2*tenMinutes, now))
	set(UnknownReplies, float64(p.unknown.add(0, tenMinutes, now)))
	set(HeightBack, p.lower(now))
	if books != nil && books.Known {
		set(CreditShort, p.short(books, now))
		set(RefusedValid, refusedPart(books))
	}
	for i := range table {
		p.see(i, p.values[i], now)
	}
	p.decide()
	changes := p.changes
	p.changes = nil
	return changes
}

// Rest is [Pool.Tick] for a pool that nobody is connected to, as its operator wants it:
// nothing is odd about it any more. What is expected of it stays, so that what is wrong
// begins again with its first job.
func (p *Pool) Rest(now time.Time) []Change {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range table {
		p.end(table[i].Kind, now)
	}
	p.rightPayout, p.wrongPayout, p.rightTag, p.wrongTag = false, false, false, false
	p.flood, p.jump, p.extra, p.empty, p.unknown = peak{}, peak{}, peak{}, peak{}, window{}
	p.behind, p.alone = peak{}, peak{}
	p.bookSince = time.Time{}
	p.decide()
	changes := p.changes
	p.changes = nil
	return changes
}

// lower is by how many blocks the pool is lower than before. While nobody knows where it
// is, it is taken to be where it was: a pool that ends its probe's connection every few
// minutes has to become usual at its lower heights, too.
func (p *Pool) lower(now time.Time) float64 {
	if !p.at.known || p.at.height == 0 {
		return 0
	}
	if p.at.height >= p.height {
		p.height, p.lowSince = p.at.height, time.Time{}
		return 0
	}
	if p.lowSince.IsZero() {
		p.lowSince = now
	}
	if now.Sub(p.lowSince) >= forgetHeight {
		p.height = p.at.height
	}
	return float64(p.height - p.at.height)
}

// short is which part of the work of the last 10 minutes was not accepted.
func (p *Pool) short(books *Books, now time.Time) float64 {
	if p.bookSince.IsZero() {
		for i := range p.books {
			p.books[i] = *books
		}
		p.bookSince = now
	}
	if now.Sub(p.bookSince) >= tenMinutes/slots {
		p.bookSince = now
		p.bookTurn = (p.bookTurn + 1) % len(p.books)
	}
	p.books[p.bookTurn] = *books
	before := &p.books[(p.bookTurn+1)%len(p.books)]
	sent := books.SentWork - before.SentWork
	if books.Sent < before.Sent+leastShares || sent <= 0 {
		return 0
	}
	return (sent - (books.AcceptedWork - before.AcceptedWork)) / sent
}

func refusedPart(books *Books) float64 {
	if books.RefusedValid < leastRefused {
		return 0
	}
	return float64(books.RefusedValid) / float64(max(books.Answered, books.RefusedValid))
}

// signal is a gate's as others see it. mu is held.
func (p *Pool) signal(i int, g *gate) Signal {
	k := table[i].Kind
	return Signal{Kind: k, Since: g.since, Value: g.value, Threshold: p.threshold(k), Detail: p.detail(k)}
}

// detail has the facts of a signal. mu is held.
func (p *Pool) detail(k Kind) string {
	switch k { //nolint:exhaustive // of the others the value says all
	case PayoutChanged:
		switch {
		case p.oddPayout == "" && !p.latest.readable:
			return "the coinbase cannot be read any more"
		case p.oddPayout == "":
			return "it pays many, or nobody"
		}
		return "it pays " + spoken(p.oddPayout)
	case TagChanged:
		return fmt.Sprintf("it is signed with %q", p.oddTag)
	case TipLag, TipAlone, HeightBack, OtherCoin:
		return fmt.Sprintf("it works on block %s at height %d, network difficulty bits %s", p.at.hash, p.at.height, p.at.nbits)
	}
	return ""
}

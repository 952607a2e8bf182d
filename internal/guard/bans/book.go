package bans

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gaissmai/bart"

	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pace"
	"github.com/loka/stratum/internal/steer"
)

// ErrFull is an operator's ban beyond [MaxOperators] or [MaxPatterns].
var ErrFull = errors.New("there are as many bans as there may be")

// Book has all bans. Any number of goroutines may use it.
type Book struct {
	// Static after construction.
	deps     Deps
	changed  chan struct{} // room for one: somebody new is banned
	keepable chan struct{} // room for one: there is something to keep

	cfg      atomic.Pointer[Config]
	dropPace pace.Pace
	telling  pace.Budget // of threats' bans

	mu       sync.RWMutex // guards what follows
	all      map[key]*Entry
	networks map[Kind]*bart.Table[*Entry] // those without a login that were in force when last looked at
	patterns []pattern
	threats  int
	unkept   map[key]bool
	loaded   bool
}

// pattern is an entry that logins are held against one by one.
type pattern struct {
	*Entry

	// start is what every login that matches begins with, which is seen at once.
	start string
	login steer.Globs
}

// newPattern prepares an entry for that.
func newPattern(e *Entry) pattern {
	start := e.Login
	if i := strings.IndexAny(start, "*?"); i >= 0 {
		start = start[:i]
	}
	return pattern{e, start, steer.CompileGlobs([]string{e.Login})}
}

// New makes a book without a ban in it.
func New(cfg Config, deps Deps) *Book {
	b := &Book{
		deps: deps.complete(), changed: make(chan struct{}, 1), keepable: make(chan struct{}, 1),
		all: make(map[key]*Entry), networks: make(map[Kind]*bart.Table[*Entry]), unkept: make(map[key]bool),
	}
	for _, k := range Kinds() {
		b.networks[k] = new(bart.Table[*Entry])
	}
	b.cfg.Store(&cfg)
	return b
}

// Reconfigure has threats judged by other terms from now on. Threats' bans of
// addresses that are exempt now end.
func (b *Book) Reconfigure(cfg Config) {
	b.cfg.Store(&cfg)
	b.mu.Lock()
	defer b.mu.Unlock()
	for k, e := range b.all {
		if e.Cause == Threat && e.Login == "" && cfg.exempts(e.Prefix) {
			b.remove(k)
		}
	}
	signal(b.changed)
}

// exempts says that no threat may ban a network.
func (c *Config) exempts(p netip.Prefix) bool {
	for _, addr := range [...]netip.Addr{netip.IPv6Loopback(), p.Addr()} {
		if addr.IsLoopback() && p.Contains(addr) {
			return true
		}
	}
	return slices.ContainsFunc(c.Exempt, func(of netip.Prefix) bool { return normal(of).Masked().Overlaps(p) })
}

// Banned says that no connection of an address is taken.
func (b *Book) Banned(addr netip.Addr, now time.Time) bool {
	_, ok := b.Address(addr, now)
	return ok
}

// Address is the ban of an address, or of its network.
func (b *Book) Address(addr netip.Addr, now time.Time) (Entry, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return given(b.network(Ban, plain(addr), now))
}

// Refused says whether a worker of an address may not log in, and the text that it is
// told, which is a constant.
func (b *Book) Refused(addr netip.Addr, login string, now time.Time) (text string, refused bool) {
	e, ok := b.Login(addr, login, now)
	if !ok {
		return "", false
	}
	return e.text(), true
}

// Login is the ban or the pause of a worker at an address: its own, or that of where
// it comes from. Of several a ban comes first.
func (b *Book) Login(addr netip.Addr, login string, now time.Time) (Entry, bool) {
	addr = plain(addr)
	b.mu.RLock()
	defer b.mu.RUnlock()
	if len(b.all) == 0 {
		return Entry{}, false
	}
	for _, kind := range [...]Kind{Ban, Pause} {
		if e := b.worker(kind, addr, login, now); e != nil {
			return *e, true
		}
		if e := b.network(kind, addr, now); e != nil {
			return *e, true
		}
	}
	return Entry{}, false
}

func given(e *Entry) (Entry, bool) {
	if e == nil {
		return Entry{}, false
	}
	return *e, true
}

// network is what is in force of an address or its networks.
func (b *Book) network(kind Kind, addr netip.Addr, now time.Time) *Entry {
	table := b.networks[kind]
	e, ok := table.Lookup(addr)
	if !ok || e.InForce(now) {
		return e
	}
	// The narrowest is over and not taken out yet; a wider one may hold.
	for _, e := range table.Supernets(netip.PrefixFrom(addr, addr.BitLen())) {
		if e.InForce(now) {
			return e
		}
	}
	return nil
}

// worker is what is in force of a worker, wherever it comes from or there.
func (b *Book) worker(kind Kind, addr netip.Addr, login string, now time.Time) *Entry {
	for _, p := range [...]netip.Prefix{{}, hostPrefix(addr), sitePrefix(addr)} {
		if e := b.all[key{Subject{p, login}, kind}]; e != nil && e.InForce(now) {
			return e
		}
	}
	for i := range b.patterns {
		p := &b.patterns[i]
		if p.Kind != kind || !strings.HasPrefix(login, p.start) || !p.InForce(now) || !p.Contains(addr) {
			continue
		}
		if p.login.Match(login) {
			return p.Entry
		}
	}
	return nil
}

// judge says why a connection must end, if it must.
func (b *Book) judge(addr netip.Addr, logins []string, now time.Time) mining.Reason {
	if e, ok := b.Address(addr, now); ok {
		return e.Kind.Reason()
	}
	for _, login := range logins {
		if e, ok := b.Login(addr, login, now); ok {
			return e.Kind.Reason()
		}
	}
	return ""
}

// Enforce ends the connections that are concerned and returns how many.
func (b *Book) Enforce(now time.Time) int {
	return b.deps.Conns.End(func(addr netip.Addr, logins []string) mining.Reason { return b.judge(addr, logins, now) })
}

// Order is what an operator wants.
type Order struct {
	Subject

	Kind Kind
	// For is the term; 0 is for ever.
	For         time.Duration
	By, Comment string
}

// Add has an operator's order hold from now on, in place of what there was of the
// same subject. Without room it is [ErrFull]. The connections that it concerns are
// ended by Enforce.
func (b *Book) Add(o Order, now time.Time) (Entry, error) {
	e := &Entry{Subject: o.Subject, Kind: o.Kind, Cause: Operator, By: o.By, Comment: clip(o.Comment), Since: stamp(now), Times: 1}
	if o.For > 0 {
		e.Until = stamp(now.Add(o.For))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.all[e.key()]
	if before == nil || before.Cause == Threat {
		if len(b.all)-b.threats >= MaxOperators || !e.exact() && e.Login != "" && len(b.patterns) >= MaxPatterns {
			return Entry{}, ErrFull
		}
	}
	if before != nil {
		e.Times = before.Times + 1
	}
	b.put(e)
	b.deps.Metrics.Added(e.Kind, e.Cause).Inc()
	signal(b.changed)
	b.deps.Events.Publish(e.event(events.Added, now))
	return *e, nil
}

// Lift ends what there is of a subject, of these kinds or of all, and forgets it. It
// returns what was in force.
func (b *Book) Lift(s Subject, now time.Time, kinds ...Kind) []Entry {
	if len(kinds) == 0 {
		kinds = Kinds()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var lifted []Entry
	for _, kind := range kinds {
		k := key{s, kind}
		e := b.all[k]
		if e == nil {
			if !b.loaded { // the store may have one
				b.markUnkept(k)
			}
			continue
		}
		if e.InForce(now) {
			lifted = append(lifted, *e)
			b.deps.Events.Publish(e.event(events.Lifted, now))
		}
		b.remove(k)
	}
	signal(b.changed)
	return lifted
}

// Find is the entry of an id.
func (b *Book) Find(id string) (Entry, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, e := range b.all {
		if e.ID() == id {
			return *e, true
		}
	}
	return Entry{}, false
}

// Filter picks entries. What is empty picks all.
type Filter struct {
	Kind  Kind
	Cause Cause
	// Addr is one that is concerned, Login likewise.
	Addr  netip.Addr
	Login string
	// Remembered are those that are over and count for the next term, too.
	Remembered bool
}

// List has the entries in force, the latest first.
func (b *Book) List(f Filter, now time.Time) []Entry {
	b.mu.RLock()
	picked := make([]Entry, 0, len(b.all))
	for _, e := range b.all {
		if (f.Remembered || e.InForce(now)) && f.picks(e) {
			picked = append(picked, *e)
		}
	}
	b.mu.RUnlock()
	slices.SortFunc(picked, func(a, b Entry) int {
		return cmp.Or(b.Since.Compare(a.Since), cmp.Compare(a.Kind, b.Kind), strings.Compare(a.String(), b.String()))
	})
	return picked
}

func (f *Filter) picks(e *Entry) bool {
	if f.Kind != "" && e.Kind != f.Kind || f.Cause != "" && e.Cause != f.Cause {
		return false
	}
	if f.Addr.IsValid() && (!e.Prefix.IsValid() || !e.Contains(f.Addr)) {
		return false
	}
	if f.Login == "" || e.Login == f.Login {
		return true
	}
	return e.pattern() && steer.CompileGlobs([]string{e.Login}).Match(f.Login)
}

// stamp is a time as it is kept, so that a book is the same after a restart.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// clip bounds a comment, and keeps it on one line.
func clip(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) <= maxComment {
		return s
	}
	return strings.ToValidUTF8(s[:maxComment], "")
}

// signal tells who waits, if nobody has.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

package bans

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// What an address is judged by.
const (
	// offenceHalf is after how long an offence counts half.
	offenceHalf = 10 * time.Minute
	// peakHalf is after how long the most that were in good standing at one time
	// count half: a farm that is away for a night is not forgotten.
	peakHalf = 12 * time.Hour
	// trusted is for how long a worker that left in good standing is not banned for
	// what others do by its name.
	trusted = time.Hour

	// leastOffenders is how many workers of an address must have offended lately
	// before the address is banned.
	leastOffenders = 3
	// leastStrange is how many offences without a login are enough, where nobody mines;
	// leastProbes is the same for what [probeWeight] adds up to. Both are for each
	// connection at the address that has not logged in: a whole site may be set up wrong,
	// and tries no faster than its firmware does.
	leastStrange = 10
	leastProbes  = 120
	// leastRepeats is how many offences of one worker at an address get it banned
	// there.
	leastRepeats = 3
	// active is what is left of an offence that still counts.
	active = 0.5
)

// The bounds of what is remembered.
const (
	// maxQuiet bounds the addresses that are remembered without a connection, which
	// those with one add to; half of them go when there are more, the ones that were
	// heard of longest ago.
	maxQuiet = 16_384
	// maxOffenders bounds an address's offenders, maxLeft its workers that are not
	// there; half of them go likewise.
	maxOffenders = 512
	maxLeft      = 1_024
	// maxJudged bounds the connections that something is known of.
	maxJudged = 1 << 20
)

// probeWeight is what the end of a connection that never logged in tells of where it
// came from. What a health checker does weighs little, and nothing what a whole new site
// does at once whose URL has the wrong scheme, or who merely connects and leaves: a Bitaxe
// looks every minute whether its first pool is back, and the door's turns are what slows
// down who does it all the time.
//
//nolint:gochecknoglobals // a table
var probeWeight = map[mining.Reason]float64{
	mining.UnknownProtocol: 1, mining.ConnectMalformed: 1, mining.ConnectForbidden: 1,
	mining.NULByte: 1, mining.LineTooLong: 1, mining.TooManyErrors: 2,
	mining.LoginRefused: 0.5, mining.HandshakeTimeout: 0.5, mining.AuthorizeTimeout: 0.1, mining.HTTPRequest: 0.1,
	mining.TLSHandshakeFailed: 0.1,
}

// guessWeight is the same for a guess of a secret: two thousand machines that were all set
// up wrong at once are no attack.
const guessWeight = 0.05

// Standing judges addresses by what their connections do, and has a book ban those
// that most of misbehaves. Any number of goroutines may use it; no share has to.
type Standing struct {
	book *Book

	mu    sync.Mutex // guards what follows
	sites map[netip.Prefix]*site
	quiet int // sites without an open connection
	conns map[mining.MinerID]*judged
}

// site is what is known of an address, or of the 64 bits of IPv6 that are one place.
type site struct {
	prefix netip.Prefix
	// open are its connections, known those that are logged in, good those in good
	// standing, offending those that offended and are not gone, which are not among
	// the known.
	open, known, good, offending int
	// peak is the most that were in good standing at one time.
	peak decaying
	// strange are offences without a login, probes those of who never logged in.
	strange, probes decaying
	workers         map[string]*worker   // in good standing, or left so
	offenders       map[string]*decaying // by login
	heard           time.Time
}

// worker is a login in good standing.
type worker struct {
	good int // open connections
	left time.Time
}

// judged is a connection that something is known of.
type judged struct {
	site             *site
	login            string
	known, good, bad bool
}

// NewStanding judges for a book.
func NewStanding(book *Book) *Standing {
	return &Standing{book: book, sites: make(map[netip.Prefix]*site), conns: make(map[mining.MinerID]*judged)}
}

// Opened tells of a connection.
func (s *Standing) Opened(addr netip.Addr, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count(s.site(addr, now), 1)
}

// count counts the open connections of a site. The end of a very short one may be told
// of before its beginning.
func (s *Standing) count(at *site, by int) {
	if at.open == 0 {
		s.quiet--
	}
	if at.open += by; at.open == 0 {
		s.quiet++
	}
}

// Closed tells that one has ended, why, and whether it ever logged in. There is one
// call for each of Opened.
func (s *Standing) Closed(addr netip.Addr, reason mining.Reason, settled bool, now time.Time) {
	s.mu.Lock()
	at := s.site(addr, now)
	s.count(at, -1)
	weight := probeWeight[reason]
	if settled || weight == 0 {
		s.mu.Unlock()
		return
	}
	at.probes.add(weight, now)
	banned := at.condemned(now)
	s.mu.Unlock()
	s.sentence(banned, now)
}

// Settled tells that a connection is logged in. To tell it once is enough.
func (s *Standing) Settled(m *mining.Miner, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.conn(m, now); c != nil && !c.known && !c.bad {
		c.known = true
		c.site.known++
	}
}

// Guessed tells that a connection tried a secret that is wrong, and not one that it or
// another of its machines tries again and again.
func (s *Standing) Guessed(m *mining.Miner, now time.Time) {
	s.mu.Lock()
	at := s.site(m.Remote.Addr(), now)
	at.probes.add(guessWeight, now)
	banned := at.condemned(now)
	s.mu.Unlock()
	s.sentence(banned, now)
}

// Earned tells that a share of a connection was accepted: it is in good standing. To
// tell it once is enough.
func (s *Standing) Earned(m *mining.Miner, login string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.conn(m, now)
	if c == nil || c.good || c.bad {
		return
	}
	c.good, c.login = true, login
	c.site.good++
	c.site.peak.raise(float64(c.site.good), now, peakHalf)
	w := c.site.workers[login]
	if w == nil {
		w = new(worker)
		c.site.workers[login] = w
	}
	w.good++
}

// Offended tells that a connection has done what it is closed for, and who it was
// logged in as; empty is nobody.
func (s *Standing) Offended(m *mining.Miner, login string, now time.Time) {
	s.mu.Lock()
	c := s.conn(m, now)
	if c == nil || c.bad {
		s.mu.Unlock()
		return
	}
	at := c.site
	s.disgrace(c, now)
	c.forgetKnown()
	c.bad = true
	at.offending++
	if login == "" {
		at.strange.add(1, now)
	} else {
		at.offender(login, now).add(1, now)
	}
	banned := at.condemned(now)
	if !banned.valid() {
		banned = at.repeated(login, now)
	}
	s.mu.Unlock()
	s.sentence(banned, now)
}

// forgetKnown takes a connection from those that are logged in.
func (c *judged) forgetKnown() {
	if c.known {
		c.known = false
		c.site.known--
	}
}

// Left tells that a miner is gone. There is one call for each miner of Settled, Earned
// and Offended, after them.
func (s *Standing) Left(m *mining.Miner, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.conns[m.ID]
	if c == nil {
		return
	}
	delete(s.conns, m.ID)
	if c.bad {
		c.site.offending = max(0, c.site.offending-1)
		return
	}
	c.forgetKnown()
	if s.disgrace(c, now) {
		c.site.workers[c.login] = &worker{good: c.site.goodOf(c.login), left: now}
		c.site.forgetLeft(now)
	}
}

// disgrace takes a connection from those in good standing, and says whether it was
// one.
func (s *Standing) disgrace(c *judged, now time.Time) bool {
	if !c.good {
		return false
	}
	c.good = false
	c.site.peak.raise(float64(c.site.good), now, peakHalf) // so many were here until now, however long ago the last one came
	c.site.good--
	if w := c.site.workers[c.login]; w != nil {
		if w.good--; w.good <= 0 && w.left.IsZero() {
			delete(c.site.workers, c.login)
		}
	}
	return true
}

// verdict is whom to ban and why.
type verdict struct {
	Subject

	what string
}

func (v verdict) valid() bool { return v.Prefix.IsValid() }

// sentence has the book ban, without the standing's lock.
func (s *Standing) sentence(v verdict, now time.Time) {
	if v.valid() {
		s.book.Threat(v.Subject, v.what, now)
	}
}

// site finds what is known of an address.
func (s *Standing) site(addr netip.Addr, now time.Time) *site {
	prefix := sitePrefix(addr)
	at := s.sites[prefix]
	if at == nil {
		if s.quiet >= maxQuiet {
			s.forgetQuiet()
		}
		at = &site{prefix: prefix, workers: make(map[string]*worker), offenders: make(map[string]*decaying)}
		s.sites[prefix] = at
		s.quiet++
	}
	at.heard = now
	return at
}

// conn finds what is known of a connection; nil where too much is.
func (s *Standing) conn(m *mining.Miner, now time.Time) *judged {
	c := s.conns[m.ID]
	if c == nil {
		if len(s.conns) >= maxJudged {
			return nil
		}
		c = &judged{site: s.site(m.Remote.Addr(), now)}
		s.conns[m.ID] = c
	}
	return c
}

// condemned says that an address is to be banned: enough was seen of it, and most of
// those there take part. What was seen counts for one ban.
func (at *site) condemned(now time.Time) verdict {
	miners := max(at.peak.value(now, peakHalf), float64(at.known), float64(at.good))
	if float64(len(at.offenders)+2) <= 2*miners {
		return verdict{} // whatever they did
	}
	offenders := 0
	for login, o := range at.offenders {
		if o.value(now, offenceHalf) >= active && !at.vouched(login, now) {
			offenders++
		}
	}
	strangers := float64(max(1, at.open-at.known-at.offending))
	strange := at.strange.value(now, offenceHalf) >= leastStrange*strangers
	probing := at.probes.value(now, offenceHalf) >= leastProbes*strangers
	bad := float64(offenders)
	for _, more := range [...]bool{strange, probing} {
		if more {
			bad++
		}
	}
	var what string
	switch others := max(miners, float64(at.open-at.offending)); {
	case offenders >= leastOffenders && bad > 2*others:
		what = fmt.Sprintf("%d workers there misbehaved, and no others do well", offenders)
	case strange && bad > 2*miners:
		what = "connections that did not log in misbehaved, again and again"
	case probing && bad > 2*miners:
		what = "it tried for other things than mining, again and again"
	default:
		return verdict{}
	}
	clear(at.offenders)
	at.strange, at.probes = decaying{}, decaying{}
	return verdict{Subject{Prefix: at.prefix}, what}
}

// repeated says that a worker is to be banned at an address.
func (at *site) repeated(login string, now time.Time) verdict {
	o := at.offenders[login]
	if o == nil || o.value(now, offenceHalf) < leastRepeats-active || at.vouched(login, now) {
		return verdict{}
	}
	delete(at.offenders, login)
	return verdict{Subject{Prefix: at.prefix, Login: login}, "its connections were closed for misbehaviour, again and again"}
}

// vouched says that others do well by the same name: it is not one machine's.
func (at *site) vouched(login string, now time.Time) bool {
	w := at.workers[login]
	return w != nil && (w.good > 0 || now.Sub(w.left) < trusted)
}

// goodOf is how many are in good standing by a name.
func (at *site) goodOf(login string) int {
	if w := at.workers[login]; w != nil {
		return w.good
	}
	return 0
}

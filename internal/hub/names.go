package hub

import (
	"log/slog"
	"strings"
	"time"

	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
)

const (
	// nameEvery is the least time between two workers that a link's pool is
	// asked for, and maxNames how many it is asked for in all.
	nameEvery = 100 * time.Millisecond
	maxNames  = 5000
)

// aliasState is what a pool thinks of a worker's name.
type aliasState uint8

const (
	aliasAsked aliasState = iota
	aliasGranted
	aliasRefused
)

// alias is a worker's name on one link.
type alias struct {
	text  string
	state aliasState
	asked time.Time
	// used is when the first share went by it, answered says that the pool
	// has answered one.
	used     time.Time
	answered bool
}

// aliases are the names that one link's pool was asked for.
type aliases struct {
	byText map[string]*alias
	byTag  map[uint64]*alias // not answered
	asked  time.Time         // the last one
	tag    uint64
	// granted counts those that the pool said yes to.
	granted int
}

func newAliases() aliases {
	return aliases{byText: make(map[string]*alias), byTag: make(map[uint64]*alias), tag: loginTag}
}

// suspicious says that a link which ends now may do so for a second name.
func (a *aliases) suspicious(now time.Time) bool {
	for _, one := range a.byTag {
		if now.Sub(one.asked) < nameTrouble {
			return true
		}
	}
	for _, one := range a.byText {
		if !one.used.IsZero() && !one.answered && now.Sub(one.used) < nameTrouble {
			return true
		}
	}
	return false
}

// nameTrouble is within what time of naming a worker the link's end is blamed
// on it.
const nameTrouble = 10 * time.Second

// nameOf is the name that a worker's share goes by: its own once the pool has
// said yes to it, till then none, and nobody's none. The pool is asked when a
// worker has a first share for it. g.mu and the seat's mutex are held.
func (g *group) nameOf(p *pool, who *member, now time.Time) *alias {
	if who == nil || p.knowsOne(now) || p.suspected.Load() != 0 {
		return nil
	}
	as := &who.shared
	if as.at != p || as.of != g.route {
		as.at, as.of, as.name = p, g.route, p.template(g.route).Expand(p.Account, who.worker)
	}
	if as.name == g.login {
		return nil
	}
	a := g.aliases.byText[as.name]
	switch {
	case a == nil:
		g.ask(p, as.name, now)
		return nil
	case a.state != aliasGranted:
		return nil
	case a.used.IsZero():
		a.used = now
	}
	return a
}

// ask names a worker to the pool, unless that is too soon or too much.
func (g *group) ask(p *pool, name string, now time.Time) {
	as := &g.aliases
	if now.Sub(as.asked) < nameEvery || len(as.byText) >= maxNames {
		return
	}
	as.asked = now
	as.tag++
	a := &alias{text: name, asked: now}
	as.byText[name], as.byTag[as.tag] = a, a
	g.link.Authorize(name, p.password(g.route).Reveal(), as.tag)
}

// onAlias takes the pool's answer to a name.
func (g *group) onAlias(ev upstream.Event) {
	a, ok := g.aliases.byTag[ev.Tag]
	if !ok {
		return
	}
	delete(g.aliases.byTag, ev.Tag)
	a.state = aliasRefused
	switch ev.Verdict { //nolint:exhaustive // all others refuse
	case mining.Accepted:
		a.state = aliasGranted
		g.aliases.granted++
	case mining.Unanswered:
		if g.pool.heard.Load() >= a.asked.UnixNano() {
			g.pool.foundOneWorker(g.hub.log, time.Now(), "it does not answer when a second worker is named")
		}
	}
}

// tickNames looks after names that the pool leaves unanswered.
func (g *group) tickNames(now time.Time) {
	for tag, a := range g.aliases.byTag {
		// A pool that answers nothing at all has other trouble.
		if now.Sub(a.asked) >= g.hub.cfg.AuthorizeWait && g.pool.heard.Load() >= a.asked.UnixNano() {
			delete(g.aliases.byTag, tag)
			g.pool.foundOneWorker(g.hub.log, now, "it does not answer when a second worker is named")
		}
	}
}

const (
	// suspectWait is how long after a link has ended under suspicion it is
	// judged: longer than a pool takes to end all its connections one by one.
	// suspectFor is how long it may take until the probe has a sign of life.
	suspectWait, suspectFor = 30 * time.Second, 3 * time.Minute
	// oneWorkerFor is how long a pool is taken to know one worker: it may have
	// learned more since, or the link may have ended by chance.
	oneWorkerFor = 24 * time.Hour
)

// knowsOne says that the pool knows one worker a connection.
func (p *pool) knowsOne(now time.Time) bool {
	at := p.oneWorker.Load()
	age := now.Sub(time.Unix(0, at))
	return at != 0 && age >= 0 && age < oneWorkerFor // one of the future is of a wrong clock
}

// foundOneWorker remembers that the pool knows one worker a connection.
func (p *pool) foundOneWorker(log *slog.Logger, now time.Time, how string) {
	before := p.oneWorker.Load()
	if !p.knowsOne(now) && p.oneWorker.CompareAndSwap(before, now.UnixNano()) {
		log.Warn("pool knows one worker a connection: shares of all workers go by the connection's login from now on",
			"pool", p.Name, "found", how, "for", oneWorkerFor)
	}
}

// tickSuspicion judges whether a link that ended while a worker was being named
// has ended for that. It has if the pool went on with its probe meanwhile. If it
// ended both it may have restarted, and has to do so twice in a row.
func (p *pool) tickSuspicion(log *slog.Logger, now time.Time) {
	ns := p.suspected.Load()
	at := time.Unix(0, ns)
	if ns == 0 || now.Sub(at) < suspectWait {
		return
	}
	probe := p.probe.Status()
	switch lives := probe.State == link.Active && !probe.Since.After(at); {
	case lives && probe.Facts.Job != nil && probe.Facts.Job.Received.After(at), !lives && p.suspect.Add(1) > 1:
		p.suspect.Store(0)
		p.foundOneWorker(log, now, "it closes connections on which a second worker is named")
	case lives && now.Sub(at) < suspectFor:
		return // it may be as dead as the link
	}
	p.suspected.CompareAndSwap(ns, 0)
}

// oneAccount says whether all miners of the route are paid to one account at
// each of its pools.
func (r *route) oneAccount() bool { return len(r.conf().varies) == 0 }

// accountVaries says whether a pool's account hangs on the miner's name: the
// template does not begin with {account} or a name of its own.
func (p *pool) accountVaries(r *route) bool {
	return p.template(r).AccountVaries(p.Account)
}

// accountOf is for whom a worker's shares are paid, by all pools of the route
// where that differs by miner; "" where it does not.
func (r *route) accountOf(w *mining.Worker) string { return r.conf().accountOf(r, w) }

// accountOf is that of r as it is configured here.
func (c *routeConf) accountOf(r *route, w *mining.Worker) string {
	all := make([]string, 0, len(c.varies))
	for _, p := range c.varies {
		all = append(all, p.template(r).Account(p.Account, w))
	}
	return strings.Join(all, "\n")
}

// loginOf is a link's own login: the template with the route's name as the
// worker, under the account that the link is for.
func (p *pool) loginOf(r *route, w *mining.Worker) string {
	t := p.template(r)
	if t.String() == "" {
		return p.Account
	}
	if w == nil || !p.accountVaries(r) {
		return t.Expand(p.Account, &mining.Worker{Login: r.Name, Name: r.Name})
	}
	account := t.Account(p.Account, w)
	own := &mining.Worker{Login: account + "." + r.Name, User: account, Name: r.Name}
	if name := t.Expand(p.Account, own); t.Account(p.Account, own) == account {
		return name
	}
	return account
}

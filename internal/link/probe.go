package link

import (
	"fmt"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pace"
	"github.com/loka/stratum/internal/upstream"
)

// attempt is what one connection has come to.
type attempt struct {
	facts                          Facts
	subscribed, masked, authorized bool
	known                          bool      // facts are complete but for the job
	loggedInAt                     time.Time // subscribed and authorized
	activeAt                       time.Time
	stuck                          bool           // logged in, and no job for too long
	refused                        mining.Verdict // of our login
	refusal                        string         // the pool's words on it
	badLine                        string         // what was wrong with the latest line that was skipped
}

// probe takes a link's events for its keeper.
type probe struct{ k *Keeper }

// LinkEvent learns from one thing the pool said.
func (p probe) LinkEvent(l *Link, ev upstream.Event) {
	k := p.k
	if ev.Kind == upstream.Reconnect {
		k.redirect(l, ev)
		return
	}
	k.mu.Lock()
	if k.resumed != nil {
		k.mu.Unlock()
		return // the link is being closed
	}
	before := k.try.facts.Job
	news, end := k.try.learn(ev)
	if k.try.known {
		k.status.Facts, k.status.Known = k.try.facts, true
	}
	activated := k.try.ready() && k.try.activeAt.IsZero()
	loggedIn := k.try.loggedInAt.IsZero() && k.try.subscribed && k.try.authorized
	if loggedIn {
		k.try.loggedInAt = time.Now()
	}
	k.awaiting()
	if activated {
		k.try.activeAt, k.try.stuck = time.Now(), false
		k.enter(Active, "", "")
	}
	status := k.status
	if news || activated {
		k.wake()
	}
	k.mu.Unlock()
	if activated {
		k.settling = k.news.active(&status.Facts)
	}
	if activated && k.settling || loggedIn {
		l.nudge() // for the alarm
	}
	if (news || activated) && k.deps.OnChange != nil {
		k.deps.OnChange(status)
	}
	if ev.Kind == upstream.Job && k.deps.OnJob != nil {
		k.deps.OnJob(before, ev.Job)
	}
	if end != "" {
		l.Close(end)
	}
}

// learn takes an event in. news says that the facts changed and are known;
// end closes the link.
func (a *attempt) learn(ev upstream.Event) (news bool, end mining.Reason) {
	switch ev.Kind {
	case upstream.Subscribed, upstream.Extranonce:
		a.subscribed, news = true, true
		a.facts.Extranonce1, a.facts.Extranonce2Size = ev.Extranonce1, ev.Extranonce2Size
	case upstream.Mask:
		a.masked, news = true, true
		a.facts.VersionMask = ev.VersionMask
	case upstream.Difficulty:
		a.facts.Difficulty = ev.Difficulty
	case upstream.Job:
		a.facts.Job = ev.Job
	case upstream.Authorized:
		end = a.login(ev)
	case upstream.BadLine:
		a.badLine = ev.Text
	case upstream.Verdict, upstream.Message, upstream.Reconnect, upstream.AnsweredTwice:
	}
	a.known = a.subscribed && a.masked
	return news && a.known, end
}

// login takes the answer to our own login in.
func (a *attempt) login(ev upstream.Event) mining.Reason {
	switch ev.Verdict { //nolint:exhaustive // all others refuse
	case mining.Accepted:
		a.authorized = true
		return ""
	case mining.Unanswered:
		a.refused = mining.Unanswered
		return mining.PoolHandshakeTimeout
	}
	a.refused, a.refusal = ev.Verdict, ev.Text
	return mining.PoolAuthorizeRefused
}

func (a *attempt) ready() bool { return a.known && a.authorized && a.facts.Job != nil }

// awaits says what the connection waits for.
func (a *attempt) awaits(login string) string {
	switch {
	case !a.subscribed:
		return "the pool has not answered mining.subscribe yet"
	case !a.authorized:
		return fmt.Sprintf("the pool has not answered our login %q yet", login)
	case a.facts.Job == nil:
		return "logged in, and no job that can be used has come yet"
	}
	return ""
}

// alarm is asked at a link's ticks whether the pool has had its time. It
// returns when it wants to be asked again, zero for never.
func (k *Keeper) alarm(now time.Time) time.Time {
	k.mu.Lock()
	a := &k.try
	if k.resumed != nil {
		k.mu.Unlock()
		return time.Time{}
	}
	k.awaiting()
	var due time.Time
	if k.settling {
		due = a.activeAt.Add(pace.Every)
	} else if !a.loggedInAt.IsZero() && a.facts.Job == nil && !a.stuck {
		due = a.loggedInAt.Add(k.cfg.Patience)
	}
	if due.IsZero() || now.Before(due) {
		k.mu.Unlock()
		return due
	}
	if k.settling {
		facts := a.facts
		k.mu.Unlock()
		k.settling = false
		k.news.steady(&facts)
		return time.Time{}
	}
	a.stuck = true
	k.down(mining.PoolHandshakeTimeout, noJob(k.cfg.Patience, a.badLine))
	return time.Time{}
}

// LinkRead has nothing to add.
func (p probe) LinkRead(*Link) {}

// LinkEnded takes the end of a link in.
func (p probe) LinkEnded(l *Link, reason mining.Reason, err error) {
	k := p.k
	k.settling = false
	if reason == mining.Shutdown || reason == mining.Redirected || l.strayed() {
		return // the next link follows at once, and tells
	}
	k.mu.Lock()
	if k.resumed != nil || reason == mining.PoolDisabled {
		k.mu.Unlock()
		return // Pause has said so
	}
	text := k.explain(reason, err)
	k.try.known = false
	k.down(reason, text)
}

// down enters the state and tells all who want to know. mu is held and let go.
func (k *Keeper) down(reason mining.Reason, text string) {
	wasActive := k.status.State == Active
	k.enter(Down, reason, text)
	k.wake()
	status := k.status
	k.mu.Unlock()
	k.news.down(reason, text, wasActive)
	if k.deps.OnChange != nil {
		k.deps.OnChange(status)
	}
}

package bans

import (
	"context"
	"log/slog"
	"time"

	"github.com/loka/stratum/internal/events"
)

// Threat bans for what was seen of a subject, for a term that grows with each time.
// It is false where nothing was done: the subject is exempt or no one worker, a ban
// of it is in force already, or threats are not banned.
func (b *Book) Threat(s Subject, what string, now time.Time) (Entry, bool) {
	cfg := b.cfg.Load()
	if !cfg.Automatic || s.pattern() || !printable(s.Login) || len(s.Login) > maxLogin || s.Login == "" && (!s.Prefix.IsValid() || cfg.exempts(s.Prefix)) {
		return Entry{}, false
	}
	e := &Entry{Subject: s, Kind: Ban, Cause: Threat, Comment: clip(what), Since: stamp(now), Times: 1}
	if !b.sentence(e, cfg, now) {
		return Entry{}, false
	}
	b.deps.Metrics.Added(e.Kind, e.Cause).Inc()
	signal(b.changed)
	b.tell(e, now)
	b.deps.Events.Publish(e.event(events.Added, now))
	return *e, true
}

// tell logs a threat's ban. Whoever has very many addresses is not to fill the disk by it.
func (b *Book) tell(e *Entry, now time.Time) {
	level, attrs := slog.LevelWarn, []slog.Attr{
		slog.String("who", e.String()), slog.String("what", e.Comment), slog.Time("until", e.Until),
		slog.Int("times", e.Times), slog.String("id", e.ID()),
	}
	if ok, missed := b.telling.Pass(now); !ok {
		level = slog.LevelDebug
	} else if missed > 0 {
		attrs = append(attrs, slog.Uint64("more_not_logged", missed))
	}
	b.deps.Logger.LogAttrs(context.Background(), level, "banned for misbehaviour", attrs...)
}

// sentence enters a threat's ban, unless one is in force.
func (b *Book) sentence(e *Entry, cfg *Config, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.all[e.key()]
	switch {
	case before != nil && before.InForce(now):
		return false
	case before != nil && !before.forgotten(cfg, now):
		e.Times = before.Times + 1
	case before == nil && b.threats >= MaxThreats:
		b.makeRoom(now)
	}
	e.Until = stamp(now.Add(cfg.term(e.Times)))
	b.put(e)
	return true
}

// term is how long the ban of that number holds.
func (c *Config) term(times int) time.Duration {
	term := min(c.First, c.Longest)
	for range times - 1 {
		if term >= c.Longest/2 {
			return c.Longest
		}
		term *= 2
	}
	return term
}

// forgotten says that what was before counts no more.
func (e *Entry) forgotten(c *Config, now time.Time) bool {
	return !e.InForce(now) && (e.Cause == Operator || !now.Before(e.Until.Add(c.Forget)))
}

package link

import (
	"context"
	"log/slog"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pace"
)

// news logs that a pool is active or down. A pool that keeps coming and going
// must not fill a disk, and yet the latest line of the log must be right: a
// down is logged once a minute for each reason; after one that was not, active
// is logged only when the pool has been so for a minute.
type news struct {
	log  *slog.Logger
	last map[mining.Reason]time.Time // when each was logged as down
	// restless says that the pool went down unlogged since it was steady.
	restless bool
	// flaps counts these downs since one of them was last told of.
	flaps int
}

// active logs that the pool can be used. later says that steady is to be
// called after pace.Every.
func (n *news) active(facts *Facts) (later bool) {
	if n.restless {
		n.up(slog.LevelDebug, facts)
		return true
	}
	n.up(slog.LevelInfo, facts)
	return false
}

// steady logs that a pool which came and went has been active for a while.
func (n *news) steady(facts *Facts) {
	n.up(slog.LevelInfo, facts)
	n.restless = false
}

func (n *news) up(level slog.Level, facts *Facts) {
	attrs := []slog.Attr{
		slog.String("extranonce1", facts.Extranonce1.String()), slog.Int("extranonce2_size", facts.Extranonce2Size),
		slog.String("version_mask", facts.VersionMask.String()),
	}
	n.say(level, "pool is active", attrs)
}

// down logs that the pool is down. begins says that it was active.
func (n *news) down(reason mining.Reason, text string, begins bool) {
	attrs := []slog.Attr{slog.String("reason", string(reason)), slog.String("error", text)}
	now := time.Now()
	if last, ok := n.last[reason]; !ok || now.Sub(last) >= pace.Every {
		n.last[reason] = now
		n.say(slog.LevelWarn, "pool is down", attrs)
		return
	}
	if begins {
		n.restless = true
		n.flaps++
	}
	n.say(slog.LevelDebug, "pool is down", attrs)
}

// say logs a line; one above Debug tells of the flaps so far.
func (n *news) say(level slog.Level, what string, attrs []slog.Attr) {
	if level > slog.LevelDebug && n.flaps > 0 {
		attrs = append(attrs, slog.Int("flaps", n.flaps))
		n.flaps = 0
	}
	n.log.LogAttrs(context.Background(), level, what, attrs...) //nolint:sloglint // both messages are constants
}

package link

import (
	"log/slog"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
)

// noteEvery is how often one kind of event may be logged above Debug: what a
// pool repeats must not fill a disk.
const noteEvery = time.Minute

// notes logs what a pool says to people and does wrong. Owned by the
// goroutine in Run.
type notes struct {
	log                    *slog.Logger
	message, redirect, bad time.Time // when each was last logged
}

func (n *notes) event(ev upstream.Event) {
	switch ev.Kind {
	case upstream.Message:
		if due(&n.message) {
			n.log.Info("pool has a message", slog.String("text", ev.Text))
		}
	case upstream.Reconnect:
		if due(&n.redirect) {
			n.log.Warn("pool asks to reconnect, not followed",
				slog.String("host", ev.Host), slog.Int("port", int(ev.Port)), slog.Duration("wait", ev.Wait))
		}
	case upstream.BadLine:
		if due(&n.bad) {
			n.log.Warn("line of pool skipped", slog.String("error", ev.Text))
		}
	case upstream.Subscribed:
		n.log.Debug("pool subscribed", slog.String("extranonce1", ev.Extranonce1.String()),
			slog.Int("extranonce2_size", ev.Extranonce2Size))
	case upstream.Job, upstream.Difficulty, upstream.Extranonce, upstream.Mask,
		upstream.Authorized, upstream.Verdict:
	}
}

func (n *notes) ended(reason mining.Reason, err error) {
	attrs := []any{slog.String("reason", string(reason))}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	n.log.Debug("connection to pool ended", attrs...)
}

// due says whether noteEvery has passed since last, and if so sets it to now.
func due(last *time.Time) bool {
	now := time.Now()
	if !last.IsZero() && now.Sub(*last) < noteEvery {
		return false
	}
	*last = now
	return true
}

package link

import (
	"log/slog"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pace"
	"github.com/loka/stratum/internal/upstream"
)

// Quota spaces what links log: the connections to one pool share one, for
// what it says to all of them is one piece of news. Its zero value is ready,
// and any number of goroutines may use it.
type Quota struct {
	message, bad pace.Pace
}

// notes logs what a pool says to people and does wrong.
type notes struct {
	log   *slog.Logger
	quota *Quota
}

func (n *notes) event(ev upstream.Event) {
	switch ev.Kind {
	case upstream.Message:
		if n.quota.message.Due(time.Now()) {
			n.log.Info("pool has a message", slog.String("text", ev.Text))
		}
	case upstream.BadLine:
		if n.quota.bad.Due(time.Now()) {
			n.log.Warn("line of pool skipped", slog.String("error", ev.Text))
		}
	case upstream.Subscribed:
		n.log.Debug("pool subscribed", slog.String("extranonce1", ev.Extranonce1.String()),
			slog.Int("extranonce2_size", ev.Extranonce2Size))
	case upstream.Job, upstream.Difficulty, upstream.Extranonce, upstream.Mask,
		upstream.Authorized, upstream.Verdict, upstream.Reconnect, upstream.AnsweredTwice:
	}
}

func (n *notes) ended(reason mining.Reason, err error) {
	attrs := []any{slog.String("reason", string(reason))}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	n.log.Debug("connection to pool ended", attrs...)
}

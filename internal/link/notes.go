package link

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
)

// noteEvery is how often one kind of event may be logged above Debug: what a
// pool repeats must not fill a disk.
const noteEvery = time.Minute

// Quota spaces what links log: the connections to one pool share one, for
// what it says to all of them is one piece of news. Its zero value is ready,
// and any number of goroutines may use it.
type Quota struct {
	// When each kind was last logged, in Unix nanoseconds.
	message, redirect, bad atomic.Int64
}

// due says whether noteEvery has passed since last, and if so sets it to now.
func due(last *atomic.Int64) bool {
	before, now := last.Load(), time.Now().UnixNano()
	return now-before >= int64(noteEvery) && last.CompareAndSwap(before, now)
}

// notes logs what a pool says to people and does wrong.
type notes struct {
	log   *slog.Logger
	quota *Quota
}

func (n *notes) event(ev upstream.Event) {
	switch ev.Kind {
	case upstream.Message:
		if due(&n.quota.message) {
			n.log.Info("pool has a message", slog.String("text", ev.Text))
		}
	case upstream.Reconnect:
		if due(&n.quota.redirect) {
			n.log.Warn("pool asks to reconnect, not followed",
				slog.String("host", ev.Host), slog.Int("port", int(ev.Port)), slog.Duration("wait", ev.Wait))
		}
	case upstream.BadLine:
		if due(&n.quota.bad) {
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

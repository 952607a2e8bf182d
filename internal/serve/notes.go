package serve

import (
	"context"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// noteEvery is how often a kind of event that strangers can cause at will is
// logged above Debug: nobody may fill a disk.
const noteEvery = time.Minute

// maxLogin is how much of a refused login is logged, in bytes.
const maxLogin = 64

// pace lets one event in noteEvery through. Its zero value is ready, and any
// number of goroutines may use it.
type pace struct{ last atomic.Int64 } // UnixNano

func (p *pace) due() bool {
	last, now := p.last.Load(), time.Now().UnixNano()
	return (last == 0 || now-last >= int64(noteEvery)) && p.last.CompareAndSwap(last, now)
}

// notes logs what befalls miners.
type notes struct {
	log     *slog.Logger
	refused *pace
	// telling are the ends that are news even without a worker: the first
	// signs of an outage, or of a wrong setting.
	telling map[mining.Reason]*pace
}

func newNotes(log *slog.Logger) notes {
	return notes{log: log, refused: new(pace), telling: map[mining.Reason]*pace{
		mining.PoolUnreachable: {}, mining.NoRoute: {}, mining.AuthorizeTimeout: {},
	}}
}

// loginRefused says that a miner was refused for its name.
func (n *notes) loginRefused(m *mining.Miner, login string, v mining.Verdict) {
	level := slog.LevelDebug
	if n.refused.due() {
		level = slog.LevelWarn
	}
	n.log.LogAttrs(context.Background(), level, "login refused",
		slog.String("login", shown(login)),
		slog.Uint64("miner", uint64(m.ID)),
		slog.String("remote", m.Remote.String()),
		slog.String("verdict", v.String()),
		slog.String("advice", "set the miner's user name to 1 to 128 printable ASCII characters without spaces, such as ACCOUNT.WORKER"))
}

// shown is an untrusted login as a log may show it.
func shown(login string) string {
	if len(login) > maxLogin {
		return strconv.QuoteToASCII(login[:maxLogin]) + "…"
	}
	return strconv.QuoteToASCII(login)
}

// ended says once that a connection ended: a miner's end is news, a
// stranger's mostly is not.
func (n *notes) ended(ctx context.Context, state State, reason mining.Reason) {
	level := slog.LevelDebug
	attrs := []slog.Attr{
		slog.String("reason", string(reason)),
		slog.Uint64("miner", uint64(state.Miner.ID)),
		slog.String("remote", state.Miner.Remote.String()),
		slog.Any("workers", state.Session.Workers),
		slog.String("user_agent", state.Session.UserAgent),
		slog.String("connected", time.Since(state.Since).Round(time.Millisecond).String()),
	}
	if len(state.Session.Workers) > 0 {
		level = slog.LevelInfo
	} else if p := n.telling[reason]; p != nil && p.due() {
		level = slog.LevelInfo
		attrs = append(attrs, slog.String("advice", mining.Describe(reason).Do))
	}
	n.log.LogAttrs(ctx, level, "miner disconnected", attrs...)
}

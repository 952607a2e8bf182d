package serve

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pace"
)

// maxLogin is how much of a refused login is logged, in bytes.
const maxLogin = 64

// notes logs what befalls miners.
type notes struct {
	log     *slog.Logger
	refused *pace.Pace
	// departures bounds the news of miners' ends.
	departures *pace.Budget
	// telling are the ends that are news even without a worker: the first
	// signs of an outage, or of a wrong setting.
	telling map[mining.Reason]*pace.Pace
}

func newNotes(log *slog.Logger) notes {
	return notes{log: log, refused: new(pace.Pace), departures: new(pace.Budget), telling: map[mining.Reason]*pace.Pace{
		mining.PoolUnreachable: {}, mining.NoRoute: {}, mining.AuthorizeTimeout: {},
	}}
}

// loginRefused says that a miner was refused, mostly for its name: what it was told says
// more, where that is not the usual.
func (n *notes) loginRefused(m *mining.Miner, login string, a mining.Answer) {
	level := slog.LevelDebug
	if n.refused.Due(time.Now()) {
		level = slog.LevelWarn
	}
	why := slog.String("advice", "set the miner's user name to 1 to 128 printable ASCII characters without spaces, such as ACCOUNT.WORKER, and its password to 256 bytes at most; where the configuration has [logins], [patterns] or workers of a route, both must be as those say")
	if a.Text != "" {
		why = slog.String("text", a.Text)
	}
	n.log.LogAttrs(context.Background(), level, "login refused",
		slog.String("login", shown(login)),
		slog.Uint64("miner", uint64(m.ID)),
		slog.String("remote", m.Remote.String()),
		slog.String("verdict", a.Verdict.String()),
		why)
}

// shown is an untrusted login as a log may show it.
func shown(login string) string {
	if len(login) > maxLogin {
		return strconv.QuoteToASCII(login[:maxLogin]) + "…"
	}
	return strconv.QuoteToASCII(login)
}

// ended says once that a connection ended: a miner's end is news, unless there are
// very many, a stranger's mostly is not.
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
		if ok, missed := n.departures.Pass(time.Now()); ok {
			level = slog.LevelInfo
			if missed > 0 {
				attrs = append(attrs, slog.Uint64("more_not_logged", missed))
			}
		}
	} else if p := n.telling[reason]; p != nil && p.Due(time.Now()) {
		level = slog.LevelInfo
		attrs = append(attrs, slog.String("advice", mining.Describe(reason).Do))
	}
	n.log.LogAttrs(ctx, level, "miner disconnected", attrs...)
}

// arrivalOf tells of a miner's first worker.
func arrivalOf(c *Conn, login, agent string) events.Event {
	return events.Event{
		At: time.Now(), Kind: events.Connection, What: events.Opened, Worker: login,
		Miner: uint64(c.miner.ID), Remote: c.miner.Remote.String(), Detail: agent,
	}
}

// endOf tells of a connection's end.
func endOf(state *State, reason mining.Reason) events.Event {
	e := events.Event{
		At: time.Now(), Kind: events.Connection, What: events.Closed, Reason: string(reason),
		Miner: uint64(state.Miner.ID), Remote: state.Miner.Remote.String(),
		Detail: "after " + time.Since(state.Since).Round(time.Second).String(),
	}
	if len(state.Session.Workers) > 0 {
		e.Worker = state.Session.Workers[0]
	}
	return e
}

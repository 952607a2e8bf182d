package hub

import (
	"context"
	"log/slog"
	"time"

	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/steer"
)

// factsOf is what is known of a miner that has said nothing.
func factsOf(a mining.Arrival) steer.Facts {
	return steer.Facts{
		Listener: a.Listener, Remote: a.Remote.Addr(), ServerName: a.ServerName, Connect: a.Connect, Route: a.ConnectRoute,
	}
}

// Tunnel says why a miner that comes by an HTTP CONNECT is not let in, one of the
// reasons of that name; empty lets it in. It asks what is configured now.
func (h *Hub) Tunnel(a mining.Arrival) mining.Reason {
	ro := h.roster()
	if a.ConnectRoute != "" && ro.route(a.ConnectRoute) == nil {
		return mining.ConnectNoRoute
	}
	candidates := ro.candidates(factsOf(a))
	switch {
	case len(candidates) == 0:
		return mining.ConnectForbidden
	case hopeless(candidates):
		return mining.ConnectNoPool
	}
	return ""
}

// hopeless says that every pool of the routes is known to be away. One that is
// being connected for the first time is not.
func hopeless(routes []*route) bool {
	for _, r := range routes {
		for _, p := range r.conf().pools {
			if p.probe.State() != link.Down {
				return false
			}
		}
	}
	return true
}

// tellArrival logs that a miner has logged in, above Debug as far as there are not very
// many: whoever may connect can cause it at will.
func (h *Hub) tellArrival(now time.Time, attrs []slog.Attr) {
	level := slog.LevelInfo
	ok, missed := h.arrivals.Pass(now)
	switch {
	case !ok:
		level = slog.LevelDebug
	case missed > 0:
		attrs = append(attrs, slog.Uint64("more_not_logged", missed))
	}
	h.log.LogAttrs(context.Background(), level, "miner authorized", attrs...)
}

package logins

import (
	"net/netip"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
)

// GateName is the name of the middleware that asks a [Gate].
const GateName = "bans"

// Gate knows who must not log in for other reasons. It must not wait.
type Gate interface {
	// Refused says that a login from an address is refused, and what the miner is
	// told in place of the usual words, if it is not empty.
	Refused(addr netip.Addr, login string, now time.Time) (text string, refused bool)
}

// Keeper is the middleware that asks a [Gate]. It is one of its own, for a route may
// leave out secrets, and not bans.
type Keeper struct {
	gate    Gate
	metrics Metrics
}

// NewKeeper returns the middleware; without a gate it lets all in.
func NewKeeper(gate Gate, metrics Metrics) *Keeper { return &Keeper{gate, metrics} }

// Name is "bans".
func (*Keeper) Name() string { return GateName }

// Wrap returns the question before next.
func (k *Keeper) Wrap(next pipeline.Handler, _ pipeline.Slot) pipeline.Handler {
	return pipeline.HandlerFunc(func(m *mining.Miner, req *mining.Request) mining.Answer {
		if k.gate == nil || req.Kind != mining.Authorize || req.Worker == nil {
			return next.Handle(m, req)
		}
		text, refused := k.gate.Refused(m.Remote.Addr(), req.Worker.Login, req.At)
		if !refused {
			return next.Handle(m, req)
		}
		k.metrics.count(CauseGate)
		a := pipeline.Refuse(req, mining.Unauthorized)
		// It may be one of many workers of the connection, and try for as long as it is
		// kept out: the others are not to suffer for that.
		a.Text, a.Excused = text, true
		return a
	})
}

package link

import (
	"errors"
	"fmt"
	"time"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/mining"
)

// explain puts an end into words: what happened, the details, what to do. mu
// is held.
func (k *Keeper) explain(reason mining.Reason, err error) string {
	var what, todo, detail string
	if err != nil {
		detail = err.Error()
	}
	switch {
	case reason == mining.PoolHandshakeTimeout && k.try.refused == mining.Unanswered:
		what, detail = fmt.Sprintf("the pool has not answered our login %q", k.cfg.Username), ""
		todo = "check that url of this pool is a Stratum V1 port, and ask the pool why"
	case reason == mining.PoolAuthorizeRefused:
		what, detail = fmt.Sprintf("the pool refused our login %q", k.cfg.Username), k.try.refusal
		todo = "this is the proxy's own connection, named by the worker template with the route's name: " +
			"check username and password of this pool, and register that worker there if the pool wants its workers registered"
	case reason == mining.LineTooLong:
		what, todo = "the pool sent a line of more than "+k.lineLimit(), notStratum
	case reason == mining.NULByte:
		what, todo = "the pool sent a line with a NUL byte", notStratum
	default:
		what, todo = advice(reason)
		if failed, ok := errors.AsType[*dial.Error](err); ok && failed.Advice() != "" {
			todo = failed.Advice()
		}
	}
	if detail != "" {
		what += ": " + detail
	}
	if todo != "" {
		what += "; " + todo
	}
	return what
}

// notStratum is what to do about a pool that sends what no pool sends.
const notStratum = "that is not Stratum V1: check url of this pool"

// lineLimit is the longest line a pool may send, for people.
func (k *Keeper) lineLimit() string {
	n := k.deps.Wire.MaxLine
	if n == 0 {
		n = defaultMaxLine
	}
	if n%(1<<10) == 0 {
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}

// noJob is what is wrong with a pool that takes our login and gives no work.
func noJob(after time.Duration, badLine string) string {
	what := "logged in, but the pool sent no job that can be used in " + fmt.Sprintf("%g s", after.Seconds())
	if badLine != "" {
		return what + ", the latest line that could not be: " + badLine + "; check that url of this pool is a Bitcoin mining port, and tell the pool"
	}
	return what + "; look at the pool's status page, and check that url of this pool is a mining port"
}

// advice is what an end means and what an operator can do about it.
func advice(reason mining.Reason) (what, todo string) {
	switch reason {
	case mining.DialFailed:
		return "cannot connect", "check url of this pool, and the network"
	case mining.ProxyFailed:
		return "no way to the pool by the proxy", "check proxy and url of this pool, and that the proxy lets this machine through to the pool"
	case mining.TLSFailed:
		return "TLS handshake failed", "check url of this pool: stratum+ssl:// needs a TLS port and a valid certificate"
	case mining.PoolHandshakeTimeout:
		return "no answer to the handshake", "check that url of this pool is a Stratum V1 port"
	case mining.SubscribeRefused:
		return "the pool refused mining.subscribe", "ask the pool why"
	case mining.BadExtranonce:
		return "the pool's extranonce cannot be used", "try another port of this pool"
	case mining.PoolSilent:
		return "the pool has gone silent", ""
	case mining.PeerClosed, mining.PeerReset:
		return "the pool closed the connection", ""
	case mining.TooManyErrors:
		return "the pool does not speak Stratum V1 properly", "check url of this pool"
	default:
		return string(reason), ""
	}
}

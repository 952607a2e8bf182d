package dial

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/loka/stratum/internal/pace"
)

// Resolver finds a name's addresses; [net.Resolver] does.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

const (
	// lookupPatience is how long the resolver is waited for where there are
	// addresses of before; RFC 8767, section 5, has 1.8 s.
	lookupPatience = 1800 * time.Millisecond
	// maxNames is how many names are remembered, and maxAddresses how many
	// addresses of each are tried.
	maxNames, maxAddresses = 256, 16
)

// errNoAddress is an answer of the resolver with nothing in it.
var errNoAddress = errors.New("the name has no address")

// names finds addresses, and remembers the last ones for as long as the
// resolver fails. Whatever it says then: on a farm "no such host" comes mostly
// from a router that is not connected itself.
type names struct {
	resolver Resolver
	log      *slog.Logger

	mu    sync.Mutex
	known map[string]*answer
}

// answer is what the resolver said of a name last.
type answer struct {
	addrs []netip.Addr
	at    time.Time
	// failing spaces the warnings.
	failing pace.Pace
}

// lookup is a host's addresses in the order in which they are to be tried, at
// least one. keep has them remembered: names that a pool comes up with must not
// push out those of the configuration.
func (n *names) lookup(ctx context.Context, host string, keep bool) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	known, of, failing := n.last(host)
	asking := ctx
	if known != nil {
		var cancel context.CancelFunc
		asking, cancel = context.WithTimeout(ctx, lookupPatience)
		defer cancel()
	}
	addrs, err := n.resolver.LookupNetIP(asking, "ip", host)
	if err == nil && len(addrs) == 0 {
		err = errNoAddress
	}
	if err == nil {
		addrs = inTurn(addrs)
		if keep {
			n.remember(host, addrs)
		}
		return addrs, nil
	}
	if known == nil || ctx.Err() != nil {
		return nil, err
	}
	if now := time.Now(); failing.Due(now) {
		n.log.LogAttrs(ctx, slog.LevelWarn, "a name is not resolved, its last addresses are used",
			slog.String("host", host), slog.Any("error", err), slog.Duration("age", now.Sub(of).Round(time.Second)))
	}
	return known, nil
}

// last is what the resolver said of a name last and when, and what spaces the
// warnings; all nil where nothing is known.
func (n *names) last(host string) (addrs []netip.Addr, at time.Time, failing *pace.Pace) {
	n.mu.Lock()
	defer n.mu.Unlock()
	a := n.known[host]
	if a == nil {
		return nil, time.Time{}, nil
	}
	return a.addrs, a.at, &a.failing
}

// remember keeps a good answer; if there are too many, the oldest one goes.
func (n *names) remember(host string, addrs []netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	a := n.known[host]
	if a == nil {
		a = new(answer)
		n.known[host] = a
	}
	a.addrs, a.at = addrs, time.Now()
	if len(n.known) <= maxNames {
		return
	}
	oldest := host
	for name, other := range n.known {
		if other.at.Before(n.known[oldest].at) {
			oldest = name
		}
	}
	delete(n.known, oldest)
}

// inTurn is the first of some addresses, those of the two IP versions by turns
// as RFC 8305, section 4, has it.
func inTurn(addrs []netip.Addr) []netip.Addr {
	var first, other []netip.Addr
	for _, a := range addrs {
		a = a.Unmap()
		if len(first) == 0 || a.Is4() == first[0].Is4() {
			first = append(first, a)
		} else {
			other = append(other, a)
		}
	}
	mixed := make([]netip.Addr, 0, len(addrs))
	for i := range max(len(first), len(other)) {
		mixed = append(mixed, first[min(i, len(first)):min(i+1, len(first))]...)
		mixed = append(mixed, other[min(i, len(other)):min(i+1, len(other))]...)
	}
	return slices.Clip(mixed[:min(len(mixed), maxAddresses)])
}

package httpapi

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// wrongBurst wrong tokens of one address are answered, then one in each wrongEvery.
	wrongBurst = 10
	wrongEvery = 6 * time.Second
	// maxThrottled bounds how many addresses are remembered.
	maxThrottled = 10_000
	// lookAt is how many are looked at to forget one.
	lookAt = 8
)

// throttle counts wrong tokens by address. It bounds what guessing costs us and
// the logs; that it leads nowhere is the tokens' own doing. So it never stands in the
// way of who has the right one.
type throttle struct {
	mu sync.Mutex
	by map[netip.Addr]*rate.Limiter
}

// wrong counts a wrong token, and says how long its address has to wait for an
// answer to the next one; 0: it need not.
func (t *throttle) wrong(remote string, now time.Time) time.Duration {
	from := source(remote)
	t.mu.Lock()
	defer t.mu.Unlock()
	of := t.by[from]
	if of == nil {
		if t.by == nil {
			t.by = make(map[netip.Addr]*rate.Limiter)
		}
		if len(t.by) >= maxThrottled {
			t.forget(now)
		}
		of = rate.NewLimiter(rate.Every(wrongEvery), wrongBurst)
		t.by[from] = of
	}
	r := of.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now) // only what was answered counts
	}
	return wait
}

// forget drops the one of some addresses that has behaved best. mu is held.
func (t *throttle) forget(now time.Time) {
	var best netip.Addr
	most, seen := -1.0, 0
	for from, of := range t.by {
		if has := of.TokensAt(now); has > most {
			best, most = from, has
		}
		if seen++; seen == lookAt {
			break
		}
	}
	delete(t.by, best)
}

// source is whom an address belongs to: of IPv6 a household has a /64.
func source(remote string) netip.Addr {
	addr := hostOf(remote)
	if addr.Is6() {
		return netip.PrefixFrom(addr, 64).Masked().Addr()
	}
	return addr
}

// hostOf is the address in ADDRESS:PORT; the zero Addr if there is none.
func hostOf(remote string) netip.Addr {
	at, _ := netip.ParseAddrPort(remote)
	return at.Addr().Unmap().WithZone("")
}

package kernel

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/loka/stratum/internal/guard/bans"
)

// MaxNetworks bounds what the kernel is given of each IP version, so that a flood of
// bans costs it little; of more it gets those that hold longest.
const MaxNetworks = 8_192

// Config says what is dropped where.
type Config struct {
	// Table is the name of the table.
	Table string
	// Ports are those that miners connect to.
	Ports []uint16
}

// UnavailableError is a kernel that does not do it.
type UnavailableError struct{ Err error }

// Error says why not.
func (e *UnavailableError) Error() string {
	return fmt.Sprintf("nftables cannot be used: %v; it needs Linux and CAP_NET_ADMIN", e.Err)
}

// Unwrap is the kernel's own error.
func (e *UnavailableError) Unwrap() error { return e.Err }

// ErrTooMany is more than [MaxNetworks].
var ErrTooMany = errors.New("too many networks for the kernel")

// span is a run of addresses, from first to before end; an end that is not valid is
// beyond the last address there is.
type span struct {
	first, end netip.Addr
	timeout    time.Duration // 0: none
}

// spans are the networks of one IP version, none within another, as the kernel wants
// them.
func spans(all []bans.Dropped, six bool, now time.Time) ([]span, error) {
	some := make([]bans.Dropped, 0, len(all))
	for _, d := range all {
		if d.Prefix.Addr().Is6() == six && (d.Until.IsZero() || d.Until.After(now)) {
			some = append(some, d)
		}
	}
	slices.SortFunc(some, func(a, b bans.Dropped) int {
		return cmp.Or(a.Prefix.Addr().Compare(b.Prefix.Addr()), cmp.Compare(a.Prefix.Bits(), b.Prefix.Bits()))
	})
	// One within another is left out: it has its turn when the other is over, for
	// then all are given again.
	outer := some[:0]
	for _, d := range some {
		if n := len(outer); n == 0 || !outer[n-1].Prefix.Contains(d.Prefix.Addr()) {
			outer = append(outer, d)
		}
	}
	var err error
	if len(outer) > MaxNetworks {
		err = fmt.Errorf("%d of IPv%d: %w", len(outer), map[bool]int{false: 4, true: 6}[six], ErrTooMany)
		slices.SortStableFunc(outer, func(a, b bans.Dropped) int { return lasts(b).Compare(lasts(a)) })
		outer = outer[:MaxNetworks]
	}
	out := make([]span, 0, len(outer))
	for _, d := range outer {
		s := span{first: d.Prefix.Addr(), end: last(d.Prefix).Next()}
		if !d.Until.IsZero() {
			s.timeout = max(d.Until.Sub(now), time.Second)
		}
		out = append(out, s)
	}
	return out, err
}

// lasts is when a ban ends, for comparing.
func lasts(d bans.Dropped) time.Time {
	if d.Until.IsZero() {
		return time.Unix(1<<40, 0)
	}
	return d.Until
}

// last is the last address of a prefix.
func last(p netip.Prefix) netip.Addr {
	bytes := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < 8*len(bytes); bit++ {
		bytes[bit/8] |= 1 << (7 - bit%8)
	}
	addr, _ := netip.AddrFromSlice(bytes)
	return addr
}

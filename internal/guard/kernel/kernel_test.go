package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/guard/bans"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func dropped(until time.Time, prefixes ...string) (all []bans.Dropped) {
	for _, p := range prefixes {
		all = append(all, bans.Dropped{Prefix: netip.MustParsePrefix(p), Until: until})
	}
	return all
}

func (s span) String() string { return fmt.Sprintf("%s-%s %s", s.first, s.end, s.timeout) }

func TestSpans(t *testing.T) {
	all := append(dropped(time.Time{}, "10.0.0.0/8", "10.1.0.0/16", "255.255.255.0/24", "192.0.2.1/32", "192.0.2.0/32", "2001:db8::/64", "ffff::/16"),
		dropped(epoch.Add(time.Minute), "10.0.0.0/16", "192.0.3.0/24")...)
	all = append(all, dropped(epoch, "203.0.113.1/32")...) // over
	for six, want := range map[bool]string{
		false: "[10.0.0.0-11.0.0.0 0s 192.0.2.0-192.0.2.1 0s 192.0.2.1-192.0.2.2 0s 192.0.3.0-192.0.4.0 1m0s 255.255.255.0-invalid IP 0s]",
		true:  "[2001:db8::-2001:db8:0:1:: 0s ffff::-invalid IP 0s]",
	} {
		got, err := spans(all, six, epoch)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%v, %v; want %s", got, err, want)
		}
	}
}

// TestSpansAreApart: whatever is banned, the kernel's spans do not overlap, and have
// the addresses that are banned and no others.
func TestSpansAreApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 12).Draw(t, "bans")
		all := make([]bans.Dropped, 0, n)
		for range n {
			addr := netip.AddrFrom4([4]byte{byte(rapid.SampledFrom([]int{0, 10, 255}).Draw(t, "net")), 0, 0, byte(rapid.IntRange(0, 255).Draw(t, "host"))})
			p := netip.PrefixFrom(addr, rapid.IntRange(24, 32).Draw(t, "bits")).Masked()
			all = append(all, bans.Dropped{Prefix: p})
		}
		got, err := spans(all, false, epoch)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if i > 0 && (!got[i-1].end.IsValid() || got[i].first.Less(got[i-1].end)) {
				t.Fatalf("%v overlap", got)
			}
		}
		for _, net := range []byte{0, 10, 255} {
			for host := range 256 {
				addr := netip.AddrFrom4([4]byte{net, 0, 0, byte(host)})
				want, have := false, false
				for _, d := range all {
					want = want || d.Prefix.Contains(addr)
				}
				for _, s := range got {
					have = have || !addr.Less(s.first) && (!s.end.IsValid() || addr.Less(s.end))
				}
				if want != have {
					t.Fatalf("%s is dropped: %t, want %t", addr, have, want)
				}
			}
		}
	})
}

// TestTooMany has the kernel get those that hold longest.
func TestTooMany(t *testing.T) {
	all := make([]bans.Dropped, 0, MaxNetworks+10)
	for i := range MaxNetworks + 10 {
		addr := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		all = append(all, bans.Dropped{Prefix: netip.PrefixFrom(addr, 32), Until: epoch.Add(time.Duration(i+1) * time.Second)})
	}
	all[0].Until = time.Time{}
	got, err := spans(all, false, epoch)
	if !errors.Is(err, ErrTooMany) || len(got) != MaxNetworks {
		t.Fatalf("%d, %v", len(got), err)
	}
	least := time.Hour * 1000
	for _, s := range got {
		if s.timeout > 0 {
			least = min(least, s.timeout)
		}
	}
	if least != 12*time.Second {
		t.Errorf("one that ends in %s has its place", least)
	}
}

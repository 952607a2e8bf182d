package bans_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/loka/stratum/internal/guard/bans"
)

// BenchmarkAsked asks a full book for who is not in it, as for each connection and
// each login.
func BenchmarkAsked(b *testing.B) {
	book := bans.New(terms(), bans.Deps{})
	for i := range bans.MaxThreats {
		book.Threat(bans.SiteOf(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})), "test", epoch)
	}
	for i := range 20 {
		if _, err := book.Add(bans.Order{Subject: subject(b, "", fmt.Sprintf("rented%d.*", i)), Kind: bans.Pause}, epoch); err != nil {
			b.Fatal(err)
		}
	}
	addr := ip("192.0.2.7")
	b.Run("address", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			book.Banned(addr, epoch)
		}
	})
	b.Run("login", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			book.Refused(addr, "farm.rig7", epoch)
		}
	})
}

// BenchmarkConnection is what a standing costs each connection that does well.
func BenchmarkConnection(b *testing.B) {
	y := newYard()
	b.ReportAllocs()
	for b.Loop() {
		y.leave(y.good(nat, "farm.rig7"), "peer_closed", true)
	}
}

// BenchmarkOffence is what a standing costs an offence where it remembers as many as
// it may.
func BenchmarkOffence(b *testing.B) {
	y := newYard()
	for i := range 1000 {
		y.good(nat, "rig")
		y.bad(nat, fmt.Sprint("a", i), false)
	}
	logins := make([]string, 1000)
	for i := range logins {
		logins[i] = fmt.Sprint("a", i)
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		y.bad(nat, logins[i%len(logins)], false)
		i++
	}
}

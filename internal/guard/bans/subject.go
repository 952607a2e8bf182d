package bans

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// Kind is what is done to whom a ban is about.
type Kind string

// The kinds.
const (
	// Ban keeps out.
	Ban Kind = "ban"
	// Pause sends away until it is taken back: the miner's firmware turns to its
	// next pool, or idles.
	Pause Kind = "pause"
)

// Kinds lists them.
func Kinds() []Kind { return []Kind{Ban, Pause} }

// Reason is why connections end by it.
func (k Kind) Reason() mining.Reason {
	if k == Pause {
		return mining.Paused
	}
	return mining.Banned
}

// Cause is who wants it.
type Cause string

// The causes.
const (
	// Operator is a person's decision.
	Operator Cause = "operator"
	// Threat is what was seen of them.
	Threat Cause = "threat"
)

// Causes lists them.
func Causes() []Cause { return []Cause{Operator, Threat} }

// The texts that a refused login is answered with.
const (
	textPaused = "Paused by the operator"
	textBanned = "Banned by the operator"
	textThreat = "Banned for misbehaviour"
)

// maxLogin is the longest login that a miner may have, in bytes.
const maxLogin = 128

// Subject is whom a ban is about. One of both is set at the least; with both it is a
// worker where it comes from there.
type Subject struct {
	// Prefix is where they come from; the zero Prefix is anywhere.
	Prefix netip.Prefix
	// Login is a worker's, or a glob of * and ?; empty is whoever it is.
	Login string
}

// SubjectError is a text that names nobody who could be banned.
type SubjectError struct{ Text string }

// Error says what is wrong and what would be right.
func (e *SubjectError) Error() string { return e.Text }

// ParseSubject reads whom a ban is to be about: an address or a network in CIDR
// notation, or a login or a glob of logins, or both.
func ParseSubject(address, login string) (Subject, error) {
	s := Subject{Login: login}
	if address == "" && login == "" {
		return s, &SubjectError{"nobody is named; give an address, a network such as 192.0.2.0/24, or a worker"}
	}
	if address != "" {
		p, err := parsePrefix(address)
		if err != nil {
			return s, err
		}
		s.Prefix = p
	}
	switch {
	case len(login) > maxLogin:
		return s, &SubjectError{fmt.Sprintf("a worker's login has %d characters at most", maxLogin)}
	case !printable(login):
		return s, &SubjectError{fmt.Sprintf("%q is no worker's login; those have visible ASCII characters only", login)}
	case strings.Contains(login, "*") && strings.Trim(login, "*?") == "":
		return s, &SubjectError{fmt.Sprintf("%q is every worker; name those you mean, as in farm.*", login)}
	}
	return s, nil
}

// parsePrefix reads an address or a network.
func parsePrefix(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		if addr.Zone() != "" {
			return netip.Prefix{}, &SubjectError{fmt.Sprintf("%q has a zone; write the address alone", text)}
		}
		return hostPrefix(addr), nil
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return p, &SubjectError{fmt.Sprintf("%q is no address and no network; write it like 192.0.2.7, 192.0.2.0/24 or 2001:db8::/64", text)}
	case p != p.Masked():
		return p, &SubjectError{fmt.Sprintf("%q has bits of an address after the network's; write %s or %s", text, p.Masked(), p.Addr())}
	}
	if p = normal(p); p.Bits() == 0 {
		return p, &SubjectError{fmt.Sprintf("%q is everybody; name the networks you mean", text)}
	}
	return p, nil
}

// normal writes a prefix of IPv4 addresses mapped into IPv6 as that of IPv4.
func normal(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p
}

// plain is an address without what is not its own.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// hostPrefix is the prefix of one address.
func hostPrefix(addr netip.Addr) netip.Prefix {
	addr = plain(addr)
	return netip.PrefixFrom(addr, addr.BitLen())
}

// sitePrefix is what is taken for one place: an IPv4 address, which is a NAT's as
// likely as a machine's, or the 64 bits of IPv6 that a network has to itself.
func sitePrefix(addr netip.Addr) netip.Prefix {
	addr = plain(addr)
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	return netip.PrefixFrom(addr, bits).Masked()
}

// Contains says that an address is one of the subject's.
func (s Subject) Contains(addr netip.Addr) bool {
	return !s.Prefix.IsValid() || s.Prefix.Contains(plain(addr))
}

// pattern says that the login is a glob.
func (s Subject) pattern() bool { return strings.ContainsAny(s.Login, "*?") }

// exact says that the subject is found by an address and a login, without a look at
// each.
func (s Subject) exact() bool {
	if s.pattern() {
		return false
	}
	return !s.Prefix.IsValid() || s.Prefix == sitePrefix(s.Prefix.Addr()) || s.Prefix.IsSingleIP()
}

// Address is where they come from: one address, a network, or nothing for anywhere.
func (s Subject) Address() string {
	switch {
	case !s.Prefix.IsValid():
		return ""
	case s.Prefix.IsSingleIP():
		return s.Prefix.Addr().String()
	}
	return s.Prefix.String()
}

// String names the subject.
func (s Subject) String() string {
	switch {
	case s.Login == "":
		return s.Address()
	case !s.Prefix.IsValid():
		return "worker " + s.Login
	}
	return "worker " + s.Login + " at " + s.Address()
}

// printable says whether a text has visible ASCII characters only.
func printable(s string) bool {
	return !slices.ContainsFunc([]byte(s), func(c byte) bool { return c < 0x21 || c > 0x7e })
}

// Entry is a ban or a pause.
type Entry struct {
	Subject

	Kind  Kind
	Cause Cause
	// By is the operator, empty for a threat. Comment is what was said of it, or
	// with what they threatened.
	By, Comment string
	// Since and Until are when it is in force; a zero Until is for ever.
	Since, Until time.Time
	// Times is the how many-eth it is: the number of those that are not forgotten.
	Times int
	// over says that its end was seen, by whatever clock.
	over bool
}

// key is what there is one of.
type key struct {
	Subject

	kind Kind
}

func (e *Entry) key() key { return key{e.Subject, e.Kind} }

// ID names the entry among all, 16 hex digits; the same subject has the same again.
func (e *Entry) ID() string {
	sum := sha256.Sum256([]byte(string(e.Kind) + "\n" + e.Prefix.String() + "\n" + e.Login))
	return hex.EncodeToString(sum[:8])
}

// InForce says that it holds at a time.
func (e *Entry) InForce(now time.Time) bool { return e.Until.IsZero() || now.Before(e.Until) }

// clockSlack is how far ahead of now a ban may begin.
const clockSlack = time.Minute

// setBack is an entry that begins in a time to come: it holds for its term from now on, or
// not any more if its end was seen. Without that who was banned by a clock that was years
// ahead would be so for years.
func (e *Entry) setBack(now time.Time) *Entry {
	moved, by := *e, e.Since.Sub(now)
	if e.over {
		by = e.Until.Sub(now)
	}
	moved.Since, moved.Until = stamp(e.Since.Add(-by)), stamp(e.Until.Add(-by))
	return &moved
}

// outlasts says that it ends later than another one.
func (e *Entry) outlasts(other *Entry) bool {
	return !other.Until.IsZero() && (e.Until.IsZero() || e.Until.After(other.Until))
}

// text is what a refused login is answered with.
func (e *Entry) text() string {
	switch {
	case e.Kind == Pause:
		return textPaused
	case e.Cause == Threat:
		return textThreat
	}
	return textBanned
}

package config

import (
	"net/netip"
	"time"
)

// Bans is the [bans] table: what becomes of those that misbehave.
type Bans struct {
	// Automatic says that who misbehaves is banned without an operator.
	Automatic bool `toml:"automatic"`
	// First is the term of the first ban, which each later one doubles up to
	// Longest; after Forget of good conduct the next is the first again.
	First   time.Duration `toml:"first"`
	Longest time.Duration `toml:"longest"`
	Forget  time.Duration `toml:"forget"`
	// Never are the networks whose addresses are not banned but by an operator.
	Never []netip.Prefix `toml:"never"`
	// Kernel says who drops what banned addresses send.
	Kernel KernelDrop `toml:"kernel"`
}

// KernelDrop says whether the kernel drops what banned addresses send.
type KernelDrop string

// The ways.
const (
	KernelOff      KernelDrop = "off"
	KernelNftables KernelDrop = "nftables"
)

// Choices lists the ways.
func (KernelDrop) Choices() []string { return []string{string(KernelOff), string(KernelNftables)} }

// Bounds of terms.
const (
	minTerm   = time.Second
	maxTerm   = 365 * 24 * time.Hour
	maxForget = 10 * maxTerm
)

// defaultBans is the [bans] table where nothing is set.
func defaultBans() Bans {
	return Bans{Automatic: true, First: 10 * time.Minute, Longest: 7 * 24 * time.Hour, Forget: 30 * 24 * time.Hour, Kernel: KernelOff}
}

// checkBans checks the [bans] table.
func (l *loader) checkBans(b Bans) {
	term := func(key string, d, least, most time.Duration) {
		if d < least || d > most {
			l.add("bans."+key, "%s is out of range; write a duration from %q to %q", l.quote("bans."+key, d), formatDuration(least), formatDuration(most))
		}
	}
	term("first", b.First, minTerm, maxTerm)
	term("longest", b.Longest, minTerm, maxTerm)
	term("forget", b.Forget, 0, maxForget)
	if b.First <= maxTerm && b.Longest >= minTerm && b.Longest < b.First {
		l.add("bans.longest", "%s is below first, which is %s; write at least that", l.quote("bans.longest", b.Longest), l.quote("bans.first", b.First))
	}
}

// noteInertBans remarks on what of bans has no effect.
func (l *loader) noteInertBans(b Bans) {
	if b.Automatic {
		return
	}
	for _, key := range []string{"first", "longest", "forget", "never"} {
		if at := "bans." + key; l.given[at] {
			l.note(at, "has no effect with automatic = false")
		}
	}
}

// banMeanings is the documentation of the keys of [bans].
func banMeanings() map[string]meaning {
	return map[string]meaning{
		"bans.automatic": {"Whether an address most of whose connections misbehave is banned for a while without an operator, and a worker at an address that does so again and again. See [bans](OPERATIONS.md#bans).", ""},
		"bans.first":     {"Term of the first such ban; each further one is twice as long.", ""},
		"bans.longest":   {"The longest term of such a ban.", ""},
		"bans.forget":    {"After so long without a ban the next one is the first again.", ""},
		"bans.never":     {"Networks whose addresses are not banned but by an operator; loopback and those of `proxy_from` are not, either. A worker there may be.", ""},
		"bans.kernel":    {"`nftables`: what banned addresses send to the miners' ports is dropped by the kernel, by a table of loka's own. Needs Linux and CAP_NET_ADMIN; without them the log says so, and bans hold all the same.", ""},
	}
}

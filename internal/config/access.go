package config

import (
	"net/netip"
	"time"
)

// Access is the [access] table: who may connect, and how many.
type Access struct {
	// Mode says what holds for addresses that are in neither of Allow and Deny; of
	// those in both the longer prefix decides.
	Mode  AccessMode     `toml:"mode"`
	Allow []netip.Prefix `toml:"allow"`
	Deny  []netip.Prefix `toml:"deny"`
	// MaxPerAddress, MaxPerSubnet and MaxPerWorker bound the connections of each; 0
	// is any number. SubnetV4 and SubnetV6 are the lengths of a subnet's prefix.
	MaxPerAddress int `toml:"max_per_address"`
	MaxPerSubnet  int `toml:"max_per_subnet"`
	SubnetV4      int `toml:"subnet_v4"`
	SubnetV6      int `toml:"subnet_v6"`
	MaxPerWorker  int `toml:"max_per_worker"`
	// StartsPerSecond is how many connections are begun with in a second; others wait.
	StartsPerSecond int `toml:"starts_per_second"`
	// StrangersMemory bounds what connections without a worker can hold.
	StrangersMemory Size `toml:"strangers_memory"`
}

// AccessMode is what holds for addresses that no list names.
type AccessMode string

// The modes of access.
const (
	AccessOff   AccessMode = "off"
	AccessAllow AccessMode = "allow"
	AccessDeny  AccessMode = "deny"
)

// Choices lists the modes.
func (AccessMode) Choices() []string {
	return []string{string(AccessOff), string(AccessAllow), string(AccessDeny)}
}

const (
	minStrangersMemory Size = 1 << 20
	maxStarts               = 1_000_000
	defaultFirstByte        = 10 * time.Second
)

// defaultAccess returns what holds in [access] where nothing is set.
func defaultAccess() Access {
	return Access{Mode: AccessOff, SubnetV4: 24, SubnetV6: 64, StartsPerSecond: 4000, StrangersMemory: 512 << 20}
}

// accessMeanings is the documentation of [access].
func accessMeanings() map[string]meaning {
	return map[string]meaning{
		"access.mode":              {"Which addresses may connect: `off` lets in all, `allow` those of `allow`, `deny` all but those of `deny`. Where networks of both lists hold an address the smaller one decides. A reload disconnects whom it refuses.", ""},
		"access.allow":             {"Networks that may connect, IPv4 and IPv6, such as `\"10.0.0.0/8\"`.", ""},
		"access.deny":              {"Networks that may not.", ""},
		"access.max_per_address":   {"Most connections of one address; 0 is any number, for farms are behind one address.", ""},
		"access.max_per_subnet":    {"Most connections of one subnet; 0 is any number.", ""},
		"access.subnet_v4":         {"Length of the prefix that is a subnet of IPv4, 8 to 32.", ""},
		"access.subnet_v6":         {"Length of the prefix that is a subnet of IPv6, 16 to 128.", ""},
		"access.max_per_worker":    {"Most connections with one login; 0 is any number.", ""},
		"access.starts_per_second": {"How many new connections are begun with in a second, 1 to 1,000,000. Others wait, nobody is refused: addresses take turns, and those that had miners before have longer ones.", ""},
		"access.strangers_memory":  {"Most memory that connections without a worker may come to hold, at least 1 MiB; about 52 KiB are reckoned for each, 116 KiB with TLS. Where it is full the oldest of the address with most of them give way.", ""},
	}
}

// checkAccess checks the [access] table.
func (l *loader) checkAccess(a Access) {
	for key, n := range map[string]int{"max_per_address": a.MaxPerAddress, "max_per_subnet": a.MaxPerSubnet, "max_per_worker": a.MaxPerWorker} {
		if n < 0 || n > maxConnections {
			l.add(join("access", key), "%d is out of range; write a number from 1 to %d, or 0 for any number", n, maxConnections)
		}
	}
	if n := a.SubnetV4; n < 8 || n > 32 {
		l.add("access.subnet_v4", "%d is out of range; write the length of a prefix from 8 to 32", n)
	}
	if n := a.SubnetV6; n < 16 || n > 128 {
		l.add("access.subnet_v6", "%d is out of range; write the length of a prefix from 16 to 128", n)
	}
	if n := a.StartsPerSecond; n < 1 || n > maxStarts {
		l.add("access.starts_per_second", "%d is out of range; write a number from 1 to %d", n, maxStarts)
	}
	if a.StrangersMemory < minStrangersMemory {
		l.add("access.strangers_memory", `%s is out of range; write a size of at least "1MiB", such as "512MiB"`,
			l.quote("access.strangers_memory", a.StrangersMemory))
	}
	allowed := make(map[netip.Prefix]bool, len(a.Allow))
	for _, p := range a.Allow {
		allowed[p.Masked()] = true
	}
	for i, p := range a.Deny {
		if allowed[p.Masked()] {
			l.add(index("access.deny", i), "%q is in allow, too; leave it in one of them", p.String())
		}
	}
	if a.Mode == AccessAllow && len(a.Allow) == 0 {
		l.add("access.mode", `"allow" with an empty allow refuses everybody; write allow = ["10.0.0.0/8"], with the networks of your miners`)
	}
}

// noteInertAccess remarks on lists that nothing asks.
func (l *loader) noteInertAccess(a Access) {
	if a.Mode != AccessOff {
		return
	}
	for key, list := range map[string][]netip.Prefix{"allow": a.Allow, "deny": a.Deny} {
		if len(list) > 0 {
			l.note(join("access", key), `has no effect with mode = "off"`)
		}
	}
}

package guard

import (
	"net/netip"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// Mode says what holds for addresses that are in neither list.
type Mode uint8

// The modes.
const (
	// Off asks no list.
	Off Mode = iota
	// Allow refuses who is not allowed.
	Allow
	// Deny admits who is not denied.
	Deny
)

// Config is what a door goes by. Zero is no limit, but for the lengths of subnets.
type Config struct {
	// Mode says what holds for who is in neither of Allow and Deny. Of those who
	// are in both the longer prefix decides, and Deny where they are equal.
	Mode        Mode
	Allow, Deny []netip.Prefix
	// MaxConnections bounds all guests, the others those of an address, of a
	// subnet, and of a worker's login.
	MaxConnections, MaxPerAddress, MaxPerSubnet, MaxPerWorker int
	// SubnetV4 and SubnetV6 are the lengths of a subnet's prefix in bits; 24 and 64.
	SubnetV4, SubnetV6 int
	// StartsPerSecond is how many guests start in a second; the others wait.
	StartsPerSecond int
	// StrangersMemory bounds, in bytes, what all strangers can hold at the most.
	StrangersMemory int64
}

// Deps are what a door asks and tells; nil members are not.
type Deps struct {
	// Banned says that an address is banned. It is called often and must be cheap.
	Banned func(addr netip.Addr, now time.Time) bool
	// OnOpen hears of who was admitted, by its own address, and OnClose of how that
	// ended, also of those who were refused later, for what they speak. Of the
	// connections that a believed proxy makes for itself they hear nothing. A very
	// short connection's OnClose may come before its OnOpen.
	OnOpen  func(addr netip.Addr)
	OnClose func(addr netip.Addr, reason mining.Reason, settled bool)
}

// The bounds that are not configured.
const (
	// grace is for how long a stranger does not give way for the sake of memory, nor
	// to one whose party has as many strangers.
	grace = 2 * time.Second
	// loiter is for how long one that is logged in does not give way though no share of
	// it was accepted.
	loiter = time.Minute
	// maxLeaving bounds how many that give way may be on their way out at a time,
	// and batch how many are asked at once for the sake of their memory.
	maxLeaving = 64
	batch      = 32
	// maxTurn is how many of one party start before it is another one's turn.
	maxTurn = 256
	// retry is after what time it is looked again whether there is memory, unless
	// somebody leaves before.
	retry = 50 * time.Millisecond
	// partyV6 is the length of the prefix that is one party.
	partyV6 = 64
)

// defaults fills what may not be zero.
func (c Config) defaults() Config {
	if c.SubnetV4 <= 0 || c.SubnetV4 > 32 {
		c.SubnetV4 = 24
	}
	if c.SubnetV6 <= 0 || c.SubnetV6 > 128 {
		c.SubnetV6 = 64
	}
	return c
}

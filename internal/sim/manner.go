package sim

import (
	"slices"
	"time"

	"github.com/loka/stratum/sv1"
)

// manner is how one firmware behaves. The functions are its own code; the rest
// is what it has in common with others.
type manner struct {
	name  Manner
	agent string
	// handshake does everything up to the authorized state.
	handshake func(*session) error
	// reply, if set, is asked first about a response after the handshake, and
	// says whether it was one of its own.
	reply func(*session, *sv1.Message) (bool, error)
	// submit appends the submit of a share.
	submit func(dst []byte, s *session, sh *share) []byte
	// tick, if set, is called often after the handshake.
	tick func(*session, time.Time) error
	// checkJob, if set, says what is wrong with a notify for this firmware;
	// fatal means that it crashes.
	checkJob func(*session, *sv1.Message) (why string, fatal bool)
	// knows are the notifications it has handlers for.
	knows []sv1.Method
	// rolling is how it rolls versions; "" if it cannot.
	rolling VersionRule
	// rollSeconds is how far it rolls ntime.
	rollSeconds uint32
	// minEn2 and maxEn2 are the widths it works with: below it does not mine,
	// above it finds shares and withholds them.
	minEn2, maxEn2 int
	// fixedEn2 keeps one random extranonce2 for a job in place of counting.
	fixedEn2 bool
	// keepsIDs counts request ids on over reconnects.
	keepsIDs bool
	// extranonceNow applies set_extranonce to the job in work.
	extranonceNow bool
	// idle is how long it waits for any line; reconnect how long it stays away.
	idle, reconnect time.Duration
}

func (m *manner) known(method sv1.Method) bool { return slices.Contains(m.knows, method) }

// mannerOf is the table of manners.
func mannerOf(name Manner) (*manner, bool) {
	switch name {
	case CGMiner:
		return cgminer(), true
	case CPUMiner:
		return cpuminer(), true
	case Bitmain:
		return bitmain(), true
	case Whatsminer:
		return whatsminer(), true
	case ESPMiner:
		return espminer(), true
	case NerdMiner:
		return nerdminer(), true
	case BFGMiner:
		return bfgminer(), true
	case NiceHash:
		return nicehash(), true
	}
	return nil, false
}

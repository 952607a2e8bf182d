//go:build !linux

package kernel

import (
	"errors"
	"time"

	"github.com/loka/stratum/internal/guard/bans"
)

// Filter is the table; there is none here.
type Filter struct{}

// Open says that there is no nftables on this system.
func Open(Config) (*Filter, error) {
	return nil, &UnavailableError{errors.ErrUnsupported}
}

// Drop implements [bans.Dropper].
func (*Filter) Drop(time.Time, []bans.Dropped) error { return errors.ErrUnsupported }

// SetPorts has other ports watched.
func (*Filter) SetPorts([]uint16) error { return errors.ErrUnsupported }

// Close takes the table away.
func (*Filter) Close() error { return nil }

package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/loka/stratum/work"
)

// Mode is how a route uses pool connections.
type Mode string

// The modes of a route.
const (
	// Dedicated is one pool connection for each miner.
	Dedicated Mode = "dedicated"
	// Shared is many miners on few pool connections.
	Shared Mode = "shared"
)

// Choices lists the modes.
func (Mode) Choices() []string { return []string{string(Shared), string(Dedicated)} }

// TLSMode is whether a listener speaks TLS.
type TLSMode string

// The TLS modes of a listener.
const (
	TLSOff      TLSMode = "off"
	TLSOptional TLSMode = "optional"
	TLSRequired TLSMode = "required"
)

// Choices lists the TLS modes.
func (TLSMode) Choices() []string {
	return []string{string(TLSOff), string(TLSOptional), string(TLSRequired)}
}

// VersionBits is how a pool reads the version bits of a submit.
type VersionBits string

// The ways of reading submitted version bits.
const (
	VersionBitsAuto    VersionBits = "auto"
	VersionBitsReplace VersionBits = "replace"
	VersionBitsOr      VersionBits = "or"
	VersionBitsXor     VersionBits = "xor"
)

// Choices lists the ways.
func (VersionBits) Choices() []string {
	return []string{
		string(VersionBitsAuto), string(VersionBitsReplace), string(VersionBitsOr), string(VersionBitsXor),
	}
}

// Reconnect is where a pool may send its connections.
type Reconnect string

// The ways to meet a pool's wish for a reconnect.
const (
	ReconnectSameDomain Reconnect = "same-domain"
	ReconnectOff        Reconnect = "off"
)

// Choices lists the ways.
func (Reconnect) Choices() []string {
	return []string{string(ReconnectSameDomain), string(ReconnectOff)}
}

// OnOutage is what happens to a route's miners when no pool can be reached.
type OnOutage string

// The ways to meet an outage.
const (
	OutageClose OnOutage = "close"
	OutageHold  OnOutage = "hold"
)

// Choices lists the ways.
func (OnOutage) Choices() []string { return []string{string(OutageClose), string(OutageHold)} }

// Suggest is the difficulty that we ask a pool for. The zero Suggest asks for
// nothing ("off").
type Suggest struct {
	// Auto leaves the figure to the proxy; Difficulty is 0 then.
	Auto bool
	// Difficulty is what is asked for, > 0, unless Auto or off.
	Difficulty work.Difficulty
}

// String is "auto", "off" or the number.
func (s Suggest) String() string {
	switch {
	case s.Auto:
		return "auto"
	case s.Difficulty == 0:
		return "off"
	}
	return formatFloat(float64(s.Difficulty))
}

// Size is a number of bytes.
type Size int64

// String uses the largest binary unit that loses nothing: "64KiB", "1500B".
func (s Size) String() string {
	for _, u := range sizeUnits() {
		if u.binary && s != 0 && int64(s)%u.factor == 0 {
			return strconv.FormatInt(int64(s)/u.factor, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

type sizeUnit struct {
	name   string
	factor int64
	binary bool
}

// sizeUnits is from large to small.
func sizeUnits() []sizeUnit {
	return []sizeUnit{
		{"TiB", 1 << 40, true},
		{"GiB", 1 << 30, true},
		{"MiB", 1 << 20, true},
		{"KiB", 1 << 10, true},
		{"TB", 1e12, false},
		{"GB", 1e9, false},
		{"MB", 1e6, false},
		{"kB", 1e3, false},
		{"KB", 1e3, false},
		{"B", 1, false},
	}
}

var errNotSize = errors.New("not a size")

// ParseSize reads a size such as "64KiB", "10GiB", "1.5MB" or "100B". Units
// are of either case; a number without a unit is an error, 0 is "0B".
func ParseSize(text string) (Size, error) {
	s := strings.TrimSpace(text)
	for _, u := range sizeUnits() {
		if len(s) <= len(u.name) || !strings.EqualFold(s[len(s)-len(u.name):], u.name) {
			continue
		}
		v, err := parseDecimal(strings.TrimSpace(s[:len(s)-len(u.name)]))
		if err != nil {
			return 0, fmt.Errorf("%w: %q", errNotSize, text)
		}
		bytes := v * float64(u.factor)
		if bytes >= math.MaxInt64 {
			return 0, fmt.Errorf("%w: %q is too large", errNotSize, text)
		}
		return Size(bytes), nil
	}
	return 0, fmt.Errorf("%w: %q", errNotSize, text)
}

// Hashrate is in hashes a second.
type Hashrate float64

// String uses the largest unit that keeps the figure at 1 or above.
func (h Hashrate) String() string {
	for _, u := range hashrateUnits() {
		if float64(h) >= u.factor {
			return formatFloat(float64(h)/u.factor) + u.name
		}
	}
	return formatFloat(float64(h)) + "H/s"
}

type hashrateUnit struct {
	name   string
	factor float64
}

// hashrateUnits is from large to small.
func hashrateUnits() []hashrateUnit {
	return []hashrateUnit{
		{"EH/s", 1e18},
		{"PH/s", 1e15},
		{"TH/s", 1e12},
		{"GH/s", 1e9},
		{"MH/s", 1e6},
		{"kH/s", 1e3},
		{"H/s", 1},
	}
}

var errNotHashrate = errors.New("not a hashrate")

// ParseHashrate reads a hashrate such as "500TH/s" or "1.2 PH/s". Units are
// of either case.
func ParseHashrate(text string) (Hashrate, error) {
	s := strings.TrimSpace(text)
	for _, u := range hashrateUnits() {
		if len(s) <= len(u.name) || !strings.EqualFold(s[len(s)-len(u.name):], u.name) {
			continue
		}
		v, err := parseDecimal(strings.TrimSpace(s[:len(s)-len(u.name)]))
		if err != nil || math.IsInf(v*u.factor, 0) {
			break
		}
		return Hashrate(v * u.factor), nil
	}
	return 0, fmt.Errorf("%w: %q", errNotHashrate, text)
}

var errNotDecimal = errors.New("not a decimal number")

// parseDecimal reads digits with at most one point: no sign, no exponent, no
// words such as "inf".
func parseDecimal(s string) (float64, error) {
	if strings.Trim(s, "0123456789.") != "" {
		return 0, errNotDecimal
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(v, 0) {
		return 0, errNotDecimal
	}
	return v, nil
}

// formatFloat prints the shortest decimal without an exponent.
func formatFloat(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

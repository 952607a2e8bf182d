package downstream

import (
	"strings"

	"github.com/loka/stratum/work"
)

// Warning is something that this miner's firmware is known not to stand in
// what it was given. Nothing can be done about it here, so it is shown.
type Warning string

// The warnings.
const (
	// Extranonce2TooWide: the firmware subscribes but never submits.
	Extranonce2TooWide Warning = "extranonce2_too_wide"
	// Extranonce2TooNarrow: the firmware or service refuses to mine.
	Extranonce2TooNarrow Warning = "extranonce2_too_narrow"
	// CoinbaseTooLarge: the firmware silently drops jobs of this coinbase.
	CoinbaseTooLarge Warning = "coinbase_too_large"
)

// limits are what a firmware is known to stand; 0 is no known limit.
type limits struct {
	// agent is what its user agent begins with, in lower case.
	agent string
	// minExtranonce2 and maxExtranonce2 are in bytes.
	minExtranonce2, maxExtranonce2 int
	// maxCoinbase is the longest coinbase, in bytes.
	maxCoinbase int
	// minDifficulty is the least difficulty that it can be told.
	minDifficulty work.Difficulty
}

// firmware lists the known limits; the first whose agent fits counts. A user
// agent is only a hint: anybody may send any.
//
//nolint:gochecknoglobals // a table
var firmware = []limits{
	// Avalon's driver copies the coinbase into 6 KiB + 64 and hides behind
	// cgminer's name; cgminer 4.11.1 takes extranonce2 up to 16 bytes and
	// never submits with more than 8 (cgminer.c:7119).
	{agent: "cgminer/", maxExtranonce2: 8, maxCoinbase: 6<<10 + 64, minDifficulty: 1},
	// bmminer overflows with more than 8192 hex digits of coinb1
	// (bmminer-mix#13).
	{agent: "bmminer/", maxExtranonce2: 8, maxCoinbase: 4 << 10, minDifficulty: 1},
	{agent: "antminer", maxExtranonce2: 8, maxCoinbase: 2250, minDifficulty: 1},
	{agent: "bosminer", maxExtranonce2: 8, maxCoinbase: 2250, minDifficulty: 1},
	// stratum-mining/stratum#1861: more than 8 bytes are unusable.
	{agent: "whatsminer/", maxExtranonce2: 8, maxCoinbase: 6500, minDifficulty: 1},
	{agent: "btminer/", maxExtranonce2: 8, maxCoinbase: 6500, minDifficulty: 1},
	{agent: "bitaxe/", maxCoinbase: 6500},
	// A notify is parsed into a document of 4096 bytes, both coinbase halves
	// as hex among it.
	{agent: "nerdminer", maxCoinbase: 1 << 10},
	// Difficulties are cut to whole numbers: 0.5 becomes 0.
	{agent: "nerdqaxe", maxCoinbase: 6500, minDifficulty: 1},
	// "Extranonce2 size is 3 (minimum is 4)". An order is paused where the
	// difficulty is below 500,000.
	{agent: "nicehash/", minExtranonce2: 4, maxCoinbase: 500, minDifficulty: 524288},
	{agent: "xminer-", maxCoinbase: 16 << 10},
	{agent: "vnish", maxCoinbase: 16 << 10},
	{agent: "powerplay-bm/", maxCoinbase: 16 << 10},
}

// warnings compares what a miner was given with what it stands. Sizes that
// are 0 are not known yet.
func warnings(agent string, extranonce2, coinbase int) []Warning {
	l := limitsOf(agent)
	var found []Warning
	if l.maxExtranonce2 > 0 && extranonce2 > l.maxExtranonce2 {
		found = append(found, Extranonce2TooWide)
	}
	if extranonce2 > 0 && extranonce2 < l.minExtranonce2 {
		found = append(found, Extranonce2TooNarrow)
	}
	if l.maxCoinbase > 0 && coinbase > l.maxCoinbase {
		found = append(found, CoinbaseTooLarge)
	}
	return found
}

// floor is the least difficulty that a firmware can be told; 0: any.
func floor(agent string) work.Difficulty { return limitsOf(agent).minDifficulty }

// limitsOf finds what a firmware is known to stand.
func limitsOf(agent string) limits {
	agent = strings.ToLower(agent)
	for _, l := range firmware {
		if strings.HasPrefix(agent, l.agent) {
			return l
		}
	}
	return limits{}
}

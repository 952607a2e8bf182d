package sim

import (
	"encoding/hex"
	"fmt"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/loka/stratum/work"
)

// checker keeps the first field that cannot be used.
type checker struct{ err error }

// that takes a field whose value is no good.
func (c *checker) that(ok bool, field, text string, args ...any) {
	if !ok && c.err == nil {
		c.err = &ConfigError{Field: field, Text: fmt.Sprintf(text, args...)}
	}
}

// word wants one of the words, or nothing.
func word[T ~string](c *checker, field string, value T, known []T) {
	quoted := make([]string, len(known))
	for i, k := range known {
		quoted[i] = string(k)
	}
	last := len(quoted) - 1
	list := strings.Join(quoted[:last], ", ") + " or " + quoted[last]
	c.that(value == "" || slices.Contains(known, value), field, "%q is not known; want %s", string(value), list)
}

func (c *checker) span(field string, d time.Duration) {
	c.that(d >= 0, field, "%s is negative; want a time such as 500ms or 30s", d)
}

func (c *checker) count(field string, n int) {
	c.that(n >= 0, field, "%d is negative; want a number from 0", n)
}

// rate wants a number from 0, which stands for the default or for none.
func (c *checker) rate(field string, v float64) {
	c.that(v >= 0 && !math.IsInf(v, 0), field, "%v is no such number; want one from 0", v)
}

func (c *checker) difficulty(field string, d work.Difficulty) {
	c.that(d == 0 || d.Valid(), field, "%v is no difficulty; want a number above 0", float64(d))
}

func (cfg *PoolConfig) check() error {
	var c checker
	c.that(cfg.Listen == "" || isAddress(cfg.Listen), "Listen",
		"%q is no address to listen on; want HOST:PORT such as 127.0.0.1:3334", cfg.Listen)
	c.that(cfg.Extranonce1Size >= 0 && cfg.Extranonce1Size <= work.MaxExtranonce, "Extranonce1Size",
		"%d bytes; want 0 to %d", cfg.Extranonce1Size, work.MaxExtranonce)
	c.that(cfg.Extranonce2Size >= 0 && cfg.Extranonce2Size <= 16, "Extranonce2Size", "%d bytes; want 1 to 16", cfg.Extranonce2Size)
	c.difficulty("Difficulty", cfg.Difficulty)
	c.rate("SharesPerMinute", cfg.SharesPerMinute)
	c.difficulty("MinDifficulty", cfg.MinDifficulty)
	c.difficulty("MaxDifficulty", cfg.MaxDifficulty)
	word(&c, "DifficultyRule", cfg.DifficultyRule, []DifficultyRule{DifficultyTolerant, DifficultyStrict})
	word(&c, "VersionRule", cfg.VersionRule, []VersionRule{RuleBIP310, RuleOr, RuleXor})
	c.span("JobInterval", cfg.JobInterval)
	c.span("BlockInterval", cfg.BlockInterval)
	c.span("MaxNTimeRoll", cfg.MaxNTimeRoll)
	if _, err := cfg.NBits.Target(); cfg.NBits != 0 {
		c.that(err == nil, "NBits", "%s is no target: %v; want 8 hex digits such as 207fffff", cfg.NBits, err)
	}
	word(&c, "Dialect", cfg.Dialect, Dialects())
	c.that(len(cfg.Tag) <= maxTag, "Tag", "%d bytes; want at most %d", len(cfg.Tag), maxTag)
	cfg.Quirks.check(&c)
	return c.err
}

// maxTag and maxPayout bound what is put in a coinbase, in bytes.
const maxTag, maxPayout = 20, 100

func (q *Quirks) check(c *checker) {
	c.span("Latency", q.Latency)
	c.span("Jitter", q.Jitter)
	c.span("DisconnectEvery", q.DisconnectEvery)
	replies := []ReplyMode{ReplyRefused, ReplyError, ReplyString, ReplySilent}
	word(c, "Subscribe", q.Subscribe, replies)
	word(c, "Configure", q.Configure, replies)
	word(c, "Authorize", q.Authorize, replies)
	word(c, "Clean", q.Clean, []CleanMode{CleanAlways, CleanNever})
	c.count("CoinbasePadding", q.CoinbasePadding)
	_, err := hex.DecodeString(q.Payout)
	c.that(err == nil && len(q.Payout) <= 2*maxPayout, "Payout", "%q is no output script; want at most %d bytes in hex", q.Payout, maxPayout)
	c.that(len(q.Tag) <= maxTag, "Tag", "%d bytes; want at most %d", len(q.Tag), maxTag)
	c.span("DifficultyEvery", q.DifficultyEvery)
	c.span("ExtranonceEvery", q.ExtranonceEvery)
	c.count("MalformedEvery", q.MalformedEvery)
	c.count("UnansweredEvery", q.UnansweredEvery)
	c.span("ChatterEvery", q.ChatterEvery)
	host, port := splitHostPort(q.Reconnect)
	c.that(q.Reconnect == "" || q.Reconnect == "-" || host != "" && port > 0 && port <= math.MaxUint16, "Reconnect",
		"%q is no address; want HOST:PORT, or - for a request without one", q.Reconnect)
}

func (cfg *MinersConfig) check() error {
	var c checker
	c.that(cfg.Pool != "", "Pool", "none; want HOST:PORT")
	host, port := splitHostPort(cfg.address())
	c.that(host != "" && port > 0 && port <= math.MaxUint16, "Pool",
		"%q is no address; want HOST:PORT or stratum+tcp://HOST:PORT", cfg.Pool)
	c.count("Count", cfg.Count)
	c.rate("Hashrate", cfg.Hashrate)
	c.rate("TimeScale", cfg.TimeScale)
	c.rate("Patience", cfg.Patience)
	c.difficulty("SuggestDifficulty", cfg.SuggestDifficulty)
	c.span("Ramp", cfg.Ramp)
	c.count("AtOnce", cfg.AtOnce)
	c.count("MaxPending", cfg.MaxPending)
	c.span("ConnectTimeout", cfg.ConnectTimeout)
	for _, m := range cfg.Manners {
		c.that(m != "", "Manners", "an empty name; want names with a comma between them")
		word(&c, "Manners", m, Manners())
	}
	return c.err
}

// address is the pool's host and port.
func (cfg *MinersConfig) address() string {
	addr := cfg.Pool
	if _, rest, ok := strings.Cut(addr, "://"); ok {
		addr = rest
	}
	addr, _, _ = strings.Cut(addr, "/")
	return addr
}

// isAddress says whether something can be listened on by this text.
func isAddress(text string) bool {
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

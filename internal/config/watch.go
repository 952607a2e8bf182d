package config

import (
	"fmt"
	"strings"
	"time"

	"github.com/loka/stratum/internal/watch"
)

// Watch is the [watch] table: from where on what a pool does is a signal. A value of
// 0 turns its signal off.
type Watch struct {
	// TipLag, TipAlone and OtherCoin are for how long something has to be so.
	TipLag    time.Duration `toml:"tip_lag"`
	TipAlone  time.Duration `toml:"tip_alone"`
	OtherCoin time.Duration `toml:"other_coin"`
	// HeightBack and EmptyBlocks are in blocks.
	HeightBack  int `toml:"height_back"`
	EmptyBlocks int `toml:"empty_blocks"`
	// DifficultyJump is a factor.
	DifficultyJump float64 `toml:"difficulty_jump"`
	// ExtranonceChanges are an hour, UnknownReplies in 10 minutes, JobFlood a
	// minute.
	ExtranonceChanges int `toml:"extranonce_changes"`
	UnknownReplies    int `toml:"unknown_replies"`
	JobFlood          int `toml:"job_flood"`
	// CreditShort and RefusedValid are parts, from 0 to 1.
	CreditShort  float64 `toml:"credit_short"`
	RefusedValid float64 `toml:"refused_valid"`
	// LearnJobs and LearnFor are how long a payout and a tag have to stay the same to
	// be expected.
	LearnJobs int           `toml:"learn_jobs"`
	LearnFor  time.Duration `toml:"learn_for"`
	// Calm is how long a signal has to be below half of its threshold to end.
	Calm time.Duration `toml:"calm"`
}

// defaultWatch is what holds in [watch] where nothing is set.
func defaultWatch() Watch { return Watch(watch.Defaults()) }

// OnPayoutChange is what is done where a pool pays another than it should.
type OnPayoutChange string

// The ways to meet another payout.
const (
	PayoutAlert    OnPayoutChange = "alert"
	PayoutFailover OnPayoutChange = "failover"
	PayoutIgnore   OnPayoutChange = "ignore"
)

// Choices lists the ways.
func (OnPayoutChange) Choices() []string {
	return []string{string(PayoutAlert), string(PayoutFailover), string(PayoutIgnore)}
}

const (
	// maxPayouts and maxPoolTag bound what is configured of one pool.
	maxPayouts, maxPoolTag = 64, 100
	// maxWatchCount bounds what is counted, maxWatchTime how long something may have
	// to be so.
	maxWatchCount = 1_000_000
	maxWatchTime  = 30 * 24 * time.Hour
)

// checkWatch checks the [watch] table.
func (l *loader) checkWatch(w *Watch) {
	for key, d := range map[string]time.Duration{
		"tip_lag": w.TipLag, "tip_alone": w.TipAlone, "other_coin": w.OtherCoin, "learn_for": w.LearnFor, "calm": w.Calm,
	} {
		if at := join("watch", key); d < 0 || d > maxWatchTime {
			l.add(at, `%s is out of range; write a duration from "0s" to %q`, l.quote(at, d), formatDuration(maxWatchTime))
		}
	}
	for key, n := range map[string]int{
		"height_back": w.HeightBack, "empty_blocks": w.EmptyBlocks, "extranonce_changes": w.ExtranonceChanges,
		"unknown_replies": w.UnknownReplies, "job_flood": w.JobFlood, "learn_jobs": w.LearnJobs,
	} {
		if n < 0 || n > maxWatchCount {
			l.add(join("watch", key), "%d is out of range; write 1 to %d, or 0 to turn it off", n, maxWatchCount)
		}
	}
	for key, part := range map[string]float64{"credit_short": w.CreditShort, "refused_valid": w.RefusedValid} {
		if part < 0 || part > 1 {
			l.add(join("watch", key), "%s is out of range; write a part such as 0.05, at most 1, or 0 to turn it off", formatFloat(part))
		}
	}
	if f := w.DifficultyJump; f != 0 && f <= 1 {
		l.add("watch.difficulty_jump", "%s is out of range; write a factor above 1, or 0 to turn it off", formatFloat(f))
	}
}

// checkPayout checks what a pool should pay.
func (l *loader) checkPayout(at string, p *Pool) {
	if n := len(p.Payout); n > maxPayouts {
		l.add(join(at, "payout"), "%d addresses; write at most %d", n, maxPayouts)
	}
	for i, text := range p.Payout {
		if _, err := watch.ParsePayout(text); err != nil {
			l.add(index(join(at, "payout"), i), `%v; write an address such as "bc1q…", or the hex digits of a script`, err)
		}
	}
	if len(p.PoolTag) > maxPoolTag {
		l.add(join(at, "pool_tag"), "the tag has %d characters; at most %d are allowed", len(p.PoolTag), maxPoolTag)
	}
}

// noteInertPayout remarks on what of a pool's payout has no effect.
func (l *loader) noteInertPayout(at string, p *Pool) {
	if p.OnPayoutChange != PayoutIgnore {
		return
	}
	if len(p.Payout) > 0 {
		l.note(join(at, "payout"), `has no effect with on_payout_change = "ignore"`)
	}
	if p.PoolTag != "" {
		l.note(join(at, "pool_tag"), `has no effect with on_payout_change = "ignore"`)
	}
}

// watchMeanings is the documentation of what is watched of pools.
func watchMeanings() map[string]meaning {
	return map[string]meaning{
		"pool[].payout":           {"Whom the pool's coinbase may pay: addresses, or output scripts in hex digits. Every output has to go to one of them, the pool's fee included; outputs of nothing and `OP_RETURN` do not count. See [watching pools](#watching-pools).", "what the pool always pays, learnt"},
		"pool[].pool_tag":         {"Glob on the text that the pool signs its coinbase with, such as `\"*/ViaBTC/*\"`.", "what the pool always signs with, learnt"},
		"pool[].on_payout_change": {"What is done when the pool pays somebody else: tell it (`alert`), or keep miners away from it besides, as if it were down, until the old payout is back or `loka pool accept-payout` says that the new one is right (`failover`). `ignore` does not look.", ""},

		"watch.tip_lag":            {"How long a pool may work on an old block after most others have gone on; `\"0s\"` is off, here and below.", ""},
		"watch.tip_alone":          {"How long a pool may work on a block that no other pool knows, though others agree or it was with them before.", ""},
		"watch.other_coin":         {"How long a pool may have another network difficulty than most others at the same height.", ""},
		"watch.height_back":        {"By how many blocks a pool may not go back; 0 is off, here and below.", ""},
		"watch.empty_blocks":       {"On how many blocks in a row jobs may not be without transactions a minute after the block before.", ""},
		"watch.difficulty_jump":    {"By which factor the difficulty of a connection that has been earning for 10 minutes may not rise at once; above 1.", ""},
		"watch.extranonce_changes": {"How many times an hour the extranonce of a connection may not change.", ""},
		"watch.unknown_replies":    {"How many replies in 10 minutes may not be to nothing that was asked, or to what was answered.", ""},
		"watch.job_flood":          {"How many jobs a minute may not come on one connection.", ""},
		"watch.credit_short":       {"Which part of the work of 10 minutes, of at least 50 shares, may not go without credit: refused, unanswered, or lost.", ""},
		"watch.refused_valid":      {"Which part of the shares of the last 10 to 20 minutes may not be refused though they are valid here; three at the least.", ""},
		"watch.learn_jobs":         {"For how many jobs, over two blocks, a pool has to pay the same to be expected to go on so; 0 learns nothing, and what was learnt does not count.", ""},
		"watch.learn_for":          {"For how long, too.", ""},
		"watch.calm":               {"How long a signal has to be below half of its threshold to end.", ""},
	}
}

// watchReference is the part of docs/CONFIG.md on watching pools.
func watchReference() string {
	var b strings.Builder
	b.WriteString(`
## Watching pools

What a pool does that its operator should look at is a *signal*. It is an error or a warning in the log when it begins, and a line when it ends; it is in
` + "`signals` of `GET /api/v1/pools`, in `GET /api/v1/alerts`, in `/health`" + ` (check ` + "`pool_watch`" + `, degraded), in ` + "`loka_pool_signal`" + `, ` + "`loka status`" + ` and on the page.
It begins at its threshold, which ` + "`[watch]`" + ` sets, and ends once its value has been below the half of that for ` + "`calm`" + `.

| signal | severity | value | means | what to do |
|---|---|---|---|---|
`)
	for _, k := range watch.Kinds() {
		d := watch.Describe(k)
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", k, d.Severity, d.Value, d.Means, d.Do)
	}
	b.WriteString(`
**Whom a pool pays.** Each job says which addresses its block would pay. Where ` + "`payout`" + ` does not say what is right, it is learnt: a pool that has paid the same
set of scripts (eight at the most) for ` + "`learn_jobs`" + ` jobs over two blocks and ` + "`learn_for`" + ` is expected to go on so. One that pays others with each block, as those do that pay
their miners in the coinbase, is never expected to do anything. What was learnt is kept in ` + "`data_dir/pools.json`" + ` while the pool's ` + "`url` and `username`" + ` stay. Until it is, nothing is
noticed: who wants to be sure from the first job on writes ` + "`payout`" + `. The same holds for the text that the pool signs with (` + "`pool_tag`" + `). Where the account at the
pool hangs on the miner's name, the connection is looked at that watches the pool, and not those of miners.

With ` + "`on_payout_change = \"failover\"`" + ` miners go to the route's other pools at the first job that pays another. Where there is no other, they stay: nothing would be better.
`)
	return b.String()
}

package httpapi

import (
	"context"
	"math/big"
	"strings"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
)

// maxBlocks bounds an export of blocks; nobody has found as many.
const maxBlocks = 1_000_000

// decimal is satoshi as parquet's DECIMAL(31, 12), which is exact: 13 bytes, the
// highest first.
type decimal [13]byte

// String is the amount in satoshi, as [mining.Amount] prints it.
func (d decimal) String() string {
	const places = 12
	text := new(big.Int).SetBytes(d[:]).String()
	if len(text) <= places {
		text = strings.Repeat("0", places+1-len(text)) + text
	}
	at := len(text) - places
	return strings.TrimSuffix(strings.TrimRight(text[:at]+"."+text[at:], "0"), ".")
}

// decimalOf is exact.
func decimalOf(a mining.Amount) (d decimal) {
	const picos = 1_000_000_000_000
	n := new(big.Int).Mul(big.NewInt(a.Sat), big.NewInt(picos))
	n.Add(n, big.NewInt(a.Pico)).FillBytes(d[:])
	return d
}

// shareRow is a share in a file.
type shareRow struct {
	ID             uint64    `parquet:"id"`
	Time           time.Time `parquet:"time,timestamp(microsecond)"`
	Worker         string    `parquet:"worker,dict"`
	User           string    `parquet:"user,dict"`
	Pool           string    `parquet:"pool,dict"`
	Route          string    `parquet:"route,dict"`
	Verdict        string    `parquet:"verdict,dict"`
	Difficulty     float64   `parquet:"difficulty"`
	Reached        float64   `parquet:"reached_difficulty"`
	Value          decimal   `parquet:"value_sat,decimal(12:31)"`
	ValueFloat     float64   `csv:"-" parquet:"value_sat_approx"`
	Sent           bool      `parquet:"sent"`
	PoolVerdict    string    `parquet:"pool_verdict,dict"`
	PoolDifficulty float64   `parquet:"pool_difficulty"`
	PoolValue      decimal   `parquet:"pool_value_sat,decimal(12:31)"`
	PoolValueFloat float64   `csv:"-" parquet:"pool_value_sat_approx"`
}

// rollupRow is a sum of a step in a file.
type rollupRow struct {
	Time       time.Time `parquet:"time,timestamp(microsecond)"`
	Worker     string    `parquet:"worker,dict"`
	User       string    `parquet:"user,dict"`
	Pool       string    `parquet:"pool,dict"`
	Route      string    `parquet:"route,dict"`
	Side       string    `parquet:"side,dict"`
	Verdict    string    `parquet:"verdict,dict"`
	Shares     uint64    `parquet:"shares"`
	Work       float64   `parquet:"work"`
	Value      decimal   `parquet:"value_sat,decimal(12:31)"`
	ValueFloat float64   `csv:"-" parquet:"value_sat_approx"`
	Blocks     float64   `parquet:"expected_blocks"`
	Best       float64   `parquet:"best_difficulty"`
}

// blockRow is a block in a file.
type blockRow struct {
	Time       time.Time `parquet:"time,timestamp(microsecond)"`
	Hash       string    `parquet:"hash"`
	Height     uint64    `parquet:"height"`
	Worker     string    `parquet:"worker"`
	User       string    `parquet:"user"`
	Pool       string    `parquet:"pool"`
	Route      string    `parquet:"route"`
	Difficulty float64   `parquet:"difficulty"`
	Network    float64   `parquet:"network_difficulty"`
	Reward     int64     `parquet:"reward_sat"`
	Verdict    string    `parquet:"pool_verdict"`
}

// earningRow is an earning in a file.
type earningRow struct {
	ID        int64     `parquet:"id"`
	Pool      string    `parquet:"pool"`
	Reference string    `parquet:"reference"`
	From      time.Time `parquet:"from,timestamp(microsecond)"`
	To        time.Time `parquet:"to,timestamp(microsecond)"`
	Amount    int64     `parquet:"amount_sat"`
	Computed  bool      `parquet:"computed"`
	At        time.Time `parquet:"entered,timestamp(microsecond)"`
}

// partRow is a part of a distribution in a file.
type partRow struct {
	ID        int64     `parquet:"payout_id"`
	Pool      string    `parquet:"pool,dict"`
	Reference string    `parquet:"reference,dict"`
	From      time.Time `parquet:"from,timestamp(microsecond)"`
	To        time.Time `parquet:"to,timestamp(microsecond)"`
	By        string    `parquet:"by,dict"`
	Name      string    `parquet:"name"`
	Work      float64   `parquet:"work"`
	Amount    int64     `parquet:"amount_sat"`
}

// rows sends what is asked for.
func (r *recorder) rows(ctx context.Context, what string, f store.Filter, to sinks) error {
	switch what {
	case "shares":
		return export(to, func(add func(shareRow) error) error {
			return r.Warehouse.Shares(ctx, f, func(s *store.Share) error { return add(shareRowOf(s)) })
		})
	case "blocks":
		found, err := r.Warehouse.Blocks(ctx, f, maxBlocks)
		return exportAll(to, found, err, blockRowOf)
	case "earnings":
		f.Worker, f.User, f.Route = "", "", "" // a pool pays for all
		all, err := r.Warehouse.Earnings(ctx, f)
		return exportAll(to, all, err, earningRowOf)
	case "distributions":
		return export(to, func(add func(partRow) error) error { return r.parts(ctx, f, add) })
	}
	for _, s := range store.Steps() {
		if what == s.String()+"s" {
			return export(to, func(add func(rollupRow) error) error {
				return r.Warehouse.Rollups(ctx, f, s, func(one *store.Rollup) error { return add(rollupRowOf(one)) })
			})
		}
	}
	return nil
}

// exportAll sends a list, unless there was an error in getting it.
func exportAll[R, T any](to sinks, all []R, err error, row func(*R) T) error {
	if err != nil {
		return err
	}
	return export(to, func(add func(T) error) error {
		for i := range all {
			if err := add(row(&all[i])); err != nil {
				return err
			}
		}
		return nil
	})
}

// parts adds all parts of the distributions of a time.
func (r *recorder) parts(ctx context.Context, f store.Filter, add func(partRow) error) error {
	who := Pick{Worker: f.Worker, User: f.User}
	f.Worker, f.User, f.Route = "", "", ""
	earnings, err := r.Warehouse.Earnings(ctx, f)
	if err != nil {
		return err
	}
	for i := range earnings {
		e := &earnings[i]
		given, err := r.Warehouse.Distributions(ctx, e.ID)
		if err != nil {
			return err
		}
		for _, d := range given {
			for _, p := range d.Parts {
				if !who.takes(d.By, p.Name) {
					continue
				}
				if err := add(partRow{e.ID, e.Pool, e.Reference, e.From, e.To, d.By, p.Name, p.Work, p.Satoshi}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// takes says whether the name of a part is asked for.
func (p Pick) takes(by, name string) bool {
	switch {
	case p.Worker != "" && (by != "worker" || name != p.Worker):
		return false
	case p.User != "" && by == "user":
		return name == p.User
	}
	return p.User == "" || userOf(name) == p.User
}

func shareRowOf(s *store.Share) shareRow {
	return shareRow{
		ID: s.ID, Time: s.At, Worker: s.Worker, User: userOf(s.Worker), Pool: s.Pool, Route: s.Route,
		Verdict: s.Verdict.String(), Difficulty: s.Difficulty, Reached: s.Reached, Value: decimalOf(s.Value), ValueFloat: s.Value.Float(),
		Sent: s.Sent, PoolVerdict: s.PoolVerdict.String(), PoolDifficulty: s.PoolDifficulty,
		PoolValue: decimalOf(s.PoolValue), PoolValueFloat: s.PoolValue.Float(),
	}
}

func rollupRowOf(r *store.Rollup) rollupRow {
	return rollupRow{
		Time: r.At, Worker: r.Worker, User: userOf(r.Worker), Pool: r.Pool, Route: r.Route, Side: r.Side.String(), Verdict: r.Verdict.String(),
		Shares: r.Shares, Work: r.Work, Value: decimalOf(r.Value), ValueFloat: r.Value.Float(), Blocks: r.Blocks, Best: r.Best,
	}
}

func blockRowOf(b *store.Block) blockRow {
	return blockRow{
		b.At, b.Hash, uint64(b.Height), b.Worker, userOf(b.Worker), b.Pool, b.Route, b.Difficulty, b.Network, b.Reward, b.Verdict.String(),
	}
}

func earningRowOf(e *store.Earning) earningRow {
	return earningRow{e.ID, e.Pool, e.Reference, e.From, e.To, e.Satoshi, e.Computed, e.At}
}

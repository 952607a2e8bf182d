package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/loka/stratum/internal/view"
)

// revenueTimeout bounds what the past costs a look at the present.
const revenueTimeout = 3 * time.Second

// statusMoney is what status prints of what shares were worth, of the summary.
type statusMoney struct {
	Hashrate     map[string]float64 `json:"hashrate"`
	PoolHashrate map[string]float64 `json:"pool_hashrate"`
	Business     struct {
		Value          float64              `json:"value_sat"`
		PoolValue      float64              `json:"pool_value_sat"`
		Value24h       float64              `json:"value_sat_24h"`
		PoolValue24h   float64              `json:"pool_value_sat_24h"`
		Lost           map[string]view.Loss `json:"lost"`
		BlocksFound    uint64               `json:"blocks_found"`
		BlocksExpected float64              `json:"blocks_expected"`
	} `json:"business"`
	Reconciliation struct {
		Sent     uint64    `json:"shares_sent"`
		Gap      view.Loss `json:"gap"`
		GapRatio *float64  `json:"gap_ratio"`
	} `json:"reconciliation"`
}

// statusRevenue is what status prints of GET /api/v1/revenue?by=farm.
type statusRevenue struct {
	All struct {
		Work      float64 `json:"work"`
		Value     float64 `json:"value_sat"`
		PoolWork  float64 `json:"pool_work"`
		PoolValue float64 `json:"pool_value_sat"`
	} `json:"all"`
}

// statusHealth is what status prints of GET /health.
type statusHealth struct {
	Checks map[string]view.Check `json:"checks"`
}

// past asks for what only the store knows. Where it does not answer, that is left
// out: what is wrong with it is in the health checks.
func (a *statusAnswers) past(ctx context.Context, api apiClient, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, revenueTimeout)
	defer cancel()
	var err error
	if a.day, err = api.get(ctx, "/api/v1/revenue?by=farm&from=24h"); err != nil {
		return
	}
	a.today, _ = api.get(ctx, "/api/v1/revenue?by=farm&from="+now.UTC().Format(time.DateOnly)) // nil where it is not known
}

// health returns the health checks, whatever they say of the whole.
func (a apiClient) health(ctx context.Context) (json.RawMessage, error) {
	body, err := a.send(ctx, request{http.MethodGet, "/health", "", nil, http.StatusOK})
	if err != nil {
		body, err = a.send(ctx, request{http.MethodGet, "/health", "", nil, http.StatusServiceUnavailable})
	}
	return body, err
}

// unmarshalIf reads an answer if there is one.
func unmarshalIf(text json.RawMessage, into any) error {
	if text == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

// money prints what shares were worth, and what became of that.
func (a *statusAnswers) money(row func(format string, args ...any)) error {
	var m statusMoney
	if err := json.Unmarshal(a.summary, &m); err != nil {
		return err
	}
	b := &m.Business
	var day, today statusRevenue
	if err := errors.Join(unmarshalIf(a.day, &day), unmarshalIf(a.today, &today)); err != nil {
		return err
	}
	for _, side := range []struct {
		name                             string
		all, day24, today, price, atRate float64
	}{
		{"value", b.Value, b.Value24h, today.All.Value, priceOf(day.All.Value, day.All.Work), m.Hashrate["1h"]},
		{"by the pools", b.PoolValue, b.PoolValue24h, today.All.PoolValue, priceOf(day.All.PoolValue, day.All.PoolWork), m.PoolHashrate["1h"]},
	} {
		text := satoshi(side.day24) + " (24h)"
		if a.today != nil {
			text += ", " + satoshi(side.today) + " (today, UTC)"
		}
		if side.price > 0 {
			text += ", " + satoshi(side.price*side.atRate*daySeconds) + " a day at the hashrate of the last hour"
		}
		row("%s\t%s; %s in all", side.name, text, satoshi(side.all))
	}
	for _, lost := range lostBy(b.Lost) {
		row("%s\t%s", lost.name, lost.text)
	}
	if r := &m.Reconciliation; r.Sent > 0 {
		ratio := ""
		if r.GapRatio != nil {
			ratio = fmt.Sprintf(", %.2f %% of the work that pools were sent", 100**r.GapRatio)
		}
		row("gap\t%d shares, %s%s", r.Gap.Shares, satoshi(r.Gap.Value), ratio)
	}
	if b.BlocksFound > 0 || b.BlocksExpected > 0 {
		luck := ""
		if b.BlocksExpected >= tellingBlocks {
			luck = fmt.Sprintf(", luck %.0f %%", 100*float64(b.BlocksFound)/b.BlocksExpected)
		}
		row("blocks\t%d found, %.3g expected%s", b.BlocksFound, b.BlocksExpected, luck)
	}
	return nil
}

const (
	daySeconds = 24 * 60 * 60
	// hashesPerWork is how many hashes a difficulty-1 share stands for.
	hashesPerWork = 1 << 32
	// tellingBlocks is how many blocks must have been expected for luck to be more
	// than a word.
	tellingBlocks = 0.1
)

// priceOf is what a hash is expected to earn, in satoshi.
func priceOf(value, work float64) float64 {
	if work <= 0 {
		return 0
	}
	return value / work / hashesPerWork
}

// lostRow is what was lost by one word, ours or the pools'.
type lostRow struct{ name, text string }

// lostMost is how many reasons are named of each.
const lostMost = 4

// lostBy says what was lost and why, the dearest first, by our word and then by
// the pools'.
func lostBy(lost map[string]view.Loss) []lostRow {
	sides := [2][]string{}
	for _, reason := range slices.Sorted(maps.Keys(lost)) {
		side := 0
		if strings.HasPrefix(reason, view.PoolReason) || reason == view.NotSubmitted {
			side = 1
		}
		sides[side] = append(sides[side], reason)
	}
	var rows []lostRow
	for side, reasons := range sides {
		if len(reasons) == 0 {
			continue
		}
		slices.SortStableFunc(reasons, func(a, b string) int { return cmp.Compare(lost[b].Value, lost[a].Value) })
		parts := make([]string, 0, lostMost+1)
		for i, reason := range reasons {
			if i == lostMost {
				parts = append(parts, fmt.Sprintf("and %d more causes", len(reasons)-i))
				break
			}
			word := strings.ReplaceAll(strings.TrimPrefix(reason, view.PoolReason), "_", " ")
			parts = append(parts, fmt.Sprintf("%s %s (%d shares)", visible(word), satoshi(lost[reason].Value), lost[reason].Shares))
		}
		rows = append(rows, lostRow{[]string{"lost", "at the pools"}[side], strings.Join(parts, ", ")})
	}
	return rows
}

// keeping says what is wrong with the keeping of shares.
func (h *statusHealth) keeping(b *strings.Builder) {
	for _, name := range []string{"journal", "store"} {
		if c, ok := h.Checks[name]; ok && c.Status != view.OK {
			fmt.Fprintf(b, "WARNING: %s: %s; %s\n", name, visible(c.Detail), visible(c.Advice))
		}
	}
}

// satoshi prints an amount with its unit: bitcoin from one on.
func satoshi(v float64) string {
	switch {
	case v >= satoshiPerBitcoin-0.5:
		return strconv.FormatFloat(v/satoshiPerBitcoin, 'f', 8, 64) + " BTC"
	case v >= 99.995 || v == 0:
		return grouped(strconv.FormatFloat(v, 'f', 0, 64)) + " sat"
	case v >= 1:
		return strconv.FormatFloat(v, 'f', 2, 64) + " sat"
	}
	return strconv.FormatFloat(v, 'g', 3, 64) + " sat"
}

// grouped puts a comma before every three digits of a whole number.
func grouped(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

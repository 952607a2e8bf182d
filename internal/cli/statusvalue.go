package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/loka/stratum/internal/client"
	"github.com/loka/stratum/internal/figures"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/view"
	"github.com/loka/stratum/work"
)

// pastTimeout bounds what the past costs a look at the present.
const pastTimeout = 3 * time.Second

// past asks for what only the store knows. Where it does not answer, that is left
// out: what is wrong with it is in the health checks.
func (a *statusAnswers) past(ctx context.Context, api *client.Client, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, pastTimeout)
	defer cancel()
	if a.day = farm(ctx, api, "24h"); a.day != nil {
		a.today = farm(ctx, api, now.UTC().Format(time.DateOnly))
	}
}

// farm is what all work since then was worth; nil: that is not known.
func farm(ctx context.Context, api *client.Client, from string) *httpapi.Revenue {
	l, err := api.Revenue(ctx, client.Past{By: "farm", From: from})
	if err != nil {
		return nil
	}
	return &l.All
}

// money prints what shares were worth, and what became of that.
func (a *statusAnswers) money(row func(format string, args ...any)) {
	b := &a.summary.Business
	var day, today httpapi.Revenue
	if a.day != nil {
		day = *a.day
	}
	if a.today != nil {
		today = *a.today
	}
	for _, side := range []struct {
		name                                   string
		all, day24, today, worth, work, atRate float64
	}{
		{"value", b.Value, b.Value24h, today.Value.Float(), day.Value.Float(), day.Work, a.summary.Hashrate.Hour},
		{"by the pools", b.PoolValue, b.PoolValue24h, today.PoolValue.Float(), day.PoolValue.Float(), day.PoolWork, a.summary.PoolHashrate.Hour},
	} {
		text := figures.Satoshi(side.day24) + " (24h)"
		if a.today != nil {
			text += ", " + figures.Satoshi(side.today) + " (today, UTC)"
		}
		if side.worth > 0 && side.work > 0 {
			text += ", " + figures.Satoshi(work.Earning(side.worth, side.work, side.atRate, 24*time.Hour)) + " a day at the hashrate of the last hour"
		}
		row("%s\t%s; %s in all", side.name, text, figures.Satoshi(side.all))
	}
	for _, lost := range lostBy(b.Lost) {
		row("%s\t%s", lost.name, lost.text)
	}
	if r := &a.summary.Reconciliation; r.Sent > 0 {
		ratio := ""
		if r.GapRatio != nil {
			ratio = fmt.Sprintf(", %.2f %% of the work that pools were sent", 100**r.GapRatio)
		}
		row("gap\t%d shares, %s%s", r.Gap.Shares, figures.Satoshi(r.Gap.Value), ratio)
	}
	if b.BlocksFound > 0 || b.BlocksExpected > 0 {
		luck := ""
		if b.BlocksExpected >= tellingBlocks {
			luck = fmt.Sprintf(", luck %.0f %%", 100*float64(b.BlocksFound)/b.BlocksExpected)
		}
		row("blocks\t%d found, %.3g expected%s", b.BlocksFound, b.BlocksExpected, luck)
	}
}

// tellingBlocks is how many blocks must have been expected for luck to be more than a
// word.
const tellingBlocks = 0.1

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
			parts = append(parts, fmt.Sprintf("%s %s (%d shares)", visible(word), figures.Satoshi(lost[reason].Value), lost[reason].Shares))
		}
		rows = append(rows, lostRow{[]string{"lost", "at the pools"}[side], strings.Join(parts, ", ")})
	}
	return rows
}

// keeping says what is wrong with the keeping of shares.
func (a *statusAnswers) keeping(b *strings.Builder) {
	for _, name := range []string{"journal", "store"} {
		if c, ok := a.health.Checks[name]; ok && c.Status != view.OK {
			fmt.Fprintf(b, "WARNING: %s: %s; %s\n", name, visible(c.Detail), visible(c.Advice))
		}
	}
}

package top

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/loka/stratum/internal/figures"
	"github.com/loka/stratum/internal/view"
	"github.com/loka/stratum/work"
)

const (
	// labelWidth is that of the words before figures.
	labelWidth = 12
	// mostPools is how many pools the overview has room for, mostCauses how many causes of
	// losses.
	mostPools  = 6
	mostCauses = 3
)

// label is a line with a word before it.
func label(word, text string) string { return faint.of(pad(word, labelWidth, false)) + text }

// overview is the whole in one look.
func (m *model) overview() []string {
	s := m.summary
	rates := func(h *view.Hashrate) string {
		return fmt.Sprintf("%s  %s  %s  %s", pad(figures.Hashrate(h.Minute)+" 1m", 15, false), pad(figures.Hashrate(h.TenMinutes)+" 10m", 16, false),
			pad(figures.Hashrate(h.Hour)+" 1h", 15, false), figures.Hashrate(h.Day)+" 24h")
	}
	lines := []string{
		label("Hashrate", rates(&s.Hashrate)),
		label("by pools", rates(&s.PoolHashrate)),
	}
	if b := bars(m.hashrates(), m.width-labelWidth); b != "" {
		lines = append(lines, label("24 hours", b))
	}
	lines = append(lines, shareLines(&s.Shares)...)
	lines = append(lines, m.money()...)
	miners := fmt.Sprintf("%d miners, %d workers, %d pool connections", s.Miners, s.Workers, s.PoolConnections)
	if s.Strangers+s.Waiting > 0 {
		miners += fmt.Sprintf(", %d not logged in, %d waiting", s.Strangers, s.Waiting)
	}
	lines = append(lines, label("Farm", miners), "")
	lines = append(lines, m.poolLines()...)
	lines = append(lines, "")
	return append(lines, m.alertLines(m.rows()+1-len(lines))...)
}

// shareLines are what became of shares, by our word and by the pools'.
func shareLines(s *view.Shares) []string {
	refused := func(accepted, refused uint64) string {
		return figures.Count(refused) + " refused " + refusedStyle(accepted, refused).of("("+refusedPart(accepted, refused)+")")
	}
	var parts []string
	for _, one := range []struct {
		word string
		n    uint64
	}{{"stale", s.Stale}, {"duplicate", s.Duplicate}, {"low difficulty", s.LowDifficulty}} {
		if one.n > 0 {
			parts = append(parts, figures.Count(one.n)+" "+one.word)
		}
	}
	ours := figures.Count(s.Accepted) + " accepted, " + refused(s.Accepted, s.Rejected)
	if len(parts) > 0 {
		ours += ": " + strings.Join(parts, ", ")
	}
	if s.Unpaid > 0 {
		ours += ", " + warn.of(figures.Count(s.Unpaid)+" unpaid")
	}
	pools := figures.Count(s.PoolAccepted) + " accepted, " + refused(s.PoolAccepted, s.PoolRejected)
	if s.PoolUnanswered > 0 {
		pools += ", " + warn.of(figures.Count(s.PoolUnanswered)+" unanswered")
	}
	return []string{label("Shares", ours), label("by pools", pools)}
}

// hashrates are those of the last day.
func (m *model) hashrates() []float64 {
	values := make([]float64, 0, len(m.worth.history))
	for i := range m.worth.history {
		values = append(values, m.worth.history[i].Hashrate)
	}
	return values
}

// money is what the shares were worth, and what became of that.
func (m *model) money() []string {
	b := &m.summary.Business
	today := ""
	if t := m.worth.today; t != nil {
		today = figures.Satoshi(t.PoolValue.Float()) + " today (UTC), "
	}
	rate := ""
	if d := m.worth.day; d != nil && d.PoolWork > 0 {
		rate = ", " + figures.Satoshi(work.Earning(d.PoolValue.Float(), d.PoolWork, m.summary.PoolHashrate.Hour, 24*time.Hour)) + " a day at this rate"
	}
	earned := label("Earned", today+figures.Satoshi(b.PoolValue24h)+" in 24h"+rate)
	lost := "nothing in 24h"
	if d := m.worth.day; d != nil && d.LostValue.Float() > 0 {
		causes := slices.SortedFunc(maps.Keys(d.Lost), func(x, y string) int {
			return cmp.Or(cmp.Compare(d.Lost[y].Value.Float(), d.Lost[x].Value.Float()), cmp.Compare(x, y))
		})
		parts := make([]string, 0, mostCauses)
		for _, c := range causes[:min(len(causes), mostCauses)] {
			parts = append(parts, strings.ReplaceAll(shown(c), "_", " ")+" "+figures.Satoshi(d.Lost[c].Value.Float()))
		}
		lost = warn.of(figures.Satoshi(d.LostValue.Float())+" in 24h") + ": " + strings.Join(parts, ", ")
	} else if !m.worth.asked {
		lost = faint.of("asking …")
	} else if d == nil {
		lost = faint.of("not known: the store does not say")
	}
	return []string{earned, label("Lost", lost)}
}

// poolLines are the pools, as many as there is room for.
func (m *model) poolLines() []string {
	all := m.pools
	if len(all) > mostPools { // those that are not well come first
		all = slices.Clone(all)
		slices.SortStableFunc(all, func(a, b view.Pool) int { return cmp.Compare(stateStyle(b.State), stateStyle(a.State)) })
	}
	columns := m.poolColumns()
	rows := min(len(all), mostPools)
	lines := draw(columns, place{position{column: -1, cursor: -1}, m.width, rows, rows}, func(i int) *view.Pool { return &all[i] })
	if more := len(all) - rows; more > 0 {
		lines = append(lines, faint.of(fmt.Sprintf("and %d more: 3", more)))
	}
	return lines
}

// alertLines are what an operator should look at, as many as there is room for.
func (m *model) alertLines(room int) []string {
	switch {
	case len(m.alerts) == 0 && m.health.Status == view.OK:
		return []string{good.of("all is well") + faint.of(": no alert, and every health check is ok")}
	case len(m.alerts) == 0:
		return m.healthLines()
	}
	rows := len(m.alerts)
	if room = max(room, 2); rows > room {
		rows = room - 1
	}
	lines := make([]string, 0, rows+1)
	for i := range rows {
		a := &m.alerts[i]
		what := strings.TrimSpace(shown(a.Name) + " " + shown(a.Subject))
		lines = append(lines, alertStyle(a).of(pad(shown(a.Severity), labelWidth-1, false))+" "+strong.of(what)+" for "+m.lasting(a)+": "+alertWords(a))
	}
	if more := len(m.alerts) - rows; more > 0 {
		lines = append(lines, faint.of(fmt.Sprintf("and %d more: 6", more)))
	}
	return lines
}

// healthLines are the checks that are not ok.
func (m *model) healthLines() []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(m.health.Checks)) {
		if c := m.health.Checks[name]; c.Status != view.OK {
			look := map[bool]style{true: bad, false: warn}[c.Status == view.Down]
			lines = append(lines, look.of(pad(c.Status, labelWidth-1, false))+" "+strong.of(shown(name))+": "+shown(c.Detail))
		}
	}
	return lines
}

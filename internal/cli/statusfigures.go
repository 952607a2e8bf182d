package cli

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/loka/stratum/internal/client"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/figures"
	"github.com/loka/stratum/internal/view"
)

// kind says how a figure is written.
type figureKind int

// The kinds of figures.
const (
	plainFigure figureKind = iota
	hashrateFigure
	percentFigure
	secondsFigure
)

// figure is what a check measures.
type figure struct {
	name string
	kind figureKind
	// unit is the one of monitoring plugins.
	unit  string
	value float64
	known bool
}

// words is the figure for people.
func (f *figure) words() string {
	switch f.kind {
	case hashrateFigure:
		return figures.Hashrate(f.value)
	case percentFigure:
		return figures.Percent(f.value / 100)
	case secondsFigure:
		return figures.Seconds(f.value)
	case plainFigure:
	}
	return strconv.FormatFloat(f.value, 'f', -1, 64)
}

// figureKinds are the figures of a check, in their order, and how they are written.
func figureKinds() []figure {
	of := func(k figureKind, unit string, names ...string) (all []figure) {
		for _, name := range names {
			all = append(all, figure{name: name, kind: k, unit: unit})
		}
		return all
	}
	return slices.Concat(
		of(hashrateFigure, "", "hashrate_1m", "hashrate_10m", "hashrate_1h", "hashrate_24h"),
		of(plainFigure, "", "miners", "workers", "unpaid_miners", "pools_down"),
		of(percentFigure, "%", "reject_rate", "pool_reject_rate", "pool_gap_24h"),
		of(secondsFigure, "s", "pool_rtt", "job_age"),
		of(plainFigure, "", "alerts_warning", "alerts_critical"),
	)
}

// figureNames are their names in words.
func figureNames() string {
	all := figureKinds()
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].name
	}
	return strings.Join(names, " ")
}

// figuresOf measures all of them.
func figuresOf(ctx context.Context, api *client.Client, a *statusAnswers) []figure {
	s := &a.summary
	known := map[string]float64{
		"hashrate_1m": s.Hashrate.Minute, "hashrate_10m": s.Hashrate.TenMinutes, "hashrate_1h": s.Hashrate.Hour, "hashrate_24h": s.Hashrate.Day,
		"miners": float64(s.Miners), "workers": float64(s.Workers), "unpaid_miners": 0, "pools_down": 0, "alerts_warning": 0, "alerts_critical": 0,
	}
	for i := range a.routes {
		known["unpaid_miners"] += float64(a.routes[i].Unpaid)
	}
	for _, one := range worstFirst(a.alerts) {
		if !one.Silenced {
			known["alerts_"+one.Severity]++
		}
	}
	if rate, ok := refusedHere(ctx, api); ok {
		known["reject_rate"] = 100 * rate
	}
	if b := &s.Business; b.Value24h > 0 {
		known["pool_gap_24h"] = 100 * (1 - b.PoolValue24h/b.Value24h)
	}
	for i := range a.pools {
		measurePool(&a.pools[i], known)
	}
	all := figureKinds()
	for i := range all {
		all[i].value, all[i].known = known[all[i].name], false
		_, all[i].known = known[all[i].name]
	}
	return all
}

// measurePool takes the worst of a pool and of those before it.
func measurePool(p *view.Pool, known map[string]float64) {
	worst := func(name string, value float64) { known[name] = max(known[name], value) }
	if p.State == view.PoolDown && !p.Drained {
		known["pools_down"]++
	}
	if p.Quality.RejectRate != nil {
		worst("pool_reject_rate", 100**p.Quality.RejectRate)
	}
	if p.Quality.SubmitRTTP90 > 0 {
		worst("pool_rtt", p.Quality.SubmitRTTP90)
	}
	if p.State == view.PoolActive && p.LastJobAgeSeconds != nil {
		worst("job_age", *p.LastJobAgeSeconds)
	}
}

// limit is what a figure may be before it is told.
type limit struct {
	figure  string
	verdict verdict
	of      span
}

// limits reads the flags.
func (c *checkFlags) limits() ([]limit, error) {
	var all []limit
	for _, side := range []struct {
		flag    string
		given   []string
		verdict verdict
	}{{"--warn", c.Warn, isWarning}, {"--crit", c.Crit, isCritical}} {
		for _, text := range side.given {
			l, err := limitOf(text)
			if err != nil {
				return nil, usageError{fmt.Sprintf("%s %s: %v", side.flag, text, err)}
			}
			l.verdict = side.verdict
			all = append(all, l)
		}
	}
	return all, nil
}

// limitOf reads FIGURE=RANGE.
func limitOf(text string) (l limit, err error) {
	name, of, _ := strings.Cut(text, "=")
	all := figureKinds()
	i := slices.IndexFunc(all, func(f figure) bool { return f.name == name })
	if i < 0 {
		return l, fmt.Errorf("%w; there are: %s", errNoFigure, figureNames())
	}
	l.figure = name
	l.of, err = spanOf(of, all[i].kind)
	return l, err
}

// span is a range of figures as monitoring plugins write it.
type span struct {
	// text is as it was given, plain with all units taken into the numbers.
	text, plain string
	least, most float64
	// inside says that the figure has to be outside instead.
	inside bool
}

// outside says that a figure is to be told.
func (s *span) outside(v float64) bool { return (v < s.least || v > s.most) != s.inside }

// spanError is what is no range.
type spanError struct{ text string }

// Error implements error.
func (e spanError) Error() string {
	return fmt.Sprintf("%q is no range; write 10 (0 to 10), 10: (10 or more), ~:10 (10 or less), 10:20, or @10:20 (outside of that)", e.text)
}

// spanOf reads one.
func spanOf(text string, kind figureKind) (s span, err error) {
	s.text = text
	rest, inside := strings.CutPrefix(text, "@")
	s.inside = inside
	from, to, two := strings.Cut(rest, ":")
	if !two {
		from, to = "0", rest
	}
	s.least, s.most = math.Inf(-1), math.Inf(1)
	if from != "~" {
		if s.least, err = numberOf(from, kind); err != nil {
			return s, spanError{text}
		}
	}
	if to != "" {
		if s.most, err = numberOf(to, kind); err != nil {
			return s, spanError{text}
		}
	}
	if s.least > s.most || rest == "" {
		return s, spanError{text}
	}
	write := func(v float64) string {
		if math.IsInf(v, 0) {
			return ""
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	s.plain = write(s.least) + ":" + write(s.most)
	if from == "~" {
		s.plain = "~" + s.plain
	}
	if inside {
		s.plain = "@" + s.plain
	}
	return s, nil
}

// numberOf reads a figure of a kind, with or without its unit.
func numberOf(text string, kind figureKind) (float64, error) {
	switch kind {
	case hashrateFigure:
		if v, err := config.ParseHashrate(text); err == nil {
			return float64(v), nil
		}
	case percentFigure:
		text = strings.TrimSuffix(text, "%")
	case secondsFigure:
		text = strings.TrimSuffix(text, "s")
	case plainFigure:
	}
	v, err := strconv.ParseFloat(text, 64)
	if err == nil && (math.IsNaN(v) || math.IsInf(v, 0)) {
		err = spanError{text}
	}
	return v, err
}

// sortedNames are the keys of a map.
func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// statusSummary is what status prints of GET /api/v1/summary.
type statusSummary struct {
	Version         string             `json:"version"`
	Instance        string             `json:"instance"`
	UptimeSeconds   float64            `json:"uptime_seconds"`
	Miners          int                `json:"miners"`
	Workers         int                `json:"workers"`
	Strangers       int                `json:"strangers"`
	Waiting         int                `json:"waiting"`
	PoolConnections int                `json:"pool_connections"`
	Hashrate        map[string]float64 `json:"hashrate"`
	Shares          struct {
		Accepted      uint64 `json:"accepted"`
		Rejected      uint64 `json:"rejected"`
		Stale         uint64 `json:"stale"`
		Duplicate     uint64 `json:"duplicate"`
		LowDifficulty uint64 `json:"low_difficulty"`
		Unpaid        uint64 `json:"unpaid"`
		PoolAccepted  uint64 `json:"pool_accepted"`
		PoolRejected  uint64 `json:"pool_rejected"`
	} `json:"shares"`
}

// statusPools is what status prints of GET /api/v1/pools.
type statusPools struct {
	Pools []struct {
		Name        string   `json:"name"`
		URL         string   `json:"url"`
		State       string   `json:"state"`
		Miners      int      `json:"miners"`
		Connections int      `json:"connections"`
		Difficulty  float64  `json:"difficulty"`
		Accepted    uint64   `json:"accepted"`
		Rejected    uint64   `json:"rejected"`
		LastJobAge  *float64 `json:"last_job_age_seconds"`
		Reason      string   `json:"reason"`
		Error       string   `json:"error"`
		Drained     bool     `json:"drained"`
		Quality     struct {
			Score *float64 `json:"score"`
		} `json:"quality"`

		Signals []struct {
			Name   string `json:"name"`
			Detail string `json:"detail"`
			Means  string `json:"means"`
			Do     string `json:"do"`
		} `json:"signals"`

		Discrepancies    uint64  `json:"discrepancies"`
		WorkNotSubmitted float64 `json:"work_not_submitted"`
	} `json:"pools"`
}

// statusRoutes is what status prints of GET /api/v1/routes.
type statusRoutes struct {
	Routes []struct {
		Name   string `json:"name"`
		Pinned string `json:"pinned"`
	} `json:"routes"`
}

// print prints figures and a table of pools, and what is to be known of them.
func (a *statusAnswers) print(w io.Writer) error {
	var s statusSummary
	var p statusPools
	var r statusRoutes
	var h statusHealth
	var l statusListeners
	if err := errors.Join(unmarshalIf(a.listeners, &l), json.Unmarshal(a.summary, &s), json.Unmarshal(a.pools, &p), json.Unmarshal(a.routes, &r), unmarshalIf(a.health, &h)); err != nil {
		return fmt.Errorf("the API's answer cannot be read: %w", err)
	}
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(format string, args ...any) { _, _ = fmt.Fprintf(t, format+"\n", args...) }
	row("instance\t%s, version %s, up %s", visible(s.Instance), visible(s.Version), seconds(s.UptimeSeconds))
	row("miners\t%d, workers %d, pool connections %d%s", s.Miners, s.Workers, s.PoolConnections, notSettled(s.Strangers, s.Waiting))
	row("hashrate\t%s (1m), %s (10m), %s (1h), %s (24h)", hashrate(s.Hashrate["1m"]), hashrate(s.Hashrate["10m"]),
		hashrate(s.Hashrate["1h"]), hashrate(s.Hashrate["24h"]))
	row("shares\taccepted %d, rejected %d (stale %d, duplicate %d, low difficulty %d)", s.Shares.Accepted,
		s.Shares.Rejected, s.Shares.Stale, s.Shares.Duplicate, s.Shares.LowDifficulty)
	if n := s.Shares.Unpaid; n > 0 {
		row("unpaid\t%d, found while no pool was there", n)
	}
	row("at the pools\taccepted %d, rejected %d", s.Shares.PoolAccepted, s.Shares.PoolRejected)
	if err := a.money(row); err != nil {
		return fmt.Errorf("the API's answer cannot be read: %w", err)
	}
	_ = t.Flush()
	b.WriteByte('\n')
	row("POOL\tSTATE\tMINERS\tCONNECTIONS\tDIFFICULTY\tACCEPTED\tREJECTED\tQUALITY\tLAST JOB\tURL")
	for _, one := range p.Pools {
		age := "-"
		if one.LastJobAge != nil {
			age = seconds(*one.LastJobAge) + " ago"
		}
		score := "-"
		if one.Quality.Score != nil {
			score = strconv.FormatFloat(*one.Quality.Score, 'f', 2, 64)
		}
		row("%s\t%s\t%d\t%d\t%s\t%d\t%d\t%s\t%s\t%s", visible(one.Name), visible(one.State), one.Miners, one.Connections,
			strconv.FormatFloat(one.Difficulty, 'f', -1, 64), one.Accepted, one.Rejected, score, age, visible(one.URL))
	}
	_ = t.Flush()
	l.certificates(&b)
	p.notes(&b)
	h.keeping(&b)
	for _, one := range r.Routes {
		if one.Pinned != "" {
			fmt.Fprintf(&b, "route %s: pinned to pool %s; `loka pool unpin` takes that back\n", visible(one.Name), visible(one.Pinned))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// notes says of each pool what no figure does, and what costs money.
func (p *statusPools) notes(b *strings.Builder) {
	for _, one := range p.Pools {
		switch one.Reason {
		case "by_operator":
			fmt.Fprintf(b, "pool %s: disabled; `loka pool enable` takes it back into use\n", visible(one.Name))
		case "by_file":
			fmt.Fprintf(b, "pool %s: disabled by the configuration\n", visible(one.Name))
		}
		if one.Drained {
			fmt.Fprintf(b, "pool %s: drained; `loka pool undrain` takes it back into use\n", visible(one.Name))
		}
		if one.Error != "" {
			fmt.Fprintf(b, "pool %s: %s\n", visible(one.Name), visible(one.Error))
		}
		for _, s := range one.Signals {
			detail := ""
			if s.Detail != "" {
				detail = " (" + visible(s.Detail) + ")"
			}
			fmt.Fprintf(b, "WARNING: pool %s: %s%s. %s %s\n", visible(one.Name), visible(s.Name), detail, visible(s.Means), visible(s.Do))
		}
		if one.Discrepancies > 0 {
			fmt.Fprintf(b, "WARNING: pool %s refused %d shares that are valid by our own check; loka_pool_discrepancies_total has its reasons\n",
				visible(one.Name), one.Discrepancies)
		}
		if one.WorkNotSubmitted > 0 {
			fmt.Fprintf(b, "WARNING: pool %s could not be paid for %.6g difficulty-1 shares of work that miners did while its difficulty climbed\n",
				visible(one.Name), one.WorkNotSubmitted)
		}
	}
}

// visible keeps what others sent from steering a terminal or breaking a line.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}

// seconds prints a time span with as much of it as tells something.
func seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	switch {
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d < time.Hour:
		return d.Round(time.Second).String()
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}

// hashrate prints H/s with the unit that keeps the figure short.
func hashrate(v float64) string {
	for _, unit := range []struct {
		factor float64
		name   string
	}{{1e18, "EH/s"}, {1e15, "PH/s"}, {1e12, "TH/s"}, {1e9, "GH/s"}, {1e6, "MH/s"}, {1e3, "kH/s"}} {
		if v >= unit.factor {
			return strconv.FormatFloat(v/unit.factor, 'f', 2, 64) + " " + unit.name
		}
	}
	return strconv.FormatFloat(v, 'f', 0, 64) + " H/s"
}

// notSettled says how many connections are no miners yet, where there are any.
func notSettled(strangers, waiting int) (text string) {
	if strangers > 0 {
		text += fmt.Sprintf(", not logged in %d", strangers)
	}
	if waiting > 0 {
		text += fmt.Sprintf(", waiting to begin %d", waiting)
	}
	return text
}

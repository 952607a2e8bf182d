package cli

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/loka/stratum/internal/figures"
	"github.com/loka/stratum/internal/view"
)

// print prints figures and a table of pools, and what is to be known of them.
func (a *statusAnswers) print(w io.Writer) error {
	s := &a.summary
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(format string, args ...any) { _, _ = fmt.Fprintf(t, format+"\n", args...) }
	row("instance\t%s, version %s, up %s", visible(s.Instance), visible(s.Version), figures.Seconds(s.UptimeSeconds))
	row("miners\t%d, workers %d, pool connections %d%s", s.Miners, s.Workers, s.PoolConnections, notSettled(s.Strangers, s.Waiting))
	row("hashrate\t%s (1m), %s (10m), %s (1h), %s (24h)", figures.Hashrate(s.Hashrate.Minute), figures.Hashrate(s.Hashrate.TenMinutes),
		figures.Hashrate(s.Hashrate.Hour), figures.Hashrate(s.Hashrate.Day))
	row("shares\taccepted %d, rejected %d (stale %d, duplicate %d, low difficulty %d)", s.Shares.Accepted,
		s.Shares.Rejected, s.Shares.Stale, s.Shares.Duplicate, s.Shares.LowDifficulty)
	if n := s.Shares.Unpaid; n > 0 {
		row("unpaid\t%d, found while no pool was there", n)
	}
	row("at the pools\taccepted %d, rejected %d", s.Shares.PoolAccepted, s.Shares.PoolRejected)
	a.money(row)
	_ = t.Flush()
	b.WriteByte('\n')
	row("POOL\tSTATE\tMINERS\tCONNECTIONS\tDIFFICULTY\tACCEPTED\tREJECTED\tQUALITY\tLAST JOB\tURL")
	for i := range a.pools {
		one := &a.pools[i]
		age := "-"
		if one.LastJobAgeSeconds != nil {
			age = figures.Seconds(*one.LastJobAgeSeconds) + " ago"
		}
		score := "-"
		if one.Quality.Score != nil {
			score = strconv.FormatFloat(*one.Quality.Score, 'f', 2, 64)
		}
		row("%s\t%s\t%d\t%d\t%s\t%d\t%d\t%s\t%s\t%s", visible(one.Name), visible(one.State), one.Miners, one.Connections,
			strconv.FormatFloat(one.Difficulty, 'f', -1, 64), one.Accepted, one.Rejected, score, age, visible(one.URL))
	}
	_ = t.Flush()
	certificates(a.listeners, &b)
	poolNotes(a.pools, &b)
	a.keeping(&b)
	a.firing(&b)
	for i := range a.routes {
		if one := &a.routes[i]; one.Pinned != "" {
			fmt.Fprintf(&b, "route %s: pinned to pool %s; `loka pool unpin` takes that back\n", visible(one.Name), visible(one.Pinned))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// poolNotes says of each pool what no figure does, and what costs money.
func poolNotes(all []view.Pool, b *strings.Builder) {
	for i := range all {
		one := &all[i]
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

// firing says what an operator should look at, the worst first.
func (a *statusAnswers) firing(b *strings.Builder) {
	for _, one := range worstFirst(a.alerts) {
		about := one.Kind
		if one.Subject != "" {
			about += " " + one.Subject
		}
		silenced := ""
		if one.Silenced {
			silenced = " (silenced)"
		}
		fmt.Fprintf(b, "%s: %s: %s%s. %s\n", strings.ToUpper(visible(one.Severity)), visible(about), visible(one.Name), silenced, visible(one.Message))
	}
}

// worstFirst are the alerts that fire, by how bad they are and then as they are.
func worstFirst(all []view.Alert) []*view.Alert {
	var some []*view.Alert
	for _, bad := range slices.Backward(view.AlertSeverities()) {
		for j := range all {
			if all[j].Severity == bad && all[j].State == alertFiring {
				some = append(some, &all[j])
			}
		}
	}
	return some
}

// alertFiring is the state of an alert that is told.
const alertFiring = "firing"

package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/loka/stratum/internal/client"
	"github.com/loka/stratum/internal/figures"
	"github.com/loka/stratum/internal/view"
)

// checkFlags are those of `loka status --check`.
type checkFlags struct {
	Check bool     `xor:"form" help:"Print one line for a monitoring system, with figures after a bar, and exit as its plugins do: 0 ok, 1 warning, 2 critical, 3 unknown."`
	Warn  []string `sep:"none" placeholder:"FIGURE=RANGE" help:"With --check: warn where the figure is outside the range, such as 10:20, 10: (10 or more), ~:10 or @10:20 (outside of that)."`
	Crit  []string `sep:"none" placeholder:"FIGURE=RANGE" help:"With --check: the same for critical."`
}

// Help is shown below the command's flags.
func (*statusCmd) Help() string {
	return `One look at hashrate, shares, value, pools and what is wrong. ` + "`loka top`" + ` goes on looking.

With --check the state is the worst of: /health (degraded warns, down is critical), the alerts that fire and are
not silenced, and what --warn and --crit say of figures. A proxy that does not answer is critical; what
cannot be known, such as for a wrong token, is unknown, and so is a figure of --warn or --crit that is not
known (U), unless something else warns or is critical. The figures:

    ` + figureNames() + `

Hashrates are in H/s (or write 500TH/s), rates in percent, ages and times in seconds:

    loka status --check --warn hashrate_1h=500TH/s: --crit hashrate_1h=300TH/s: --warn pool_reject_rate=2 --crit miners=1:`
}

// given says that thresholds are.
func (c *checkFlags) given() bool { return len(c.Warn)+len(c.Crit) > 0 }

// verdict is what a check comes to, as monitoring plugins exit.
type verdict int

// The verdicts.
const (
	isOK verdict = iota
	isWarning
	isCritical
	isUnknown
)

// String is the verdict in capitals.
func (v verdict) String() string { return [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[v] }

// worse says whether a verdict comes before another: what is known to be wrong comes
// before what is not known.
func (v verdict) worse(than verdict) bool {
	rank := [...]int{isOK: 0, isUnknown: 1, isWarning: 2, isCritical: 3}
	return rank[v] > rank[than]
}

// checkedError is a check whose line is printed: only its exit code is left to give.
type checkedError struct{ verdict verdict }

// Error implements error.
func (e checkedError) Error() string { return e.verdict.String() }

// check asks the running proxy and prints the line.
func (c *checkFlags) check(env *environment, api *apiFlags) error {
	limits, err := c.limits()
	if err != nil {
		return env.checked(isUnknown, err.Error(), nil)
	}
	var found finding
	err = api.ask(env, func(ctx context.Context, api *client.Client) error {
		a, err := look(ctx, api)
		if err != nil {
			return err
		}
		found.figures = figuresOf(ctx, api, &a)
		found.judge(&a, limits)
		return nil
	})
	switch {
	case client.Unreachable(err):
		return env.checked(isCritical, err.Error(), nil)
	case err != nil:
		return env.checked(isUnknown, err.Error()+advice(err), nil)
	}
	return env.checked(found.verdict, found.text(), found.performance(limits))
}

// checked prints the line of a check and returns what its exit code is made of.
func (env *environment) checked(v verdict, text string, performance []string) error {
	line := "LOKA " + v.String() + ": " + strings.ReplaceAll(visible(oneLine(text)), "|", "/")
	if len(performance) > 0 {
		line += " | " + strings.Join(performance, " ")
	}
	if _, err := fmt.Fprintln(env.stdout, line); err != nil {
		return err
	}
	if v == isOK {
		return nil
	}
	return checkedError{v}
}

// finding is what was found.
type finding struct {
	verdict verdict
	// wrong is what is, the worst first; well is said where nothing is.
	wrong   [isUnknown + 1][]string
	well    string
	figures []figure
}

// note takes something that is wrong.
func (f *finding) note(v verdict, text string) {
	f.wrong[v] = append(f.wrong[v], text)
	if v.worse(f.verdict) {
		f.verdict = v
	}
}

// judge looks at all that there is.
func (f *finding) judge(a *statusAnswers, limits []limit) {
	s := &a.summary
	f.well = fmt.Sprintf("%d miners, %s over 1h, %s", s.Miners, figures.Hashrate(s.Hashrate.Hour), poolsInWords(a.pools))
	for _, one := range sortedChecks(&a.health) {
		v := isWarning
		if a.health.Status == view.Down && one.Status == view.Down {
			v = isCritical
		}
		f.note(v, one.name+": "+one.Detail)
	}
	if a.health.Status == view.Down {
		f.verdict = isCritical
	}
	for _, one := range worstFirst(a.alerts) {
		if v, counts := map[string]verdict{"warning": isWarning, "critical": isCritical}[one.Severity]; counts && !one.Silenced {
			f.note(v, strings.TrimSpace("alert "+one.Name+" "+one.Subject))
		}
	}
	for _, l := range limits {
		for _, one := range f.figures {
			switch {
			case one.name != l.figure:
			case !one.known:
				f.note(isUnknown, fmt.Sprintf("%s is not known, it was to be within %s", one.name, l.of.text))
			case l.of.outside(one.value):
				f.note(l.verdict, fmt.Sprintf("%s is %s, not within %s", one.name, one.words(), l.of.text))
			}
		}
	}
}

// mostWrong is how much of what is wrong is on the line.
const mostWrong = 5

// text is the line's words.
func (f *finding) text() string {
	var all []string
	for _, v := range []verdict{isCritical, isWarning, isUnknown} {
		all = append(all, f.wrong[v]...)
	}
	if len(all) > mostWrong {
		all = append(all[:mostWrong:mostWrong], fmt.Sprintf("and %d more", len(all)-mostWrong))
	}
	return strings.Join(append(all, f.well), "; ")
}

// performance is what a monitoring system draws: NAME=VALUE;WARN;CRIT.
func (f *finding) performance(limits []limit) []string {
	texts := make([]string, 0, len(f.figures))
	for _, one := range f.figures {
		value := "U"
		if one.known {
			value = strconv.FormatFloat(math.Round(one.value*1e6)/1e6, 'f', -1, 64) + one.unit
		}
		ranges := map[verdict]string{}
		for _, l := range limits {
			if l.figure == one.name {
				ranges[l.verdict] = l.of.plain
			}
		}
		texts = append(texts, strings.TrimRight(one.name+"="+value+";"+ranges[isWarning]+";"+ranges[isCritical], ";"))
	}
	return texts
}

// poolsInWords counts those that serve.
func poolsInWords(all []view.Pool) string {
	well := 0
	for i := range all {
		if all[i].State == view.PoolActive || all[i].State == view.PoolStandby {
			well++
		}
	}
	return fmt.Sprintf("%d of %d pools serve", well, len(all))
}

// oddCheck is a health check that is not ok.
type oddCheck struct {
	view.Check

	name string
}

// sortedChecks are those that are not ok, what is down first.
func sortedChecks(h *view.Health) []oddCheck {
	var down, rest []oddCheck
	for _, name := range sortedNames(h.Checks) {
		switch c := h.Checks[name]; c.Status {
		case view.OK:
		case view.Down:
			down = append(down, oddCheck{c, name})
		default:
			rest = append(rest, oddCheck{c, name})
		}
	}
	return append(down, rest...)
}

// refusedHere is the part of the last hour's shares that were refused here; known is
// false where there were none, or where the store does not say.
func refusedHere(ctx context.Context, api *client.Client) (rate float64, known bool) {
	ctx, cancel := context.WithTimeout(ctx, pastTimeout)
	defer cancel()
	h, err := api.History(ctx, client.Past{From: "1h", Step: "minute"})
	if err != nil {
		return 0, false
	}
	var accepted, rejected uint64
	for i := range h.Points {
		accepted += h.Points[i].Accepted
		rejected += h.Points[i].Rejected
	}
	if accepted+rejected == 0 {
		return 0, false
	}
	return float64(rejected) / float64(accepted+rejected), true
}

var errNoFigure = errors.New("no such figure")

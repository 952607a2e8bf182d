package cli

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/loka/stratum/internal/client"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/view"
)

// alertsCmd is `loka alerts`.
type alertsCmd struct {
	List      alertsListCmd      `cmd:"" help:"Show what is wrong now."`
	History   alertsHistoryCmd   `cmd:"" help:"Show which alerts began and ended."`
	Rules     alertsRulesCmd     `cmd:"" help:"Show the rules that alerts come of."`
	Test      alertsTestCmd      `cmd:"" help:"Send a test message by one sink, or by all."`
	Silence   alertsSilenceCmd   `cmd:"" help:"Keep alerts from being told for a while."`
	Unsilence alertsUnsilenceCmd `cmd:"" help:"End a silence."`
	Silences  alertsSilencesCmd  `cmd:"" help:"Show what keeps alerts from being told."`
}

// alertsShow asks for a list and prints it as a table, or as it came.
type alertsShow struct {
	apiFlags

	JSON bool `name:"json" help:"As the API has it."`
}

// show prints a list as a table, by what table says of it, or what a path answers.
func (c *alertsShow) show(env *environment, path string, query url.Values, table func(ctx context.Context, api *client.Client, w io.Writer) error) error {
	return c.ask(env, func(ctx context.Context, api *client.Client) error {
		if c.JSON {
			return passOn(ctx, env, api, path, query)
		}
		w := tabwriter.NewWriter(env.stdout, 0, 0, 2, ' ', 0)
		if err := table(ctx, api, w); err != nil {
			return err
		}
		return w.Flush()
	})
}

// alertsListCmd is `loka alerts list`.
type alertsListCmd struct {
	alertsShow

	All bool `help:"Those that are pending, and those that were over lately, too."`
}

// Run asks the running proxy for it.
func (c *alertsListCmd) Run(env *environment) error {
	var q client.Query
	query := url.Values{}
	if c.All {
		q.State = "pending,firing,resolved"
		query.Set("state", q.State)
	}
	return c.show(env, "/api/v1/alerts", query, func(ctx context.Context, api *client.Client, w io.Writer) error {
		list, err := api.Alerts(ctx, q)
		if err != nil {
			return err
		}
		if len(list.Alerts) == 0 {
			_, err := fmt.Fprintln(w, "nothing is wrong, as far as is known")
			return err
		}
		_, _ = fmt.Fprintln(w, "SEVERITY\tSTATE\tALERT\tSINCE\tWHAT")
		for i := range list.Alerts {
			a := &list.Alerts[i]
			state := a.State
			if a.Silenced {
				state += ", silenced"
			}
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", visible(a.Severity), visible(state), visible(a.ID), timeOr(a.Since, "-"), visible(oneLine(a.Message)))
		}
		return nil
	})
}

// alertsHistoryCmd is `loka alerts history`.
type alertsHistoryCmd struct {
	alertsShow

	Limit int `default:"50" help:"At most so many; 0: all."`
}

// Run asks the running proxy for it.
func (c *alertsHistoryCmd) Run(env *environment) error {
	limit := max(c.Limit, 0)
	return c.show(env, "/api/v1/alerts/history", url.Values{"limit": {strconv.Itoa(limit)}}, func(ctx context.Context, api *client.Client, w io.Writer) error {
		list, err := api.AlertHistory(ctx, client.Query{Limit: limit})
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintln(w, "AT\tEVENT\tSEVERITY\tALERT\tLASTED\tWHAT")
		for i := range list.Events {
			e := &list.Events[i]
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", timeOr(&e.At, "-"), visible(e.Event), visible(e.Severity), visible(e.ID),
				time.Duration(e.Lasted*float64(time.Second)).Round(time.Second), visible(oneLine(e.Message)))
		}
		return nil
	})
}

// alertsRulesCmd is `loka alerts rules`.
type alertsRulesCmd struct{ alertsShow }

// Run asks the running proxy for it.
func (c *alertsRulesCmd) Run(env *environment) error {
	return c.show(env, "/api/v1/alerts/rules", nil, func(ctx context.Context, api *client.Client, w io.Writer) error {
		list, err := api.AlertRules(ctx, client.Query{})
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintln(w, "RULE\tFOR EACH\tSEVERITY\tFIRING\tLASTS\tCONDITION")
		for i := range list.Rules {
			r := &list.Rules[i]
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", visible(r.Name), visible(r.Kind), visible(r.Severity), r.Firing, time.Duration(r.For*float64(time.Second)), visible(oneLine(r.Expr)))
			if r.Error != "" {
				_, _ = fmt.Fprintf(w, "\t\t\t\t\tcannot be evaluated: %s\n", visible(oneLine(r.Error)))
			}
		}
		return nil
	})
}

// alertsTestCmd is `loka alerts test`.
type alertsTestCmd struct {
	apiFlags

	Sink string `arg:"" optional:"" help:"The sink's name; without it all."`
}

// sinksError is of sinks that a test did not reach.
type sinksError struct{ failed, all int }

func (e sinksError) Error() string {
	return fmt.Sprintf("%d of %d sinks did not take the message; look at alerts.sink in the file", e.failed, e.all)
}

// testTimeout is for sinks that do not answer.
const testTimeout = 30 * time.Second

// Run asks the running proxy for it.
func (c *alertsTestCmd) Run(env *environment) error {
	return c.askFor(env, testTimeout, func(ctx context.Context, api *client.Client) error {
		answer, err := api.TestSinks(ctx, c.Sink)
		if err != nil {
			return err
		}
		failed := 0
		for _, r := range answer.Results {
			text := fmt.Sprintf("a message was taken within %.1f s", r.Seconds)
			if !r.OK {
				failed++
				text = "failed: " + r.Error
			}
			_, _ = fmt.Fprintf(env.stdout, "%s: %s\n", visible(r.Sink), visible(oneLine(text)))
		}
		if len(answer.Results) == 0 {
			_, _ = fmt.Fprintln(env.stdout, "there are no sinks; write an [[alerts.sink]] into the file")
		}
		if failed > 0 {
			return sinksError{failed, len(answer.Results)}
		}
		return nil
	})
}

// alertsSilenceCmd is `loka alerts silence`.
type alertsSilenceCmd struct {
	apiFlags

	Matchers []string      `arg:"" help:"What they have to be, all of them, each LABEL=GLOB: name, severity, kind, subject, or a label of the rule."`
	For      time.Duration `default:"2h" placeholder:"TIME" help:"How long, such as 30m or 12h (default: 2h); at most a year."`
	Comment  string        `placeholder:"TEXT" help:"Why, for whoever looks later."`
}

// Help is shown below the command's flags.
func (*alertsSilenceCmd) Help() string {
	return `Alerts that are silenced fire all the same: lists, the page and metrics have them.

  loka alerts silence name=worker_* subject=rack7.* --for 12h --comment "rack 7 is being moved"
  loka alerts silence name=pool_down pool=main`
}

// Run asks the running proxy for it.
func (c *alertsSilenceCmd) Run(env *environment) error {
	order := httpapi.NewSilence{For: c.For.String(), Comment: c.Comment}
	for _, text := range c.Matchers {
		label, glob, ok := strings.Cut(text, "=")
		if !ok || label == "" || glob == "" {
			return usageError{fmt.Sprintf("%q is no matcher; write LABEL=GLOB, such as name=worker_* or subject=rack7.*", text)}
		}
		order.Matchers = append(order.Matchers, view.AlertMatcher{Label: label, Glob: glob})
	}
	return c.ask(env, func(ctx context.Context, api *client.Client) error {
		made, err := api.Silence(ctx, order)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(env.stdout, "silence %s holds until %s; of the alerts of now it is for %d\n", visible(made.ID), timeOr(&made.Until, "-"), made.Matches)
		return err
	})
}

// alertsUnsilenceCmd is `loka alerts unsilence`.
type alertsUnsilenceCmd struct {
	apiFlags

	ID string `arg:"" help:"The silence's id, as the list has it."`
}

// Run asks the running proxy for it.
func (c *alertsUnsilenceCmd) Run(env *environment) error {
	if c.ID == "" {
		return usageError{"an id is needed; `loka alerts silences` shows them"}
	}
	return c.ask(env, func(ctx context.Context, api *client.Client) error {
		if err := api.Unsilence(ctx, c.ID); err != nil {
			return err
		}
		_, err := fmt.Fprintf(env.stdout, "silence %s is over\n", visible(c.ID))
		return err
	})
}

// alertsSilencesCmd is `loka alerts silences`.
type alertsSilencesCmd struct{ alertsShow }

// Run asks the running proxy for it.
func (c *alertsSilencesCmd) Run(env *environment) error {
	return c.show(env, "/api/v1/silences", nil, func(ctx context.Context, api *client.Client, w io.Writer) error {
		list, err := api.Silences(ctx, client.Query{})
		if err != nil {
			return err
		}
		if len(list.Silences) == 0 {
			_, err := fmt.Fprintln(w, "there are no silences")
			return err
		}
		_, _ = fmt.Fprintln(w, "ID\tUNTIL\tALERTS NOW\tBY\tWHICH\tWHY")
		for i := range list.Silences {
			s := &list.Silences[i]
			which := make([]string, 0, len(s.Matchers))
			for _, m := range s.Matchers {
				which = append(which, m.Label+"="+m.Glob)
			}
			_, _ = fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\n", visible(s.ID), timeOr(&s.Until, "-"), s.Matches, visible(s.By), visible(strings.Join(which, " ")), visible(s.Comment))
		}
		return nil
	})
}

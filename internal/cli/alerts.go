package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"
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

// show prints what a path answers; into is what print prints of it.
func (c *alertsShow) show(env *environment, path string, into any, print func(io.Writer)) error {
	return c.ask(env, func(ctx context.Context, api apiClient) error {
		text, err := api.get(ctx, path)
		if err != nil {
			return err
		}
		if c.JSON {
			_, err := fmt.Fprintln(env.stdout, strings.TrimSpace(string(text)))
			return err
		}
		if err := json.Unmarshal(text, into); err != nil {
			return fmt.Errorf("the answer of %s cannot be read: %w; is it a loka of this version?", api.base, err)
		}
		w := tabwriter.NewWriter(env.stdout, 0, 0, 2, ' ', 0)
		print(w)
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
	path := "/api/v1/alerts"
	if c.All {
		path += "?state=pending,firing,resolved"
	}
	var list struct {
		Alerts []struct {
			ID, Severity, State, Message string
			Since                        time.Time
			Silenced                     bool
		}
	}
	return c.show(env, path, &list, func(w io.Writer) {
		if len(list.Alerts) == 0 {
			_, _ = fmt.Fprintln(w, "nothing is wrong, as far as is known")
			return
		}
		_, _ = fmt.Fprintln(w, "SEVERITY\tSTATE\tALERT\tSINCE\tWHAT")
		for _, a := range list.Alerts {
			state := a.State
			if a.Silenced {
				state += ", silenced"
			}
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", visible(a.Severity), visible(state), visible(a.ID), timeOr(&a.Since, "-"), visible(oneLine(a.Message)))
		}
	})
}

// alertsHistoryCmd is `loka alerts history`.
type alertsHistoryCmd struct {
	alertsShow

	Limit int `default:"50" help:"At most so many; 0: all."`
}

// Run asks the running proxy for it.
func (c *alertsHistoryCmd) Run(env *environment) error {
	var list struct {
		Events []struct {
			At                           time.Time
			Event, ID, Severity, Message string
			Lasted                       float64 `json:"lasted_seconds"`
		}
	}
	return c.show(env, fmt.Sprintf("/api/v1/alerts/history?limit=%d", max(c.Limit, 0)), &list, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "AT\tEVENT\tSEVERITY\tALERT\tLASTED\tWHAT")
		for _, e := range list.Events {
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", timeOr(&e.At, "-"), visible(e.Event), visible(e.Severity), visible(e.ID),
				time.Duration(e.Lasted*float64(time.Second)).Round(time.Second), visible(oneLine(e.Message)))
		}
	})
}

// alertsRulesCmd is `loka alerts rules`.
type alertsRulesCmd struct{ alertsShow }

// Run asks the running proxy for it.
func (c *alertsRulesCmd) Run(env *environment) error {
	var list struct {
		Rules []struct {
			Name, Kind, Expr, Severity, Error string
			For                               float64 `json:"for_seconds"`
			Firing                            int
		}
	}
	return c.show(env, "/api/v1/alerts/rules", &list, func(w io.Writer) {
		_, _ = fmt.Fprintln(w, "RULE\tFOR EACH\tSEVERITY\tFIRING\tLASTS\tCONDITION")
		for _, r := range list.Rules {
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", visible(r.Name), visible(r.Kind), visible(r.Severity), r.Firing, time.Duration(r.For*float64(time.Second)), visible(oneLine(r.Expr)))
			if r.Error != "" {
				_, _ = fmt.Fprintf(w, "\t\t\t\t\tcannot be evaluated: %s\n", visible(oneLine(r.Error)))
			}
		}
	})
}

// alertsTestCmd is `loka alerts test`.
type alertsTestCmd struct {
	apiFlags

	Sink string `arg:"" optional:"" help:"The sink's name; without it all."`
}

// sinksError is of sinks that a test did not reach.
type sinksError struct{ failed int }

func (e sinksError) Error() string {
	return fmt.Sprintf("%d sinks cannot be reached; look at alerts.sink in the file", e.failed)
}

// testTimeout is for sinks that do not answer.
const testTimeout = 30 * time.Second

// Run asks the running proxy for it.
func (c *alertsTestCmd) Run(env *environment) error {
	var answer struct {
		Results []struct {
			Sink, Error string
			OK          bool
			Seconds     float64
		}
	}
	order, err := json.Marshal(map[string]string{"sink": c.Sink})
	if err != nil {
		return err
	}
	return c.askFor(env, testTimeout, func(ctx context.Context, api apiClient) error {
		if err := api.post(ctx, "/api/v1/alerts/test", "application/json", order, &answer); err != nil {
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
			return sinksError{failed}
		}
		return nil
	})
}

// alertsSilenceCmd is `loka alerts silence`.
type alertsSilenceCmd struct {
	apiFlags

	Matchers []string      `arg:"" help:"What they have to be, each LABEL=GLOB: name, severity, kind, subject, or a label of the rule."`
	For      time.Duration `default:"2h" placeholder:"TIME" help:"How long."`
	Comment  string        `placeholder:"TEXT" help:"Why, for whoever looks later."`
}

// Run asks the running proxy for it.
func (c *alertsSilenceCmd) Run(env *environment) error {
	type matcher struct {
		Label string `json:"label"`
		Glob  string `json:"glob"`
	}
	all := make([]matcher, 0, len(c.Matchers))
	for _, text := range c.Matchers {
		label, glob, ok := strings.Cut(text, "=")
		if !ok || label == "" || glob == "" {
			return usageError{fmt.Sprintf("%q is no matcher; write LABEL=GLOB, such as name=worker_* or subject=rack7.*", text)}
		}
		all = append(all, matcher{label, glob})
	}
	var made struct {
		ID      string
		Until   time.Time
		Matches int
	}
	return c.post(env, "/api/v1/silences", map[string]any{"matchers": all, "for": c.For.String(), "comment": c.Comment}, &made, func() string {
		return fmt.Sprintf("silence %s holds until %s, for %d alerts of now\n", visible(made.ID), timeOr(&made.Until, "-"), made.Matches)
	})
}

// alertsUnsilenceCmd is `loka alerts unsilence`.
type alertsUnsilenceCmd struct {
	apiFlags

	ID string `arg:"" help:"The silence's id, as the list has it."`
}

// Run asks the running proxy for it.
func (c *alertsUnsilenceCmd) Run(env *environment) error {
	path, err := pathOf("silences", c.ID, "")
	if err != nil {
		return usageError{fmt.Sprintf("%q is no id; `loka alerts silences` shows them", c.ID)}
	}
	return c.ask(env, func(ctx context.Context, api apiClient) error {
		if err := api.change(ctx, http.MethodDelete, strings.TrimSuffix(path, "/"), nil); err != nil {
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
	var list struct {
		Silences []struct {
			ID, By, Comment string
			Until           time.Time
			Matchers        []struct{ Label, Glob string }
			Matches         int
		}
	}
	return c.show(env, "/api/v1/silences", &list, func(w io.Writer) {
		if len(list.Silences) == 0 {
			_, _ = fmt.Fprintln(w, "there are no silences")
			return
		}
		_, _ = fmt.Fprintln(w, "ID\tUNTIL\tALERTS NOW\tBY\tWHICH\tWHY")
		for _, s := range list.Silences {
			which := make([]string, 0, len(s.Matchers))
			for _, m := range s.Matchers {
				which = append(which, m.Label+"="+m.Glob)
			}
			_, _ = fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\n", visible(s.ID), timeOr(&s.Until, "-"), s.Matches, visible(s.By), visible(strings.Join(which, " ")), visible(s.Comment))
		}
	})
}

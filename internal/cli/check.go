package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/loka/stratum/internal/app"
	"github.com/loka/stratum/internal/client"
	"github.com/loka/stratum/internal/config"
)

// checkCmd is `loka check`.
type checkCmd struct {
	apiFlags

	File string `arg:"" help:"Configuration file; - reads stdin." placeholder:"FILE"`
	Plan bool   `help:"Say what the file would change in the running proxy, too: keys, and which miners would go where."`
}

// Help is shown below the command's flags.
func (*checkCmd) Help() string {
	return `Prints "FILE: ok" and a summary, or exits with 2 and one line for each problem:

    FILE:LINE:COL: key: what is wrong, and what would be right

The environment counts as it does for start: LOKA_ variables override the file.`
}

// Run checks the file.
func (c *checkCmd) Run(env *environment) error {
	text, err := env.readConfig(c.File)
	if err != nil {
		return err
	}
	cfg, err := env.loadText(text, c.File, config.Flags{})
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(env.stdout, "%s: ok\n", c.File)
	summarize(env.stdout, cfg)
	for _, note := range cfg.Notes {
		_, _ = fmt.Fprintf(env.stdout, "note: %s\n", note)
	}
	for _, text := range app.Remarks(cfg) {
		_, _ = fmt.Fprintf(env.stdout, "note: %s\n", text)
	}
	for _, o := range cfg.Overrides {
		_, _ = fmt.Fprintf(env.stdout, "note: %s comes from %s, not from the file\n", o.Key, o.From)
	}
	if c.Plan {
		return c.plan(env, cfg, text)
	}
	return nil
}

// plan asks the running proxy, which is where the file says, what the file would
// change.
func (c *checkCmd) plan(env *environment, cfg *config.Config, text []byte) error {
	if c.HTTP == "" {
		c.HTTP = cfg.HTTP.Listen
	}
	if c.Data == "" {
		c.Data = cfg.DataDir
	}
	return c.ask(env, func(ctx context.Context, api *client.Client) error {
		plan, err := api.Plan(ctx, text)
		if err != nil {
			return err
		}
		var b strings.Builder
		writePlan(&b, &plan)
		_, err = fmt.Fprint(env.stdout, b.String())
		return err
	})
}

// summarize prints what a configuration does in two lines.
func summarize(w io.Writer, cfg *config.Config) {
	routes := make([]string, len(cfg.Routes))
	for i, r := range cfg.Routes {
		routes[i] = fmt.Sprintf("%s (%s: %s)", r.Name, r.Mode, poolsOf(&r))
	}
	pools := make([]string, len(cfg.Pools))
	for i, p := range cfg.Pools {
		pools[i] = p.Name + " " + p.URL
		if p.Username != "" {
			pools[i] += " as " + p.Username
		}
	}
	listeners := make([]string, len(cfg.Listeners))
	for i, l := range cfg.Listeners {
		listeners[i] = l.Address
	}
	_, _ = fmt.Fprintf(w, "pools: %s\n", strings.Join(pools, "; "))
	_, _ = fmt.Fprintf(w, "routes: %s; miners connect to %s; page and API on %s\n",
		strings.Join(routes, ", "), strings.Join(listeners, ", "), cfg.HTTP.Listen)
}

// poolsOf is where a route's miners go, in words.
func poolsOf(r *config.Route) string {
	if len(r.Split) == 0 {
		return strings.Join(r.Pools, ", ")
	}
	parts := make([]string, len(r.Split))
	for i, part := range r.Split {
		parts[i] = partOf(&part)
	}
	return "split: " + strings.Join(parts, ", ")
}

// partOf is a part of a split in words.
func partOf(part *config.SplitPart) string {
	words := []string{strings.Join(part.All(), "/")}
	if part.Weight > 0 {
		words = append(words, "weight "+strconv.FormatFloat(part.Weight, 'g', -1, 64))
	}
	if part.Hashrate > 0 {
		words = append(words, part.Hashrate.String())
	}
	if part.Worker != "" {
		words = append(words, "for "+part.Worker)
	}
	if part.When != "" {
		words = append(words, "when "+part.When+" "+cmp.Or(part.TimeZone, "UTC"))
	}
	if part.Heir() != "" {
		words = append(words, "else "+part.Heir())
	}
	return strings.Join(words, " ")
}

package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/loka/stratum/internal/client"
	"github.com/loka/stratum/internal/httpapi"
)

// banCmd is `loka ban`.
type banCmd struct {
	Add    banAddCmd    `cmd:"" help:"Keep an address, a network or a worker out, and close its connections."`
	Remove banRemoveCmd `cmd:"" help:"Let somebody in again."`
	List   banListCmd   `cmd:"" help:"Show who is banned or paused."`
}

// banHelp is shown below the flags of all of them.
const banHelp = `Bans hold over a restart until their term is over or they are removed. ` + "`loka worker pause`" + ` sends a worker away more kindly.`

// Help is shown below the command's flags.
func (*banCmd) Help() string { return banHelp }

// termFlags say for how long and why.
type termFlags struct {
	For     time.Duration `placeholder:"TIME" help:"How long, such as 1h; without it until it is taken back."`
	Comment string        `placeholder:"TEXT" help:"Why, for whoever looks later."`
}

// term is for how long and why.
func (f *termFlags) term() (o httpapi.BanTerm, err error) {
	o.Comment = f.Comment
	switch {
	case f.For < 0:
		return o, usageError{fmt.Sprintf("--for %s is no term; write it like 30m, 1h or 24h", f.For)}
	case f.For > 0:
		o.For = f.For.String()
	}
	return o, nil
}

// banWho says who is meant.
type banWho struct {
	Address string `arg:"" optional:"" help:"An address, or a network such as 192.0.2.0/24."`
	Worker  string `placeholder:"LOGIN" help:"A worker's login, or a glob of * and ?; with ADDRESS it is that worker at that address."`
}

// named says that somebody is.
func (w *banWho) named() error {
	if w.Address == "" && w.Worker == "" {
		return usageError{"nobody is named; give an address, a network such as 192.0.2.0/24, or --worker LOGIN"}
	}
	return nil
}

// banAddCmd is `loka ban add`.
type banAddCmd struct {
	apiFlags
	banWho
	termFlags

	Force bool `help:"Do it though it keeps out the address that you ask from."`
}

// Help is shown below the command's flags.
func (*banAddCmd) Help() string { return banHelp }

// Run asks the running proxy for it.
func (c *banAddCmd) Run(env *environment) error {
	if err := c.named(); err != nil {
		return err
	}
	term, err := c.term()
	if err != nil {
		return err
	}
	term.Force = c.Force
	return c.sentence(env, func(ctx context.Context, api *client.Client) (httpapi.Banned, error) {
		return api.Ban(ctx, httpapi.BanOrder{BanTerm: term, Address: c.Address, Worker: c.Worker})
	})
}

// banRemoveCmd is `loka ban remove`.
type banRemoveCmd struct {
	apiFlags
	banWho

	ID string `placeholder:"ID" help:"A ban's id, as listed with --json, in place of whom it is about."`
}

// Run asks the running proxy for it.
func (c *banRemoveCmd) Run(env *environment) error {
	if c.ID == "" {
		if err := c.named(); err != nil {
			return err
		}
	}
	return c.tell(env, func(ctx context.Context, api *client.Client) (string, error) {
		who := httpapi.Ban{Address: c.Address, Worker: c.Worker}
		return visible(strings.TrimSpace(whoOf(&who)+c.ID)) + " may come again\n",
			api.Unban(ctx, client.BanSubject{ID: c.ID, Address: c.Address, Worker: c.Worker})
	})
}

// banListCmd is `loka ban list`.
type banListCmd struct {
	apiFlags

	All  bool `help:"Those that are over and count for the next term, too."`
	JSON bool `name:"json" help:"As the API has it."`
}

// Run asks the running proxy for it.
func (c *banListCmd) Run(env *environment) error {
	query := client.BansQuery{All: c.All}
	return c.ask(env, func(ctx context.Context, api *client.Client) error {
		if c.JSON {
			return passOn(ctx, env, api, "/api/v1/bans", query.Values())
		}
		list, err := api.Bans(ctx, query)
		if err != nil {
			return err
		}
		return printBans(env.stdout, list.Bans)
	})
}

// whoOf names whom a ban is about.
func whoOf(b *httpapi.Ban) string {
	switch {
	case b.Worker == "":
		return b.Address
	case b.Address == "":
		return "worker " + b.Worker
	}
	return "worker " + b.Worker + " at " + b.Address
}

// endOf says until when it holds.
func endOf(b *httpapi.Ban) string {
	if b.Until == nil {
		return "for ever"
	}
	return "until " + b.Until.UTC().Format("2006-01-02 15:04:05Z")
}

func printBans(out io.Writer, all []httpapi.Ban) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(out, "nobody is banned or paused")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "WHO\tKIND\tSINCE\tUNTIL\tTIMES\tBY\tWHY")
	for i := range all {
		b := &all[i]
		by, end := b.By, strings.TrimPrefix(endOf(b), "until ")
		if by == "" {
			by = b.Cause
		}
		if !b.InForce {
			end += " (over)"
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", visible(whoOf(b)), visible(b.Kind),
			b.Since.UTC().Format("2006-01-02 15:04:05Z"), end, b.Times, visible(by), visible(b.Comment))
	}
	return w.Flush()
}

// sentence asks the running proxy to ban or pause.
func (c *apiFlags) sentence(env *environment, do func(ctx context.Context, api *client.Client) (httpapi.Banned, error)) error {
	return c.tell(env, func(ctx context.Context, api *client.Client) (string, error) {
		answer, err := do(ctx, api)
		var text strings.Builder
		for i := range answer.Bans {
			b := &answer.Bans[i]
			done := "banned"
			if b.Kind == "pause" {
				done = "paused"
			}
			fmt.Fprintf(&text, "%s is %s %s\n", visible(whoOf(b)), done, endOf(b))
		}
		fmt.Fprintf(&text, "%d connections closed\n", answer.Closed)
		return text.String(), err
	})
}

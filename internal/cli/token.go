package cli

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/loka/stratum/internal/client"
	"github.com/loka/stratum/internal/httpapi"
)

// tokenCmd is `loka token`.
type tokenCmd struct {
	Add    tokenAddCmd    `cmd:"" help:"Make a token and print it, this once."`
	List   tokenListCmd   `cmd:"" help:"List the tokens that were made."`
	Remove tokenRemoveCmd `cmd:"" help:"Make a token worthless, at once."`
}

// tokenHelp is shown below the flags of all of them.
//
//nolint:gosec // G101: not a credential
const tokenHelp = `A viewer sees what is going on. An operator disconnects, pauses and bans miners, drains, disables
and pins pools, accepts what they pay and splits routes, too.
An admin does everything; the admin token in the data folder (api.token) is not among those listed here.`

// Help is shown below the command's flags.
func (*tokenCmd) Help() string { return tokenHelp }

// tokenAddCmd is `loka token add`.
type tokenAddCmd struct {
	apiFlags

	Role    string `required:"" enum:"viewer,operator,admin" placeholder:"ROLE" help:"What it is to let do: viewer, operator or admin."`
	Name    string `placeholder:"NAME" help:"What it goes by in the audit record (default: one is found)."`
	Expires string `placeholder:"TIME" help:"When it ends: after 30d or 12h, say, or on a day such as 2026-01-31 (default: never)."`
}

// Help is shown below the command's flags.
func (*tokenAddCmd) Help() string {
	return tokenHelp + `

The token alone goes to stdout, so that it can be kept at once:

    (umask 077; loka token add --role viewer --name grafana --expires 365d >grafana.token)`
}

// Run asks the running proxy for it.
func (c *tokenAddCmd) Run(env *environment) error {
	return c.ask(env, func(ctx context.Context, api *client.Client) error {
		made, err := api.AddToken(ctx, httpapi.NewToken{Role: c.Role, Name: c.Name, Expires: c.Expires})
		if err != nil {
			return err
		}
		until := ""
		if made.Expires != nil {
			until = " until " + made.Expires.UTC().Format(time.RFC3339)
		}
		_, _ = fmt.Fprintf(env.stderr, "token %s has the role %s%s; it is shown this once:\n", visible(made.Name), visible(made.Role), until)
		_, err = fmt.Fprintln(env.stdout, visible(made.Secret))
		return err
	})
}

// tokenListCmd is `loka token list`.
type tokenListCmd struct {
	apiFlags

	JSON bool `name:"json" help:"Print the list as JSON."`
}

// Run asks the running proxy and prints what it says.
func (c *tokenListCmd) Run(env *environment) error {
	return c.ask(env, func(ctx context.Context, api *client.Client) error {
		if c.JSON {
			return passOn(ctx, env, api, "/api/v1/tokens", nil)
		}
		all, err := api.Tokens(ctx)
		if err != nil {
			return err
		}
		var b strings.Builder
		t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(t, "NAME\tROLE\tCREATED\tEXPIRES\tLAST USED")
		now := time.Now()
		for i := range all.Tokens {
			one := &all.Tokens[i]
			expires := timeOr(one.Expires, "never")
			if one.Expires != nil && !now.Before(*one.Expires) {
				expires += " (expired)"
			}
			_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", visible(one.Name), visible(one.Role), timeOr(&one.Created, ""), expires, timeOr(one.LastUsed, "never"))
		}
		_ = t.Flush()
		if len(all.Tokens) == 0 {
			b.Reset()
			b.WriteString("there are none but the admin token, api.token in the data folder; `loka token add` makes others\n")
		}
		_, err = fmt.Fprint(env.stdout, b.String())
		return err
	})
}

// timeOr is a time as lists have it.
func timeOr(t *time.Time, none string) string {
	if t == nil {
		return none
	}
	return t.UTC().Format(time.RFC3339)
}

// tokenRemoveCmd is `loka token remove`.
type tokenRemoveCmd struct {
	apiFlags

	Name string `arg:"" help:"The token's name, as the list has it."`
}

// Run asks the running proxy for it.
func (c *tokenRemoveCmd) Run(env *environment) error {
	if named(c.Name) != nil {
		return usageError{fmt.Sprintf("%q is no name; `loka token list` shows them", c.Name)}
	}
	return c.tell(env, func(ctx context.Context, api *client.Client) (string, error) {
		return fmt.Sprintf("token %s lets nobody in any more\n", visible(c.Name)), api.RemoveToken(ctx, c.Name)
	})
}

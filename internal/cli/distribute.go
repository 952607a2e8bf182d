package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/loka/stratum/internal/client"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/mining"
)

// distributeTimeout bounds the whole command: a month of many workers takes the
// store a while.
const distributeTimeout = time.Minute

const satoshiPerBitcoin = 100_000_000

var errNotDivided = errors.New("it does not say who got what")

// distributeCmd is `loka distribute`.
type distributeCmd struct {
	apiFlags

	Pool      string `required:"" placeholder:"NAME" help:"The pool that has paid."`
	Reference string `required:"" placeholder:"TEXT" help:"What names the payout at the pool, such as a transaction or a date; the same one is entered once."`
	From      string `required:"" placeholder:"TIME" help:"When the time begins that it is for: 2026-01-31T12:00:00Z, at a whole hour, or 2026-01-31 (UTC)."`
	To        string `required:"" placeholder:"TIME" help:"When that ends, which is not included."`
	Amount    string `placeholder:"AMOUNT" help:"What was paid: satoshi such as 1234567, or 0.01234567BTC."`
	Computed  bool   `help:"Divide what the shares that the pool accepted were expected to earn, in place of an amount."`
	By        string `placeholder:"WHAT" default:"worker" enum:"worker,user" help:"Among whom it is divided: worker (the default) or user."`
	Note      string `placeholder:"TEXT" help:"For the audit record."`
	JSON      bool   `name:"json" help:"Print the API's answer."`
}

// Help is shown below the command's flags.
func (*distributeCmd) Help() string {
	return `Divides what a pool has paid by the work that it accepted from each in that time, and keeps that. Nothing is
sent to anybody. Everybody gets the whole satoshi of the exact part; what is left over goes, a satoshi each,
to the largest of what was cut off, so that the sum is the amount. The same command again prints the same;
one of the same pool and reference that says another thing is refused.`
}

// Run asks the running proxy for it.
func (c *distributeCmd) Run(env *environment) error {
	in := httpapi.Distribute{Pool: c.Pool, Reference: c.Reference, From: c.From, To: c.To, Computed: c.Computed, By: c.By, Note: c.Note}
	switch {
	case (c.Amount != "") == c.Computed:
		return usageError{"give either --amount, such as --amount 1234567 or --amount 0.01234567BTC, or --computed"}
	case c.Amount != "":
		var ok bool
		if in.Amount, ok = satoshiOf(c.Amount); !ok {
			return usageError{fmt.Sprintf("--amount %s is no amount; write satoshi such as 1234567, or bitcoin such as 0.01234567BTC", visible(c.Amount))}
		}
	}
	return c.askFor(env, distributeTimeout, func(ctx context.Context, api *client.Client) error {
		if c.JSON {
			answer, err := api.DistributeJSON(ctx, in)
			if err == nil {
				_, err = fmt.Fprintln(env.stdout, strings.TrimSpace(string(answer)))
			}
			return err
		}
		p, err := api.Distribute(ctx, in)
		if err != nil {
			return err
		}
		if len(p.Distributions) != 1 {
			return &client.ForeignError{Base: api.Base(), Err: errNotDivided}
		}
		_, err = fmt.Fprint(env.stdout, payoutText(&p))
		return err
	})
}

// satoshiOf reads an amount above nothing.
func satoshiOf(text string) (int64, bool) {
	number, bitcoin := strings.CutSuffix(strings.ToUpper(text), "BTC")
	if !bitcoin {
		n, err := strconv.ParseUint(text, 10, 63)
		return int64(n), err == nil && n > 0
	}
	const all, picosPerSatoshi = 21_000_000, 10_000 // of a bitcoin's 10⁻¹²
	a, err := mining.ParseAmount(strings.TrimSpace(number))
	if err != nil || a.Sat > all || a.Pico%picosPerSatoshi != 0 {
		return 0, false
	}
	n := a.Sat*satoshiPerBitcoin + a.Pico/picosPerSatoshi
	return n, n > 0
}

// payoutText is who got what, as a table with its sum.
func payoutText(p *httpapi.Payout) string {
	var b strings.Builder
	d := &p.Distributions[0]
	what := "paid"
	if p.Computed {
		what = "expected to be earned"
	}
	fmt.Fprintf(&b, "payout %d of pool %s, reference %s: %s satoshi %s from %s to %s\n", p.ID, visible(p.Pool), visible(p.Reference),
		strconv.FormatInt(p.Amount, 10), what, p.From.UTC().Format(time.RFC3339), p.To.UTC().Format(time.RFC3339))
	work, sum := 0., int64(0)
	for _, part := range d.Parts {
		work += part.Work
		sum += part.Amount
	}
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, strings.ToUpper(d.By)+"\tWORK\tPERCENT\tSATOSHI")
	for _, part := range d.Parts {
		name := visible(part.Name)
		if name == "" {
			name = "(no user)"
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%.4f\t%d\n", name, strconv.FormatFloat(part.Work, 'g', 12, 64), 100*part.Work/work, part.Amount)
	}
	_, _ = fmt.Fprintf(t, "sum\t%s\t\t%d\n", strconv.FormatFloat(work, 'g', 12, 64), sum)
	_ = t.Flush()
	fmt.Fprintf(&b, "rounding: %s\n", visible(d.Rule))
	return b.String()
}

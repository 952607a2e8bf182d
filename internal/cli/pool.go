package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/loka/stratum/internal/client"
)

var errNoPayees = errors.New("it names no payees")

// poolCmd is `loka pool`.
type poolCmd struct {
	Drain   poolDrainCmd   `cmd:"" help:"Send a pool's miners to others, and keep new ones away."`
	Undrain poolUndrainCmd `cmd:"" help:"Take a drained pool back into use."`
	Disable poolDisableCmd `cmd:"" help:"Send a pool's miners to others, close all its connections and make no new one."`
	Enable  poolEnableCmd  `cmd:"" help:"Take a disabled pool back into use."`
	Pin     poolPinCmd     `cmd:"" help:"Prefer one of a route's pools to all others while it is usable."`
	Unpin   poolUnpinCmd   `cmd:"" help:"Let a route prefer its pools in its own order again."`
	Accept  poolAcceptCmd  `cmd:"" name:"accept-payout" help:"Take what a pool pays now, and how it signs, as right."`
}

// poolHelp is shown below the flags of all of them.
const poolHelp = `It holds over a restart until it is taken back. ` + "`loka status`" + ` shows it.`

// Help is shown below the command's flags.
func (*poolCmd) Help() string { return poolHelp }

// poolDrainCmd is `loka pool drain`.
type poolDrainCmd struct {
	apiFlags

	Name string `arg:"" help:"The pool."`
}

// Help is shown below the command's flags.
func (*poolDrainCmd) Help() string {
	return "Its miners go as far as the other pools of their routes have work for them. " + poolHelp
}

// Run asks the running proxy for it.
func (c *poolDrainCmd) Run(env *environment) error {
	return c.order(env, c.Name, fmt.Sprintf("pool %s is drained: its miners go where there is work for them", visible(c.Name)), func(ctx context.Context, api *client.Client) error { return api.Drain(ctx, c.Name) })
}

// poolUndrainCmd is `loka pool undrain`.
type poolUndrainCmd struct {
	apiFlags

	Name string `arg:"" help:"The pool."`
}

// Run asks the running proxy for it.
func (c *poolUndrainCmd) Run(env *environment) error {
	return c.order(env, c.Name, fmt.Sprintf("pool %s is in use", visible(c.Name)), func(ctx context.Context, api *client.Client) error { return api.Undrain(ctx, c.Name) })
}

// poolDisableCmd is `loka pool disable`.
type poolDisableCmd struct {
	apiFlags

	Name string `arg:"" help:"The pool."`
}

// Help is shown below the command's flags.
func (*poolDisableCmd) Help() string {
	return "Its connections are closed once its miners have gone elsewhere, after 30 s at the latest. " + poolHelp
}

// Run asks the running proxy for it.
func (c *poolDisableCmd) Run(env *environment) error {
	if err := named(c.Name); err != nil {
		return err
	}
	return c.tell(env, func(ctx context.Context, api *client.Client) (string, error) {
		answer, err := api.Disable(ctx, c.Name)
		var text strings.Builder
		fmt.Fprintf(&text, "pool %s is disabled: its miners go where there is work for them, then its connections are closed\n", visible(c.Name))
		for _, route := range answer.Alone {
			fmt.Fprintf(&text, "WARNING: route %s has no other pool that serves: its on_outage says what becomes of its miners\n", visible(route))
		}
		return text.String(), err
	})
}

// poolEnableCmd is `loka pool enable`.
type poolEnableCmd struct {
	apiFlags

	Name string `arg:"" help:"The pool."`
}

// Run asks the running proxy for it.
func (c *poolEnableCmd) Run(env *environment) error {
	return c.order(env, c.Name, fmt.Sprintf("pool %s is enabled", visible(c.Name)), func(ctx context.Context, api *client.Client) error { return api.Enable(ctx, c.Name) })
}

// poolAcceptCmd is `loka pool accept-payout`.
type poolAcceptCmd struct {
	apiFlags

	Name string `arg:"" help:"The pool."`
}

// Help is shown below the command's flags.
func (*poolAcceptCmd) Help() string {
	return "Do so only if the pool itself says, by another way than its page, that the address is its own. It holds over a restart; `payout` of the API's pools has what is paid and what was before."
}

// Run asks the running proxy for it.
func (c *poolAcceptCmd) Run(env *environment) error {
	if err := named(c.Name); err != nil {
		return err
	}
	return c.tell(env, func(ctx context.Context, api *client.Client) (string, error) {
		right, err := api.AcceptPayout(ctx, c.Name)
		if err != nil {
			return "", err
		}
		if len(right.Payouts) == 0 {
			return "", &client.ForeignError{Base: api.Base(), Err: errNoPayees}
		}
		payees := strings.Join(right.Payouts[len(right.Payouts)-1], ", ")
		return fmt.Sprintf("what pool %s pays is right from now on: %s\n", visible(c.Name), visible(payees)), nil
	})
}

// poolPinCmd is `loka pool pin`.
type poolPinCmd struct {
	apiFlags

	Route string `arg:"" help:"The route."`
	Pool  string `arg:"" help:"One of its pools."`
}

// Help is shown below the command's flags.
func (*poolPinCmd) Help() string {
	return "One that was down before must have been well for the route's return_after. " + poolHelp
}

// Run asks the running proxy for it.
func (c *poolPinCmd) Run(env *environment) error {
	if c.Pool == "" {
		return usageError{"no pool named; `loka pool unpin` takes a pin back"}
	}
	return c.order(env, c.Route, fmt.Sprintf("route %s is pinned to pool %s", visible(c.Route), visible(c.Pool)), func(ctx context.Context, api *client.Client) error { return api.Pin(ctx, c.Route, c.Pool) })
}

// poolUnpinCmd is `loka pool unpin`.
type poolUnpinCmd struct {
	apiFlags

	Route string `arg:"" help:"The route."`
}

// Run asks the running proxy for it.
func (c *poolUnpinCmd) Run(env *environment) error {
	return c.order(env, c.Route, fmt.Sprintf("route %s prefers its pools in its own order", visible(c.Route)), func(ctx context.Context, api *client.Client) error { return api.Unpin(ctx, c.Route) })
}

// order asks the running proxy for a change of what has a name, and says that it is done.
func (c *apiFlags) order(env *environment, name, done string, do func(ctx context.Context, api *client.Client) error) error {
	if err := named(name); err != nil {
		return err
	}
	return c.tell(env, func(ctx context.Context, api *client.Client) (string, error) { return done + "\n", do(ctx, api) })
}

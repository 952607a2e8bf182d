package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
)

// poolCmd is `loka pool`.
type poolCmd struct {
	Drain   poolDrainCmd   `cmd:"" help:"Send a pool's miners to others, and keep new ones away."`
	Undrain poolUndrainCmd `cmd:"" help:"Take a drained pool back into use."`
	Pin     poolPinCmd     `cmd:"" help:"Prefer one of a route's pools to all others while it is usable."`
	Unpin   poolUnpinCmd   `cmd:"" help:"Let a route prefer its pools in its own order again."`
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
	return c.order(env, order{
		http.MethodPost, "pools", c.Name, "drain", nil,
		fmt.Sprintf("pool %s is drained: its miners go where there is work for them", visible(c.Name)),
	})
}

// poolUndrainCmd is `loka pool undrain`.
type poolUndrainCmd struct {
	apiFlags

	Name string `arg:"" help:"The pool."`
}

// Run asks the running proxy for it.
func (c *poolUndrainCmd) Run(env *environment) error {
	return c.order(env, order{
		http.MethodDelete, "pools", c.Name, "drain", nil, fmt.Sprintf("pool %s is in use", visible(c.Name)),
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
	body, err := json.Marshal(map[string]string{"pool": c.Pool})
	if err != nil {
		return fmt.Errorf("internal: %w", err)
	}
	return c.order(env, order{
		http.MethodPut, "routes", c.Route, "pin", body,
		fmt.Sprintf("route %s is pinned to pool %s", visible(c.Route), visible(c.Pool)),
	})
}

// poolUnpinCmd is `loka pool unpin`.
type poolUnpinCmd struct {
	apiFlags

	Route string `arg:"" help:"The route."`
}

// Run asks the running proxy for it.
func (c *poolUnpinCmd) Run(env *environment) error {
	return c.order(env, order{
		http.MethodDelete, "routes", c.Route, "pin", nil,
		fmt.Sprintf("route %s prefers its pools in its own order", visible(c.Route)),
	})
}

// order is a change of a pool or a route.
type order struct {
	method string
	// kind is what name is one of, and what is to be changed of it.
	kind, name, what string
	body             []byte
	// done is said once it is.
	done string
}

// order asks the running proxy for a change.
func (c *apiFlags) order(env *environment, o order) error {
	if o.name == "" || o.name == "." || o.name == ".." { // no path can say it
		return usageError{fmt.Sprintf("%q is no name; `loka status` shows pools, `loka status --json` routes too", o.name)}
	}
	return c.ask(env, func(ctx context.Context, api apiClient) error {
		path := "/api/v1/" + o.kind + "/" + url.PathEscape(o.name) + "/" + o.what
		if err := api.change(ctx, o.method, path, o.body); err != nil {
			return err
		}
		_, err := fmt.Fprintln(env.stdout, o.done)
		return err
	})
}

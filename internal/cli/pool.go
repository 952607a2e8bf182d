package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

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
	path, err := pathOf("pools", c.Name, "disable")
	if err != nil {
		return err
	}
	var answer struct {
		Alone []string `json:"routes_without_pool"`
	}
	return c.post(env, path, nil, &answer, func() string {
		var text strings.Builder
		fmt.Fprintf(&text, "pool %s is disabled: its miners go where there is work for them, then its connections are closed\n", visible(c.Name))
		for _, route := range answer.Alone {
			fmt.Fprintf(&text, "WARNING: route %s has no other pool that serves: its on_outage says what becomes of its miners\n", visible(route))
		}
		return text.String()
	})
}

// poolEnableCmd is `loka pool enable`.
type poolEnableCmd struct {
	apiFlags

	Name string `arg:"" help:"The pool."`
}

// Run asks the running proxy for it.
func (c *poolEnableCmd) Run(env *environment) error {
	return c.order(env, order{
		http.MethodDelete, "pools", c.Name, "disable", nil, fmt.Sprintf("pool %s is enabled", visible(c.Name)),
	})
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
	path, err := pathOf("pools", c.Name, "payout")
	if err != nil {
		return err
	}
	return c.ask(env, func(ctx context.Context, api apiClient) error {
		text, err := api.send(ctx, request{http.MethodPost, path, "application/json", []byte(`{"accept":true}`), http.StatusOK})
		if err != nil {
			return err
		}
		var right struct{ Expected [][]string }
		if err := json.Unmarshal(text, &right); err != nil || len(right.Expected) == 0 {
			return fmt.Errorf("the answer of %s cannot be read; is it a loka of this version?", api.base)
		}
		payees := strings.Join(right.Expected[len(right.Expected)-1], ", ")
		_, err = fmt.Fprintf(env.stdout, "what pool %s pays is right from now on: %s\n", visible(c.Name), visible(payees))
		return err
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

// pathOf is the API's path to something of a pool or a route.
func pathOf(kind, name, what string) (string, error) {
	if name == "" || name == "." || name == ".." { // no path can say it
		return "", usageError{fmt.Sprintf("%q is no name; `loka status` shows pools, `loka status --json` routes too", name)}
	}
	return "/api/v1/" + kind + "/" + url.PathEscape(name) + "/" + what, nil
}

// order asks the running proxy for a change.
func (c *apiFlags) order(env *environment, o order) error {
	path, err := pathOf(o.kind, o.name, o.what)
	if err != nil {
		return err
	}
	return c.ask(env, func(ctx context.Context, api apiClient) error {
		if err := api.change(ctx, o.method, path, o.body); err != nil {
			return err
		}
		_, err := fmt.Fprintln(env.stdout, o.done)
		return err
	})
}

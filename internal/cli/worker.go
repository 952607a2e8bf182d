package cli

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// workerCmd is `loka worker`.
type workerCmd struct {
	Pause      workerPauseCmd      `cmd:"" help:"Send a worker away: its connections are closed, and its logins refused until it is resumed."`
	Resume     workerResumeCmd     `cmd:"" help:"Let a paused worker in again."`
	Ban        workerBanCmd        `cmd:"" help:"Ban a worker, wherever it comes from."`
	Disconnect workerDisconnectCmd `cmd:"" help:"Disconnect all miners of a worker; they may come back."`
}

// workerHelp is shown below the flags of all of them.
const workerHelp = `The firmware of a miner that is sent away turns to its next pool, or idles. A connection that several workers share is closed for one of them; the others come back at once.`

// Help is shown below the command's flags.
func (*workerCmd) Help() string { return workerHelp }

// workerOrder is what pausing and banning a worker have in common.
type workerOrder struct {
	apiFlags
	termFlags

	Name string `arg:"" help:"The worker's login, or a glob of * and ?."`
}

// Help is shown below the command's flags.
func (*workerOrder) Help() string { return workerHelp }

// give asks the running proxy for it.
func (c *workerOrder) give(env *environment, what string) error {
	o, err := c.term()
	if err != nil {
		return err
	}
	return c.people(env, "workers", c.Name, what, o)
}

// workerPauseCmd is `loka worker pause`.
type workerPauseCmd struct{ workerOrder }

// Run asks the running proxy for it.
func (c *workerPauseCmd) Run(env *environment) error { return c.give(env, "pause") }

// workerBanCmd is `loka worker ban`.
type workerBanCmd struct{ workerOrder }

// Run asks the running proxy for it.
func (c *workerBanCmd) Run(env *environment) error { return c.give(env, "ban") }

// workerResumeCmd is `loka worker resume`.
type workerResumeCmd struct {
	apiFlags

	Name string `arg:"" help:"The worker's login, or the glob that was paused."`
}

// Run asks the running proxy for it.
func (c *workerResumeCmd) Run(env *environment) error {
	path, err := pathOf("workers", c.Name, "resume")
	if err != nil {
		return err
	}
	var answer struct {
		Bans []apiBan `json:"bans"`
	}
	return c.post(env, path, nil, &answer, func() string {
		var text strings.Builder
		for i := range answer.Bans {
			fmt.Fprintf(&text, "%s may come again\n", visible(answer.Bans[i].who()))
		}
		return text.String()
	})
}

// workerDisconnectCmd is `loka worker disconnect`.
type workerDisconnectCmd struct {
	apiFlags

	Name string `arg:"" help:"The worker's login."`
}

// Run asks the running proxy for it.
func (c *workerDisconnectCmd) Run(env *environment) error {
	path, err := pathOf("workers", c.Name, "disconnect")
	if err != nil {
		return err
	}
	var answer struct {
		Closed int `json:"closed"`
	}
	return c.post(env, path, nil, &answer, func() string { return fmt.Sprintf("%d connections closed\n", answer.Closed) })
}

// minerCmd is `loka miner`.
type minerCmd struct {
	Disconnect minerDisconnectCmd `cmd:"" help:"Disconnect a miner; it may come back."`
	Pause      minerPauseCmd      `cmd:"" help:"Send a miner away: its workers are refused at its address until they are resumed."`
	Ban        minerBanCmd        `cmd:"" help:"Ban a miner's address."`
}

// minerHelp is shown below the flags of all of them.
const minerHelp = `A miner's number is that of its connection, as in /api/v1/miners.`

// Help is shown below the command's flags.
func (*minerCmd) Help() string { return minerHelp }

// minerDisconnectCmd is `loka miner disconnect`.
type minerDisconnectCmd struct {
	apiFlags

	ID uint64 `arg:"" help:"The miner's number."`
}

// Help is shown below the command's flags.
func (*minerDisconnectCmd) Help() string { return minerHelp }

// Run asks the running proxy for it.
func (c *minerDisconnectCmd) Run(env *environment) error {
	return c.ask(env, func(ctx context.Context, api apiClient) error {
		if err := api.change(ctx, http.MethodDelete, "/api/v1/miners/"+strconv.FormatUint(c.ID, 10), nil); err != nil {
			return err
		}
		_, err := fmt.Fprintf(env.stdout, "miner %d is disconnected\n", c.ID)
		return err
	})
}

// minerPauseCmd is `loka miner pause`.
type minerPauseCmd struct {
	apiFlags
	termFlags

	ID uint64 `arg:"" help:"The miner's number."`
}

// Help is shown below the command's flags.
func (*minerPauseCmd) Help() string { return minerHelp }

// Run asks the running proxy for it.
func (c *minerPauseCmd) Run(env *environment) error {
	o, err := c.term()
	if err != nil {
		return err
	}
	return c.people(env, "miners", strconv.FormatUint(c.ID, 10), "pause", o)
}

// minerBanCmd is `loka miner ban`.
type minerBanCmd struct {
	apiFlags
	termFlags

	ID    uint64 `arg:"" help:"The miner's number."`
	Force bool   `help:"Do it though other miners of that address do well, or you ask from it."`
}

// Help is shown below the command's flags.
func (*minerBanCmd) Help() string { return minerHelp }

// Run asks the running proxy for it.
func (c *minerBanCmd) Run(env *environment) error {
	o, err := c.term()
	if err != nil {
		return err
	}
	o.Force = c.Force
	return c.people(env, "miners", strconv.FormatUint(c.ID, 10), "ban", o)
}

// people asks the running proxy to ban or pause a worker or a miner.
func (c *apiFlags) people(env *environment, kind, name, what string, o banOrder) error {
	path, err := pathOf(kind, name, what)
	if err != nil {
		return err
	}
	return c.sentence(env, path, o)
}

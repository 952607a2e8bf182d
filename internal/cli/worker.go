package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/loka/stratum/internal/client"
	"github.com/loka/stratum/internal/httpapi"
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

// workerAct is what a client does to a worker for a while.
type workerAct func(api *client.Client, ctx context.Context, login string, term httpapi.BanTerm) (httpapi.Banned, error)

// give asks the running proxy for it.
func (c *workerOrder) give(env *environment, act workerAct) error {
	term, err := c.term()
	if err != nil {
		return err
	}
	if err := named(c.Name); err != nil {
		return err
	}
	return c.sentence(env, func(ctx context.Context, api *client.Client) (httpapi.Banned, error) {
		return act(api, ctx, c.Name, term)
	})
}

// workerPauseCmd is `loka worker pause`.
type workerPauseCmd struct{ workerOrder }

// Run asks the running proxy for it.
func (c *workerPauseCmd) Run(env *environment) error {
	return c.give(env, (*client.Client).PauseWorker)
}

// workerBanCmd is `loka worker ban`.
type workerBanCmd struct{ workerOrder }

// Run asks the running proxy for it.
func (c *workerBanCmd) Run(env *environment) error { return c.give(env, (*client.Client).BanWorker) }

// workerResumeCmd is `loka worker resume`.
type workerResumeCmd struct {
	apiFlags

	Name string `arg:"" help:"The worker's login, or the glob that was paused."`
}

// Run asks the running proxy for it.
func (c *workerResumeCmd) Run(env *environment) error {
	if err := named(c.Name); err != nil {
		return err
	}
	return c.tell(env, func(ctx context.Context, api *client.Client) (string, error) {
		answer, err := api.ResumeWorker(ctx, c.Name)
		var text strings.Builder
		for i := range answer.Bans {
			fmt.Fprintf(&text, "%s may come again\n", visible(whoOf(&answer.Bans[i])))
		}
		return text.String(), err
	})
}

// workerDisconnectCmd is `loka worker disconnect`.
type workerDisconnectCmd struct {
	apiFlags

	Name string `arg:"" help:"The worker's login."`
}

// Run asks the running proxy for it.
func (c *workerDisconnectCmd) Run(env *environment) error {
	if err := named(c.Name); err != nil {
		return err
	}
	return c.tell(env, func(ctx context.Context, api *client.Client) (string, error) {
		answer, err := api.DisconnectWorker(ctx, c.Name)
		return fmt.Sprintf("%d connections closed\n", answer.Closed), err
	})
}

// minerCmd is `loka miner`.
type minerCmd struct {
	Disconnect minerDisconnectCmd `cmd:"" help:"Disconnect a miner; it may come back."`
	Pause      minerPauseCmd      `cmd:"" help:"Send a miner away: its workers are refused at its address until they are resumed."`
	Ban        minerBanCmd        `cmd:"" help:"Ban a miner's address."`
}

// minerHelp is shown below the flags of all of them.
const minerHelp = "A miner's number is that of its connection: `loka top` shows it (4, ID), /api/v1/miners has it."

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
	return c.tell(env, func(ctx context.Context, api *client.Client) (string, error) {
		return fmt.Sprintf("miner %d is disconnected\n", c.ID), api.Disconnect(ctx, c.ID)
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
	term, err := c.term()
	if err != nil {
		return err
	}
	return c.sentence(env, func(ctx context.Context, api *client.Client) (httpapi.Banned, error) {
		return api.PauseMiner(ctx, c.ID, term)
	})
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
	term, err := c.term()
	if err != nil {
		return err
	}
	term.Force = c.Force
	return c.sentence(env, func(ctx context.Context, api *client.Client) (httpapi.Banned, error) {
		return api.BanMiner(ctx, c.ID, term)
	})
}

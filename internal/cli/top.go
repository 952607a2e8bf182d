package cli

import (
	"context"
	"os"
	"time"

	"github.com/loka/stratum/internal/top"
)

// leastInterval is how often a proxy may be asked.
const leastInterval = 200 * time.Millisecond

// topCmd is `loka top`.
type topCmd struct {
	apiFlags

	Interval time.Duration `default:"2s" placeholder:"TIME" help:"How often the proxy is asked (default: 2s)."`
}

// Help is shown below the command's flags.
func (*topCmd) Help() string {
	return `Shows hashrate, shares, what was earned and lost, pools and alerts, and tables of workers, pools, connections,
events and alerts, until q is pressed; ? lists the keys. With a token of the role operator, which for a proxy of
this machine is found by itself, pools can be drained and pinned, miners sent away and alerts silenced, each
after a question.
NO_COLOR turns colours off. ` + "`loka status`" + ` is for scripts.`
}

// Run shows the running proxy.
func (c *topCmd) Run(env *environment) error {
	if !isTerminal(env.stdout) {
		return usageError{"top needs a terminal; `loka status` is for scripts, and `loka status --json`"}
	}
	if c.Interval < leastInterval {
		return usageError{"--interval " + c.Interval.String() + " is too short; write at least " + leastInterval.String()}
	}
	ctx, stop := env.interruptible(context.Background())
	defer stop()
	api := c.client(ctx, env)
	defer api.Close()
	return top.Run(ctx, top.Config{
		Client: api, Interval: c.Interval, Now: time.Now, In: env.stdin, Out: env.stdout, Environ: os.Environ(),
	})
}

package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/loka/stratum/internal/client"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/pipeline/logins"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// commands is the command line. Each command has a Run method of its own file.
type commands struct {
	ShowVersion kong.VersionFlag `name:"version" help:"Print the version."`

	Start      startCmd      `cmd:"" help:"Run the proxy."`
	Check      checkCmd      `cmd:"" help:"Name every mistake of a configuration file with its line."`
	Init       initCmd       `cmd:"" help:"Write a commented example configuration."`
	Reload     reloadCmd     `cmd:"" help:"Have a running proxy read its configuration file again and follow it."`
	Status     statusCmd     `cmd:"" help:"Show what a running proxy does."`
	Top        topCmd        `cmd:"" help:"Watch a running proxy in the terminal, live."`
	Pool       poolCmd       `cmd:"" help:"Send a running proxy's miners away from a pool, or to one."`
	Route      routeCmd      `cmd:"" help:"Divide a running proxy's hashrate anew among the pools of a route."`
	Ban        banCmd        `cmd:"" help:"Keep addresses and workers out of a running proxy."`
	Worker     workerCmd     `cmd:"" help:"Send a running proxy's worker away for a while, or let it in again."`
	Miner      minerCmd      `cmd:"" help:"Disconnect a running proxy's miner, or keep it out."`
	Alerts     alertsCmd     `cmd:"" help:"Show what is wrong, try where that is told, and keep it from being told."`
	Export     exportCmd     `cmd:"" help:"Write history, shares or payouts of a running proxy to a file."`
	Distribute distributeCmd `cmd:"" help:"Divide what a pool has paid by the work that it accepted."`
	Database   databaseCmd   `cmd:"" help:"Look after the tables of the database."`
	Token      tokenCmd      `cmd:"" help:"Let others use a running proxy's API: make, list and remove tokens."`
	Password   passwordCmd   `cmd:"" help:"Make the hash of a miner's secret, for the configuration's [logins]."`
	Demo       demoCmd       `cmd:"" help:"Show everything at work on this machine: a pool, miners and the proxy."`
	Bench      benchCmd      `cmd:"" help:"Measure how many miners this machine carries, and what limits that."`
	BenchLoad  benchLoadCmd  `cmd:"" name:"bench-load" hidden:""`
	Sim        simCmd        `cmd:"" help:"Simulate a pool or miners, to try or load-test a set-up."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
}

const description = `A mining proxy: miners connect to it as to a pool, it connects to your pools.

A first run:

    loka start --pool stratum+tcp://pool.example.com:3333 --user ACCOUNT

With a configuration file:

    loka init -o loka.toml      and put your pool and account in
    loka check loka.toml
    loka start -c loka.toml`

// Main runs one command line, args[0] being the program's name, and returns
// the process's exit code.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return run(args, newEnvironment(stdin, stdout, stderr))
}

func run(args []string, env *environment) int {
	var cmds commands
	helped := false
	parser, err := kong.New(
		&cmds,
		kong.Name("loka"),
		kong.Description(description),
		kong.Writers(env.stdout, env.stderr),
		kong.Exit(func(int) { helped = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 100}),
		kong.Bind(env),
		simWords(),
		kong.Vars{"version": versionLine(), "iterations": strconv.Itoa(logins.DefaultIterations)},
	)
	if err != nil {
		return env.fail(fmt.Errorf("internal: command line: %w", err))
	}
	if len(args) < 2 {
		return env.fail(usageError{"no command; `loka --help` lists them"})
	}
	ctx, err := parser.Parse(args[1:])
	if helped {
		return exitOK
	}
	if err != nil && checking(args) {
		return env.fail(env.checked(isUnknown, explainParse(err), nil))
	}
	if err != nil {
		return env.fail(usageError{explainParse(err)})
	}
	if err := ctx.Run(); err != nil {
		return env.fail(err)
	}
	return exitOK
}

// explainParse says what is wrong with a command line, and which help
// explains it.
func explainParse(err error) string {
	text, help := err.Error(), "loka --help"
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil {
		if node := parse.Context.Selected(); node != nil {
			help = node.FullPath() + " --help"
		} else {
			text = strings.Replace(text, "unexpected argument", "unknown command", 1)
		}
	}
	return text + "; see `" + help + "`"
}

// checking says that a command line is of a monitoring system, which takes an exit code
// of 2 for a proxy that is down.
func checking(args []string) bool {
	return len(args) > 2 && args[1] == "status" && slices.Contains(args[2:], "--check")
}

// usageError is a command line or configuration that cannot be used.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

// fail prints an error, a line for each of its lines, and returns the exit
// code it stands for.
func (env *environment) fail(err error) int {
	if problems, ok := errors.AsType[config.Problems](err); ok {
		for _, p := range problems {
			text := oneLine(p.String())
			if p.Origin == "" {
				text = "loka: " + text
			}
			_, _ = fmt.Fprintln(env.stderr, text)
		}
		return exitUsage
	}
	if checked, ok := errors.AsType[checkedError](err); ok {
		return int(checked.verdict)
	}
	_, _ = fmt.Fprintln(env.stderr, "loka: "+oneLine(err.Error())+advice(err))
	_, usage := errors.AsType[usageError](err)
	_, address := errors.AsType[*client.AddressError](err)
	if usage || address {
		return exitUsage
	}
	return exitFailed
}

// oneLine keeps whatever an error quotes from breaking the line it is on.
func oneLine(text string) string {
	return strings.NewReplacer("\r", "", "\n", "; ").Replace(strings.TrimSpace(text))
}

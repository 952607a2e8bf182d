package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/loka/stratum/internal/client"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/httpapi"
)

// source is where a configuration is read from, now and again.
type source struct {
	env   *environment
	path  string // "" is none, "-" is stdin
	flags config.Flags
}

// Name is the file's; empty where there is none to read again.
func (s *source) Name() string {
	if s.path == "-" {
		return ""
	}
	return s.path
}

// Read returns the file's text.
func (s *source) Read() ([]byte, error) { return s.env.readConfig(s.path) }

// Load makes a configuration of a text.
func (s *source) Load(text []byte) (*config.Config, error) {
	return s.env.loadText(text, s.path, s.flags)
}

// LoadSent makes one of a text that came by the API.
func (s *source) LoadSent(text []byte, told []string) (*config.Config, error) {
	opts := s.env.options(s.flags)
	opts.Sent, opts.Told = true, told
	return loaded(config.Load(text, s.path, opts))
}

// reloadCmd is `loka reload`.
type reloadCmd struct {
	apiFlags

	Applied string `placeholder:"ID" help:"Put a file back that was in place before, as --list shows them."`
	List    bool   `help:"List the files that were in place, newest first, with what each has changed."`
}

// Help is shown below the command's flags.
func (*reloadCmd) Help() string {
	return `The running proxy reads its configuration file again and follows it: pools, routes, splits, limits and
listeners change, and miners stay connected unless their listener is gone or [access] refuses them. Certificates are
read again, also where nothing else is different. With a mistake in the file nothing changes. ` + "`loka check FILE --plan`" + ` shows beforehand what would. SIGHUP does the same.`
}

// Run asks the running proxy for it.
func (c *reloadCmd) Run(env *environment) error {
	if c.List {
		return c.list(env)
	}
	return c.ask(env, func(ctx context.Context, api *client.Client) error {
		done, err := api.Reload(ctx, c.Applied)
		if err != nil {
			return err
		}
		var b strings.Builder
		switch n := len(done.Changes); n {
		case 0:
			b.WriteString("nothing is different; certificates were read again\n")
		case 1:
			b.WriteString("reloaded, 1 difference:\n")
		default:
			fmt.Fprintf(&b, "reloaded, %d differences:\n", n)
		}
		different{done.Changes, done.Restart, done.Arranged, done.Forgotten}.write(&b)
		if done.Closed > 0 {
			fmt.Fprintf(&b, "%s closed, for their listener is gone or their address may not connect any more\n", miners(done.Closed))
		}
		_, err = fmt.Fprint(env.stdout, b.String())
		return err
	})
}

// list shows which files were in place.
func (c *reloadCmd) list(env *environment) error {
	return c.ask(env, func(ctx context.Context, api *client.Client) error {
		all, err := api.Applied(ctx)
		if err != nil {
			return err
		}
		var b strings.Builder
		for i, one := range all.Applied {
			now := ""
			if i == 0 {
				now = ", in place"
			}
			fmt.Fprintf(&b, "%s  %s%s\n", visible(one.ID), one.At.Local().Format("2006-01-02 15:04:05"), now)
			different{changes: one.Changes}.write(&b)
		}
		if len(all.Applied) == 0 {
			b.WriteString("no file was in place: the proxy was started without one\n")
		}
		_, err = fmt.Fprint(env.stdout, b.String())
		return err
	})
}

// different is what another configuration changes, and what becomes of it.
type different struct {
	changes                      []httpapi.Change
	restart, arranged, forgotten []string
}

// write says it.
func (d different) write(b *strings.Builder) {
	for _, c := range d.changes {
		switch {
		case c.Old == "":
			fmt.Fprintf(b, "  + %s = %s\n", visible(c.Key), visible(c.New))
		case c.New == "":
			fmt.Fprintf(b, "  - %s = %s\n", visible(c.Key), visible(c.Old))
		default:
			fmt.Fprintf(b, "  ~ %s: %s -> %s\n", visible(c.Key), visible(c.Old), visible(c.New))
		}
	}
	for _, key := range d.restart {
		fmt.Fprintf(b, "  ! %s takes effect at the next start only\n", visible(key))
	}
	for _, key := range d.arranged {
		fmt.Fprintf(b, "  ! %s: what was arranged by API holds until the file changes this key\n", visible(key))
	}
	for _, key := range d.forgotten {
		fmt.Fprintf(b, "  ! %s: the file changes it, so what was arranged by API holds no more\n", visible(key))
	}
}

// writePlan says what a configuration would do.
func writePlan(b *strings.Builder, p *httpapi.Plan) {
	if len(p.Changes) == 0 {
		b.WriteString("plan: nothing is different from what is in place\n")
		return
	}
	fmt.Fprintf(b, "plan: %d different from what is in place\n", len(p.Changes))
	different{p.Changes, p.Restart, p.Arranged, p.Forgotten}.write(b)
	if len(p.Moves) == 0 {
		b.WriteString("no miner would go elsewhere\n")
	}
	for i := range p.Moves {
		fmt.Fprintf(b, "%s %s\n", miners(p.Moves[i].Miners), wordsOf(&p.Moves[i]))
	}
}

// wordsOf says where miners are and where they would go.
func wordsOf(m *httpapi.PlanMove) string {
	from := "on route " + visible(m.Route)
	if m.Listener != "" {
		return "that came by listener " + visible(m.Listener) + " would be closed: " + visible(m.Closed)
	}
	if m.Route == "" && m.Closed != "" {
		return "would be closed, wherever they are: " + visible(m.Closed)
	}
	if m.Pool != "" {
		from += " at pool " + visible(m.Pool)
	}
	var to string
	switch {
	case m.Closed != "":
		return from + " would be closed: " + visible(m.Closed)
	case m.ToPool == m.Pool:
		to = "go to its new connections"
	default:
		to = "go to pool " + visible(m.ToPool)
	}
	if m.ToRoute != m.Route {
		to += " on route " + visible(m.ToRoute)
	}
	return from + " would " + to
}

func miners(n int) string {
	if n == 1 {
		return "1 miner"
	}
	return strconv.Itoa(n) + " miners"
}

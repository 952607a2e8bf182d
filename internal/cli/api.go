package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/loka/stratum/internal/client"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/figures"
	"github.com/loka/stratum/internal/mining"
)

// apiTimeout bounds a whole command, lookupTimeout how long it is asked whose a name
// is.
const (
	apiTimeout    = 10 * time.Second
	lookupTimeout = 2 * time.Second
)

// apiFlags say where a running proxy is, and let one in.
type apiFlags struct {
	HTTP  string        `name:"http" placeholder:"ADDR" help:"Address of the proxy's API (default: LOKA_HTTP_LISTEN, or 127.0.0.1:9090)."`
	Token mining.Secret `placeholder:"TOKEN" help:"Token, for changes and for a proxy on another machine (default: LOKA_TOKEN, or for a proxy of this machine the admin token: api.token in the data folder)."`
	Data  string        `placeholder:"DIR" help:"The proxy's data folder, for its admin token (default: LOKA_DATA_DIR, or data)."`
}

// ask runs f with a client of the proxy, within a bound of time and until a
// signal.
func (c *apiFlags) ask(env *environment, f func(ctx context.Context, api *client.Client) error) error {
	return c.askFor(env, apiTimeout, f)
}

// askFor is ask for what may take another time.
func (c *apiFlags) askFor(env *environment, most time.Duration, f func(ctx context.Context, api *client.Client) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	ctx, stop := env.interruptible(ctx)
	defer stop()
	api := c.client(ctx, env)
	defer api.Close()
	return f(ctx, api)
}

// client is who asks the proxy.
func (c *apiFlags) client(ctx context.Context, env *environment) *client.Client {
	base := c.base(env)
	return client.New(client.Config{Base: base, Token: c.token(ctx, env, base)})
}

// base is the API's URL, of an address such as one listens on.
func (c *apiFlags) base(env *environment) string {
	addr := c.HTTP
	if addr == "" {
		addr, _ = env.lookup("LOKA_HTTP_LISTEN")
	}
	if addr == "" {
		addr = config.Defaults().HTTP.Listen
	}
	if strings.Contains(addr, "://") {
		return strings.TrimRight(addr, "/")
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "http://" + addr
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "", err == nil && ip.IsUnspecified() && ip.Is4():
		host = "127.0.0.1"
	case err == nil && ip.IsUnspecified():
		host = "::1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// token is the flag's, the environment's or that of the data folder; none is
// needed on loopback. That of a folder which nobody named here is for this machine's
// proxy only: whoever else answers is not shown it.
func (c *apiFlags) token(ctx context.Context, env *environment, base string) mining.Secret {
	if c.Token != "" {
		return c.Token
	}
	if text, _ := env.lookup("LOKA_TOKEN"); text != "" {
		return mining.Secret(text)
	}
	dir := c.Data
	if dir == "" && !ofThisMachine(ctx, base) {
		return ""
	}
	if dir == "" {
		dir, _ = env.lookup("LOKA_DATA_DIR")
	}
	if dir == "" {
		dir = config.Defaults().DataDir
	}
	data, err := os.ReadFile(filepath.Join(dir, "api.token")) //nolint:gosec // the operator names the folder
	if err != nil {
		return ""
	}
	return mining.Secret(strings.TrimSpace(string(data)))
}

// ofThisMachine says whether all addresses of a URL are those of this machine.
func ofThisMachine(ctx context.Context, base string) bool {
	at, err := url.Parse(base)
	if err != nil {
		return false
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	to, err := net.DefaultResolver.LookupNetIP(ctx, "ip", at.Hostname())
	for _, addr := range to {
		if !addr.IsLoopback() && !slices.ContainsFunc(own, func(a net.Addr) bool {
			n, ok := a.(*net.IPNet)
			return ok && n.IP.Equal(addr.Unmap().AsSlice())
		}) {
			return false
		}
	}
	return err == nil && len(to) > 0
}

// tell asks the running proxy for something and prints what is to be said then.
func (c *apiFlags) tell(env *environment, f func(ctx context.Context, api *client.Client) (string, error)) error {
	return c.ask(env, func(ctx context.Context, api *client.Client) error {
		text, err := f(ctx, api)
		if err != nil {
			return err
		}
		_, err = io.WriteString(env.stdout, text)
		return err
	})
}

// passOn prints what a read is answered with, as it is.
func passOn(ctx context.Context, env *environment, api *client.Client, path string, query url.Values) error {
	text, err := api.JSON(ctx, path, query)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.stdout, strings.TrimSpace(string(text)))
	return err
}

// named says that a path can say a name.
func named(name string) error {
	if name == "" || name == "." || name == ".." {
		return usageError{fmt.Sprintf("%q is no name; `loka status` shows pools, `loka status --json` routes too", name)}
	}
	return nil
}

// visible keeps what others sent from steering a terminal or breaking a line.
func visible(text string) string { return figures.Visible(text) }

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/mining"
)

// statusTimeout bounds the whole command; maxStatusBytes one answer.
const (
	statusTimeout  = 10 * time.Second
	maxStatusBytes = 64 << 20
)

// statusCmd is `loka status`.
type statusCmd struct {
	HTTP  string        `name:"http" placeholder:"ADDR" help:"Address of the proxy's API (default: LOKA_HTTP_LISTEN, or 127.0.0.1:9090)."`
	JSON  bool          `name:"json" help:"Print the summary as JSON, with the pools in it."`
	Token mining.Secret `placeholder:"TOKEN" help:"Admin token, for a proxy on another machine (default: LOKA_TOKEN, or api.token in the data folder)."`
	Data  string        `placeholder:"DIR" help:"The proxy's data folder, for its admin token (default: LOKA_DATA_DIR, or data)."`
}

// Run asks the running proxy and prints what it says.
func (c *statusCmd) Run(env *environment) error {
	ctx, cancel := context.WithTimeout(context.Background(), statusTimeout)
	defer cancel()
	ctx, stop := env.interruptible(ctx)
	defer stop()
	api := apiClient{base: c.base(env), token: c.token(env)}
	summary, err := api.get(ctx, "/api/v1/summary")
	if err != nil {
		return err
	}
	pools, err := api.get(ctx, "/api/v1/pools")
	if err != nil {
		return err
	}
	if c.JSON {
		return printStatusJSON(env.stdout, summary, pools)
	}
	return printStatus(env.stdout, summary, pools)
}

// base is the API's URL, of an address such as one listens on.
func (c *statusCmd) base(env *environment) string {
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
// needed on loopback.
func (c *statusCmd) token(env *environment) mining.Secret {
	if c.Token != "" {
		return c.Token
	}
	if text, _ := env.lookup("LOKA_TOKEN"); text != "" {
		return mining.Secret(text)
	}
	dir := c.Data
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

// apiClient asks a running proxy.
type apiClient struct {
	base  string
	token mining.Secret
}

// get returns the JSON at a path.
func (a apiClient) get(ctx context.Context, path string) (json.RawMessage, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+path, nil)
	if err != nil {
		return nil, usageError{fmt.Sprintf("--http %s is no address; write HOST:PORT such as 127.0.0.1:9090", a.base)}
	}
	req.Close = true
	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token.Reveal())
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no proxy answers at %s (%w); is it running? `loka start` logs the address of its API, --http ADDR names it here",
			a.base, rootOf(err))
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxStatusBytes))
	if err != nil {
		return nil, fmt.Errorf("the answer of %s broke off: %w", a.base, err)
	}
	switch {
	case res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden:
		return nil, fmt.Errorf("%s wants the admin token: give --token, LOKA_TOKEN, or --data with the proxy's data folder", a.base)
	case res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s answers %q to GET %s; is it a loka of this version?", a.base, res.Status, path)
	case !json.Valid(body):
		return nil, fmt.Errorf("what answers at %s is no loka; --http ADDR names the address of its API", a.base)
	}
	return body, nil
}

// rootOf is the cause of a failed request, without the URL that is named
// already.
func rootOf(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}

// printStatusJSON prints the summary's object with one more key, "pools".
func printStatusJSON(w io.Writer, summary, pools json.RawMessage) error {
	var all map[string]json.RawMessage
	var list struct {
		Pools json.RawMessage `json:"pools"`
	}
	if err := errors.Join(json.Unmarshal(summary, &all), json.Unmarshal(pools, &list)); err != nil {
		return fmt.Errorf("the API's answer cannot be read: %w", err)
	}
	if all == nil {
		return errors.New("the API's answer is no summary; is it a loka of this version?")
	}
	all["pools"] = list.Pools
	out, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("the API's answer cannot be printed: %w", err)
	}
	_, err = w.Write(append(out, '\n'))
	return err
}

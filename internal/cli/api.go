package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/mining"
)

// apiTimeout bounds a whole command, lookupTimeout how long it is asked whose a name
// is; maxAnswerBytes one answer.
const (
	apiTimeout     = 10 * time.Second
	lookupTimeout  = 2 * time.Second
	maxAnswerBytes = 64 << 20
)

// apiFlags say where a running proxy is, and let one in.
type apiFlags struct {
	HTTP  string        `name:"http" placeholder:"ADDR" help:"Address of the proxy's API (default: LOKA_HTTP_LISTEN, or 127.0.0.1:9090)."`
	Token mining.Secret `placeholder:"TOKEN" help:"Token, for changes and for a proxy on another machine (default: LOKA_TOKEN, or for a proxy of this machine the admin token: api.token in the data folder)."`
	Data  string        `placeholder:"DIR" help:"The proxy's data folder, for its admin token (default: LOKA_DATA_DIR, or data)."`
}

// ask runs f with a client of the proxy, within a bound of time and until a
// signal.
func (c *apiFlags) ask(env *environment, f func(ctx context.Context, api apiClient) error) error {
	return c.askFor(env, apiTimeout, f)
}

// askFor is ask for what may take another time.
func (c *apiFlags) askFor(env *environment, most time.Duration, f func(ctx context.Context, api apiClient) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	ctx, stop := env.interruptible(ctx)
	defer stop()
	return f(ctx, c.client(ctx, env))
}

// client is who asks the proxy.
func (c *apiFlags) client(ctx context.Context, env *environment) apiClient {
	base := c.base(env)
	return apiClient{base: base, token: c.token(ctx, env, base)}
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

// apiClient asks a running proxy.
type apiClient struct {
	base  string
	token mining.Secret
}

// get returns the JSON at a path.
func (a apiClient) get(ctx context.Context, path string) (json.RawMessage, error) {
	body, err := a.send(ctx, request{http.MethodGet, path, "", nil, http.StatusOK})
	if err == nil && !json.Valid(body) {
		err = fmt.Errorf("what answers at %s is no loka; --http ADDR names the address of its API", a.base)
	}
	return body, err
}

// change asks for a change, with JSON unless that is nil.
func (a apiClient) change(ctx context.Context, method, path string, in []byte) error {
	_, err := a.send(ctx, request{method, path, "application/json", in, http.StatusNoContent})
	return err
}

// post asks the running proxy for what has an answer of its own, with JSON unless in is
// nil, reads that answer, and prints what is to be said then.
func (c *apiFlags) post(env *environment, path string, in, answer any, say func() string) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("internal: %w", err)
		}
	}
	return c.ask(env, func(ctx context.Context, api apiClient) error {
		text, err := api.send(ctx, request{http.MethodPost, path, "application/json", body, http.StatusOK})
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, answer); err != nil {
			return fmt.Errorf("the answer of %s cannot be read: %w; is it a loka of this version?", api.base, err)
		}
		_, err = io.WriteString(env.stdout, say())
		return err
	})
}

// request is what is sent.
type request struct {
	method, path string
	// kind is what body is of, if there is one.
	kind string
	body []byte
	// success is the one status that is one.
	success int
}

// send sends a request and returns what a success is answered with.
func (a apiClient) send(ctx context.Context, r request) ([]byte, error) {
	res, err := a.do(ctx, r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswerBytes))
	if err != nil {
		return nil, fmt.Errorf("the answer of %s broke off: %w", a.base, err)
	}
	if res.StatusCode != r.success {
		return nil, a.refused(r, res, body)
	}
	return body, nil
}

// do sends a request.
func (a apiClient) do(ctx context.Context, r request) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, a.base+r.path, bytes.NewReader(r.body))
	if err != nil {
		return nil, usageError{fmt.Sprintf("--http %s is no address; write HOST:PORT such as 127.0.0.1:9090", a.base)}
	}
	req.Close = true
	if r.body != nil {
		req.Header.Set("Content-Type", r.kind)
	}
	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token.Reveal())
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no proxy answers at %s (%w); is it running? `loka start` logs the address of its API, --http ADDR names it here",
			a.base, rootOf(err))
	}
	return res, nil
}

// refused says what an answer comes to that is no success, and what to do about it.
func (a apiClient) refused(r request, res *http.Response, body []byte) error {
	says := problemIn(res, body)
	switch {
	case res.StatusCode == http.StatusUnauthorized && a.token == "":
		return fmt.Errorf("%s wants a token: give --token, LOKA_TOKEN, or --data with the proxy's data folder", a.base)
	case res.StatusCode == http.StatusUnauthorized:
		return fmt.Errorf("%s does not take this token: give another by --token, LOKA_TOKEN, or --data with the proxy's data folder; it says: %s", a.base, cmp.Or(says, res.Status))
	case res.StatusCode == http.StatusForbidden:
		return fmt.Errorf("%s refuses: %s", a.base, cmp.Or(says, "the token's role is too low; give another by --token or LOKA_TOKEN"))
	case res.StatusCode == http.StatusTooManyRequests && says == "":
		return fmt.Errorf("%s was asked too often; try again in %s s", a.base, cmp.Or(visible(res.Header.Get("Retry-After")), "60"))
	case (r.method != http.MethodGet || res.StatusCode == http.StatusTooManyRequests) && says != "":
		return errors.New(says)
	}
	return fmt.Errorf("%s answers %q to %s %s; is it a loka of this version?", a.base, res.Status, r.method, r.path)
}

// problemIn is what a problem document says in words; empty for another answer.
func problemIn(res *http.Response, body []byte) string {
	var problem struct{ Detail string }
	if res.Header.Get("Content-Type") != "application/problem+json" || json.Unmarshal(body, &problem) != nil {
		return ""
	}
	return visible(problem.Detail)
}

// rootOf is the cause of a failed request, without the URL that is named
// already.
func rootOf(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}

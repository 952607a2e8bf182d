package client

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/loka/stratum/internal/mining"
)

const (
	// maxAnswerBytes bounds one answer: a list of 100,000 workers has some 100 MB.
	maxAnswerBytes = 128 << 20
	// maxProblemBytes bounds what is read of an answer that says what went wrong.
	maxProblemBytes = 64 << 10
	// maxIdle is how many connections are kept for the next question.
	maxIdle  = 4
	idleTime = 30 * time.Second
	// dialTimeout bounds a connection that is not made.
	dialTimeout = 10 * time.Second
)

// Config says whom to ask, and by whose leave.
type Config struct {
	// Base is the API's URL without a path, such as http://127.0.0.1:9090.
	Base string
	// Token is sent with every request; empty: none is, as on loopback reads need none.
	Token mining.Secret
	// Transport sends requests; nil is one of the client's own.
	Transport http.RoundTripper
}

// Client asks one proxy. It is safe for use by many goroutines.
type Client struct {
	base  string
	token mining.Secret
	http  *http.Client
	// waits is how an events stream spaces its attempts.
	waits waits
}

// New makes a client. Nothing is sent yet.
func New(cfg Config) *Client {
	if cfg.Transport == nil {
		cfg.Transport = &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: dialTimeout}).DialContext,
			MaxIdleConnsPerHost: maxIdle, IdleConnTimeout: idleTime, ForceAttemptHTTP2: true,
		}
	}
	return &Client{
		base: strings.TrimRight(cfg.Base, "/"), token: cfg.Token, http: &http.Client{Transport: cfg.Transport, CheckRedirect: stay},
		waits: waits{first: time.Second, most: 30 * time.Second, silence: time.Minute},
	}
}

// stay takes an answer that sends on for the answer: its address is one that nobody gave
// here, and would be shown the token.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Base is the URL that it asks.
func (c *Client) Base() string { return c.base }

// HasToken says that it shows one.
func (c *Client) HasToken() bool { return c.token != "" }

// Close gives up the connections that are kept for the next question.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// call is one request.
type call struct {
	method, path string
	query        url.Values
	// kind is what body is of; empty: there is none.
	kind string
	body []byte
	// after is the id of the event to resume after; it is set for streams only.
	after string
	// want is the one status that is a success, or another that is also answered.
	want, also int
}

// url is the whole of it.
func (c *Client) url(k *call) string {
	at := c.base + k.path
	if len(k.query) > 0 {
		at += "?" + k.query.Encode()
	}
	return at
}

// request makes one.
func (c *Client) request(ctx context.Context, k *call) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, k.method, c.url(k), bytes.NewReader(k.body))
	if err != nil || req.URL.Host == "" {
		return nil, &AddressError{c.base}
	}
	if k.body == nil {
		req.Body, req.GetBody, req.ContentLength = nil, nil, 0
	}
	if k.kind != "" {
		req.Header.Set("Content-Type", k.kind)
	}
	if k.after != "" {
		req.Header.Set("Last-Event-ID", k.after)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	}
	return req, nil
}

// send sends a request and returns the answer of a success, whose body has to be closed.
func (c *Client) send(ctx context.Context, k *call) (*http.Response, error) {
	req, err := c.request(ctx, k)
	if err != nil {
		return nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, &UnreachableError{c.base, rootOf(err)}
	}
	if res.StatusCode == k.want || res.StatusCode == k.also {
		return res, nil
	}
	defer func() { _ = res.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(res.Body, maxProblemBytes))
	return nil, c.problem(k, res, text)
}

// bytes returns what a success is answered with.
func (c *Client) bytes(ctx context.Context, k *call) ([]byte, error) {
	res, err := c.send(ctx, k)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswerBytes+1))
	switch {
	case err != nil:
		return nil, &BrokenError{Base: c.base, Bytes: int64(len(text)), Err: err}
	case len(text) > maxAnswerBytes:
		return nil, &ForeignError{Base: c.base, Err: errTooLong}
	}
	return text, nil
}

// answer reads what a success is answered with. With an error there is none of it.
func answer[T any](ctx context.Context, c *Client, k *call) (out T, err error) {
	text, err := c.bytes(ctx, k)
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(text, &out); err != nil {
		var none T
		return none, &ForeignError{Base: c.base, Read: k.method == http.MethodGet, Err: err}
	}
	return out, nil
}

// get asks for something.
func get[T any](ctx context.Context, c *Client, path string, query url.Values) (T, error) {
	return answer[T](ctx, c, &call{method: http.MethodGet, path: path, query: query, want: http.StatusOK})
}

// post does something that has an answer of its own, with JSON unless in is nil.
func post[T any](ctx context.Context, c *Client, path string, in any) (out T, err error) {
	k := call{method: http.MethodPost, path: path, want: http.StatusOK}
	if err := k.encode(in); err != nil {
		return out, err
	}
	return answer[T](ctx, c, &k)
}

// encode puts JSON into the body, unless that is nil.
func (k *call) encode(in any) (err error) {
	if in == nil {
		return nil
	}
	k.kind = "application/json"
	k.body, err = json.Marshal(in)
	return err
}

// change does something that has no answer but that it is done.
func (c *Client) change(ctx context.Context, method, path string, in any) error {
	k := call{method: method, path: path, want: http.StatusNoContent}
	if err := k.encode(in); err != nil {
		return err
	}
	return c.done(ctx, &k)
}

// done sends a request whose answer is empty.
func (c *Client) done(ctx context.Context, k *call) error {
	_, err := c.bytes(ctx, k)
	return err
}

// path is a path of the API, with names that may have any character in them.
func path(kind, name string, more ...string) string {
	return strings.Join(append([]string{"/api/v1", kind, url.PathEscape(name)}, more...), "/")
}

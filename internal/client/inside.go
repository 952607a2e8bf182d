package client

import (
	"context"
	"io"
	"net/http"

	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/view"
)

// Session is who asks, and what they may do.
func (c *Client) Session(ctx context.Context) (httpapi.Session, error) {
	return get[httpapi.Session](ctx, c, "/api/v1/session", nil)
}

// Configuration is what every key is, and what the file has that is not in place.
func (c *Client) Configuration(ctx context.Context) (view.Configuration, error) {
	return get[view.Configuration](ctx, c, "/api/v1/configuration", nil)
}

// Profile is how long each step of a share and of a job takes, in a window: start, 10m or
// 1m. An empty one is start.
func (c *Client) Profile(ctx context.Context, window string) (httpapi.Profile, error) {
	return get[httpapi.Profile](ctx, c, "/api/v1/profile", values("window", window))
}

// Traces are those that the flight recorder has written.
func (c *Client) Traces(ctx context.Context, q Query) (httpapi.TraceList, error) {
	return get[httpapi.TraceList](ctx, c, "/api/v1/trace", q.values())
}

// Trace has what the process did in the last seconds written down; why may be empty.
func (c *Client) Trace(ctx context.Context, why string) (out httpapi.Trace, err error) {
	k := call{method: http.MethodPost, path: "/api/v1/trace", want: http.StatusCreated}
	if err := k.encode(httpapi.TraceOrder{Why: why}); err != nil {
		return out, err
	}
	return answer[httpapi.Trace](ctx, c, &k)
}

// TraceFile writes a trace to w, for go tool trace, and returns how many bytes it was. An
// error of w is a [WriteError].
func (c *Client) TraceFile(ctx context.Context, name string, w io.Writer) (int64, error) {
	return c.download(ctx, &call{method: http.MethodGet, path: path("trace", name), want: http.StatusOK}, w)
}

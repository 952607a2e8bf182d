package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/view"
)

// Query picks some of a list. What a list does not know it is not asked.
type Query struct {
	// Limit is how many at the most, 0: all; Offset is how many are left out first.
	Limit, Offset int
	// Sort is the field to sort by, with a minus before it for the largest first.
	Sort string
	// Search is a part of what the elements have in them.
	Search string
	// Route, Pool and State are those that elements have to have.
	Route, Pool, State string
}

// values is that in a URL.
func (q *Query) values() url.Values {
	return values("limit", number(q.Limit), "offset", number(q.Offset), "sort", q.Sort, "q", q.Search,
		"route", q.Route, "pool", q.Pool, "state", q.State)
}

// values is pairs of a name and a value, without those that are empty.
func values(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return v
}

// number is empty for 0.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// JSON is what a read is answered with, as it is: for those who pass it on.
func (c *Client) JSON(ctx context.Context, path string, query url.Values) (json.RawMessage, error) {
	return get[json.RawMessage](ctx, c, path, query)
}

// Live says that the process answers.
func (c *Client) Live(ctx context.Context) (httpapi.Status, error) {
	return get[httpapi.Status](ctx, c, "/live", nil)
}

// Ready says that a route can serve work; a [ProblemError] of status 503 says that none can.
func (c *Client) Ready(ctx context.Context) (httpapi.Status, error) {
	return get[httpapi.Status](ctx, c, "/ready", nil)
}

// Health is what works and what does not, whether the whole is down or not.
func (c *Client) Health(ctx context.Context) (view.Health, error) {
	return answer[view.Health](ctx, c, &call{method: http.MethodGet, path: "/health", want: http.StatusOK, also: http.StatusServiceUnavailable})
}

// Summary is the whole in one look. One that names nothing is no proxy's, whatever it is in
// JSON: [ForeignError].
func (c *Client) Summary(ctx context.Context) (view.Summary, error) {
	s, err := get[view.Summary](ctx, c, "/api/v1/summary", nil)
	if err == nil && s.Instance == "" && s.Version == "" {
		err = &ForeignError{Base: c.base, Read: true, Err: errNoSummary}
	}
	return s, err
}

// Pools are all that are configured.
func (c *Client) Pools(ctx context.Context, q Query) (httpapi.PoolList, error) {
	return get[httpapi.PoolList](ctx, c, "/api/v1/pools", q.values())
}

// Routes are all, in the order they are matched.
func (c *Client) Routes(ctx context.Context, q Query) (httpapi.RouteList, error) {
	return get[httpapi.RouteList](ctx, c, "/api/v1/routes", q.values())
}

// Workers are those that are connected or ever submitted a share.
func (c *Client) Workers(ctx context.Context, q Query) (httpapi.WorkerList, error) {
	return get[httpapi.WorkerList](ctx, c, "/api/v1/workers", q.values())
}

// Worker is one of them, with its connections.
func (c *Client) Worker(ctx context.Context, login string) (view.Worker, error) {
	return get[view.Worker](ctx, c, path("workers", login), nil)
}

// Miners are the open connections.
func (c *Client) Miners(ctx context.Context, q Query) (httpapi.MinerList, error) {
	return get[httpapi.MinerList](ctx, c, "/api/v1/miners", q.values())
}

// Listeners are the addresses that miners connect to.
func (c *Client) Listeners(ctx context.Context, q Query) (httpapi.ListenerList, error) {
	return get[httpapi.ListenerList](ctx, c, "/api/v1/listeners", q.values())
}

// Alerts are what an operator should look at now.
func (c *Client) Alerts(ctx context.Context, q Query) (httpapi.AlertList, error) {
	return get[httpapi.AlertList](ctx, c, "/api/v1/alerts", q.values())
}

// BansQuery picks bans.
type BansQuery struct {
	Query

	Kind, Cause, Address, Worker string
	// All says that those that are over are wanted, too.
	All bool
}

// Values is that in a URL.
func (q *BansQuery) Values() url.Values {
	v := q.values()
	for name, value := range map[string]string{"kind": q.Kind, "cause": q.Cause, "address": q.Address, "worker": q.Worker} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.All {
		v.Set("all", "true")
	}
	return v
}

// Bans are who is banned or paused.
func (c *Client) Bans(ctx context.Context, q BansQuery) (httpapi.BanList, error) {
	return get[httpapi.BanList](ctx, c, "/api/v1/bans", q.Values())
}

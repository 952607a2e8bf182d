package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/loka/stratum/internal/httpapi"
)

// Disconnect ends a miner's connection; it may come back.
func (c *Client) Disconnect(ctx context.Context, miner uint64) error {
	return c.change(ctx, http.MethodDelete, path("miners", strconv.FormatUint(miner, 10)), nil)
}

// PauseMiner sends a miner away: its workers are refused at its address.
func (c *Client) PauseMiner(ctx context.Context, miner uint64, term httpapi.BanTerm) (httpapi.Banned, error) {
	return post[httpapi.Banned](ctx, c, path("miners", strconv.FormatUint(miner, 10), "pause"), term)
}

// BanMiner bans a miner's address.
func (c *Client) BanMiner(ctx context.Context, miner uint64, term httpapi.BanTerm) (httpapi.Banned, error) {
	return post[httpapi.Banned](ctx, c, path("miners", strconv.FormatUint(miner, 10), "ban"), term)
}

// PauseWorker sends a worker away until it is resumed.
func (c *Client) PauseWorker(ctx context.Context, login string, term httpapi.BanTerm) (httpapi.Banned, error) {
	return post[httpapi.Banned](ctx, c, path("workers", login, "pause"), term)
}

// BanWorker bans a worker, wherever it comes from.
func (c *Client) BanWorker(ctx context.Context, login string, term httpapi.BanTerm) (httpapi.Banned, error) {
	return post[httpapi.Banned](ctx, c, path("workers", login, "ban"), term)
}

// ResumeWorker lets a paused worker in again.
func (c *Client) ResumeWorker(ctx context.Context, login string) (httpapi.Lifted, error) {
	return post[httpapi.Lifted](ctx, c, path("workers", login, "resume"), nil)
}

// DisconnectWorker ends all connections of a worker.
func (c *Client) DisconnectWorker(ctx context.Context, login string) (httpapi.Closed, error) {
	return post[httpapi.Closed](ctx, c, path("workers", login, "disconnect"), nil)
}

// Ban keeps an address, a network or a worker out.
func (c *Client) Ban(ctx context.Context, o httpapi.BanOrder) (httpapi.Banned, error) {
	return post[httpapi.Banned](ctx, c, "/api/v1/bans", o)
}

// BanSubject says which ban is meant: by its id, or by whom it is about.
type BanSubject struct{ ID, Address, Worker, Kind string }

// Unban lets somebody in again.
func (c *Client) Unban(ctx context.Context, who BanSubject) error {
	return c.done(ctx, &call{
		method: http.MethodDelete, path: "/api/v1/bans", want: http.StatusNoContent,
		query: values("id", who.ID, "address", who.Address, "worker", who.Worker, "kind", who.Kind),
	})
}

// Drain sends a pool's miners to others, and keeps new ones away.
func (c *Client) Drain(ctx context.Context, pool string) error {
	return c.change(ctx, http.MethodPost, path("pools", pool, "drain"), nil)
}

// Undrain takes a drained pool back into use.
func (c *Client) Undrain(ctx context.Context, pool string) error {
	return c.change(ctx, http.MethodDelete, path("pools", pool, "drain"), nil)
}

// Disable sends a pool's miners to others and closes all its connections.
func (c *Client) Disable(ctx context.Context, pool string) (httpapi.Disabled, error) {
	return post[httpapi.Disabled](ctx, c, path("pools", pool, "disable"), nil)
}

// Enable takes a disabled pool back into use.
func (c *Client) Enable(ctx context.Context, pool string) error {
	return c.change(ctx, http.MethodDelete, path("pools", pool, "disable"), nil)
}

// AcceptPayout takes what a pool pays now as right.
func (c *Client) AcceptPayout(ctx context.Context, pool string) (httpapi.Expected, error) {
	return post[httpapi.Expected](ctx, c, path("pools", pool, "payout"), httpapi.Acceptance{Accept: true})
}

// Pin prefers one of a route's pools to all others while it is usable.
func (c *Client) Pin(ctx context.Context, route, pool string) error {
	return c.change(ctx, http.MethodPut, path("routes", route, "pin"), httpapi.Pin{Pool: pool})
}

// Unpin takes that back.
func (c *Client) Unpin(ctx context.Context, route string) error {
	return c.change(ctx, http.MethodDelete, path("routes", route, "pin"), nil)
}

// Split divides a route among its pools. It is JSON of the shape of [httpapi.Split],
// which the proxy checks as it does a file, and says of every key what is wrong.
func (c *Client) Split(ctx context.Context, route string, split any) error {
	return c.change(ctx, http.MethodPut, path("routes", route, "split"), split)
}

// Unsplit has a route's pools as the file says.
func (c *Client) Unsplit(ctx context.Context, route string) error {
	return c.change(ctx, http.MethodDelete, path("routes", route, "split"), nil)
}

// Reload has the proxy read its file again, or one that was in place before.
func (c *Client) Reload(ctx context.Context, applied string) (httpapi.Reloaded, error) {
	return post[httpapi.Reloaded](ctx, c, "/api/v1/reload", httpapi.Reload{Applied: applied})
}

// Plan says what a configuration would change.
func (c *Client) Plan(ctx context.Context, file []byte) (httpapi.Plan, error) {
	return answer[httpapi.Plan](ctx, c, &call{
		method: http.MethodPost, path: "/api/v1/plan", kind: "application/toml", body: file, want: http.StatusOK,
	})
}

// Applied are the files that were in place.
func (c *Client) Applied(ctx context.Context) (httpapi.AppliedList, error) {
	return get[httpapi.AppliedList](ctx, c, "/api/v1/applied", nil)
}

// Tokens are those that were made.
func (c *Client) Tokens(ctx context.Context) (httpapi.TokenList, error) {
	return get[httpapi.TokenList](ctx, c, "/api/v1/tokens", nil)
}

// AddToken makes a token.
func (c *Client) AddToken(ctx context.Context, want httpapi.NewToken) (out httpapi.MadeToken, err error) {
	k := call{method: http.MethodPost, path: "/api/v1/tokens", want: http.StatusCreated}
	if err := k.encode(want); err != nil {
		return out, err
	}
	return answer[httpapi.MadeToken](ctx, c, &k)
}

// RemoveToken makes a token worthless.
func (c *Client) RemoveToken(ctx context.Context, name string) error {
	return c.change(ctx, http.MethodDelete, "/api/v1/tokens/"+url.PathEscape(name), nil)
}

package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/loka/stratum/internal/httpapi"
)

// Past is a question about what is kept: whose, when, and how finely.
type Past struct {
	Worker, User, Pool, Route string
	// From and To are times as the API writes them; empty is its default.
	From, To string
	// Step is that of a history, By what revenue is added up by.
	Step, By string
	// Limit and Offset page revenue, and bound blocks.
	Limit, Offset int
}

func (p *Past) values() url.Values {
	return values("worker", p.Worker, "user", p.User, "pool", p.Pool, "route", p.Route, "from", p.From, "to", p.To,
		"step", p.Step, "by", p.By, "limit", number(p.Limit), "offset", number(p.Offset))
}

// History is shares, work, hashrate and value over time.
func (c *Client) History(ctx context.Context, p Past) (httpapi.History, error) {
	return get[httpapi.History](ctx, c, "/api/v1/history", p.values())
}

// WorkerHistory is that of one worker.
func (c *Client) WorkerHistory(ctx context.Context, login string, p Past) (httpapi.History, error) {
	return get[httpapi.History](ctx, c, path("workers", login, "history"), p.values())
}

// Revenue is what work was expected to earn and what was lost.
func (c *Client) Revenue(ctx context.Context, p Past) (httpapi.RevenueList, error) {
	return get[httpapi.RevenueList](ctx, c, "/api/v1/revenue", p.values())
}

// Blocks are those that miners found.
func (c *Client) Blocks(ctx context.Context, p Past) (httpapi.BlockList, error) {
	return get[httpapi.BlockList](ctx, c, "/api/v1/blocks", p.values())
}

// Payouts are what pools paid; pool empty is all of them.
func (c *Client) Payouts(ctx context.Context, pool string, q Query) (httpapi.PayoutList, error) {
	q.Pool = pool
	return get[httpapi.PayoutList](ctx, c, "/api/v1/payouts", q.values())
}

// Payout is one of them, and who got what.
func (c *Client) Payout(ctx context.Context, id int64) (httpapi.Payout, error) {
	return get[httpapi.Payout](ctx, c, "/api/v1/payouts/"+strconv.FormatInt(id, 10), nil)
}

// Distribute enters what a pool paid and divides it.
func (c *Client) Distribute(ctx context.Context, d httpapi.Distribute) (httpapi.Payout, error) {
	return post[httpapi.Payout](ctx, c, "/api/v1/payouts", d)
}

// DistributeJSON is [Client.Distribute] for those who pass the answer on as it is.
func (c *Client) DistributeJSON(ctx context.Context, d httpapi.Distribute) (json.RawMessage, error) {
	return post[json.RawMessage](ctx, c, "/api/v1/payouts", d)
}

// Audit is what administrators did, the latest first.
func (c *Client) Audit(ctx context.Context, limit int) (httpapi.ActList, error) {
	return get[httpapi.ActList](ctx, c, "/api/v1/audit", values("limit", number(limit)))
}

// WriteError is what was downloaded and could not be written.
type WriteError struct{ Err error }

// Error implements error.
func (e *WriteError) Error() string { return "what has come cannot be written: " + e.Err.Error() }

// marked tells its own errors from those of whoever is read.
type marked struct{ out io.Writer }

// Write implements [io.Writer].
func (w marked) Write(b []byte) (int, error) {
	n, err := w.out.Write(b)
	if err != nil {
		return n, &WriteError{err}
	}
	return n, nil
}

// Export writes what is kept to w, however long that takes, and returns how many bytes it
// was. what is shares, minutes, hours, days, blocks, earnings or distributions; format is
// csv or parquet. An error of w is a [WriteError].
func (c *Client) Export(ctx context.Context, what, format string, p Past, w io.Writer) (int64, error) {
	query := p.values()
	query.Set("what", what)
	query.Set("format", format)
	return c.download(ctx, &call{method: http.MethodGet, path: "/api/v1/export", query: query, want: http.StatusOK}, w)
}

// download writes what a success is answered with to w, whatever its size.
func (c *Client) download(ctx context.Context, k *call, w io.Writer) (int64, error) {
	res, err := c.send(ctx, k)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	n, err := io.Copy(marked{w}, res.Body)
	if err == nil {
		return n, nil
	}
	if wrong, ok := err.(*WriteError); ok { //nolint:errorlint // it is that of marked itself, which nothing wraps
		return n, wrong
	}
	return n, &BrokenError{Base: c.base, Bytes: n, Err: err}
}

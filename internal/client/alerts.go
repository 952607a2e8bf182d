package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/view"
)

// AlertRules are the rules, and how they do.
func (c *Client) AlertRules(ctx context.Context, q Query) (httpapi.AlertRuleList, error) {
	return get[httpapi.AlertRuleList](ctx, c, "/api/v1/alerts/rules", q.values())
}

// AlertSinks are where alerts are told, and how that goes.
func (c *Client) AlertSinks(ctx context.Context, q Query) (httpapi.AlertSinkList, error) {
	return get[httpapi.AlertSinkList](ctx, c, "/api/v1/alerts/sinks", q.values())
}

// AlertHistory is which alerts there were, the latest first.
func (c *Client) AlertHistory(ctx context.Context, q Query) (httpapi.AlertHistory, error) {
	return get[httpapi.AlertHistory](ctx, c, "/api/v1/alerts/history", q.values())
}

// TestSinks sends a message by one sink, or by all for an empty name.
func (c *Client) TestSinks(ctx context.Context, sink string) (httpapi.SinkTests, error) {
	return post[httpapi.SinkTests](ctx, c, "/api/v1/alerts/test", httpapi.SinkTest{Sink: sink})
}

// Silences are those that hold.
func (c *Client) Silences(ctx context.Context, q Query) (httpapi.SilenceList, error) {
	return get[httpapi.SilenceList](ctx, c, "/api/v1/silences", q.values())
}

// Silence keeps alerts from being told for a while.
func (c *Client) Silence(ctx context.Context, s httpapi.NewSilence) (view.Silence, error) {
	return post[view.Silence](ctx, c, "/api/v1/silences", s)
}

// Unsilence ends one.
func (c *Client) Unsilence(ctx context.Context, id string) error {
	return c.change(ctx, http.MethodDelete, "/api/v1/silences/"+url.PathEscape(id), nil)
}

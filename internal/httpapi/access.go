package httpapi

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loka/stratum/internal/auth"
)

// access is the least role for every operation of the document. A read that a
// viewer may do is open on loopback, too. What is missing here is for admins.
//
//nolint:gochecknoglobals // a table
var access = map[string]auth.Role{
	"GET /live":  auth.Nobody,
	"GET /ready": auth.Nobody,

	"GET /health":                        auth.Viewer,
	"GET /api/v1/summary":                auth.Viewer,
	"GET /api/v1/pools":                  auth.Viewer,
	"GET /api/v1/routes":                 auth.Viewer,
	"GET /api/v1/miners":                 auth.Viewer,
	"GET /api/v1/workers":                auth.Viewer,
	"GET /api/v1/workers/{name}":         auth.Viewer,
	"GET /api/v1/workers/{name}/history": auth.Viewer,
	"GET /api/v1/history":                auth.Viewer,
	"GET /api/v1/revenue":                auth.Viewer,
	"GET /api/v1/blocks":                 auth.Viewer,
	"GET /api/v1/payouts":                auth.Viewer,
	"GET /api/v1/payouts/{id}":           auth.Viewer,
	"GET /api/v1/export":                 auth.Viewer,
	"GET /api/v1/applied":                auth.Viewer,
	"GET /api/v1/listeners":              auth.Viewer,
	"GET /api/v1/bans":                   auth.Viewer,
	"GET /api/v1/alerts":                 auth.Viewer,
	"GET /api/v1/profile":                auth.Viewer,

	"DELETE /api/v1/miners/{id}":             auth.Operator,
	"POST /api/v1/miners/{id}/pause":         auth.Operator,
	"POST /api/v1/miners/{id}/ban":           auth.Operator,
	"POST /api/v1/workers/{name}/pause":      auth.Operator,
	"POST /api/v1/workers/{name}/resume":     auth.Operator,
	"POST /api/v1/workers/{name}/ban":        auth.Operator,
	"POST /api/v1/workers/{name}/disconnect": auth.Operator,
	"POST /api/v1/bans":                      auth.Operator,
	"DELETE /api/v1/bans":                    auth.Operator,
	"POST /api/v1/pools/{name}/payout":       auth.Operator,
	"POST /api/v1/pools/{name}/drain":        auth.Operator,
	"DELETE /api/v1/pools/{name}/drain":      auth.Operator,
	"POST /api/v1/pools/{name}/disable":      auth.Operator,
	"DELETE /api/v1/pools/{name}/disable":    auth.Operator,
	"PUT /api/v1/routes/{name}/pin":          auth.Operator,
	"DELETE /api/v1/routes/{name}/pin":       auth.Operator,
	"PUT /api/v1/routes/{name}/split":        auth.Operator,
	"DELETE /api/v1/routes/{name}/split":     auth.Operator,

	"POST /api/v1/reload":          auth.Admin,
	"POST /api/v1/plan":            auth.Admin,
	"POST /api/v1/payouts":         auth.Admin,
	"GET /api/v1/audit":            auth.Admin,
	"GET /api/v1/tokens":           auth.Admin,
	"POST /api/v1/tokens":          auth.Admin,
	"DELETE /api/v1/tokens/{name}": auth.Admin,
}

// besides is the same for what is no operation of the document.
//
//nolint:gochecknoglobals // a table
var besides = map[string]auth.Role{
	"GET /{$}":                     auth.Viewer,
	"GET /web/":                    auth.Viewer,
	"GET /metrics":                 auth.Viewer,
	"GET /metrics/prometheus":      auth.Viewer,
	"GET /api/v1/openapi.json":     auth.Viewer,
	"GET /api/v1/openapi.yaml":     auth.Viewer,
	"GET /api/v1/openapi-3.0.json": auth.Viewer,
	"GET /api/v1/openapi-3.0.yaml": auth.Viewer,

	"GET /debug/pprof/":        auth.Admin,
	"GET /debug/pprof/profile": auth.Admin,
	"GET /debug/pprof/symbol":  auth.Admin,
	"GET /debug/pprof/trace":   auth.Admin,
}

// leastFor is the least role for what a pattern of the router leads to.
func leastFor(pattern string) auth.Role {
	for _, table := range []map[string]auth.Role{access, besides} {
		if role, ok := table[pattern]; ok {
			return role
		}
	}
	return auth.Admin
}

// roleKey is where the document says an operation's role.
const roleKey = "x-role"

// saysRole puts the role of an operation into the document, with the answers that
// come of it.
func saysRole(_ *huma.OpenAPI, op *huma.Operation) {
	least := leastFor(op.Method + " " + op.Path)
	if op.Extensions == nil {
		op.Extensions = make(map[string]any)
	}
	op.Extensions[roleKey] = least.String()
	if least == auth.Nobody {
		op.Security = []map[string][]string{}
		return
	}
	op.Security = []map[string][]string{{bearer: {least.String()}}}
	if op.Method == http.MethodGet && least == auth.Viewer {
		op.Security = append(op.Security, map[string][]string{}) // on loopback
	}
	like := op.Responses["401"]
	if like == nil {
		return
	}
	for code, text := range map[string]string{"403": http.StatusText(http.StatusForbidden), "429": http.StatusText(http.StatusTooManyRequests)} {
		if op.Responses[code] == nil {
			op.Responses[code] = &huma.Response{Description: text, Content: like.Content}
		}
	}
}

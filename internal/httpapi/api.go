package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/view"
	"github.com/loka/stratum/internal/web"
)

// Paging is what every list takes.
type Paging struct {
	Limit  int `query:"limit" minimum:"0" doc:"At most so many elements; 0: all"`
	Offset int `query:"offset" minimum:"0" doc:"Leave out so many elements first"`
}

// cut applies the paging. It never fails: past the end there is nothing.
func cut[T any](p Paging, all []T) []T {
	all = all[min(p.Offset, len(all)):]
	if p.Limit > 0 {
		all = all[:min(p.Limit, len(all))]
	}
	return all
}

// PoolList is the body of GET /api/v1/pools.
type PoolList struct {
	Pools []view.Pool `json:"pools" nullable:"false"`
	Total int         `json:"total" doc:"Elements that match, whatever limit and offset"`
}

// WorkerList is the body of GET /api/v1/workers.
type WorkerList struct {
	Workers []view.Worker `json:"workers" nullable:"false" doc:"Sorted by name"`
	Total   int           `json:"total" doc:"Elements that match, whatever limit and offset"`
}

// MinerList is the body of GET /api/v1/miners.
type MinerList struct {
	Miners []view.Miner `json:"miners" nullable:"false" doc:"Oldest first"`
	Total  int          `json:"total" doc:"Elements that match, whatever limit and offset"`
}

// RouteList is the body of GET /api/v1/routes.
type RouteList struct {
	Routes []view.Route `json:"routes" nullable:"false" doc:"In the order they are matched"`
	Total  int          `json:"total" doc:"Elements that match, whatever limit and offset"`
}

// Status is the body of /live and /ready.
type Status struct {
	Status string `json:"status" doc:"ok"`
}

type body[T any] struct{ Body T }

type healthOutput struct {
	Status int
	Body   view.Health
}

type workerInput struct {
	Name string `path:"name" doc:"The login, percent-encoded"`
}

type minerInput struct {
	ID uint64 `path:"id" minimum:"1" doc:"As in /api/v1/miners"`
}

const bearer = "token"

// routes is everything that can be asked for.
func routes(deps Deps) *http.ServeMux {
	mux := http.NewServeMux()
	cfg := huma.DefaultConfig("Loka Stratum", deps.Model.Version())
	cfg.OpenAPIPath = "/api/v1/openapi"
	cfg.DocsPath, cfg.SchemasPath, cfg.CreateHooks = "", "", nil
	cfg.Info.Description = "What viewers may read is open on loopback. All else needs a token, and so does everything off loopback but /live and /ready; x-role is the least role that it has to have. Errors are RFC 9457 problem documents."
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{bearer: {Type: "http", Scheme: "bearer", Description: "The content of data_dir/api.token, whose role is admin, or a token that loka token add has made."}}
	cfg.OnAddOperation = append(cfg.OnAddOperation, saysRole)
	cfg.Transformers = append(cfg.Transformers, spellOut)
	api := humago.New(mux, cfg)
	probes(api, deps.Model)
	reads(api, deps.Model)
	lists(api, deps.Model)
	stepTimes(api, deps.Model)
	whoAsks(api)
	if deps.Alerts != nil {
		alerting(api, deps.Alerts)
	}
	if deps.Miners != nil {
		writes(api, deps.Miners)
	}
	if deps.Control != nil {
		controls(api, deps.Model, deps.Control)
	}
	if deps.Listeners != nil {
		listeners(api, deps.Listeners)
	}
	if deps.Bans != nil {
		banning(api, deps)
	}
	if deps.Acceptor != nil {
		accepts(api, deps.Model, deps.Acceptor)
	}
	if deps.Reloader != nil {
		reloads(api, deps.Reloader)
	}
	if deps.Events != nil {
		eventings(api, deps)
	}
	if deps.Records != nil {
		records(api, deps)
	}
	if deps.Tokens != nil {
		tokens(api, deps.Tokens, deps.Now)
	}
	if deps.Traces != nil {
		traces(api, deps)
	}
	profiles(mux)
	if deps.Metrics != nil {
		mux.Handle("GET /metrics", asProblems(deps.Metrics))
		mux.Handle("GET /metrics/prometheus", asProblems(deps.Metrics))
	}
	if deps.Page != nil {
		pages(mux, deps.Page)
	}
	return mux
}

// pages serves the page, which says itself what is wrong, to people; its files do not.
func pages(mux *http.ServeMux, page http.Handler) {
	files := asProblems(page)
	for pattern := range web.Patterns() {
		if strings.Contains(pattern, "/web/") || strings.Contains(pattern, "{file}") {
			mux.Handle(pattern, files)
		} else {
			mux.Handle(pattern, page)
		}
	}
}

// get describes a read.
func get(path, id, summary string, errs ...int) huma.Operation {
	return huma.Operation{
		Method: http.MethodGet, Path: path, OperationID: id, Summary: summary,
		Errors: append(errs, http.StatusUnauthorized, http.StatusMisdirectedRequest),
	}
}

func probes(api huma.API, m *view.Model) {
	huma.Register(api, get("/live", "live", "The process answers"), func(context.Context, *struct{}) (*body[Status], error) {
		return &body[Status]{Status{"ok"}}, nil
	})
	huma.Register(api, get("/ready", "ready", "200 while at least one route can serve work", http.StatusServiceUnavailable), func(context.Context, *struct{}) (*body[Status], error) {
		if !m.Ready() {
			return nil, huma.Error503ServiceUnavailable("no route can serve work: none of the pools does; /health says why")
		}
		return &body[Status]{Status{"ok"}}, nil
	})
	op := get("/health", "health", "What works and what does not; 503 when down")
	op.Responses = map[string]*huma.Response{"503": {Description: "Down; the body is the same"}}
	huma.Register(api, op, func(context.Context, *struct{}) (*healthOutput, error) {
		h := m.Health()
		status := http.StatusOK
		if h.Status == view.Down {
			status = http.StatusServiceUnavailable
		}
		return &healthOutput{Status: status, Body: h}, nil
	})
}

func reads(api huma.API, m *view.Model) {
	huma.Register(api, get("/api/v1/summary", "summary", "The whole in one look"), func(context.Context, *struct{}) (*body[view.Summary], error) {
		return &body[view.Summary]{m.Summary()}, nil
	})
	huma.Register(api, get("/api/v1/workers/{name}", "worker", "One worker, with its connections", http.StatusNotFound), func(_ context.Context, in *workerInput) (*body[view.Worker], error) {
		w, ok := m.Worker(in.Name)
		if !ok {
			return nil, huma.Error404NotFound(fmt.Sprintf("no worker %q is connected or ever submitted a share; /api/v1/workers lists them", in.Name))
		}
		return &body[view.Worker]{w}, nil
	})
}

func writes(api huma.API, miners Disconnecter) {
	huma.Register(api, write(http.MethodDelete, "/api/v1/miners/{id}", "disconnect", "Disconnect a miner; it may come back"), func(ctx context.Context, in *minerInput) (*struct{}, error) {
		id := mining.MinerID(in.ID)
		was := miners.Describe(id)
		if !miners.Disconnect(id) {
			return nil, huma.Error404NotFound(fmt.Sprintf("no miner %d is connected; /api/v1/miners lists them", in.ID))
		}
		changed(ctx, was, nil)
		return nil, nil //nolint:nilnil // how huma says 204
	})
}

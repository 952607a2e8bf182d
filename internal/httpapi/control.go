package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loka/stratum/internal/view"
)

// Controller does what operators want of pools and routes, and keeps it for the
// next start. Where no other error is named, it is of the keeping alone: what was
// wanted is done.
type Controller interface {
	// DrainPool sends a pool's miners elsewhere, or takes that back; ok is
	// false where there is no such pool.
	DrainPool(pool string, drain bool) (ok bool, err error)
	// DisablePool sends a pool's miners elsewhere, and then closes all its
	// connections; alone are the routes that have no other pool that serves.
	// ok is false where there is no such pool.
	DisablePool(pool string) (alone []string, ok bool, err error)
	// EnablePool takes that back, unless it is with [ErrDisabledByFile]: then the pool stays
	// as it is, and with [ErrOnlyByFile] what was arranged besides is forgotten.
	EnablePool(pool string) (ok bool, err error)
	// PinRoute prefers one of a route's pools, or takes that back for an empty
	// name; ok is false where there is no such route or the pool is not its own.
	PinRoute(route, pool string) (ok bool, err error)
	// SplitRoute divides a route as the JSON of a [Split] says; ok is false where
	// there is no such route. With an [InvalidError] nothing is done.
	SplitRoute(route string, split []byte) (ok bool, err error)
	// SplitByFile takes that back. The error is that of SplitRoute.
	SplitByFile(route string) (ok bool, err error)
}

// ErrDisabledByFile is for a pool that is disabled in the configuration: only
// there it can be enabled.
var ErrDisabledByFile = errors.New("the pool is disabled by the configuration")

// ErrOnlyByFile is that, of a pool that was disabled by who operates it, too, until now.
var ErrOnlyByFile = fmt.Errorf("%w, and no more by API", ErrDisabledByFile)

// Disabled is the answer of POST /api/v1/pools/{name}/disable.
type Disabled struct {
	Alone []string `json:"routes_without_pool" nullable:"false" doc:"Routes of the pool that have no other one that serves: for their miners on_outage counts"`
}

// Pin is the body of PUT /api/v1/routes/{name}/pin.
type Pin struct {
	Pool string `json:"pool" minLength:"1" doc:"One of the route's pools"`
}

type poolInput struct {
	Name string `path:"name" doc:"As in /api/v1/pools"`
}

type routeInput struct {
	Name string `path:"name" doc:"As in /api/v1/routes"`
}

type pinInput struct {
	Name string `path:"name" doc:"As in /api/v1/routes"`
	Body Pin
}

// write describes a write that answers 204.
func write(method, path, id, summary string, errs ...int) huma.Operation {
	return huma.Operation{
		Method: method, Path: path, OperationID: id, Summary: summary,
		DefaultStatus: http.StatusNoContent, Security: []map[string][]string{{bearer: {}}},
		Errors: append(errs, http.StatusNotFound, http.StatusUnauthorized, http.StatusMisdirectedRequest),
	}
}

// controls registers what operators can do to pools and routes. All of it may
// be said twice.
func controls(api huma.API, m *view.Model, c Controller) {
	drain := func(ctx context.Context, name string, drained bool) error {
		before := arrangedPool(m, name)
		ok, err := c.DrainPool(name, drained)
		if !ok {
			return noPool(m, name)
		}
		after := before
		after.Drained = drained
		changed(ctx, before, after)
		return kept(err)
	}
	huma.Register(api, write(http.MethodPost, "/api/v1/pools/{name}/drain", "drain", "Send a pool's miners to others, and keep new ones away", http.StatusInternalServerError),
		func(ctx context.Context, in *poolInput) (*struct{}, error) { return nil, drain(ctx, in.Name, true) })
	huma.Register(api, write(http.MethodDelete, "/api/v1/pools/{name}/drain", "undrain", "Take a drained pool back into use", http.StatusInternalServerError),
		func(ctx context.Context, in *poolInput) (*struct{}, error) { return nil, drain(ctx, in.Name, false) })
	disables(api, m, c)
	pin := func(ctx context.Context, name, pool string) error {
		before := arrangedRoute(m, name)
		ok, err := c.PinRoute(name, pool)
		if !ok {
			return noPin(m, name, pool)
		}
		changed(ctx, pinned{before.Pinned}, pinned{pool})
		return kept(err)
	}
	huma.Register(api, write(http.MethodPut, "/api/v1/routes/{name}/pin", "pin", "Prefer one of a route's pools to all others while it is usable", http.StatusInternalServerError),
		func(ctx context.Context, in *pinInput) (*struct{}, error) {
			return nil, pin(ctx, in.Name, in.Body.Pool)
		})
	huma.Register(api, write(http.MethodDelete, "/api/v1/routes/{name}/pin", "unpin", "Let a route prefer its pools in its own order", http.StatusInternalServerError),
		func(ctx context.Context, in *routeInput) (*struct{}, error) { return nil, pin(ctx, in.Name, "") })
	splits(api, m, c)
}

// disables registers what takes pools out of use, and back.
func disables(api huma.API, m *view.Model, c Controller) {
	op := write(http.MethodPost, "/api/v1/pools/{name}/disable", "disable", "Send a pool's miners to others, close all its connections and make no new one", http.StatusInternalServerError)
	op.DefaultStatus = http.StatusOK
	huma.Register(api, op, func(ctx context.Context, in *poolInput) (*body[Disabled], error) {
		before := arrangedPool(m, in.Name)
		alone, ok, err := c.DisablePool(in.Name)
		if !ok {
			return nil, noPool(m, in.Name)
		}
		after := before
		after.Disabled = true
		changed(ctx, before, after)
		if err := kept(err); err != nil {
			return nil, err
		}
		return &body[Disabled]{Disabled{append([]string{}, alone...)}}, nil
	})
	huma.Register(api, write(http.MethodDelete, "/api/v1/pools/{name}/disable", "enable", "Take a disabled pool back into use", http.StatusConflict, http.StatusInternalServerError),
		func(ctx context.Context, in *poolInput) (*struct{}, error) {
			before := arrangedPool(m, in.Name)
			ok, err := c.EnablePool(in.Name)
			switch {
			case !ok:
				return nil, noPool(m, in.Name)
			case errors.Is(err, ErrDisabledByFile):
				if errors.Is(err, ErrOnlyByFile) {
					remark(ctx, "that it was disabled by API is forgotten; by the file it still is")
					changed(ctx, before, before)
				}
				return nil, huma.Error409Conflict(fmt.Sprintf("pool %q is disabled in the file; remove enabled = false there", in.Name))
			}
			after := before
			after.Disabled = false
			changed(ctx, before, after)
			return nil, kept(err)
		})
}

// kept is the problem of what is done and will not last.
func kept(err error) error {
	if err == nil {
		return nil
	}
	return huma.Error500InternalServerError(fmt.Sprintf(
		"it is done, but the next start will not know of it: %v; make room or give loka the right to write there, and ask again", err))
}

func noPool(m *view.Model, name string) error {
	pools := m.Pools()
	names := make([]string, 0, len(pools))
	for i := range pools {
		names = append(names, pools[i].Name)
	}
	return huma.Error404NotFound(fmt.Sprintf("there is no pool %q; there are: %s", name, strings.Join(names, ", ")))
}

func noPin(m *view.Model, name, pool string) error {
	routes := m.Routes()
	for i := range routes {
		if routes[i].Name == name {
			return huma.Error422UnprocessableEntity(fmt.Sprintf("pool %q is none of route %q; its pools are: %s", pool, name, strings.Join(routes[i].Pools, ", ")))
		}
	}
	return noRoute(m, name)
}

func noRoute(m *view.Model, name string) error {
	routes := m.Routes()
	names := make([]string, 0, len(routes))
	for i := range routes {
		names = append(names, routes[i].Name)
	}
	return huma.Error404NotFound(fmt.Sprintf("there is no route %q; there are: %s", name, strings.Join(names, ", ")))
}

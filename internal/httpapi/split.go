package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loka/stratum/internal/view"
)

const (
	// maxSplitBytes bounds the body that a split is in, maxMistakes what is said of it.
	maxSplitBytes = 64 << 10
	maxMistakes   = 20
)

// Split is the body of PUT /api/v1/routes/{name}/split.
type Split struct {
	Split []SplitPart `json:"split" nullable:"false" minItems:"1" doc:"The parts, as the file has them"`
}

// SplitPart is one part of a split.
type SplitPart struct {
	Pool     string   `json:"pool,omitempty" doc:"A pool of the route; either this or pools"`
	Pools    []string `json:"pools,omitempty" nullable:"false" doc:"Several of them, preferred first"`
	Weight   float64  `json:"weight,omitempty" exclusiveMinimum:"0" doc:"Its part of what no part asks for by hashrate, against the other weights; either this or hashrate"`
	Hashrate string   `json:"hashrate,omitempty" doc:"The hashrate that it asks for, such as \"500TH/s\""`
	Worker   string   `json:"worker,omitempty" doc:"Glob on the first login of the miners that are its own; with it neither weight nor hashrate is needed"`
	When     string   `json:"when,omitempty" doc:"When it counts, as cron writes it: minute, hour, day of the month, month, weekday; empty: always"`
	TimeZone string   `json:"time_zone,omitempty" doc:"The time zone of when, such as \"Europe/Prague\"; empty: UTC"`
	OnDead   string   `json:"on_dead,omitempty" doc:"Who has its share while it is away: others (as empty), or a pool of another part"`
}

// Mistake is one thing that is wrong with a value.
type Mistake struct {
	// Key is the path of what is wrong in the value, such as "split[0].pool";
	// empty where it is all of it.
	Key string
	// Text says what is wrong and what would be right.
	Text string
}

// InvalidError is why nothing was done with a value.
type InvalidError struct{ Mistakes []Mistake }

// Error is all that is wrong, in one line.
func (e InvalidError) Error() string {
	texts := make([]string, len(e.Mistakes))
	for i, m := range e.Mistakes {
		texts[i] = strings.TrimPrefix(m.Key+": "+m.Text, ": ")
	}
	return strings.Join(texts, "; ")
}

type splitInput struct {
	Name string `path:"name" doc:"As in /api/v1/routes"`
	Body json.RawMessage
}

// splits registers what operators can do to the split of a route.
func splits(api huma.API, m *view.Model, c Controller) {
	do := func(ctx context.Context, name string, split func() (bool, error)) error {
		before := arrangedRoute(m, name)
		ok, err := split()
		invalid, isInvalid := errors.AsType[InvalidError](err)
		switch {
		case !ok:
			return noRoute(m, name)
		case isInvalid:
			return mistaken(invalid.Mistakes)
		}
		changed(ctx, before.divided(), arrangedRoute(m, name).divided())
		return kept(err)
	}
	const path = "/api/v1/routes/{name}/split"
	put := write(http.MethodPut, path, "split", "Divide a route among its pools, or divide it anew", http.StatusBadRequest, http.StatusInternalServerError)
	put.MaxBodyBytes = maxSplitBytes
	huma.Register(api, put, func(ctx context.Context, in *splitInput) (*struct{}, error) {
		return nil, do(ctx, in.Name, func() (bool, error) { return c.SplitRoute(in.Name, in.Body) })
	})
	// What is read is checked by those who read the file. So it is described here
	// alone, where nothing is checked by it any more.
	body := api.OpenAPI().Paths[path].Put.RequestBody.Content["application/json"]
	body.Schema = api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Split](), true, "Split")
	huma.Register(api, write(http.MethodDelete, path, "unsplit", "Put a route's pools in order, or divide it, as the file says", http.StatusInternalServerError),
		func(ctx context.Context, in *routeInput) (*struct{}, error) {
			return nil, do(ctx, in.Name, func() (bool, error) { return c.SplitByFile(in.Name) })
		})
}

// mistaken is the problem of a value that has mistakes.
func mistaken(all []Mistake) error {
	errs := make([]error, 0, min(len(all), maxMistakes+1))
	for i, one := range all {
		if i == maxMistakes {
			errs = append(errs, &huma.ErrorDetail{Location: "body", Message: fmt.Sprintf("and %d mistakes more", len(all)-i)})
			break
		}
		at := "body"
		if one.Key != "" {
			at += "." + one.Key
		}
		errs = append(errs, &huma.ErrorDetail{Location: at, Message: one.Text})
	}
	return huma.Error400BadRequest("not a split", errs...)
}

package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loka/stratum/internal/httpapi/cache"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/view"
)

const (
	// answerTimeout bounds what one question may cost the store.
	answerTimeout = 25 * time.Second
	// cacheBytes is the room for answers; presentTTL and pastTTL are how long they
	// are good, which is the latter if all that they are about was that long ago, and
	// the store had it.
	cacheBytes = 32 << 20
	presentTTL = 10 * time.Second
	pastTTL    = 10 * time.Minute
)

// Warehouse is where the history is, payouts and what administrators did.
type Warehouse interface {
	store.History
	store.Payouts
	// Audit keeps an act of an instance; Acts are the latest first, at most so
	// many.
	Audit(ctx context.Context, instance string, a store.Act) error
	Acts(ctx context.Context, instance string, most int) ([]store.Act, error)
}

// Records serve what is kept of shares. All but KeepMinutes, Complete, Shipped and
// Cache are needed.
type Records struct {
	Warehouse Warehouse
	// Instance is whose records they are.
	Instance string
	// Now is the clock. It has to be the world's: deadlines of connections are by
	// it.
	Now func() time.Time
	// KeepMinutes is how long sums of a minute are kept; 0: for ever.
	KeepMinutes time.Duration
	// Complete says until when all that happened is in the warehouse; nil: it
	// always is.
	Complete func(ctx context.Context) (time.Time, error)
	// Shipped is until when the warehouse has all that happened, as far as that is
	// known without asking it; the zero time: it is not. nil: it always has.
	Shipped func() time.Time
	// Cache keeps answers; nil: nothing is kept.
	Cache *cache.Cache
}

// NewCache makes the cache of [Records], whose clock is now.
func NewCache(now func() time.Time) (*cache.Cache, error) { return cache.New(cacheBytes, now) }

// recorder answers questions about the records.
type recorder struct {
	*Records

	model *view.Model
	log   *slog.Logger
	// exports has room for those that run at a time.
	exports chan struct{}
}

// records registers what there is of records.
func records(api huma.API, deps Deps) {
	r := &recorder{deps.Records, deps.Model, deps.Logger, make(chan struct{}, maxExports)}
	histories(api, r)
	revenues(api, r)
	blocks(api, r)
	payouts(api, r)
	exports(api, r)
	acts(api, r)
}

// Pick is whose records are asked for.
type Pick struct {
	Worker string `query:"worker" doc:"Of this login only"`
	User   string `query:"user" doc:"Of this user only: the part of a login before its first dot"`
	Pool   string `query:"pool" doc:"Of this pool only"`
	Route  string `query:"route" doc:"Of this route only"`
}

// filter is that for the store.
func (r *recorder) filter(p Pick, from, to time.Time) store.Filter {
	return store.Filter{Instance: r.Instance, Worker: p.Worker, User: p.User, Pool: p.Pool, Route: p.Route, From: from, To: to}
}

// jsonOutput is a JSON document that was made before.
type jsonOutput struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

// question is one that may have been answered of late.
type question struct {
	// kind is what is asked, step how finely; filter is of whom and when.
	kind   string
	step   store.Step
	filter store.Filter
}

// key tells questions apart, whatever is in their texts.
func (q *question) key() string {
	f := &q.filter
	return fmt.Sprintf("%q %d %q %q %q %q %d %d", q.kind, q.step, f.Worker, f.User, f.Pool, f.Route, f.From.Unix(), f.To.Unix())
}

// answer asks the store, unless that was done of late.
func (r *recorder) answer(ctx context.Context, q *question, ask func(context.Context) (any, error)) (*jsonOutput, error) {
	const kind = "application/json"
	key := q.key()
	if r.Cache != nil {
		if text, ok := r.Cache.Get(key); ok {
			return &jsonOutput{kind, text}, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	ttl := presentTTL
	if q.filter.To.Before(r.Now().Add(-pastTTL)) && (r.Shipped == nil || !r.Shipped().Before(q.filter.To)) {
		ttl = pastTTL
	}
	out, err := ask(ctx)
	if err != nil {
		return nil, r.unanswered(ctx, err)
	}
	text, err := json.Marshal(out)
	if err != nil {
		return nil, r.unanswered(ctx, err)
	}
	text = append(text, '\n')
	if r.Cache != nil {
		r.Cache.Put(key, text, ttl)
	}
	return &jsonOutput{kind, text}, nil
}

// unanswered is the problem of a store that does not answer. What it says may be
// for the operator's eyes only.
func (r *recorder) unanswered(ctx context.Context, err error) error {
	if known, ok := errors.AsType[huma.StatusError](err); ok {
		return known
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return huma.Error503ServiceUnavailable("the store took longer than " + answerTimeout.String() + "; ask for a shorter time or a longer step")
	}
	if ctx.Err() == nil {
		r.log.WarnContext(ctx, "the store did not answer a question of the API", "error", err)
	}
	return huma.Error503ServiceUnavailable("the store does not answer now; the log says why")
}

// described describes a read whose answer was made before: huma cannot know what
// is in it.
func described[T any](api huma.API, op huma.Operation, name string, example any) huma.Operation {
	op.Responses = map[string]*huma.Response{"200": {
		Description: "OK",
		Content: map[string]*huma.MediaType{"application/json": {
			Schema: api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, name), Example: example,
		}},
	}}
	op.Errors = append(op.Errors, http.StatusServiceUnavailable)
	return op
}

// dedicated names the routes that a filter takes and whose verdicts are their
// pool's, so that what a pool refused is in both columns.
func (r *recorder) dedicated(route string) []string {
	var names []string
	for _, one := range r.model.Routes() {
		if one.Mode == "dedicated" && (route == "" || route == one.Name) {
			names = append(names, one.Name)
		}
	}
	return names
}

// userOf is the user of a login.
func userOf(login string) string { return mining.NewWorker(login).User }

// wrong is the problem of a parameter.
func wrong(name, text string) error {
	return huma.Error422UnprocessableEntity("", &huma.ErrorDetail{Location: strings.TrimSuffix("query."+name, "."), Message: text})
}

package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loka/stratum/internal/auth"
	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/view"
)

// EventList is the body of GET /api/v1/log.
type EventList events.Page

// eventing serves what happens and has happened.
type eventing struct {
	log   *events.Log
	model *view.Model
	now   func() time.Time
	// streams are those that follow; ending is closed when the server stops.
	streams places
	ending  <-chan struct{}
}

// eventings registers what there is of events.
func eventings(api huma.API, deps Deps) {
	e := &eventing{
		log: deps.Events, model: deps.Model, now: deps.Now, ending: deps.ending, streams: places{most: maxStreams, each: maxStreams / 2},
	}
	huma.Register(api, get("/api/v1/log", "log", "What has happened, the latest first", http.StatusForbidden, http.StatusUnprocessableEntity), e.list)
	op := get("/api/v1/pools/{name}/timeline", "pool-timeline", "The states that a pool was in, and the miners that came and went", http.StatusNotFound, http.StatusUnprocessableEntity)
	huma.Register(api, op, e.timeline)
	e.stream(api)
}

type logInput struct {
	Kinds    string `query:"kinds" doc:"Of these kinds only, with commas between: proxy, connection, share, block, job, pool, switch, alert, ban, act, reload; act is for admins. Empty: all but share and job"`
	Kind     string `query:"kind" doc:"The same"`
	Severity string `query:"severity" enum:"info,warning,critical" doc:"At least so severe"`
	Pool     string `query:"pool" doc:"About this pool only"`
	Route    string `query:"route" doc:"About this route only"`
	Worker   string `query:"worker" doc:"About this login only"`
	Q        string `query:"q" maxLength:"200" doc:"With this in the message, the address, or a name of what it is about, whatever the case"`
	Since    string `query:"since" doc:"Not before this time, written like from in /api/v1/history"`
	Until    string `query:"until" doc:"Before this time, written likewise"`
	Before   uint64 `query:"before" doc:"Before the event of this id: as the page before has it"`
	Limit    int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"At most so many"`
}

// list answers with a page of the log.
func (e *eventing) list(ctx context.Context, in *logInput) (*body[EventList], error) {
	kinds, err := kindsFor(ctx, "kinds", strings.Trim(in.Kinds+","+in.Kind, ","), events.Share, events.Job)
	if err != nil {
		return nil, err
	}
	f := events.Filter{
		Kinds: kinds, Severity: events.Severity(in.Severity), Pool: in.Pool, Route: in.Route, Worker: in.Worker, Text: in.Q,
		Before: in.Before, Limit: in.Limit,
	}
	for _, one := range []struct {
		name, text string
		to         *time.Time
	}{{"since", in.Since, &f.Since}, {"until", in.Until, &f.Until}} {
		if one.text == "" {
			continue
		}
		at, ok := moment(one.text, e.now())
		if !ok {
			return nil, wrong(one.name, timeAdvice)
		}
		*one.to = at
	}
	return &body[EventList]{EventList(e.log.Query(f))}, nil
}

// kindsFor reads a list of kinds; an empty one is all that who asks may see but for some.
func kindsFor(ctx context.Context, name, list string, but ...events.Kind) ([]events.Kind, error) {
	admin := identityOf(ctx).Role >= auth.Admin
	if list == "" {
		return slices.DeleteFunc(events.Kinds(), func(k events.Kind) bool {
			return slices.Contains(but, k) || k == events.Act && !admin
		}), nil
	}
	var kinds []events.Kind
	for text := range strings.SplitSeq(list, ",") {
		k, ok := events.KindOf(text)
		switch {
		case !ok:
			return nil, wrong(name, fmt.Sprintf("%q is no kind of event; there are %s", clip(text), joined(events.Kinds())))
		case k == events.Act && !admin:
			return nil, huma.Error403Forbidden("what administrators did is for the role admin; leave the kind act out, or show such a token")
		case !slices.Contains(kinds, k):
			kinds = append(kinds, k)
		}
	}
	return kinds, nil
}

func joined[T ~string](all []T) string {
	texts := make([]string, 0, len(all))
	for _, one := range all {
		texts = append(texts, string(one))
	}
	return strings.Join(texts, ", ")
}

type timelineInput struct {
	Period

	Name string `path:"name" doc:"As in /api/v1/pools"`
}

// timeline answers with what became of a pool.
func (e *eventing) timeline(_ context.Context, in *timelineInput) (*body[events.Timeline], error) {
	from, to, err := in.between(e.now(), defaultBack)
	if err != nil {
		return nil, err
	}
	t := e.log.Timeline(in.Name, from, to)
	known := slices.ContainsFunc(e.model.PoolStates(), func(p view.PoolState) bool { return p.Name == in.Name })
	if !known && !slices.ContainsFunc(t.Intervals, func(i events.Interval) bool { return i.State != events.Unknown && i.State != events.NotRunning }) {
		return nil, huma.Error404NotFound(fmt.Sprintf("no pool %q is configured, and none was then; /api/v1/pools lists them", in.Name))
	}
	return &body[events.Timeline]{t}, nil
}

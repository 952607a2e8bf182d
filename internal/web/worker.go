package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/loka/stratum/internal/view"
)

// spans are the times that plots and sums can be of.
//
//nolint:gochecknoglobals // a table
var spans = []struct {
	key, name string
	length    time.Duration
}{{"1h", "1 h", time.Hour}, {"24h", "24 h", 24 * time.Hour}, {"7d", "7 days", 7 * 24 * time.Hour}, {"30d", "30 days", 30 * 24 * time.Hour}}

// spanOf is the time that an address asks for.
func spanOf(q *query) (key, name string, length time.Duration, all []choice) {
	at := 1
	for i, one := range spans {
		if q.Get("span") == one.key {
			at = i
		}
	}
	for i, one := range spans {
		all = append(all, choice{one.key, one.name, q.with("span", one.key), i == at})
	}
	return spans[at].key, spans[at].name, spans[at].length, all
}

// workerPage is one worker.
type workerPage struct {
	view.Worker

	Spans    []choice
	SpanName string
	// History is where the plots' figures are.
	History string
	Earned  Earned
	Causes  []cause
	Known   bool // what was earned is
}

func (s *Server) worker(r *http.Request) (any, error) {
	name := r.PathValue("name")
	w, ok := s.deps.Model.Worker(name)
	if !ok {
		return nil, &Error{http.StatusNotFound, "There is no such worker", fmt.Sprintf("Nobody has logged in as %q, or had a share and was not forgotten since.", name)}
	}
	q := queryOf(r, "span")
	key, words, length, all := spanOf(&q)
	p := &workerPage{
		Worker: w, Spans: all, SpanName: words,
		History: "/api/v1/workers/" + url.PathEscape(name) + "/history?from=" + key,
	}
	p.Earned, p.Known = s.earnedOf(r.Context(), Whose{By: "farm", Worker: name}, length)
	p.Causes = causesOf(p.Earned.Lost)
	return p, nil
}

// earnedOf asks the store while the page is waited for; it is not known where that takes
// long, and is the next time.
func (s *Server) earnedOf(ctx context.Context, of Whose, length time.Duration) (Earned, bool) {
	if s.deps.Earner == nil {
		return Earned{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, 5*patience)
	defer cancel()
	_, all, err := s.deps.Earner.Earned(ctx, of, s.deps.Now().Add(-length))
	if err != nil && ctx.Err() == nil {
		s.deps.Logger.WarnContext(ctx, "the store did not say what was earned", "error", err)
	}
	return all, err == nil
}

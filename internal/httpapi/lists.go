package httpapi

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loka/stratum/internal/view"
)

// Listing is what the lists of workers, miners, pools and routes take.
type Listing struct {
	Paging

	Sort string `query:"sort" maxLength:"200" doc:"By these, with commas between, a minus before those that begin with the largest: -hashrate_1h,name. What is alike stays in the order that there is without"`
	Q    string `query:"q" maxLength:"200" doc:"With this in its name or what else is a text of it, whatever the case"`

	at url.URL
}

// Resolve implements [huma.Resolver]: links to other pages have the rest of the request.
func (l *Listing) Resolve(ctx huma.Context) []error {
	l.at = ctx.URL()
	return nil
}

// listed is a list with links to its other pages.
type listed[T any] struct {
	Link string `header:"Link" doc:"The first, previous, next and last page, where a limit makes pages (RFC 8288)"`
	Body T
}

// orders are the ways to sort a list, by name; all begin with the smallest.
type orders[T any] map[string]func(a, b *T) int

// pick has those of a list that match, in the order that is asked for, and cuts a page
// out; total is how many match. all is not changed.
func pick[T any](l *Listing, all []T, by orders[T], match func(*T) bool) (page []T, total int, err error) {
	compare, err := by.parse(l.Sort)
	if err != nil {
		return nil, 0, err
	}
	picked := make([]*T, 0, len(all))
	for i := range all {
		if match(&all[i]) {
			picked = append(picked, &all[i])
		}
	}
	if compare != nil {
		slices.SortStableFunc(picked, compare)
	}
	cutOut := cut(l.Paging, picked)
	page = make([]T, 0, len(cutOut))
	for _, one := range cutOut {
		page = append(page, *one)
	}
	return page, len(picked), nil
}

// sortKey is one thing to sort by; down begins with the largest.
type sortKey struct {
	name string
	down bool
}

// sortedBy reads what to sort by, of so many things; none is by nothing.
func sortedBy(text string, known []string) (all []sortKey, err error) {
	if text == "" {
		return nil, nil
	}
	for key := range strings.SplitSeq(text, ",") {
		name, down := strings.CutPrefix(key, "-")
		if !slices.Contains(known, name) {
			return nil, wrong("sort", fmt.Sprintf("%q is nothing to sort by; there are %s", clip(name), strings.Join(known, ", ")))
		}
		all = append(all, sortKey{name, down})
	}
	return all, nil
}

// parse reads what to sort by; nil is by nothing.
func (by orders[T]) parse(text string) (func(a, b *T) int, error) {
	keys, err := sortedBy(text, slices.Sorted(maps.Keys(by)))
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	return func(a, b *T) int {
		for _, key := range keys {
			c := by[key.name](a, b)
			if key.down {
				c = by[key.name](b, a)
			}
			if c != 0 {
				return c
			}
		}
		return 0
	}, nil
}

// links are those to other pages of a list of so many.
func (l *Listing) links(total int) string {
	if l.Limit <= 0 {
		return ""
	}
	var parts []string
	to := func(rel string, offset int) {
		at := l.at
		q := at.Query()
		q.Set("limit", strconv.Itoa(l.Limit))
		q.Set("offset", strconv.Itoa(offset))
		parts = append(parts, fmt.Sprintf("<%s?%s>; rel=%q", at.EscapedPath(), q.Encode(), rel))
	}
	to("first", 0)
	if l.Offset > 0 {
		to("prev", max(l.Offset-l.Limit, 0))
	}
	if l.Offset < total-l.Limit {
		to("next", l.Offset+l.Limit)
	}
	to("last", max(total-1, 0)/l.Limit*l.Limit)
	return strings.Join(parts, ", ")
}

// has says whether one of the texts has what is asked for in it.
func (l *Listing) has(texts ...string) bool {
	if l.Q == "" {
		return true
	}
	q := strings.ToLower(l.Q)
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(strings.ToLower(text), q) })
}

// is says whether a filter takes a value; an empty filter takes all.
func is(filter, value string) bool { return filter == "" || filter == value }

// by makes an order of what a row has.
func by[T any, V cmp.Ordered](of func(*T) V) func(a, b *T) int {
	return func(a, b *T) int { return cmp.Compare(of(a), of(b)) }
}

// byTime does so of a time that may never have been, which comes first.
func byTime[T any](of func(*T) *time.Time) func(a, b *T) int {
	return by(func(row *T) int64 {
		if t := of(row); t != nil {
			return t.UnixNano()
		}
		return -1 << 63
	})
}

// part is the first as a part of both; 0 where there is neither.
func part(of, rest uint64) float64 {
	if of == 0 {
		return 0
	}
	return float64(of) / float64(of+rest)
}

func minerOrders() orders[view.Miner] {
	type m = view.Miner
	return orders[m]{
		"id": by(func(r *m) uint64 { return r.ID }), "remote": by(func(r *m) string { return r.Remote }), "listener": by(func(r *m) string { return r.Listener }),
		"state": by(func(r *m) string { return r.State }), "user_agent": by(func(r *m) string { return r.UserAgent }),
		"worker": by(func(r *m) string { return strings.Join(r.Workers, ",") }), "route": by(func(r *m) string { return r.Route }), "pool": by(func(r *m) string { return r.Pool }),
		"difficulty": by(func(r *m) float64 { return r.Difficulty }), "hashrate": by(func(r *m) float64 { return r.Hashrate }),
		"accepted": by(func(r *m) uint64 { return r.Accepted }), "rejected": by(func(r *m) uint64 { return r.Rejected }),
		"reject_rate": by(func(r *m) float64 { return part(r.Rejected, r.Accepted) }), "score": by(func(r *m) float64 { return r.Score }),
		"since": byTime(func(r *m) *time.Time { return r.Since }), "last_share_at": byTime(func(r *m) *time.Time { return r.LastShareAt }),
	}
}

func poolOrders() orders[view.Pool] {
	type p = view.Pool
	return orders[p]{
		"name": by(func(r *p) string { return r.Name }), "state": by(func(r *p) string { return r.State }), "miners": by(func(r *p) int { return r.Miners }),
		"connections": by(func(r *p) int { return r.Connections }), "difficulty": by(func(r *p) float64 { return r.Difficulty }),
		"accepted": by(func(r *p) uint64 { return r.Accepted }), "rejected": by(func(r *p) uint64 { return r.Rejected }),
		"hashrate_1h": by(func(r *p) float64 { return r.Hashrate.Hour }), "hashrate_24h": by(func(r *p) float64 { return r.Hashrate.Day }),
		"rtt_seconds": by(func(r *p) float64 { return r.RTTSeconds }), "since": byTime(func(r *p) *time.Time { return r.Since }),
	}
}

func routeOrders() orders[view.Route] {
	type r = view.Route
	return orders[r]{
		"name": by(func(o *r) string { return o.Name }), "mode": by(func(o *r) string { return o.Mode }), "miners": by(func(o *r) int { return o.Miners }),
		"connections": by(func(o *r) int { return o.Connections }), "hashrate_1h": by(func(o *r) float64 { return o.Hashrate.Hour }),
		"hashrate_24h": by(func(o *r) float64 { return o.Hashrate.Day }), "accepted": by(func(o *r) uint64 { return o.Shares.Accepted }),
		"rejected": by(func(o *r) uint64 { return o.Shares.Rejected }),
	}
}

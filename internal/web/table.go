package web

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// query is what the address of a table asks for.
type query struct {
	url.Values

	path string
}

// most is how much text a query may have of one kind.
const most = 200

// queryOf reads the keys of an address that a table knows, besides sort and page.
func queryOf(r *http.Request, keys ...string) query {
	asked, known := r.URL.Query(), url.Values{}
	for _, key := range append(keys, "sort", "page") {
		if text := asked.Get(key); text != "" && len(text) <= most {
			known.Set(key, text)
		}
	}
	return query{known, r.URL.EscapedPath()}
}

// with is the address with one thing changed; other than pages begin at the first.
func (q *query) with(key, value string) string {
	v := maps.Clone(q.Values)
	if key != "page" {
		v.Del("page")
	}
	v.Set(key, value)
	if value == "" {
		v.Del(key)
	}
	if len(v) == 0 {
		return q.path
	}
	return q.path + "?" + v.Encode()
}

// column is a head of a table.
type column struct {
	// Key is what sorting by it is called; empty: that cannot be done.
	Key, Name string
	// Num is of numbers. Down says that the largest come first.
	Num, Down bool
	// Sorted is ascending or descending, or empty; Path sorts by it, or the other way.
	Sorted, Path string
}

// columns are heads with where they lead to.
func (q *query) columns(all []column, usual string) []column {
	key, down := q.order(usual)
	for i := range all {
		c := &all[i]
		if c.Key == "" {
			continue
		}
		next := c.Down
		if c.Key == key {
			next = !down
			c.Sorted = either(down, "descending", "ascending")
		}
		c.Path = q.with("sort", either(next, "-", "")+c.Key)
	}
	return all
}

// order is what to sort by, and whether the largest come first.
func (q *query) order(usual string) (key string, down bool) {
	key, down = strings.CutPrefix(orElse(q.Get("sort"), usual), "-")
	return key, down
}

// sortBy sorts by what is asked for, and what is alike by the usual order, in which no two
// are alike.
func sortBy[T any](all []T, orders map[string]func(a, b T) int, q *query, usual string) {
	key, down := q.order(usual)
	by, last := orders[key], orders[usual]
	if by == nil {
		by = last
	}
	slices.SortFunc(all, func(a, b T) int {
		order := by(a, b)
		if down {
			order = -order
		}
		if order != 0 {
			return order
		}
		return last(a, b)
	})
}

// choice is one of several.
type choice struct {
	Key, Name, Path string
	Chosen          bool
}

func (q *query) choice(key, value string) choice {
	return choice{value, value, q.with(key, value), q.Get(key) == value}
}

// choices begin with all.
func (q *query) choices(key, all string) []choice {
	return []choice{{"", all, q.with(key, ""), q.Get(key) == ""}}
}

// pager says which part of a table is shown and where the others are.
type pager struct {
	From, To, All int
	Page, Pages   int
	Next, Before  string
}

// Text is the part in words.
func (p pager) Text() string {
	if p.All == 0 {
		return "none"
	}
	return fmt.Sprintf("%s–%s of %s", count(p.From+1), count(p.To), count(p.All))
}

// page is the page that is asked for; there may be none of that number.
func (q *query) page() int {
	n, err := strconv.Atoi(q.Get("page"))
	if err != nil {
		return 1
	}
	return min(n, 1<<30)
}

func (q *query) pager(all, each int) pager {
	pages := max((all+each-1)/each, 1)
	n := min(max(q.page(), 1), pages)
	p := pager{From: (n - 1) * each, To: min(n*each, all), All: all, Page: n, Pages: pages}
	if n > 1 {
		p.Before = q.with("page", strconv.Itoa(n-1))
	}
	if n < pages {
		p.Next = q.with("page", strconv.Itoa(n+1))
	}
	return p
}

// kept are what a search leaves as it is.
func (q *query) kept() []choice {
	var all []choice
	for _, key := range slices.Sorted(maps.Keys(q.Values)) {
		if key != "q" && key != "page" && key != "show" && key != "before" {
			all = append(all, choice{Key: key, Name: q.Get(key)})
		}
	}
	return all
}

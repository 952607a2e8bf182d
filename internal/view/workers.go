package view

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
)

// WorkersShown are which workers are asked for.
type WorkersShown uint8

const (
	// AllWorkers are those that are connected or ever submitted a share.
	AllWorkers WorkersShown = iota
	// WorkersHere have an open connection, WorkersAway have none.
	WorkersHere
	WorkersAway
	// WorkersRejecting have more than one share of fifty refused by us, of twenty at the
	// least.
	WorkersRejecting
)

// WorkerOrder is one thing that workers are sorted by: one of [WorkerKeys].
type WorkerOrder struct {
	Key string
	// Down begins with the largest.
	Down bool
}

// WorkerQuery says which workers are asked for, and in which order.
type WorkerQuery struct {
	Shown WorkersShown
	// Text is a part of the name, whatever the case; Route and Pool are their route and
	// the pool that they work for now. Empty takes all.
	Text, Route, Pool string
	// By is the order; what is alike is by name.
	By []WorkerOrder
	// Offset leaves out so many first, and Limit the rest after so many; 0 is no limit.
	Offset, Limit int
}

// WorkerPage is a part of the workers.
type WorkerPage struct {
	Workers []Worker
	// Found counts those that were asked for on whatever page, All all there are, and Here
	// those that are connected.
	Found, All, Here int
}

// Workers finds workers. What is not on the page costs little: a farm may have very many.
// Others are shown the same: it is not to be changed, and where there are very many it may
// be of up to a second ago.
func (m *Model) Workers(q WorkerQuery) WorkerPage {
	if q.Limit <= 0 || q.Limit > someWorkers {
		m.long.Lock() // what is so large is not kept, and made once at a time
		defer m.long.Unlock()
		return m.find(&q)
	}
	return m.pages.of(fmt.Sprintf("%#v", q)).get(m.deps.Now, func(time.Time) WorkerPage { return m.find(&q) })
}

// find looks for workers.
func (m *Model) find(q *WorkerQuery) WorkerPage {
	s := search{query: q, text: strings.ToLower(q.Text), by: q.keys()}
	if q.Pool != "" || slices.ContainsFunc(s.by, func(k workerKey) bool { return k.present }) {
		s.here = m.present().here
	}
	var page WorkerPage
	m.deps.Books.Look(m.deps.Now(), func(g *ledger.Glance) {
		page.All++
		if g.Holders() > 0 {
			page.Here++
		}
		s.look(g)
	})
	page.Found = len(s.books)
	places := s.sorted()
	books := make([]*ledger.WorkerBook, 0, len(places))
	connections := 0
	for _, i := range places {
		books = append(books, s.books[i])
		connections += s.books[i].Holders()
	}
	if s.here == nil && connections > someWorkers {
		s.here = m.present().here
	}
	now := m.deps.Now()
	read := m.deps.Books.Read(books, now)
	page.Workers = make([]Worker, 0, len(read))
	for i := range read {
		page.Workers = append(page.Workers, worker(&read[i], m.attendance(read[i].Name, &s), now))
	}
	return page
}

// someWorkers is how many connections are looked at one by one: to look at all of them is
// cheaper for more, and is remembered. It is the longest page that is remembered, too.
const someWorkers = 500

// attendance is what the open connections say of a login that was found.
func (m *Model) attendance(login string, s *search) *attendance {
	if s.here != nil {
		return s.here[login]
	}
	return presence(m.deps.Hub.MinersOf(login))[login]
}

// pages are those that were asked for last.
type pages struct {
	mu   sync.Mutex
	kept map[string]*lately[WorkerPage]
}

// mostPages bounds how many are kept.
const mostPages = 32

// of is the page of a query.
func (p *pages) of(query string) *lately[WorkerPage] {
	p.mu.Lock()
	defer p.mu.Unlock()
	page, ok := p.kept[query]
	if !ok {
		if len(p.kept) >= mostPages || p.kept == nil {
			p.kept = make(map[string]*lately[WorkerPage])
		}
		page = new(lately[WorkerPage])
		p.kept[query] = page
	}
	return page
}

// Away counts workers without a connection that had a share within a time.
func (m *Model) Away(within time.Duration) (n int) {
	now := m.deps.Now()
	limit := now.Add(-within).UnixNano()
	m.deps.Books.Look(now, func(g *ledger.Glance) {
		if g.Holders() == 0 && g.Last() > limit {
			n++
		}
	})
	return n
}

// search is what is found of a query.
type search struct {
	query *WorkerQuery
	text  string
	by    []workerKey
	here  map[string]*attendance

	// books are those that were found, by name; keys are what each is sorted by, as many
	// as there are in by.
	books []*ledger.WorkerBook
	keys  []float64
}

// look takes a worker up that is asked for.
func (s *search) look(g *ledger.Glance) {
	q := s.query
	if q.Route != "" && g.Route() != q.Route || s.text != "" && !strings.Contains(strings.ToLower(g.Name()), s.text) {
		return
	}
	switch q.Shown {
	case AllWorkers:
	case WorkersHere, WorkersAway:
		if (g.Holders() > 0) != (q.Shown == WorkersHere) {
			return
		}
	case WorkersRejecting:
		ours := &g.Tally().Ours
		if all := ours.Accepted() + ours.Rejected(); all < 20 || float64(ours.Rejected()) <= 0.02*float64(all) {
			return
		}
	}
	var here attendance
	if at := s.here[g.Name()]; at != nil {
		here = *at
	}
	if q.Pool != "" && here.pool != q.Pool {
		return
	}
	for i := range s.by {
		k := &s.by[i]
		s.keys = append(s.keys, k.of(k, g, &here))
	}
	s.books = append(s.books, g.Book())
}

// sorted are the places in books of what is on the page, in order.
func (s *search) sorted() []int {
	n, from := len(s.books), min(max(s.query.Offset, 0), len(s.books))
	to := n
	if limit := s.query.Limit; limit > 0 && limit < n-from {
		to = from + limit
	}
	places := make([]int, 0, min(n, 2*to))
	if len(s.by) == 0 { // they are by name
		for i := from; i < to; i++ {
			places = append(places, i)
		}
		return places
	}
	for i := range s.by {
		s.by[i].rank(s.keys, i, len(s.by))
	}
	// Few of many are inserted one by one, so that the others need not be sorted.
	const few = 500
	if to > few {
		for i := range n {
			places = append(places, i)
		}
		slices.SortFunc(places, s.compare)
		return places[from:to]
	}
	for i := range n {
		if len(places) == to {
			if to == 0 || s.compare(i, places[to-1]) > 0 {
				continue
			}
			places = places[:to-1]
		}
		at, _ := slices.BinarySearchFunc(places, i, s.compare)
		places = slices.Insert(places, at, i)
	}
	return places[from:]
}

func (s *search) compare(a, b int) int {
	for i := range s.by {
		x, y := s.keys[a*len(s.by)+i], s.keys[b*len(s.by)+i]
		switch {
		case x == y:
		case (x < y) != s.by[i].down:
			return -1
		default:
			return 1
		}
	}
	return a - b // by name
}

// workerKey is something that workers are sorted by: a number of each. Words are numbered
// as they come, and rank puts their numbers in order.
type workerKey struct {
	of func(k *workerKey, g *ledger.Glance, here *attendance) float64
	// present says that it is about the open connections.
	present, down bool
	words         map[string]float64
	seen          float64
}

// word is the number of a word.
func (k *workerKey) word(text string) float64 {
	n, ok := k.words[text]
	if !ok {
		n = float64(len(k.words))
		k.words[text] = n
	}
	return n
}

// rank replaces the numbers of words by their places in order, in the i-th of every so many
// keys.
func (k *workerKey) rank(keys []float64, i, every int) {
	if len(k.words) == 0 {
		return
	}
	place := make([]float64, len(k.words))
	for p, text := range slices.Sorted(maps.Keys(k.words)) {
		place[int(k.words[text])] = float64(p)
	}
	for ; i < len(keys); i += every {
		keys[i] = place[int(keys[i])]
	}
}

// keys are the query's, but for such as there are none.
func (q *WorkerQuery) keys() []workerKey {
	var all []workerKey
	known := workerKeys()
	for _, by := range q.By {
		if by == (WorkerOrder{Key: "name"}) {
			break // they are, and no two names are alike
		}
		if k, ok := known[by.Key]; ok {
			k.down, k.words = by.Down, make(map[string]float64)
			all = append(all, k)
		}
	}
	return all
}

// WorkerKeys are what workers can be sorted by.
func WorkerKeys() []string { return slices.Sorted(maps.Keys(workerKeys())) }

func workerKeys() map[string]workerKey {
	tally := func(of func(t *ledger.Tally) float64) workerKey {
		return workerKey{of: func(_ *workerKey, g *ledger.Glance, _ *attendance) float64 { return of(g.Tally()) }}
	}
	rate := func(w ledger.Window) workerKey {
		return workerKey{of: func(_ *workerKey, g *ledger.Glance, _ *attendance) float64 { return g.Hashrate(w) }}
	}
	return map[string]workerKey{
		"name": {of: func(k *workerKey, _ *ledger.Glance, _ *attendance) float64 {
			k.seen++ // they come by name
			return k.seen
		}},
		"route": {of: func(k *workerKey, g *ledger.Glance, _ *attendance) float64 { return k.word(g.Route()) }},
		"pool":  {present: true, of: func(k *workerKey, _ *ledger.Glance, here *attendance) float64 { return k.word(here.pool) }},
		"miners": {of: func(_ *workerKey, g *ledger.Glance, _ *attendance) float64 {
			return float64(g.Holders())
		}},
		"difficulty":    {present: true, of: func(_ *workerKey, _ *ledger.Glance, here *attendance) float64 { return here.difficulty }},
		"hashrate_1m":   rate(ledger.Minute),
		"hashrate_10m":  rate(ledger.TenMinutes),
		"hashrate_1h":   rate(ledger.Hour),
		"hashrate_24h":  rate(ledger.Day),
		"value_sat_24h": {of: func(_ *workerKey, g *ledger.Glance, _ *attendance) float64 { return g.Value(ledger.Day) }},
		"accepted":      tally(func(t *ledger.Tally) float64 { return float64(t.Ours.Accepted()) }),
		"rejected":      tally(func(t *ledger.Tally) float64 { return float64(t.Ours.Rejected()) }),
		"stale":         tally(func(t *ledger.Tally) float64 { return float64(t.Ours.Of(mining.Stale)) }),
		"reject_rate": tally(func(t *ledger.Tally) float64 {
			refused := float64(t.Ours.Rejected())
			return refused / max(refused+float64(t.Ours.Accepted()), 1)
		}),
		"pool_accepted":   tally(func(t *ledger.Tally) float64 { return float64(t.Pools.Accepted()) }),
		"pool_rejected":   tally(func(t *ledger.Tally) float64 { return float64(t.Pools.Refused()) }),
		"work_accepted":   tally((*ledger.Tally).WorkAccepted),
		"best_difficulty": {of: func(_ *workerKey, g *ledger.Glance, _ *attendance) float64 { return g.Best() }},
		"last_share_at":   {of: func(_ *workerKey, g *ledger.Glance, _ *attendance) float64 { return float64(g.Last()) }},
		"since":           {of: func(_ *workerKey, g *ledger.Glance, _ *attendance) float64 { return float64(g.Since()) }},
	}
}

package journal

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/sqlite"
	"github.com/loka/stratum/work"
)

// farm is a ledger with a journal over a real log and a real warehouse, and what
// both should have counted.
type farm struct {
	*rapid.T

	ctx      context.Context
	path     string
	instance string
	remote   store.Warehouse // nil: the warehouse is the log's file

	disk  *sqlite.Store
	house store.Warehouse
	j     *Journal
	books *ledger.Ledger
	now   time.Time
	begun time.Time
	// recalled says that there was a restart, forgotten that what is known of
	// windows did not outlive it.
	recalled, remembers, forgotten bool
	// partly says that no single shares were kept in one of the lives.
	partly bool

	random                 *rand.Rand
	workers, pools, routes []string
	jobs                   []*mining.Job

	kept *model // what is in the log or beyond
	// waiting is what is not, and open are shares that there may be news of.
	waiting []deed
	open    []deed
}

// newFarm is one that nothing was done in.
func newFarm(ctx context.Context, t *rapid.T, dir, instance string, remote store.Warehouse) *farm {
	seed := rapid.Uint64().Draw(t, "seed")
	f := &farm{
		T: t, ctx: ctx, path: filepath.Join(dir, instance+".db"), instance: instance, remote: remote,
		now: epoch.Add(time.Duration(rapid.Int64Range(0, 400*24).Draw(t, "hours")) * time.Hour), kept: newModel(),
		random: rand.New(rand.NewPCG(seed, 1)),
	}
	f.begun = f.now
	odd := []string{"plain", "a", ".a", "a.", "a.b.c", "=sum(A1)", "-rig", "a\x00b", "a\uFFFDb", "\xff\xfe", "名前.rig", "with, comma", `with "quote"`, "two words.x"}
	for i := range rapid.IntRange(1, 60).Draw(t, "workers") {
		if i < len(odd) {
			f.workers = append(f.workers, odd[i])
		} else {
			f.workers = append(f.workers, fmt.Sprintf("user%d.rig%d", i%7, i))
		}
	}
	for i := range rapid.IntRange(1, 4).Draw(t, "pools") {
		f.pools = append(f.pools, fmt.Sprint("pool", i))
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "routes") {
		f.routes = append(f.routes, fmt.Sprint("route", i))
	}
	for range rapid.IntRange(1, 8).Draw(t, "jobs") {
		f.jobs = append(f.jobs, &mining.Job{
			Network: work.Difficulty(math.Exp(f.random.Float64()*35 - 2)), Reward: f.random.Int64N(1_000_000_000_000), Height: 900_000,
		})
	}
	f.jobs = append(f.jobs, nil, new(mining.Job))
	return f
}

func (f *farm) try(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// start begins a life of the process.
func (f *farm) start() {
	var err error
	f.disk, err = sqlite.Open(f.ctx, f.path)
	f.try(err)
	f.house = f.remote
	if f.house == nil {
		f.house = f.disk
	}
	kept := rapid.SampledFrom([]time.Duration{keep, keep, keep, 0}).Draw(f.T, "kept")
	f.partly = f.partly || kept == 0
	f.j, err = New(f.ctx, Config{Instance: f.instance, KeepShares: kept, ChunkShares: rapid.SampledFrom([]int{1, 200, 100_000}).Draw(f.T, "chunk")}, Deps{Disk: f.disk, Warehouse: f.house})
	f.try(err)
	first, err := f.j.FirstID(f.ctx, f.now)
	f.try(err)
	f.books = ledger.New(ledger.Config{Sink: f.j, FirstID: first}, f.now)
	f.try(f.j.Restore(f.ctx, f.books, f.now))
}

// stop ends it, killed or in good order.
func (f *farm) stop(killed bool) {
	if killed {
		f.waiting, f.open = nil, slices.DeleteFunc(f.open, func(d deed) bool { return f.kept.shares[uint64(d.ID)] == nil })
		f.forgotten = f.forgotten || !f.remembers
	} else {
		f.flush()
		f.remember()
		f.try(f.j.shipAll(f.ctx))
	}
	f.recalled = true
	f.close()
}

func (f *farm) close() {
	if f.disk != nil {
		f.try(f.disk.Close())
		f.disk = nil
	}
}

func (f *farm) flush() {
	f.j.flush(f.ctx, f.now)
	f.try(f.j.Status().Flush.Err)
	f.written()
}

// written: all that waited is in the log.
func (f *farm) written() {
	for i := range f.waiting {
		f.kept.take(&f.waiting[i])
	}
	f.waiting = f.waiting[:0]
}

func (f *farm) remember() {
	f.try(f.j.remember(f.ctx, f.now))
	f.written()
	f.remembers = true
}

// sampled picks one, or now and then none.
func sampled(r *rand.Rand, of []string, none string) string {
	if r.IntN(40) == 0 {
		return none
	}
	// The first are picked more often, as some have more machines.
	return of[int(float64(len(of))*math.Pow(r.Float64(), 2))]
}

// shelve fills in a deed's books by its names.
func (f *farm) shelve(d *deed) {
	if d.worker != ledger.UnknownWorker {
		d.Worker = f.books.Worker(d.worker, d.route, f.now)
		f.books.Release(d.Worker)
	}
	if d.pool != ledger.NoPool {
		d.Pool = f.books.Pool(d.pool, f.now)
	}
	if d.route != ledger.NoRoute {
		d.Route = f.books.Route(d.route, f.now)
	}
}

// difficulty is anything, now and then nonsense.
func (f *farm) difficulty() work.Difficulty {
	switch f.random.IntN(200) {
	case 0:
		return work.Difficulty(math.NaN())
	case 1:
		return -1
	case 2:
		return 0
	}
	return work.Difficulty(math.Exp(f.random.Float64()*40 - 5))
}

func (f *farm) verdict() mining.Verdict {
	all := mining.Verdicts()
	if f.random.IntN(3) > 0 {
		return mining.Accepted
	}
	return all[f.random.IntN(len(all))]
}

// done makes a deed.
func (f *farm) done(back time.Duration) deed {
	r := f.random
	var d deed
	d.worker = sampled(r, f.workers, ledger.UnknownWorker)
	d.pool = sampled(r, f.pools, ledger.NoPool)
	d.route = sampled(r, f.routes, ledger.NoRoute)
	d.Job = f.jobs[r.IntN(len(f.jobs))]
	d.At = f.now.Add(-time.Duration(r.Int64N(int64(back) + 1)))
	switch r.IntN(12) {
	case 0:
		d.Unsent = max(f.difficulty(), 1)
	case 1:
		d.Twice, d.PoolVerdict, d.PoolDifficulty = true, f.verdict(), f.difficulty()
	case 2, 3: // as a dedicated miner's: both at once
		d.Verdict, d.Difficulty, d.ShareDifficulty = f.verdict(), f.difficulty(), f.difficulty()
		d.PoolVerdict, d.PoolDifficulty, d.Sent = d.Verdict, d.Difficulty, true
	default:
		d.Verdict, d.Difficulty, d.ShareDifficulty = f.verdict(), f.difficulty(), f.difficulty()
	}
	return d
}

// record records some deeds, and news of earlier ones.
func (f *farm) record(n int, back time.Duration) {
	for range n {
		if r := f.random; len(f.open) > 0 && r.IntN(3) == 0 {
			f.news(r.IntN(len(f.open)))
			continue
		}
		if f.random.IntN(100) == 0 {
			f.block()
			continue
		}
		d := f.done(back)
		f.shelve(&d)
		d.ID = f.books.Record(d.Entry)
		f.waiting = append(f.waiting, d)
		if d.Verdict != mining.Pending && d.PoolVerdict == mining.Pending {
			f.open = append(f.open, d)
		}
	}
}

// news records the pool's word on an earlier share: that it was sent and what the
// pool said, or, after nothing, what it said late.
func (f *farm) news(i int) {
	was := f.open[i]
	d := deed{worker: was.worker, pool: was.pool, route: was.route}
	d.ID, d.At, d.Job = was.ID, was.At, was.Job
	d.Sent, d.PoolVerdict, d.PoolDifficulty = was.PoolVerdict == mining.Pending, f.verdict(), f.difficulty()
	f.shelve(&d)
	f.books.Record(d.Entry)
	f.waiting = append(f.waiting, d)
	if d.Sent && d.PoolVerdict == mining.Unanswered {
		f.open[i].PoolVerdict = mining.Unanswered
		return
	}
	f.open = slices.Delete(f.open, i, i+1)
}

// block finds one.
func (f *farm) block() {
	d := f.done(0)
	e := ledger.Entry{Job: d.Job, Found: true, ShareDifficulty: f.difficulty(), At: f.now, PoolVerdict: f.verdict()}
	d.Entry = e
	for i := range d.hash {
		d.hash[i] = byte(f.random.Uint32())
	}
	f.shelve(&d)
	f.books.Found(ledger.Block{
		Hash: d.hash, At: d.At, Worker: d.Worker, Pool: d.Pool, Route: d.Route, Job: d.Job, Difficulty: d.ShareDifficulty, Verdict: d.PoolVerdict,
	})
	f.waiting = append(f.waiting, d)
}

// live lets things happen.
func (f *farm) live() {
	gaps := []time.Duration{0, 300 * time.Millisecond, 4 * time.Second, 50 * time.Second, 7 * time.Minute, 100 * time.Minute, 26 * time.Hour}
	gaps = gaps[:rapid.IntRange(2, len(gaps)).Draw(f.T, "gaps")]
	backs := []time.Duration{0, time.Second, time.Hour, 50 * time.Hour}
	for range rapid.IntRange(3, 16).Draw(f.T, "steps") {
		f.now = f.now.Add(rapid.SampledFrom(gaps).Draw(f.T, "gap"))
		switch rapid.IntRange(0, 9).Draw(f.T, "do") {
		case 0, 1, 2, 3, 4:
			f.record(rapid.IntRange(1, 250).Draw(f.T, "n"), rapid.SampledFrom(backs).Draw(f.T, "back"))
		case 5, 6:
			f.flush()
		case 7:
			f.books.Tick(f.now)
		case 8:
			f.try(f.j.ship(f.ctx, f.now))
			f.written()
		case 9:
			f.remember()
		}
	}
}

// all is what the ledger should have: what is kept and what waits.
func (f *farm) all() *model {
	m := newModel()
	m.add(f.kept)
	for i := range f.waiting {
		m.take(&f.waiting[i])
	}
	return m
}

// ledger holds the ledger's books to the model.
func (f *farm) ledger(when string) {
	m, s := f.all(), f.books.Snapshot(f.now)
	check := func(of *ledger.Account, pick func(*store.Key) bool) {
		want, best := m.tally(pick)
		if !sameTally(&of.Tally, &want) || float64(of.Best) != best {
			f.Fatalf("%s: the ledger's %q has %+v, want %+v", when, of.Name, of, want)
		}
	}
	check(&s.Total, func(*store.Key) bool { return true })
	names := map[string]map[string]bool{"worker": {}, "pool": {}, "route": {}}
	workers, pools, routes := make([]ledger.Account, 0, len(s.Workers)), make([]ledger.Account, 0, len(s.Pools)), make([]ledger.Account, 0, len(s.Routes))
	for i := range s.Workers {
		w := &s.Workers[i].Account
		check(w, func(k *store.Key) bool { return k.Worker == w.Name })
		names["worker"][w.Name] = true
		workers = append(workers, *w)
	}
	for i := range s.Pools {
		check(&s.Pools[i], func(k *store.Key) bool { return k.Pool == s.Pools[i].Name })
		names["pool"][s.Pools[i].Name] = true
		pools = append(pools, s.Pools[i])
	}
	for i := range s.Routes {
		check(&s.Routes[i], func(k *store.Key) bool { return k.Route == s.Routes[i].Name })
		names["route"][s.Routes[i].Name] = true
		routes = append(routes, s.Routes[i])
	}
	for k := range m.cells {
		if !names["worker"][k.Worker] || !names["pool"][k.Pool] || !names["route"][k.Route] {
			f.Fatalf("%s: the ledger does not know %+v", when, k)
		}
	}
	for _, part := range []struct {
		of  string
		all []ledger.Account
	}{{"workers", workers}, {"pools", pools}, {"routes", routes}} {
		f.windows(when, part.of, part.all, &s.Total)
	}
}

// windows holds what accounts did within windows to what all did, and to all that
// was ever done where a window goes as far back.
func (f *farm) windows(when, of string, all []ledger.Account, total *ledger.Account) {
	for w := range total.Recent {
		var sum ledger.Recent
		for i := range all {
			r := &all[i].Recent[w]
			sum.Accepted, sum.Rejected = sum.Accepted+r.Accepted, sum.Rejected+r.Rejected
			sum.PoolAccepted, sum.PoolRefused = sum.PoolAccepted+r.PoolAccepted, sum.PoolRefused+r.PoolRefused
			sum.Work, sum.PoolWork = sum.Work+r.Work, sum.PoolWork+r.PoolWork
			sum.Value, sum.PoolValue = sum.Value+r.Value, sum.PoolValue+r.PoolValue
		}
		if f.forgotten {
			continue
		}
		got := &total.Recent[w]
		t := &total.Tally
		ever := ledger.Recent{
			Accepted: t.Ours.Accepted(), Rejected: t.Ours.Rejected(), PoolAccepted: t.Pools.Accepted(), PoolRefused: t.Pools.Refused(),
			Work: t.WorkAccepted(), PoolWork: t.PoolWorkAccepted(),
			Value: t.Ours[mining.Accepted].Value.Float(), PoolValue: t.Pools[mining.Accepted].Value.Float(),
		}
		if !f.sameRecent(got, &sum, &ever) {
			f.Fatalf("%s: within %v all did %+v, %s together %+v", when, ledger.Window(w), got, of, sum)
		}
		if f.now.Sub(f.begun) < ledger.Window(w).Length() && !f.sameRecent(got, &ever, &ever) {
			f.Fatalf("%s: within %v all did %+v, and ever %+v", when, ledger.Window(w), got, ever)
		}
	}
}

// sameRecent compares what was done: numbers exactly, sums as floats allow, of
// which windows are differences; what outlives a restart is kept with 7 digits.
func (f *farm) sameRecent(a, b, ever *ledger.Recent) bool {
	near := func(a, b, ever float64) bool {
		within := 1e-12 * ever
		if f.recalled {
			within += 1e-6 * max(a, b)
		}
		return math.Abs(a-b) <= within+1e-9*max(a, b)
	}
	return a.Accepted == b.Accepted && a.Rejected == b.Rejected && a.PoolAccepted == b.PoolAccepted && a.PoolRefused == b.PoolRefused &&
		near(a.Work, b.Work, ever.Work) && near(a.PoolWork, b.PoolWork, ever.PoolWork) &&
		near(a.Value, b.Value, ever.Value) && near(a.PoolValue, b.PoolValue, ever.PoolValue)
}

// history holds the warehouse to the model.
func (f *farm) history() {
	filter := store.Filter{Instance: f.instance}
	for _, step := range store.Steps() {
		f.series(filter, step)
		for n := range 16 {
			f.sums(filter, step, store.Group{Worker: n&1 > 0, User: n&2 > 0, Pool: n&4 > 0, Route: n&8 > 0})
		}
		f.rollups(filter, step)
	}
	f.shares(filter)
	got, err := f.house.Blocks(f.ctx, filter, 1_000_000)
	f.try(err)
	blocks := make(map[string]mining.Verdict)
	for _, b := range got {
		blocks[b.Hash] = b.Verdict
	}
	if !maps.Equal(blocks, f.kept.blocks) {
		f.Fatalf("blocks are %v, want %v", blocks, f.kept.blocks)
	}
}

func floor(step store.Step, at int64) int64 { return step.Floor(time.Unix(at, 0)).Unix() }

func (f *farm) same(what string, got, want sums) {
	f.Helper()
	if d := got.differ(want); d != "" {
		f.Fatalf("%s: %s", what, d)
	}
}

func (f *farm) series(filter store.Filter, step store.Step) {
	points, err := f.house.Series(f.ctx, filter, step)
	f.try(err)
	got := make(sums)
	for i := range points {
		p := &points[i]
		got.add(group{at: p.At.Unix(), side: p.Side, verdict: p.Verdict}, p.Cell)
	}
	f.same("the series by the "+step.String(), got, f.kept.by(func(k *rowKey, _ string) (group, bool) { return group{at: floor(step, k.at)}, true }))
}

func (f *farm) sums(filter store.Filter, step store.Step, by store.Group) {
	all, err := f.house.Sums(f.ctx, filter, step, by)
	f.try(err)
	got := make(sums)
	for i := range all {
		s := &all[i]
		got.add(group{worker: s.Worker, user: s.User, pool: s.Pool, route: s.Route, side: s.Side, verdict: s.Verdict}, s.Cell)
	}
	f.same(fmt.Sprintf("sums by the %v of %+v", step, by), got, f.kept.by(func(k *rowKey, user string) (g group, ok bool) {
		if by.Worker {
			g.worker = k.Worker
		}
		if by.Worker || by.User {
			g.user = user
		}
		if by.Pool {
			g.pool = k.Pool
		}
		if by.Route {
			g.route = k.Route
		}
		return g, true
	}))
}

func (f *farm) rollups(filter store.Filter, step store.Step) {
	got := make(sums)
	f.try(f.house.Rollups(f.ctx, filter, step, func(r *store.Rollup) error {
		got.add(group{at: r.At.Unix(), worker: r.Worker, pool: r.Pool, route: r.Route, side: r.Side, verdict: r.Verdict}, r.Cell)
		return nil
	}))
	f.same("rollups by the "+step.String(), got, f.kept.by(func(k *rowKey, _ string) (group, bool) {
		return group{at: floor(step, k.at), worker: k.Worker, pool: k.Pool, route: k.Route}, true
	}))
}

// shares holds each single share to the model, and what they add up to by the
// minute to the rollups of what happens to a share once. Where some were not kept, nor
// what is news of others, those that are there are among them.
func (f *farm) shares(filter store.Filter) {
	if f.partly {
		f.try(f.house.Shares(f.ctx, filter, func(s *store.Share) error {
			if want := f.kept.shares[s.ID]; want == nil || want.Worker != s.Worker || want.Verdict != s.Verdict || want.Value != s.Value {
				f.Fatalf("a share is %+v, want %+v", s, want)
			}
			return nil
		}))
		return
	}
	n, got := 0, make(sums)
	f.try(f.house.Shares(f.ctx, filter, func(s *store.Share) error {
		n++
		if want := f.kept.shares[s.ID]; want == nil || *want != *s {
			f.Fatalf("a share is %+v, want %+v", s, want)
		}
		of := group{at: floor(store.Minute, s.At.Unix()), worker: s.Worker, pool: s.Pool, route: s.Route, side: store.Ours, verdict: s.Verdict}
		got.add(of, store.Cell{Shares: 1, Work: s.Difficulty, Value: s.Value})
		return nil
	}))
	if n != len(f.kept.shares) {
		f.Fatalf("there are %d shares, want %d", n, len(f.kept.shares))
	}
	want := f.kept.by(func(k *rowKey, _ string) (group, bool) {
		return group{at: k.at, worker: k.Worker, pool: k.Pool, route: k.Route}, k.Side == store.Ours
	})
	for g, c := range want {
		c.Best, c.Blocks = 0, 0
		want[g] = c
	}
	f.same("single shares", got, want)
}

package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/work"
)

// keep is for how long the rigs keep single shares.
const keep = 48 * time.Hour

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestMain(m *testing.M) {
	code := m.Run()
	err := servers.Close(os.Stderr)
	if code == 0 {
		err = errors.Join(err, goleak.Find())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// rig is a ledger with a journal, and what both write to.
type rig struct {
	t interface {
		Fatal(args ...any)
		Helper()
	}
	disk  *fakeDisk
	house *fakeWarehouse
	cfg   Config
	log   bytes.Buffer

	j     *Journal
	books *ledger.Ledger
}

func newRig(t interface {
	Fatal(args ...any)
	Helper()
}, cfg Config,
) *rig {
	cfg.Instance = "here"
	return &rig{t: t, disk: newDisk(), house: newWarehouse(), cfg: cfg}
}

// start begins a life of the process.
func (r *rig) start(now time.Time) {
	r.t.Helper()
	ctx := context.Background()
	j, err := New(ctx, r.cfg, Deps{Disk: r.disk, Warehouse: r.house, Logger: slog.New(slog.NewTextHandler(&r.log, nil))})
	if err != nil {
		r.t.Fatal(err)
	}
	first, err := j.FirstID(ctx, now)
	if err != nil {
		r.t.Fatal(err)
	}
	r.j, r.books = j, ledger.New(ledger.Config{Sink: j, FirstID: first}, now)
	if err := j.Restore(ctx, r.books, now); err != nil {
		r.t.Fatal(err)
	}
}

// share records a share that the pool accepts.
func (r *rig) share(worker string, d work.Difficulty, now time.Time) {
	w, p, route := r.books.Worker(worker, "farm", now), r.books.Pool("main", now), r.books.Route("farm", now)
	job := &mining.Job{Reward: 312_500_000, Network: 1e12}
	id := r.books.Record(ledger.Entry{Worker: w, Pool: p, Route: route, Job: job, Verdict: mining.Accepted, Difficulty: d, ShareDifficulty: 2 * d, At: now})
	r.books.Record(ledger.Entry{ID: id, Worker: w, Pool: p, Route: route, Job: job, Sent: true, PoolVerdict: mining.Accepted, PoolDifficulty: d, At: now})
}

func accepted(l *ledger.Ledger, now time.Time) uint64 {
	total := l.Total(now)
	return total.Tally.Ours.Accepted()
}

func stale(l *ledger.Ledger, now time.Time) uint64 {
	total := l.Total(now)
	return total.Tally.Ours.Of(mining.Stale)
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b), 1) }

// agree says whether sums of a warehouse are the ledger's.
func agree(sums map[store.Key]store.Cell, l *ledger.Ledger, now time.Time) bool {
	var all ledger.Tally
	for k, c := range sums {
		cell := ledger.Cell{Shares: c.Shares, Work: c.Work, Value: c.Value}
		switch k.Side {
		case store.Ours:
			add(&all.Ours[k.Verdict], cell)
			all.Blocks += c.Blocks
		case store.Pools:
			add(&all.Pools[k.Verdict], cell)
		case store.Sent:
			add(&all.Sent, cell)
		case store.Unsent:
			add(&all.Unsent, cell)
		case store.Twice:
			add(&all.Twice, cell)
		case store.Found:
			add(&all.Found, cell)
		}
	}
	got := l.Total(now).Tally
	same := func(a, b ledger.Cell) bool { return a.Shares == b.Shares && a.Value == b.Value && near(a.Work, b.Work) }
	ok := same(all.Sent, got.Sent) && same(all.Unsent, got.Unsent) && same(all.Twice, got.Twice) && same(all.Found, got.Found) && near(all.Blocks, got.Blocks)
	for v := range all.Ours {
		ok = ok && same(all.Ours[v], got.Ours[v]) && same(all.Pools[v], got.Pools[v])
	}
	return ok
}

func add(c *ledger.Cell, o ledger.Cell) {
	c.Shares += o.Shares
	c.Work += o.Work
	c.Value = c.Value.Add(o.Value)
}

// TestRandomLives records random streams over several lives of the process, with
// a disk and a warehouse that fail on the way, in the midst of a chunk too, do what they
// were asked and fail to say so, and lives that are cut short, after which the instance may
// have another name and chunks another size. What was on the disk when a life was cut
// is there in the next, once; and in the end the warehouse has all of it.
func TestRandomLives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newRig(t, Config{
			KeepShares: keep,
			MaxPending: rapid.SampledFrom([]int{4, 1000}).Draw(t, "room"), ChunkShares: rapid.SampledFrom([]int{1, 3, 1000}).Draw(t, "chunk"),
			MaxDisk: rapid.SampledFrom([]int64{0, 1}).Draw(t, "disk"),
		})
		ctx := context.Background()
		now := epoch
		trouble := func(string) (before, after error) {
			switch rapid.IntRange(0, 9).Draw(t, "trouble") {
			case 0:
				return errDisk, nil
			case 1:
				return nil, errDisk
			}
			return nil, nil
		}
		r.house.parts = rapid.SampledFrom([]int{0, 0, 1, 4}).Draw(t, "records at a time")
		var shares, refused, doubtful uint64
		r.start(now)
		for range rapid.IntRange(1, 4).Draw(t, "lives") {
			var waiting uint64
			for range rapid.IntRange(0, 12).Draw(t, "steps") {
				now = now.Add(rapid.SampledFrom([]time.Duration{0, time.Second, 40 * time.Second, 3 * time.Hour}).Draw(t, "gap"))
				r.disk.fail, r.house.fail = trouble, trouble
				switch do := rapid.IntRange(0, 6).Draw(t, "do"); do {
				case 0, 1, 2:
					r.share(rapid.SampledFrom([]string{"a.1", "a.2", "b"}).Draw(t, "worker"), work.Difficulty(rapid.Float64Range(1e-3, 1e9).Draw(t, "difficulty")), now)
					waiting++
				case 3:
					r.books.Record(ledger.Entry{Verdict: mining.Stale, Difficulty: 5, At: now})
					refused++
				case 4, 5:
					if do == 4 {
						r.j.flush(ctx, now)
					} else {
						_ = r.j.ship(ctx, now)
					}
					if r.j.Status().Flush.Err == nil {
						shares, waiting = shares+waiting, 0
					}
				case 6:
					_ = r.j.tidy(ctx, now)
				}
			}
			r.disk.fail, r.house.fail = nil, nil
			if rapid.Bool().Draw(t, "killed") {
				doubtful += waiting // a frame may have been written that we were not told of
			} else {
				if err := r.j.finish(ctx); err != nil {
					t.Fatal(err)
				}
				shares += waiting
			}
			r.cfg.ChunkShares = rapid.SampledFrom([]int{1, 3, 1000}).Draw(t, "another chunk")
			r.cfg.Instance = rapid.SampledFrom([]string{"here", "here", "there"}).Draw(t, "instance")
			r.start(now)
			got := accepted(r.books, now)
			if got < shares || got > shares+doubtful {
				t.Fatalf("%d shares came back, want %d to %d", got, shares, shares+doubtful)
			}
			shares, doubtful = got, 0
			if r.books.Total(now).Tally.Sent.Shares != got || stale(r.books, now) > refused {
				t.Fatalf("came back with %+v", r.books.Total(now))
			}
			refused = stale(r.books, now)
		}
		if err := r.j.finish(ctx); err != nil {
			t.Fatal(err)
		}
		if sums := r.house.sums(); !agree(sums, r.books, now) {
			t.Fatalf("the warehouse has %+v, the ledger %+v", sums, r.books.Total(now).Tally)
		}
		for id, s := range r.house.shares {
			if s.Verdict == mining.Accepted && s.PoolVerdict != mining.Accepted && r.cfg.MaxDisk == 0 && r.cfg.MaxPending > 4 {
				t.Fatalf("share %d is %+v", id, s)
			}
		}
		if n := uint64(len(r.house.shares)); r.cfg.MaxDisk == 0 && r.cfg.MaxPending > 4 && n != shares+refused {
			t.Fatalf("the warehouse has %d shares, want %d", n, shares+refused)
		}
	})
}

// TestRunKeepsTheTimes: what happens is on the disk within half a second and in
// the warehouse within ten, and a good end leaves nothing behind.
func TestRunKeepsTheTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{KeepShares: keep})
		r.start(time.Now())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.j.Run(ctx) }()
		time.Sleep(20*time.Second + 3*time.Millisecond)
		r.share("a.1", 7, time.Now())
		time.Sleep(500 * time.Millisecond)
		if s, _ := r.disk.State(ctx); s.Last != 1 || s.Shares != 2 {
			t.Errorf("half a second on the log has %+v", s)
		}
		time.Sleep(10 * time.Second)
		r.house.mu.Lock()
		if len(r.house.shares) != 1 || r.house.workers["a.1"].Route != "farm" {
			t.Errorf("ten seconds on the warehouse has %+v of %+v", r.house.shares, r.house.workers)
		}
		r.house.mu.Unlock()
		r.share("a.1", 7, time.Now())
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if s, _ := r.disk.State(context.Background()); s.Last != s.Settled || len(r.house.shares) != 2 {
			t.Errorf("after the end the log has %+v, the warehouse %d shares", s, len(r.house.shares))
		}
		if got := r.j.Status(); got.Flush.Err != nil || got.Ship.Err != nil || got.Pending != 0 {
			t.Errorf("status is %+v", got)
		}
	})
}

// TestKeepsNone: who keeps no single shares has their sums in the warehouse, and
// never a single one of them.
func TestKeepsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{})
		r.start(time.Now())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.j.Run(ctx) }()
		r.share("a.1", 7, time.Now())
		time.Sleep(11 * time.Second)
		r.share("a.1", 7, time.Now())
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if s, _ := r.disk.State(context.Background()); s.Last != s.Settled || len(r.house.shares) != 0 {
			t.Errorf("the log has %+v, the warehouse %d single shares", s, len(r.house.shares))
		}
		sums := uint64(0)
		for k, c := range r.house.rollups {
			if k.Side == store.Ours && k.Verdict == mining.Accepted {
				sums += c.Shares
			}
		}
		if sums == 0 {
			t.Error("the warehouse has no sums")
		}
	})
}

// TestOnlyKeptSharesTakeRoom: a chunk has as many single shares as it may, and where none
// is kept the log has none either and one chunk has all: each adds to the same sums again.
func TestOnlyKeptSharesTakeRoom(t *testing.T) {
	for kept, chunks := range map[time.Duration]int{keep: 4, 0: 1} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, Config{KeepShares: kept, ChunkShares: 250})
			r.start(time.Now())
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- r.j.Run(ctx) }()
			for range 4 { // frames of 100 shares and as much news of them
				for range 100 {
					r.share("a.1", 7, time.Now())
				}
				time.Sleep(time.Second)
			}
			if s, _ := r.disk.State(ctx); s.Last == 0 || (s.Shares > 0) != (kept > 0) {
				t.Errorf("kept for %v: the log has %+v", kept, s)
			}
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if r.house.applied != chunks {
				t.Errorf("kept for %v: %d chunks and not %d", kept, r.house.applied, chunks)
			}
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDiskFull: while the log takes nothing, what waits is bounded, single shares
// are forgotten and sums are not; it is said, once.
func TestDiskFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{KeepShares: keep, MaxPending: 100})
		r.start(time.Now())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.j.Run(ctx) }()
		r.disk.mu.Lock()
		r.disk.fail = func(string) (error, error) { return errDisk, nil }
		r.disk.mu.Unlock()
		for i := range 1000 {
			r.share("a.1", 7, time.Now())
			if i%100 == 99 {
				time.Sleep(10 * time.Minute)
			}
		}
		got := r.j.Status()
		if got.Flush.Err == nil || got.Pending > 100 || got.Dropped == 0 || got.Flush.Since.IsZero() {
			t.Errorf("status is %+v", got)
		}
		r.disk.mu.Lock()
		r.disk.fail = nil
		r.disk.mu.Unlock()
		time.Sleep(time.Minute)
		if got := r.j.Status(); got.Flush.Err != nil || got.Pending != 0 {
			t.Errorf("when there is room again: %+v", got)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if sums := r.house.sums(); !agree(sums, r.books, time.Now()) {
			t.Errorf("the warehouse has %+v", sums)
		}
		if n := uint64(len(r.house.shares)); n+r.j.Status().Dropped != 1000 {
			t.Errorf("%d shares are kept and %d forgotten, of 1000", n, r.j.Status().Dropped)
		}
		log := r.log.String()
		if strings.Count(log, "journal cannot be written") != 1 || strings.Count(log, "journal is written again") != 1 {
			t.Errorf("the log says\n%s", log)
		}
	})
}

// TestStepsGrow: sums that wait for long go by the hour, then by the day.
func TestStepsGrow(t *testing.T) {
	c := newCounts()
	key := store.Key{Worker: "a", Side: store.Ours, Verdict: mining.Accepted}
	for i := range 3 * 24 * 60 {
		at := epoch.Add(time.Duration(i) * time.Minute)
		c.add(key, at, &row{Cell: store.Cell{Shares: 1, Work: 2}, first: at, last: at})
	}
	for _, step := range []struct {
		most, rows int
		step       store.Step
	}{{5000, 4320, store.Minute}, {4000, 73, store.Hour}, {10, 4, store.Day}, {1, 4, store.Day}} {
		c.shrink(step.most)
		if len(c.rows) != step.rows || c.step != step.step {
			t.Errorf("with room for %d there are %d rows by the %v", step.most, len(c.rows), c.step)
		}
		total := c.totals()
		if len(total) != 1 || total[0].Shares != 4320 || total[0].Work != 8640 || !total[0].Last.Equal(epoch.Add(4319*time.Minute)) {
			t.Errorf("the total is %+v", total)
		}
	}
}

// TestFramesOfOthers: what is no frame is an error that says so.
func TestFramesOfOthers(t *testing.T) {
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	good, err := c.encode(&content{Names: []string{"a"}, Shares: []shareRow{{ID: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.decode(good); err != nil {
		t.Errorf("a frame: %v", err)
	}
	if _, err := c.decode(append([]byte{2}, good[1:]...)); !errors.Is(err, errNewerFrame) {
		t.Errorf("a newer frame: %v", err)
	}
	wrong, _ := c.encode(&content{Shares: []shareRow{{ID: 1}}})
	for name, data := range map[string][]byte{"nothing": nil, "cut": good[:len(good)-2], "noise": {1, 2, 3}, "a name that is not there": wrong} {
		if _, err := c.decode(data); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}

func FuzzFrame(f *testing.F) {
	c, err := newCodec()
	if err != nil {
		f.Fatal(err)
	}
	good, _ := c.encode(&content{Names: []string{"a"}, Shares: []shareRow{{ID: 1}}, Counts: []countRow{{Shares: 3}}})
	f.Add(good)
	f.Fuzz(func(_ *testing.T, data []byte) {
		in, err := c.decode(data)
		if err != nil {
			return
		}
		sums := newCounts()
		in.addTo(sums)
		for i := range in.Shares {
			in.share(i)
		}
		sums.rollups()
	})
}

// TestLimits: days go by their age, after they were archived, and for want of
// room the oldest first.
func TestLimits(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 3, n, 0, 0, 0, 0, time.UTC) }
	r := newRig(t, Config{KeepShares: keep, KeepMinutes: 100 * time.Hour, MaxDisk: 1000})
	r.start(epoch)
	for n := 1; n <= 6; n++ {
		r.house.days = append(r.house.days, store.DayOfShares{Day: day(n), Bytes: 400})
	}
	r.house.bytes = 6*400 + 100
	var archived []time.Time
	failing := true
	r.j.deps.Archive = func(_ context.Context, d time.Time) error {
		if failing {
			return errDisk
		}
		archived = append(archived, d)
		return nil
	}
	now := day(6).Add(12 * time.Hour)
	r.j.cfg.MaxDisk = 1 << 40
	if err := r.j.tidy(context.Background(), now); !errors.Is(err, errDisk) || len(r.house.dropped) != 0 {
		t.Errorf("a day that cannot be archived: %v, dropped %v", err, r.house.dropped)
	}
	failing, r.j.cfg.MaxDisk = false, 1000
	if err := r.j.tidy(context.Background(), now); err != nil {
		t.Fatal(err)
	}
	// Of the 3rd the last share is 60 hours old; two more go for want of room.
	if len(archived) != 3 || len(r.house.dropped) != 4 || !r.house.dropped[3].Equal(day(4)) || r.house.bytes != 900 {
		t.Errorf("archived %v, dropped %v, %d bytes are left", archived, r.house.dropped, r.house.bytes)
	}
	// Room is made where archives find none.
	failing, r.house.bytes = true, 5000
	r.house.days = []store.DayOfShares{{Day: day(1), Bytes: 2000}, {Day: day(2), Bytes: 2500}, {Day: day(6), Bytes: 400}}
	if err := r.j.tidy(context.Background(), now); !errors.Is(err, errDisk) || len(r.house.dropped) != 6 || len(r.house.days) != 1 {
		t.Errorf("too much, and no archive: %v, dropped %v", err, r.house.dropped)
	}
	if !r.house.minutes.Equal(now.Add(-100 * time.Hour)) {
		t.Errorf("minutes are dropped before %v", r.house.minutes)
	}
}

// TestWindowsAreNotAhead: what windows know of is in the log before they are saved.
func TestWindowsAreNotAhead(t *testing.T) {
	r := newRig(t, Config{KeepShares: keep})
	r.start(epoch)
	var did []string
	r.disk.fail = func(what string) (error, error) {
		did = append(did, what)
		return nil, nil
	}
	r.share("a.1", 7, epoch)
	if err := r.j.remember(context.Background(), epoch); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(did, " "); got != "append save" {
		t.Errorf("the disk was asked to %s", got)
	}
	r.share("a.1", 7, epoch)
	did = nil
	r.disk.fail = func(what string) (error, error) {
		did = append(did, what)
		return errDisk, nil
	}
	if err := r.j.remember(context.Background(), epoch); err == nil || strings.Contains(strings.Join(did, " "), "save") {
		t.Errorf("with a disk that is full: %v, asked to %v", err, did)
	}
}

// TestIDsGrow: share ids of a later run are above, whatever the clock says.
func TestIDsGrow(t *testing.T) {
	r := newRig(t, Config{KeepShares: keep})
	var last ledger.ShareID
	for _, at := range []time.Time{epoch, epoch.Add(time.Second), epoch.Add(-48 * time.Hour), {}, epoch.Add(time.Hour)} {
		r.start(at)
		id := r.books.NextID(nil)
		if id <= last || uint64(id) >= 1<<63 {
			t.Errorf("at %v the next id is %d after %d", at, id, last)
		}
		last = id
	}
}

// ship takes all that is recorded to the warehouse.
func (r *rig) ship(now time.Time) {
	r.t.Helper()
	if err := r.j.write(context.Background()); err != nil {
		r.t.Fatal(err)
	}
	if err := r.j.ship(context.Background(), now); err != nil {
		r.t.Fatal(err)
	}
}

// count is how many shares of ours a warehouse has been given.
func (w *fakeWarehouse) count() (n uint64) {
	for k, c := range w.sums() {
		if k.Side == store.Ours {
			n += c.Shares
		}
	}
	return n
}

// Another warehouse is given what happens from then on, each share once, and so is
// one that was put back to an earlier time.
func TestAnotherWarehouse(t *testing.T) {
	r := newRig(t, Config{KeepShares: keep})
	now := epoch
	do := func(n int) {
		for range n {
			r.share("alice", 10, now)
		}
		r.books.Tick(now)
		r.ship(now)
	}
	r.start(now)
	do(5)
	first := r.house
	r.house = newWarehouse() // storage.url names another one
	r.start(now)
	do(3)
	r.start(now)
	do(4)
	if a, b := first.count(), r.house.count(); a != 5 || b != 7 {
		t.Errorf("the first has %d shares, want 5; the second %d, want 7", a, b)
	}
	if got := accepted(r.books, now); got != 12 {
		t.Errorf("the books have %d shares, want 12", got)
	}
	if n := strings.Count(r.log.String(), "the store lacks what another one was given"); n != 1 {
		t.Errorf("it is said %d times:\n%s", n, r.log.String())
	}
	second := r.house
	r.house = first // and back again
	r.start(now)
	do(2)
	r.house = second
	r.start(now)
	do(1)
	if a, b := first.count(), second.count(); a != 7 || b != 8 {
		t.Errorf("the first has %d shares, want 7; the second %d, want 8", a, b)
	}
	// The server is restored, empty, beneath a running process.
	second.last, second.rollups, second.shares = map[string]uint64{}, map[rowKey]*store.Cell{}, map[uint64]store.Share{}
	do(6)
	if n := second.count(); n != 6 {
		t.Errorf("the one that was restored has %d shares, want 6", n)
	}
}

// A log that is put back to an earlier time beside a warehouse that went on: what
// happens from then on gets there, and what was there is not counted again.
func TestLogPutBack(t *testing.T) {
	for _, waiting := range []int{0, 2} {
		r := newRig(t, Config{KeepShares: keep})
		now := epoch
		do := func(n int) {
			for range n {
				r.share("alice", 10, now)
				r.books.Tick(now)
				if err := r.j.write(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
		}
		r.start(now)
		do(5)
		r.ship(now)
		do(waiting) // in the log and not yet in the warehouse when it is copied
		old := newDisk()
		old.frames, old.settled, old.last = slices.Clone(r.disk.frames), r.disk.settled, r.disk.last
		for k, total := range r.disk.totals {
			own := *total
			old.totals[k] = &own
		}
		do(10)
		r.ship(now)
		r.disk = old
		now = now.Add(time.Hour)
		r.start(now)
		do(3)
		r.ship(now)
		do(1)
		r.ship(now)
		if got, want := r.house.count(), uint64(5+waiting+10+4); got != want {
			t.Errorf("%d waiting: the warehouse has %d shares, want %d", waiting, got, want)
		}
		if got, want := accepted(r.books, now), uint64(5+waiting+4); got != want {
			t.Errorf("%d waiting: the books have %d shares, want %d", waiting, got, want)
		}
	}
}

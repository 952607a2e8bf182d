package journal

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/sqlite"
	"github.com/loka/stratum/work"
)

// process is a ledger, a journal and a database in a file, with workers.
type process struct {
	disk    *sqlite.Store
	j       *Journal
	books   *ledger.Ledger
	pool    *ledger.PoolBook
	route   *ledger.RouteBook
	workers []*ledger.WorkerBook
	job     *mining.Job
	random  *rand.Rand
}

func newProcess(b *testing.B, path string, workers int, now time.Time) *process {
	b.Helper()
	p := &process{job: &mining.Job{Network: 1.2e14, Reward: 315_000_000}, random: rand.New(rand.NewPCG(1, 2))}
	var err error
	if p.disk, err = sqlite.Open(b.Context(), path); err != nil {
		b.Fatal(err)
	}
	if p.j, err = New(b.Context(), Config{Instance: "bench", KeepShares: keep}, Deps{Disk: p.disk, Warehouse: p.disk}); err != nil {
		b.Fatal(err)
	}
	first, err := p.j.FirstID(b.Context(), now)
	if err != nil {
		b.Fatal(err)
	}
	p.books = ledger.New(ledger.Config{Sink: p.j, FirstID: first}, now)
	if err := p.j.Restore(b.Context(), p.books, now); err != nil {
		b.Fatal(err)
	}
	p.pool, p.route = p.books.Pool("main", now), p.books.Route("farm", now)
	for i := range workers {
		p.workers = append(p.workers, p.books.Worker(benchLogin(i), "farm", now))
	}
	return p
}

// share records a share of a worker, and of one of eight the pool's word on it.
func (p *process) share(w *ledger.WorkerBook, now time.Time) {
	e := ledger.Entry{
		Worker: w, Pool: p.pool, Route: p.route, Job: p.job, Verdict: mining.Accepted,
		Difficulty: 65536, ShareDifficulty: work.Difficulty(65536 / p.random.Float64()), At: now,
	}
	e.ID = p.books.Record(e)
	if e.ShareDifficulty >= 8*65536 {
		p.books.Record(ledger.Entry{
			ID: e.ID, Worker: w, Pool: p.pool, Route: p.route, Job: p.job, Sent: true, PoolVerdict: mining.Accepted, PoolDifficulty: 8 * 65536, At: now,
		})
	}
}

const (
	// sharesASecond is what 20,000 workers at the default rate hand in.
	sharesASecond = 3300
	benchSeconds  = 20
)

// BenchmarkShare is what a share costs after it was judged, in CPU time: its place
// in the queue, four books, the log on the disk and, seconds later, the store, at
// the pace of a large farm for twenty seconds. Beside it the least that anybody
// would do who keeps shares: a row each in a bare table, four transactions a
// second.
func BenchmarkShare(b *testing.B) {
	for range b.N {
		dir := b.TempDir()
		p := newProcess(b, filepath.Join(dir, "loka.db"), benchWorkers, time.Now())
		for _, w := range p.workers {
			p.share(w, time.Now())
		}
		if _, err := p.j.Complete(b.Context()); err != nil {
			b.Fatal(err)
		}
		idle := p.run(b, 0)
		busy := p.run(b, sharesASecond)
		begun := cpuTime(b)
		if err := p.j.remember(b.Context(), time.Now()); err != nil {
			b.Fatal(err)
		}
		remember := cpuTime(b) - begun
		if err := p.disk.Close(); err != nil {
			b.Fatal(err)
		}
		bare := bareRows(b, filepath.Join(dir, "bare.db"))
		const shares = sharesASecond * benchSeconds
		each := float64(busy-idle) / shares
		b.ReportMetric(each/1000, "cpu-µs/share")
		b.ReportMetric(each/float64(bare), "×bare-row")
		b.ReportMetric(100*busy.Seconds()/benchSeconds, "%core")
		b.ReportMetric(100*idle.Seconds()/benchSeconds, "%core-idle")
		b.ReportMetric(float64(remember.Milliseconds()), "cpu-ms/remember")
	}
}

// run lets the process run for some seconds and then keep all there is, and returns
// the CPU time of it.
func (p *process) run(b *testing.B, perSecond int) time.Duration {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	var works sync.WaitGroup
	begun := cpuTime(b)
	works.Go(func() { p.books.Run(ctx) })
	var err error
	works.Go(func() { err = p.j.Run(ctx) })
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	started := time.Now()
	for done := 0; time.Since(started) < benchSeconds*time.Second; {
		now := <-tick.C
		for want := int(now.Sub(started).Seconds() * float64(perSecond)); done < min(want, perSecond*benchSeconds); done++ {
			p.share(p.workers[p.random.IntN(len(p.workers))], now)
		}
	}
	cancel()
	works.Wait()
	if err != nil {
		b.Fatal(err)
	}
	return cpuTime(b) - begun
}

// bareRows is the CPU time of a row in a bare table.
func bareRows(b *testing.B, path string) time.Duration {
	b.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(b.Context(), "CREATE TABLE shares (id INTEGER PRIMARY KEY, at INTEGER, worker INTEGER, pool INTEGER, verdict INTEGER, difficulty REAL, reached REAL, value INTEGER)"); err != nil {
		b.Fatal(err)
	}
	begun, n := cpuTime(b), 0
	for range 4 * 5 {
		err = errors.Join(err, func() error {
			tx, err := db.BeginTx(b.Context(), nil)
			if err != nil {
				return err
			}
			insert, err := tx.PrepareContext(b.Context(), "INSERT INTO shares VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
			if err != nil {
				return err
			}
			defer func() { _ = insert.Close() }()
			for range sharesASecond / 4 {
				n++
				if _, err := insert.ExecContext(context.WithoutCancel(b.Context()), n, n, n%benchWorkers, 1, 1, 65536., 70000., 1000+n); err != nil {
					return err
				}
			}
			return tx.Commit()
		}())
	}
	if err != nil {
		b.Fatal(err)
	}
	return (cpuTime(b) - begun) / time.Duration(n)
}

// BenchmarkRestore is a start of the process with all that is known of its workers:
// totals, windows of a day, and two minutes of shares that the store has not taken.
// Beside it a bare reading of the totals.
func BenchmarkRestore(b *testing.B) {
	for _, workers := range []int{20_000, 100_000} {
		b.Run(strconv.Itoa(workers), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "loka.db")
			now := benchDay()
			p := newProcess(b, path, workers, now)
			for _, step := range []time.Duration{30 * time.Minute, 3 * time.Minute, 30 * time.Second, 5 * time.Second} {
				for range 24 {
					now = now.Add(step)
					for range workers / 20 {
						p.share(p.workers[p.random.IntN(workers)], now)
					}
					p.books.Tick(now)
				}
			}
			for _, w := range p.workers {
				p.share(w, now)
			}
			p.must(b, p.j.write(b.Context()))
			p.must(b, p.j.shipAll(b.Context()))
			p.must(b, p.j.remember(b.Context(), now))
			for range 2 * 60 * sharesASecond {
				p.share(p.workers[p.random.IntN(workers)], now)
			}
			p.books.Tick(now)
			p.must(b, p.j.write(b.Context()))
			for b.Loop() {
				p.again(b, now.Add(time.Minute))
			}
			b.StopTimer()
			p.must(b, p.disk.Close())
		})
	}
}

func (*process) must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// again is a start.
func (p *process) again(b *testing.B, now time.Time) {
	b.Helper()
	begun, begunCPU := time.Now(), cpuTime(b)
	n := 0
	p.must(b, p.disk.Totals(b.Context(), func(*store.Total) error { n++; return nil }))
	bare, bareCPU := time.Since(begun), cpuTime(b)-begunCPU
	begun, begunCPU = time.Now(), cpuTime(b)
	j, err := New(b.Context(), Config{Instance: "bench", KeepShares: keep}, Deps{Disk: p.disk, Warehouse: p.disk})
	p.must(b, err)
	p.must(b, j.Restore(b.Context(), ledger.New(ledger.Config{Sink: j}, now), now))
	took, tookCPU := time.Since(begun), cpuTime(b)-begunCPU
	b.ReportMetric(float64(took.Milliseconds()), "ms-restore")
	b.ReportMetric(float64(tookCPU.Milliseconds()), "cpu-ms-restore")
	b.ReportMetric(float64(tookCPU)/float64(bareCPU), "×cpu-of-reading-totals")
	b.ReportMetric(float64(bare.Milliseconds()), "ms-totals")
	b.ReportMetric(float64(n), "totals")
}

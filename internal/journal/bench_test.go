package journal

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/postgres"
	"github.com/loka/stratum/internal/store/relational"
	"github.com/loka/stratum/internal/store/sqlite"
	"github.com/loka/stratum/work"
)

// benchRows is how many single shares there are: LOKA_BENCH_ROWS, half a million
// where that does not say.
func benchRows(b *testing.B) int {
	b.Helper()
	n, err := strconv.Atoi(os.Getenv("LOKA_BENCH_ROWS"))
	if err != nil {
		return 500_000
	}
	return n
}

const benchWorkers = 20_000

func benchLogin(i int) string { return fmt.Sprintf("user%d.rig%d", i%200, i) }

// benchDay is the day that a history is of.
func benchDay() time.Time { return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) }

// loadDay loads a day of shares of 20,000 workers in chunks: all are accepted here,
// and one of eight was sent to the pool and accepted there.
func loadDay(b *testing.B, house store.Shipper, rows int) {
	b.Helper()
	chunks := max(rows/250_000, 4)
	r := rand.New(rand.NewPCG(1, 2))
	job := &mining.Job{Network: 1.2e14, Reward: 315_000_000}
	for n := range uint64(chunks) {
		length := store.Day.Length() / time.Duration(chunks)
		from := benchDay().Add(time.Duration(n) * length)
		c := &store.Chunk{Instance: "bench", Log: "log", First: n + 1, Last: n + 1}
		totals := newCounts()
		for i := range rows / chunks {
			s := store.Share{
				ID: n*uint64(rows) + uint64(i) + 1, At: from.Add(time.Duration(r.Int64N(int64(length)))).Truncate(time.Microsecond),
				Worker: benchLogin(r.IntN(benchWorkers)), Pool: "main", Route: "farm",
				Verdict: mining.Accepted, Difficulty: 65536, Reached: 65536 / r.Float64(), Value: job.Worth(65536),
			}
			key := store.Key{Worker: s.Worker, Pool: s.Pool, Route: s.Route, Side: store.Ours, Verdict: mining.Accepted}
			one := func(side store.Side, d work.Difficulty) {
				key.Side = side
				totals.add(key, s.At, &row{Cell: store.Cell{Shares: 1, Work: float64(d), Value: job.Worth(d)}, first: s.At, last: s.At})
			}
			one(store.Ours, 65536)
			if s.Reached >= 524288 {
				s.Sent, s.PoolVerdict, s.PoolDifficulty, s.PoolValue = true, mining.Accepted, 524288, job.Worth(524288)
				one(store.Sent, 524288)
				one(store.Pools, 524288)
			}
			c.Shares = append(c.Shares, s)
		}
		c.Rollups, c.Workers = totals.rollups(), totals.workers()
		if err := house.Apply(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
}

// database is a store and a way around it.
type database struct {
	store.Warehouse

	// rows counts the rows of a query, without the store.
	rows func(query string, args ...any) (int, error)
	// scan reads a worker's day by the minute from single shares.
	scan string
	// size is a table's in bytes.
	size func(table string) (int64, error)
}

func openSQLite(b *testing.B) *database {
	b.Helper()
	path := filepath.Join(b.TempDir(), "loka.db")
	s, err := sqlite.Open(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	raw, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _, _ = raw.Close(), s.Close() })
	table := relational.Table(benchDay())
	return &database{
		Warehouse: s,
		scan:      "SELECT at / 60000000, verdict, count(*), sum(difficulty), sum(value_sat), sum(value_pico) FROM " + table + " WHERE worker = (SELECT id FROM workers WHERE login = ?) GROUP BY 1, 2",
		rows: func(query string, args ...any) (n int, err error) {
			rows, err := raw.QueryContext(b.Context(), query, args...)
			if err != nil {
				return 0, err
			}
			defer func() { _ = rows.Close() }()
			for rows.Next() {
				n++
			}
			return n, rows.Err()
		},
		size: func(table string) (n int64, err error) {
			return n, raw.QueryRowContext(b.Context(), "SELECT sum(pgsize) FROM dbstat WHERE name = ? OR name IN (SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?)", table, table).Scan(&n)
		},
	}
}

func openPostgres(b *testing.B) *database {
	b.Helper()
	at := servers.Database(b)
	s, err := postgres.New(b.Context(), at)
	if err != nil {
		b.Fatal(err)
	}
	raw, err := pgx.Connect(b.Context(), at)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _, _ = raw.Close(context.Background()), s.Close() })
	table := relational.Table(benchDay())
	return &database{
		Warehouse: s,
		scan:      "SELECT date_trunc('minute', at), verdict, count(*), sum(difficulty), sum(value) FROM " + table + " WHERE worker = (SELECT id FROM workers WHERE login = $1) GROUP BY 1, 2",
		rows: func(query string, args ...any) (n int, err error) {
			rows, err := raw.Query(b.Context(), query, args...)
			if err != nil {
				return 0, err
			}
			for rows.Next() {
				n++
			}
			return n, rows.Err()
		},
		size: func(table string) (n int64, err error) {
			return n, raw.QueryRow(b.Context(), "SELECT pg_total_relation_size($1::regclass)", table).Scan(&n)
		},
	}
}

// BenchmarkSeries asks the API for a day of one worker, by the minute and by the
// hour, of all its rollups, and reads the same from single shares as anybody would
// who has no rollups.
func BenchmarkSeries(b *testing.B) {
	rows := benchRows(b)
	for _, name := range []string{"sqlite", "postgres"} {
		open := map[string]func(*testing.B) *database{"sqlite": openSQLite, "postgres": openPostgres}[name]
		b.Run(name, func(b *testing.B) {
			d := open(b)
			loadDay(b, d, rows)
			if name == "postgres" { // its server does so by itself, within minutes
				if _, err := d.rows("ANALYZE"); err != nil {
					b.Fatal(err)
				}
			}
			scan := scanned(b, d)
			sizes(b, d, rows)
			for _, of := range []struct{ name, path string }{
				{"minute", "/api/v1/workers/%s/history?step=minute&from=2026-03-01&to=2026-03-02"},
				{"hour", "/api/v1/workers/%s/history?step=hour&from=2026-03-01&to=2026-03-02"},
				{"farm-minute", "/api/v1/history?step=minute&from=2026-03-01&to=2026-03-02%.0s"},
				{"revenue-of-all", "/api/v1/revenue?by=worker&from=2026-03-01&to=2026-03-02%.0s"},
			} {
				b.Run(of.name, func(b *testing.B) { answers(b, d, of.path, false, scan) })
				b.Run(of.name+"-cached", func(b *testing.B) { answers(b, d, of.path, true, scan) })
			}
		})
	}
}

// scanned is the best of some scans.
func scanned(b *testing.B, d *database) time.Duration {
	b.Helper()
	best := time.Hour
	for i := range 3 {
		begun := time.Now()
		n, err := d.rows(d.scan, benchLogin(i))
		if err != nil || n == 0 {
			b.Fatalf("%d rows: %v", n, err)
		}
		best = min(best, time.Since(begun))
	}
	return best
}

// sizes says what a row takes on the disk, with its indexes.
func sizes(b *testing.B, d *database, rows int) {
	b.Helper()
	each := make(map[string]float64)
	say := func(what, table string, n int) {
		size, err := d.size(table)
		if err != nil {
			b.Fatal(err)
		}
		each["B/"+what] = float64(size) / float64(n)
		each["rows-"+what] = float64(n)
	}
	say("share", relational.Table(benchDay()), rows)
	for _, step := range store.Steps() {
		n := 0
		if err := d.Rollups(b.Context(), store.Filter{}, step, func(*store.Rollup) error { n++; return nil }); err != nil {
			b.Fatal(err)
		}
		say(step.String(), "rollups_"+step.String(), n)
	}
	b.Run("size", func(b *testing.B) {
		for b.Loop() { // a benchmark is what prints
		}
		for unit, n := range each {
			b.ReportMetric(n, unit)
		}
	})
}

// answers asks for another worker each time, or for the same.
func answers(b *testing.B, d *database, path string, cached bool, scan time.Duration) {
	b.Helper()
	now := benchDay().Add(48 * time.Hour)
	h, records, err := api(d, "bench", ledger.New(ledger.Config{}, now), now)
	if err != nil {
		b.Fatal(err)
	}
	if !cached {
		records.Cache = nil
	}
	ask(h, http.MethodGet, fmt.Sprintf(path, benchLogin(0)), "")
	var all []time.Duration
	i := 0
	for b.Loop() {
		if !cached {
			i += 7919
		}
		begun := time.Now()
		if w := ask(h, http.MethodGet, fmt.Sprintf(path, url.PathEscape(benchLogin(i%benchWorkers))), ""); w.Code != http.StatusOK {
			b.Fatalf("%d %s", w.Code, w.Body)
		}
		all = append(all, time.Since(begun))
	}
	slices.Sort(all)
	median := all[len(all)/2]
	b.ReportMetric(float64(median.Microseconds())/1000, "ms-median")
	b.ReportMetric(float64(all[len(all)*95/100].Microseconds())/1000, "ms-95%")
	b.ReportMetric(float64(scan.Microseconds())/1000, "ms-scan")
	b.ReportMetric(float64(scan)/float64(median), "×faster-than-scan")
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

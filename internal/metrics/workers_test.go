package metrics

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

const (
	openMetrics = "application/openmetrics-text; version=1.0.0"
	binary      = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)

// withWorkers is metrics of some workers.
func withWorkers(tb testing.TB, cfg WorkerSeries, briefs ...ledger.Brief) *Metrics {
	tb.Helper()
	m, err := New(Config{
		Version: "1.2.3", Pools: []string{"main"}, Source: &fakeSource{books: ledger.New(ledger.Config{}, epoch)},
		Workers: func() []ledger.Brief { return slices.Clone(briefs) }, WorkerCount: func() int { return len(briefs) },
	})
	if err != nil {
		tb.Fatal(err)
	}
	m.Reconfigure(cfg)
	return m
}

func brief(name string, hashrate float64, since int64) ledger.Brief {
	return ledger.Brief{Name: name, Hashrate: hashrate, Accepted: 12, Rejected: 3, Since: since, LastShareAt: epoch.UnixNano()}
}

// names are the workers that have series.
func names(t *testing.T, body string) (all []string) {
	t.Helper()
	for line := range strings.Lines(body) {
		if rest, ok := strings.CutPrefix(line, `loka_worker_hashrate{worker="`); ok {
			name, _, _ := strings.Cut(rest, `"`)
			all = append(all, name)
		}
	}
	return all
}

func TestWorkerSeries(t *testing.T) {
	m := withWorkers(t, WorkerSeries{}, brief("alice.rig1", 1.5e12, 1))
	body, _ := scrape(t, m, "")
	if strings.Contains(body, "loka_worker_hashrate") {
		t.Error("nobody has asked for series of workers")
	}
	if got := value(t, body, "loka_workers"); got != "1" {
		t.Errorf("%s workers", got)
	}
	m.Reconfigure(WorkerSeries{On: true, Most: 10})
	for _, accept := range []string{"", openMetrics} {
		body, kind := scrape(t, m, accept)
		for series, want := range map[string]string{
			`loka_worker_hashrate{worker="alice.rig1"}`:                     "1500000000000",
			`loka_worker_shares_accepted_total{worker="alice.rig1"}`:        "12",
			`loka_worker_shares_rejected_total{worker="alice.rig1"}`:        "3",
			`loka_worker_last_share_timestamp_seconds{worker="alice.rig1"}`: strconv.FormatInt(epoch.Unix(), 10),
		} {
			if got := value(t, body, series); got != want {
				t.Errorf("%s is %s, want %s", series, got, want)
			}
		}
		if open := accept != ""; open != strings.HasSuffix(body, "\n# EOF\n") || strings.Count(body, "# EOF") > 1 || open != strings.HasPrefix(kind, "application/openmetrics-text") {
			t.Errorf("%s ends with %q", kind, body[max(len(body)-20, 0):])
		}
	}
	m.Reconfigure(WorkerSeries{})
	if body, _ := scrape(t, m, ""); strings.Contains(body, "loka_worker_hashrate") {
		t.Error("there are series that nobody wants any more")
	}
}

// The first that were seen have series, or those with the largest hashrate, and how
// many have none is told.
func TestWorkerSeriesAreBounded(t *testing.T) {
	all := []ledger.Brief{brief("c", 5, 3), brief("a", 1, 2), brief("b", 9, 2), brief("d", 7, 1)}
	for _, c := range []struct {
		cfg     WorkerSeries
		want    []string
		leftOut string
	}{
		{WorkerSeries{On: true, Most: 4}, []string{"c", "a", "b", "d"}, "0"},
		{WorkerSeries{On: true, Most: 3}, []string{"d", "a", "b"}, "1"},
		{WorkerSeries{On: true, Most: 1}, []string{"d"}, "3"},
		{WorkerSeries{On: true, Most: 4, Top: 2}, []string{"b", "d"}, "2"},
		{WorkerSeries{On: true, Most: 1, Top: 2}, []string{"b"}, "3"},
		{WorkerSeries{On: true, Most: 4, Top: 9}, []string{"c", "a", "b", "d"}, "0"},
	} {
		m := withWorkers(t, c.cfg, all...)
		body, _ := scrape(t, m, "")
		if got := names(t, body); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v have series, want %v", c.cfg, got, c.want)
		}
		body, _ = scrape(t, m, "")
		if got := value(t, body, "loka_worker_series_left_out"); got != c.leftOut {
			t.Errorf("%+v: %s have none, want %s", c.cfg, got, c.leftOut)
		}
	}
}

// Whatever a worker calls itself and whoever asks, the exposition says the same as
// that of a registry.
func TestWorkerSeriesAsARegistrys(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		login := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~\n]{0,20}`))
		logins := rapid.SliceOfNDistinct(login, 1, 30, rapid.ID[string]).Draw(rt, "logins")
		all := make([]ledger.Brief, 0, len(logins))
		for _, name := range logins {
			all = append(all, ledger.Brief{
				Name: name, Hashrate: rapid.Float64Range(0, 1e25).Draw(rt, "hashrate"),
				Accepted: uint64(rapid.Uint32().Draw(rt, "accepted")), LastShareAt: rapid.Int64Range(0, 1<<62).Draw(rt, "last"),
			})
		}
		w := newWorkers(func() []ledger.Brief { return slices.Clone(all) })
		w.cfg.Store(&WorkerSeries{On: true, Most: 1000})
		registry := promhttp.HandlerFor(w, promhttp.HandlerOpts{EnableOpenMetrics: true})
		for _, accept := range []string{"", openMetrics} {
			r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
			r.Header.Set("Accept", accept)
			theirs := httptest.NewRecorder()
			registry.ServeHTTP(theirs, r)
			var ours bytes.Buffer
			if err := new(sheet).write(&ours, all, accept != ""); err != nil {
				rt.Fatal(err)
			}
			if diff := cmp.Diff(series(theirs.Body.Bytes()), series(ours.Bytes())); diff != "" {
				rt.Fatalf("-registry +ours:\n%s", diff)
			}
		}
		parser := expfmt.NewTextParser(model.UTF8Validation)
		var text bytes.Buffer
		_ = new(sheet).write(&text, all, false)
		families, err := parser.TextToMetricFamilies(&text)
		if err != nil || len(families) != len(workerFamilies()) {
			rt.Fatalf("%d families, %v", len(families), err)
		}
	})
}

// series are an exposition's lines, those of values as the numbers that they are.
func series(text []byte) []string {
	var all []string
	for line := range strings.Lines(string(text)) {
		if name, number, ok := cutLast(strings.TrimSuffix(line, "\n"), " "); ok && !strings.HasPrefix(line, "#") {
			var v float64
			if _, err := fmt.Sscan(number, &v); err == nil {
				line = fmt.Sprintf("%s %g\n", name, v)
			}
		}
		if line != "# EOF\n" {
			all = append(all, line)
		}
	}
	slices.Sort(all)
	return all
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// A scraper is served as it asks, compressed and in the binary format too, and by
// name.
func TestWorkerSeriesByRequest(t *testing.T) {
	m := withWorkers(t, WorkerSeries{On: true, Most: 10}, brief("alice", 7, 1), brief("bob", 8, 2))
	ask := func(path string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, r)
		return w
	}
	whole := func(r *httptest.ResponseRecorder) string {
		var from io.Reader = r.Body
		if r.Header().Get("Content-Encoding") == "gzip" {
			zip, err := gzip.NewReader(from)
			if err != nil {
				t.Fatal(err)
			}
			from = zip
		}
		data, err := io.ReadAll(from)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	for accept, zipped := range map[string]bool{"": false, "gzip": true, "br, gzip;q=0.5": true, "gzip;q=0": false, "identity": false} {
		r := ask("/metrics", "Accept-Encoding", accept)
		if got := r.Header().Get("Content-Encoding") == "gzip"; got != zipped {
			t.Errorf("Accept-Encoding %q: gzip is %t", accept, got)
		}
		if got := names(t, whole(r)); !slices.Equal(got, []string{"alice", "bob"}) {
			t.Errorf("Accept-Encoding %q: %v have series", accept, got)
		}
	}
	r := ask("/metrics?name[]=loka_worker_hashrate")
	if body := whole(r); strings.Contains(body, "loka_ready") || !slices.Equal(names(t, body), []string{"alice", "bob"}) {
		t.Errorf("one was asked for: %s", body)
	}
	r = ask("/metrics", "Accept", binary)
	decoder := expfmt.NewDecoder(r.Body, expfmt.ResponseFormat(r.Header()))
	found := 0
	for {
		f, err := decode(decoder)
		if err != nil {
			break
		}
		if strings.HasPrefix(f.GetName(), "loka_worker_") && len(f.GetMetric()) == 2 {
			found++
		}
	}
	if found != 4 {
		t.Errorf("%d families of workers in the binary format", found)
	}
}

// No more scrapes are answered at a time than are bearable.
func TestTooManyScrapes(t *testing.T) {
	m := withWorkers(t, WorkerSeries{On: true, Most: 1}, brief("alice", 7, 1))
	for range mostScrapes {
		m.workers.turns <- struct{}{}
	}
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("one more is answered %d", w.Code)
	}
}

// farm is the books of many workers, with shares of all of them.
func farm(workers int) (*ledger.Ledger, time.Time) {
	books := ledger.New(ledger.Config{}, epoch)
	now := epoch
	for i := range workers {
		w := books.Worker(fmt.Sprintf("farm.site%02d-rig%05d", i%40, i), "farm", now)
		books.Record(ledger.Entry{Worker: w, Verdict: mining.Accepted, Difficulty: work.Difficulty(1024 + i), At: now})
		if i%500 == 0 {
			books.Tick(now)
		}
	}
	now = now.Add(5 * time.Minute)
	books.Tick(now)
	return books, now
}

// vectors are the same series as client_golang keeps them.
func vectors(all []ledger.Brief) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	families := workerFamilies()
	for k := range families {
		f := &families[k]
		vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: f.full(), Help: f.help}, []string{"worker"})
		for i := range all {
			vec.WithLabelValues(all[i].Name).Set(f.of(&all[i]))
		}
		registry.MustRegister(vec)
	}
	return registry
}

// BenchmarkWorkerScrape scrapes 4 series of each of 20,000 workers, from the books to
// the last byte, and prints what part that takes of the time that client_golang's
// vectors take in the same run.
func BenchmarkWorkerScrape(b *testing.B) {
	books, now := farm(20_000)
	m := withWorkers(b, WorkerSeries{On: true, Most: 100_000})
	m.workers.books = func() []ledger.Brief { return books.Briefs(now) }
	ours := m.Handler()
	theirs := promhttp.HandlerFor(vectors(books.Briefs(now)), promhttp.HandlerOpts{EnableOpenMetrics: true})
	for _, encoding := range []string{"identity", "gzip"} {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.Header.Set("Accept", openMetrics)
		r.Header.Set("Accept-Encoding", encoding)
		b.Run(encoding, func(b *testing.B) {
			b.ReportAllocs()
			// Several at a time of each, so that each pays for its own garbage.
			const scrapes = 8
			some := func(h http.Handler) time.Duration {
				runtime.GC()
				began := time.Now()
				for range scrapes {
					h.ServeHTTP(&discard{header: make(http.Header)}, r)
				}
				return time.Since(began)
			}
			var own, vector time.Duration
			for b.Loop() {
				own += some(ours)
				vector += some(theirs)
			}
			b.ReportMetric(own.Seconds()*1e3/float64(scrapes*b.N), "ms/scrape")
			b.ReportMetric(vector.Seconds()*1e3/float64(scrapes*b.N), "ms/vectors")
			b.ReportMetric(vector.Seconds()/own.Seconds(), "times-quicker")
		})
	}
}

// discard takes an answer and keeps nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }

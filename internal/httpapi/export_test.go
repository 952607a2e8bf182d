package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"log/slog"
	"math"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
)

func TestExportCSV(t *testing.T) {
	deps, _ := newDeps()
	h := Handler(deps, true)
	distributed(t, h, paid)
	for path, want := range map[string]string{
		"what=shares&worker=alice.rig1&from=2026-01-31": "id,time,worker,user,pool,route,verdict,difficulty,reached_difficulty,value_sat,sent,pool_verdict,pool_difficulty,pool_value_sat\n" +
			"1,2026-01-31T12:00:00Z,alice.rig1,alice,main,farm,accepted,1024,2048.5,0.000000000001,true,stale,2048,9223372036854775807.999999999999\n" +
			"2,2026-01-31T12:00:00.001Z,alice.rig1,alice,main,farm,accepted,1024,2048.5,1.000000000001,true,stale,2048,9223372036854775807.999999999999\n" +
			"3,2026-01-31T12:00:00.002Z,alice.rig1,alice,main,farm,accepted,1024,2048.5,2.000000000001,true,stale,2048,9223372036854775807.999999999999\n" +
			"4,2026-01-31T12:00:00.003Z,alice.rig1,alice,main,farm,accepted,1024,2048.5,3.000000000001,true,stale,2048,9223372036854775807.999999999999\n",
		"what=hours&user=alice&from=30m&worker=alice.rig2": "time,worker,user,pool,route,side,verdict,shares,work,value_sat,expected_blocks,best_difficulty\n",
		"what=minutes&from=40m&worker=bob": "time,worker,user,pool,route,side,verdict,shares,work,value_sat,expected_blocks,best_difficulty\n" +
			"2026-01-31T12:05:00Z,bob,,main,farm,ours,accepted,64,128,6.4,1e-09,0\n" +
			"2026-01-31T12:05:00Z,bob,,main,farm,ours,stale,2,4,0.2,1e-09,0\n" +
			"2026-01-31T12:05:00Z,bob,,main,farm,sent,accepted,64,128,6.4,1e-09,0\n" +
			"2026-01-31T12:05:00Z,bob,,main,farm,pool,accepted,60,120,6,1e-09,0\n" +
			"2026-01-31T12:05:00Z,bob,,main,farm,pool,low_difficulty,1,2,0.1,1e-09,0\n" +
			"2026-01-31T12:05:00Z,bob,,main,farm,pool,unanswered,2,4,0.2,1e-09,0\n" +
			"2026-01-31T12:05:00Z,bob,,main,farm,ours,unpaid,5,10,0.5,1e-09,0\n",
		"what=blocks": "time,hash,height,worker,user,pool,route,difficulty,network_difficulty,reward_sat,pool_verdict\n" +
			"2026-01-31T12:00:00Z,00ab,840000,bob,,main,farm,1e+14,9e+13,312500000,accepted\n",
		"what=earnings": "id,pool,reference,from,to,amount_sat,computed,entered\n" +
			"1,main,tx1,2026-01-31T10:00:00Z,2026-01-31T12:00:00Z,1000,false,2026-01-31T12:40:00Z\n",
		"what=distributions&user=alice": "payout_id,pool,reference,from,to,by,name,work,amount_sat\n" +
			"1,main,tx1,2026-01-31T10:00:00Z,2026-01-31T12:00:00Z,worker,alice.rig1,240,334\n" +
			"1,main,tx1,2026-01-31T10:00:00Z,2026-01-31T12:00:00Z,worker,alice.rig2,240,333\n",
	} {
		w := ask{path: "/api/v1/export?" + path}.do(t, h)
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/csv; charset=utf-8; header=present" {
			t.Errorf("%s: %d %s", path, w.Code, w.Header().Get("Content-Type"))
		}
		if diff := cmp.Diff(want, w.Body.String()); diff != "" {
			t.Errorf("%s: -want +got:\n%s", path, diff)
		}
	}
}

// A worker's name is other people's text: a spreadsheet takes none for a formula.
func TestExportOfFormulas(t *testing.T) {
	deps, _ := newDeps()
	s := newStore()
	deps.Records = newRecords(s)
	names := map[string]string{
		`=HYPERLINK("http://x","y").rig,1`: `'=HYPERLINK("http://x","y").rig,1`, "+1": "'+1", "-1.x": "'-1.x", "@SUM(A1)": "'@SUM(A1)",
		"\t=1": "'\t=1", "a=1": "a=1", "a\nb,\"c\"": "a\nb,\"c\"", "'=1": "'=1",
	}
	s.shares = nil
	for name := range names {
		s.shares = append(s.shares, store.Share{At: noon, Worker: name})
	}
	w := ask{path: "/api/v1/export?what=shares"}.do(t, Handler(deps, true))
	rows, err := csv.NewReader(w.Body).ReadAll()
	if err != nil || len(rows) != len(names)+1 {
		t.Fatalf("%v: %q", err, rows)
	}
	for i, s := range s.shares {
		row := rows[i+1]
		if row[2] != names[s.Worker] || row[3] != "" && strings.ContainsRune("=+-@\t", rune(row[3][0])) {
			t.Errorf("%q: %q", s.Worker, row)
		}
	}
}

func TestExportParquet(t *testing.T) {
	deps, _ := newDeps()
	s := newStore()
	deps.Records = newRecords(s)
	h := Handler(deps, true)
	distributed(t, h, paid)
	w := ask{path: "/api/v1/export?what=shares&format=parquet"}.do(t, h)
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/vnd.apache.parquet" ||
		w.Header().Get("Content-Disposition") != `attachment; filename="loka-shares-20260130T124000Z-20260131T124000Z.parquet"` {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	rows, err := parquet.Read[shareRow](bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len()))
	if err != nil || len(rows) != 5 {
		t.Fatalf("%v: %d rows", err, len(rows))
	}
	for i := range rows {
		rows[i].Time = rows[i].Time.UTC()
		if diff := cmp.Diff(shareRowOf(&s.shares[i]), rows[i]); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	if got := rows[4]; got.Value.String() != "4.000000000001" || got.PoolValue.String() != mining.MaxAmount.String() || !strings.HasPrefix(got.Worker, "=HYPERLINK") {
		t.Errorf("got %+v", got)
	}
	file, err := parquet.OpenFile(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if text := file.Schema().String(); !strings.Contains(text, "fixed_len_byte_array(13) value_sat (DECIMAL(31,12))") || !strings.Contains(text, "time (TIMESTAMP(isAdjustedToUTC=true,unit=MICROS))") {
		t.Errorf("the schema is %s", text)
	}
	for what, n := range map[string]int64{"minutes": 60, "hours": 60, "days": 60, "blocks": 1, "earnings": 1, "distributions": 3} {
		w := ask{path: "/api/v1/export?format=parquet&what=" + what}.do(t, h)
		f, err := parquet.OpenFile(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len()))
		if err != nil || f.NumRows() != n {
			t.Errorf("%s: %v, %+v", what, err, f)
		}
	}
}

// An amount is the same in either format.
func TestDecimals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := mining.Amount{
			Sat:  rapid.OneOf(rapid.Int64Range(0, mining.MaxAmount.Sat), rapid.Int64Range(0, 3)).Draw(t, "sat"),
			Pico: rapid.OneOf(rapid.Int64Range(0, mining.MaxAmount.Pico), rapid.Int64Range(0, 3)).Draw(t, "pico"),
		}
		if d := decimalOf(a); d.String() != a.String() || new(big.Int).SetBytes(d[:]).BitLen() > 103 {
			t.Errorf("%s: %s", a, d)
		}
	})
}

func TestExportRefuses(t *testing.T) {
	deps, _ := newDeps()
	h := Handler(deps, true)
	for query, want := range map[string]string{
		"":                                 "what: required",
		"what=secrets":                     "what: expected value to be one of",
		"what=hours&format=xls":            "format: expected value to be one of",
		"what=hours&from=x":                "from: want an RFC 3339 time",
		"what=hours&from=1h&to=2h":         "from: it is not before the end",
		"what=blocks&from=2027-01-01&to=x": "to: want an RFC 3339 time",
	} {
		doc := wantProblem(t, query, ask{path: "/api/v1/export?" + query}.do(t, h), 422)
		if detail, _ := doc["detail"].(string); !strings.Contains(detail, want) {
			t.Errorf("%s: %s", query, detail)
		}
	}
	wantProblem(t, "another machine", ask{path: "/api/v1/export?what=hours"}.do(t, Handler(deps, false)), http.StatusUnauthorized)
	w := ask{method: http.MethodHead, path: "/api/v1/export?what=hours"}.do(t, h)
	if w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Disposition") == "" {
		t.Errorf("HEAD: %d %v %d bytes", w.Code, w.Header(), w.Body.Len())
	}
}

// many is a store of so many shares, each about 120 bytes of CSV.
func many(n int) *fakeStore {
	s := newStore()
	one := s.shares[0]
	s.shares = nil
	for i := range n {
		one.ID, one.Reached = uint64(i), math.Sqrt(float64(i)) // which does not pack well
		s.shares = append(s.shares, one)
	}
	return s
}

// A file that could not be completed is none for who gets it, and the log says so.
func TestExportThatFails(t *testing.T) {
	for _, format := range []string{"csv", "parquet"} {
		deps, _ := newDeps()
		var log bytes.Buffer
		deps.Logger = slog.New(slog.NewTextHandler(&log, nil))
		s := many(60_000)
		s.fail, s.failAfter = errors.New("disk gone"), 59_000
		deps.Records = newRecords(s)
		deps.Records.Now = time.Now
		server := httptest.NewServer(Handler(deps, true))
		res, err := http.Get(server.URL + "/api/v1/export?what=shares&format=" + format)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK || n == 0 || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %d, %d bytes, %v", format, res.StatusCode, n, err)
		}
		server.Close()
		if text := log.String(); !strings.Contains(text, "level=ERROR") || !strings.Contains(text, "an export broke off") || !strings.Contains(text, "disk gone") || strings.Contains(text, "panicked") {
			t.Errorf("%s: the log says %s", format, text)
		}
		// One that fails before there is anything of it is told in words.
		s.failAfter = 3
		wantProblem(t, format, ask{path: "/api/v1/export?what=shares&format=" + format}.do(t, Handler(deps, true)), http.StatusServiceUnavailable)
	}
}

// onePipe is a listener that has one connection.
type onePipe struct {
	conn net.Conn
	end  chan struct{}
}

func (l *onePipe) Accept() (net.Conn, error) {
	if c := l.conn; c != nil {
		l.conn = nil
		return c, nil
	}
	<-l.end
	return nil, net.ErrClosed
}
func (l *onePipe) Close() error   { close(l.end); return nil }
func (l *onePipe) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// slowly asks for an export by a connection without a buffer, and calls read with
// its body.
func slowly(t *testing.T, log io.Writer, read func(io.Reader)) {
	t.Helper()
	deps, _ := newDeps()
	deps.Logger = slog.New(slog.NewTextHandler(log, nil))
	s := many(5000)
	for i := range s.shares {
		s.shares[i].At = time.Now()
	}
	deps.Records = newRecords(s)
	deps.Records.Now = time.Now
	client, conn := net.Pipe()
	listener := &onePipe{conn, make(chan struct{})}
	server := &http.Server{Handler: Handler(deps, true), WriteTimeout: 30 * time.Second}
	go func() { _ = server.Serve(listener) }()
	req := httptest.NewRequest(http.MethodGet, "http://localhost/api/v1/export?what=shares", nil)
	if err := req.Write(client); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(client), req)
	if err != nil {
		t.Fatal(err)
	}
	read(res.Body)
	_ = res.Body.Close()
	_ = client.Close()
	_ = server.Close()
	synctest.Wait()
}

// Who reads gets all of it, however long that takes; who does not is cut off.
func TestExportToSlowClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		slowly(t, &log, func(body io.Reader) {
			began := time.Now()
			var lines int
			for buf := make([]byte, 16<<10); ; {
				n, err := body.Read(buf)
				lines += bytes.Count(buf[:n], []byte("\n"))
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatalf("after %v and %d lines: %v", time.Since(began), lines, err)
				}
				time.Sleep(4 * time.Second)
			}
			if took := time.Since(began); lines != 5001 || took < 2*time.Minute {
				t.Errorf("%d lines in %v", lines, took)
			}
		})
		if log.Len() > 0 {
			t.Errorf("the log says %s", &log)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		slowly(t, &log, func(body io.Reader) {
			time.Sleep(31 * time.Second)
			if _, err := io.Copy(io.Discard, body); err == nil {
				t.Error("who did not read for 31 s has all of it")
			}
		})
		if text := log.String(); !strings.Contains(text, "an export broke off: its client went away or did not read") || strings.Contains(text, "level=ERROR") {
			t.Errorf("the log says %s", text)
		}
	})
}

// The exports that run at a time are bounded, and each gives its place back.
func TestExportsAreBounded(t *testing.T) {
	deps, _ := newDeps()
	s := many(1)
	deps.Records = newRecords(s)
	slow := &slowStore{Warehouse: s, begun: make(chan struct{}), end: make(chan struct{})}
	deps.Records.Warehouse = slow
	h := Handler(deps, true)
	done := make(chan int)
	get := ask{path: "/api/v1/export?what=shares"}
	for range maxExports {
		go func() { done <- get.do(t, h).Code }()
		<-slow.begun
	}
	refused := get.do(t, h)
	if wantProblem(t, "one more", refused, http.StatusTooManyRequests); refused.Header().Get("Retry-After") != "30" || !strings.Contains(refused.Body.String(), "ask again in 30 s") {
		t.Errorf("Retry-After: %q, %s", refused.Header().Get("Retry-After"), refused.Body)
	}
	close(slow.end)
	for range maxExports {
		if code := <-done; code != 200 {
			t.Errorf("got %d", code)
		}
	}
	go func() { <-slow.begun }()
	if w := get.do(t, h); w.Code != 200 {
		t.Errorf("after them: %d", w.Code)
	}
}

// Who goes away before there is anything of the file is no fault of the store's.
func TestExportOfNobody(t *testing.T) {
	deps, _ := newDeps()
	var log bytes.Buffer
	deps.Logger = slog.New(slog.NewTextHandler(&log, nil))
	ctx, cancel := context.WithCancel(t.Context())
	s := many(10)
	s.fail = context.Canceled
	deps.Records = newRecords(s)
	h := Handler(deps, true)
	cancel()
	func() {
		defer func() {
			if err, ok := recover().(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				t.Errorf("it ended with %v", err)
			}
		}()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "http://localhost/api/v1/export?what=shares", nil).WithContext(ctx))
	}()
	if text := log.String(); !strings.Contains(text, "level=INFO") || !strings.Contains(text, "its client went away") || strings.Contains(text, "level=WARN") {
		t.Errorf("the log says %s", text)
	}
}

// slowStore's shares come when end is closed.
type slowStore struct {
	Warehouse

	begun, end chan struct{}
}

func (s *slowStore) Shares(ctx context.Context, f store.Filter, yield func(*store.Share) error) error {
	s.begun <- struct{}{}
	<-s.end
	return s.Warehouse.Shares(ctx, f, yield)
}

// What an export takes does not grow with what is exported.
func TestExportIsBounded(t *testing.T) {
	deps, _ := newDeps()
	endless := &endlessStore{Warehouse: newStore(), shares: 120_000}
	deps.Records = newRecords(newStore())
	deps.Records.Warehouse = endless
	h := Handler(deps, true)
	for _, format := range []string{"csv", "parquet"} {
		out := &countWriter{header: http.Header{}}
		r := httptest.NewRequest(http.MethodGet, "http://localhost/api/v1/export?what=shares&format="+format, nil)
		h.ServeHTTP(out, r)
		if out.most > chunkBytes || out.bytes < 1<<20 || endless.peak > 48<<20 {
			t.Errorf("%s: %d bytes, %d at once, %d in memory", format, out.bytes, out.most, endless.peak)
		}
	}
}

// endlessStore makes shares as they are asked for, and sees how much memory is in
// use meanwhile.
type endlessStore struct {
	Warehouse

	shares int
	peak   uint64
}

func (s *endlessStore) Shares(_ context.Context, _ store.Filter, yield func(*store.Share) error) error {
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range s.shares {
		if i%30_000 == 29_999 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			s.peak = max(s.peak, now.HeapAlloc-min(before.HeapAlloc, now.HeapAlloc))
		}
		one := store.Share{
			ID: uint64(i), At: noon.Add(time.Duration(i) * time.Microsecond), Worker: "alice.rig" + strconv.Itoa(i%1000), Pool: "main", Route: "farm",
			Verdict: mining.Accepted, Difficulty: float64(i), Reached: float64(i) * 1.1, Value: mining.Amount{Sat: int64(i), Pico: int64(i)},
		}
		if err := yield(&one); err != nil {
			return err
		}
	}
	return nil
}

// countWriter counts what an answer has.
type countWriter struct {
	header      http.Header
	bytes, most int
}

func (w *countWriter) Header() http.Header { return w.header }
func (w *countWriter) WriteHeader(int)     {}
func (w *countWriter) Write(b []byte) (int, error) {
	w.bytes += len(b)
	w.most = max(w.most, len(b))
	return len(b), nil
}

package telemetry

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// receiver takes traces as a collector does: by the message of its own service.
type receiver struct {
	*httptest.Server

	status int
	mu     sync.Mutex
	spans  []*tracepb.Span
	resources,
	auth []string
}

func newReceiver(t *testing.T, status int) *receiver {
	t.Helper()
	r := &receiver{status: status}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		var message collector.ExportTraceServiceRequest
		if err != nil || proto.Unmarshal(body, &message) != nil || req.Header.Get("Content-Type") != "application/x-protobuf" || req.URL.Path != "/v1/traces" {
			t.Errorf("a request that no collector takes: %v, %v", req.URL, req.Header)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.auth = append(r.auth, req.Header.Get("Authorization"))
		for _, of := range message.ResourceSpans {
			r.resources = append(r.resources, of.Resource.String())
			for _, scope := range of.ScopeSpans {
				r.spans = append(r.spans, scope.Spans...)
			}
		}
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) url() mining.Secret { return mining.Secret(r.URL + "/v1/traces") }

// span is the one of a name.
func (r *receiver) span(t *testing.T, name string) *tracepb.Span {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.spans {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("there is no span %q among %d", name, len(r.spans))
	return nil
}

func newTraces() *Traces {
	return NewTraces(TracesDeps{Version: "1.2", Instance: "here", Now: time.Now})
}

// walked is a handler whose shares take a millisecond to judge and three till the pool's
// word.
func walked(verdict mining.Verdict) pipeline.Handler {
	return pipeline.HandlerFunc(func(_ *mining.Miner, req *mining.Request) mining.Answer {
		if t := req.Trace; t != nil {
			t.Step("pipeline", req.At.Add(2*time.Millisecond))
			t.Step("judge", req.At.Add(3*time.Millisecond), mining.Fact{Name: "pool", Value: "main"})
			t.Step("pool", req.At.Add(6*time.Millisecond), mining.Fact{Name: "pool_verdict", Value: "accepted"})
			if verdict == mining.Pending {
				t.End(req.At.Add(6 * time.Millisecond))
			}
		}
		return mining.Answer{Verdict: verdict}
	})
}

// TestShareIsTraced has a share's steps come to a receiver, one after the other below the
// whole, with what is known of it, and without who did it.
func TestShareIsTraced(t *testing.T) {
	for _, verdict := range []mining.Verdict{mining.Accepted, mining.Pending} {
		r := newReceiver(t, http.StatusOK)
		traces := newTraces()
		traces.Reconfigure(TracesConfig{URL: r.url(), Authorization: "Bearer tok", Shares: 1})
		req := &mining.Request{Kind: mining.Submit, At: time.Now(), Worker: &mining.Worker{Login: "alice.rig1"}}
		traces.Follow(walked(verdict)).Handle(&mining.Miner{}, req)
		traces.Follow(walked(verdict)).Handle(&mining.Miner{}, &mining.Request{Kind: mining.Authorize})
		if req.Trace != nil {
			t.Error("the request is followed after its end")
		}
		traces.Close()
		root := r.span(t, "share")
		if len(r.spans) != 5 || len(root.ParentSpanId) != 0 || !strings.Contains(r.resources[0], "here") || r.auth[0] != "Bearer tok" {
			t.Errorf("%d spans, of %v, for %v", len(r.spans), r.resources, r.auth)
		}
		at := root.StartTimeUnixNano
		if at != uint64(req.At.UnixNano()) {
			t.Error("it does not begin when its line was read")
		}
		for _, name := range []string{"read", "pipeline", "judge", "pool"} {
			s := r.span(t, name)
			if s.StartTimeUnixNano != at || !bytes.Equal(s.ParentSpanId, root.SpanId) || !bytes.Equal(s.TraceId, root.TraceId) {
				t.Errorf("%s does not follow what is before it", name)
			}
			at = s.EndTimeUnixNano
		}
		facts := root.String()
		want := []string{"loka.pool", "main"}
		if verdict == mining.Pending {
			want = append(want, "loka.pool_verdict")
		}
		for _, text := range want {
			if !strings.Contains(facts, text) {
				t.Errorf("%s is not in %s", text, facts)
			}
		}
		if strings.Contains(facts, "alice") {
			t.Error("a worker's name has left")
		}
	}
}

// TestJobIsTraced likewise; its end is when all have it.
func TestJobIsTraced(t *testing.T) {
	r := newReceiver(t, http.StatusOK)
	traces := newTraces()
	job := &mining.Job{Pool: "main", Received: time.Now()}
	if traces.Job(job) != nil {
		t.Error("a job is followed while nothing is")
	}
	traces.Reconfigure(TracesConfig{URL: r.url(), Jobs: 1})
	f := traces.Job(job)
	f.Step("prepare", job.Received.Add(time.Millisecond))
	f.Step("fanout", job.Received.Add(3*time.Millisecond), mining.Fact{Name: "miners", Value: "7"})
	f.End(job.Received.Add(3 * time.Millisecond))
	f.End(job.Received.Add(time.Hour))
	traces.Close()
	root := r.span(t, "job")
	if d := root.EndTimeUnixNano - root.StartTimeUnixNano; d != 3e6 || !strings.Contains(root.String(), "loka.miners") || !strings.Contains(root.String(), "main") {
		t.Errorf("it took %d ns: %s", d, root)
	}
	if s := traces.Status(); s.On {
		t.Errorf("after its end: %+v", s)
	}
}

// TestSample follows the part that it should.
func TestSample(t *testing.T) {
	for of, want := range map[float64][2]int{0: {0, 0}, -1: {0, 0}, 1: {10000, 10000}, 2: {10000, 10000}, 0.1: {700, 1300}, 0.5: {4500, 5500}} {
		n := 0
		for range 10000 {
			if picks(part(of)) {
				n++
			}
		}
		if n < want[0] || n > want[1] {
			t.Errorf("%v: %d of 10000", of, n)
		}
	}
}

// TestDeadReceiver gives a receiver that refuses, one that is not there, and one that
// never answers more spans than there is room for: no share waits, nothing is printed,
// the end comes in time, and it is known what is wrong.
func TestDeadReceiver(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	for name, tt := range map[string]struct {
		url  mining.Secret
		want string
	}{
		"refuses":   {newReceiver(t, http.StatusForbidden).url(), "403"},
		"redirects": {newReceiver(t, http.StatusFound).url(), "302"},
		"gone":      {"http://127.0.0.1:1/v1/traces?token=hunter2", "refused"},
		"silent":    {mining.Secret("http://" + silent.Addr().String() + "/v1/traces"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			stderr, read := capture(t)
			traces := newTraces()
			traces.Reconfigure(TracesConfig{URL: tt.url, Shares: 1})
			h := traces.Follow(walked(mining.Accepted))
			for range 3 * queueSpans {
				if a := h.Handle(&mining.Miner{}, &mining.Request{Kind: mining.Submit, At: time.Now()}); a.Verdict != mining.Accepted {
					t.Fatal(a.Verdict)
				}
			}
			in := traces.in.Swap(nil)
			in.end()
			s := traces.Status()
			if tt.want != "" && (s.Err == nil || !strings.Contains(s.Err.Error(), tt.want) || s.Lost == 0 || s.Since.IsZero() || s.Sent > 0) {
				t.Errorf("%+v", s)
			}
			if s.Err != nil && strings.Contains(s.Err.Error(), "hunter2") {
				t.Errorf("a secret of the URL is told: %v", s.Err)
			}
			_ = stderr.Close()
			if text := <-read; text != "" {
				t.Errorf("printed: %s", text)
			}
		})
	}
	_ = silent.Close()
	http.DefaultClient.CloseIdleConnections()
}

// capture takes what is printed on the standard error until its file is closed.
func capture(t *testing.T) (*os.File, <-chan string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stderr
	os.Stderr = w
	t.Cleanup(func() { os.Stderr = before })
	read := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(r)
		read <- string(text)
	}()
	return w, read
}

// TestTracesFollowTheConfiguration sends to where it says now.
func TestTracesFollowTheConfiguration(t *testing.T) {
	first, second := newReceiver(t, 200), newReceiver(t, 200)
	traces := newTraces()
	h := traces.Follow(walked(mining.Accepted))
	hand := func() {
		h.Handle(&mining.Miner{}, &mining.Request{Kind: mining.Submit, At: time.Now()})
	}
	for _, r := range []*receiver{first, second} {
		cfg := TracesConfig{URL: r.url(), Shares: 1}
		traces.Reconfigure(cfg)
		before := traces.in.Load()
		traces.Reconfigure(cfg)
		if traces.in.Load() != before {
			t.Error("the same configuration begins anew")
		}
		hand()
	}
	traces.Close()
	hand()
	if len(first.spans) != 5 || len(second.spans) != 5 {
		t.Errorf("%d and %d spans", len(first.spans), len(second.spans))
	}
}

// TestOffAllocatesNothing: a share costs nothing while nothing is traced, and while it is
// not the one of many.
func TestAllocOff(t *testing.T) {
	traces := newTraces()
	h := traces.Follow(pipeline.HandlerFunc(func(*mining.Miner, *mining.Request) mining.Answer { return mining.Answer{} }))
	m, req := &mining.Miner{}, &mining.Request{Kind: mining.Submit}
	for _, shares := range []float64{-1, 0, 1e-12} {
		if shares >= 0 {
			traces.Reconfigure(TracesConfig{URL: "http://127.0.0.1:1/v1/traces", Shares: shares})
		}
		if n := testing.AllocsPerRun(1000, func() { h.Handle(m, req) }); n != 0 {
			t.Errorf("%v allocations a share with a part of %v", n, shares)
		}
	}
	traces.Close()
}

func BenchmarkFollow(b *testing.B) {
	last := pipeline.HandlerFunc(func(*mining.Miner, *mining.Request) mining.Answer { return mining.Answer{} })
	traces := newTraces()
	m, req := &mining.Miner{}, &mining.Request{Kind: mining.Submit}
	for _, bb := range []struct {
		name string
		h    pipeline.Handler
		cfg  TracesConfig
	}{
		{"bare", last, TracesConfig{}},
		{"off", traces.Follow(last), TracesConfig{}},
		{"not_picked", traces.Follow(last), TracesConfig{URL: "http://127.0.0.1:1/v1/traces", Shares: 1e-12}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			traces.Reconfigure(bb.cfg)
			for b.Loop() {
				bb.h.Handle(m, req)
			}
		})
	}
	traces.Close()
}

func TestWithoutURL(t *testing.T) {
	if err := errors.New("x"); withoutURL(err) != err { //nolint:errorlint // the very same
		t.Error("another error is changed")
	}
}

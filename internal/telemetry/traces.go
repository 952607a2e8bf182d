package telemetry

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline"
)

const (
	// queueSpans is how many spans wait for the receiver, batchSpans how many it is sent
	// at a time, and batchEvery how often.
	queueSpans = 2048
	batchSpans = 512
	batchEvery = 5 * time.Second
)

// TracesConfig says what is traced, and where to.
type TracesConfig struct {
	// URL is the receiver's, of OTLP over HTTP; empty is none. Authorization is what that
	// header says, empty for no such header.
	URL, Authorization mining.Secret
	// Shares and Jobs are the parts that are followed, from 0 to 1.
	Shares, Jobs float64
}

// TracesDeps are what traces are made with.
type TracesDeps struct {
	// Version and Instance are the program's.
	Version, Instance string
	// Now is the clock.
	Now func() time.Time
}

// Traces follows some shares and jobs. It is safe for use by many goroutines.
type Traces struct {
	deps TracesDeps
	book book

	// in is nil while nothing is traced.
	in atomic.Pointer[tracing]

	// mu is held by who puts another configuration in place; cfg is the one there is.
	mu  sync.Mutex
	cfg TracesConfig
}

// tracing is what there is while something is traced.
type tracing struct {
	provider     *sdktrace.TracerProvider
	tracer       trace.Tracer
	shares, jobs uint64 // the parts, of 2^64
	now          func() time.Time
}

// NewTraces makes traces that follow nothing yet.
func NewTraces(deps TracesDeps) *Traces { return &Traces{deps: deps} }

// Reconfigure goes by another configuration from now on. What is on its way still goes to
// the receiver before, for at most two seconds.
func (t *Traces) Reconfigure(cfg TracesConfig) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if cfg == t.cfg {
		return
	}
	t.cfg = cfg
	var next *tracing
	if cfg.URL != "" {
		next = t.begin(cfg)
	}
	before := t.in.Swap(next)
	before.end()
	t.book.restart(next != nil)
}

// begin makes what traces.
func (t *Traces) begin(cfg TracesConfig) *tracing {
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithSampler(sdktrace.AlwaysSample()), // who is followed has been decided
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "loka"), attribute.String("service.version", t.deps.Version),
			attribute.String("service.instance.id", t.deps.Instance),
		)),
		sdktrace.WithBatcher(newQuiet(cfg.URL, cfg.Authorization, &t.book, t.deps.Now),
			sdktrace.WithMaxQueueSize(queueSpans), sdktrace.WithMaxExportBatchSize(batchSpans),
			sdktrace.WithBatchTimeout(batchEvery), sdktrace.WithExportTimeout(sendTimeout),
		),
	)
	return &tracing{provider, provider.Tracer("github.com/loka/stratum"), part(cfg.Shares), part(cfg.Jobs), t.deps.Now}
}

// part is a part of 2^64.
func part(of float64) uint64 {
	if of >= 1 {
		return math.MaxUint64
	}
	return uint64(max(of, 0) * (1 << 63) * 2)
}

// end sends what waits, within bounds.
func (in *tracing) end() {
	if in == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = in.provider.Shutdown(ctx) // what is lost by it was for nobody who is there
}

// Close sends what waits, within two seconds, and follows nothing from then on.
func (t *Traces) Close() { t.Reconfigure(TracesConfig{}) }

// Status is how it goes with the receiver.
func (t *Traces) Status() Status { return t.book.status() }

// picks says whether one of many is followed.
func picks(of uint64) bool {
	return of == math.MaxUint64 || of > 0 && rand.Uint64() < of //nolint:gosec // by chance is all there is to it
}

// Follow has some of the shares that come to next followed. It is meant to stand before
// the whole pipeline.
func (t *Traces) Follow(next pipeline.Handler) pipeline.Handler { return &follower{t, next} }

// follower stands before a handler.
type follower struct {
	by   *Traces
	next pipeline.Handler
}

// Handle implements [pipeline.Handler].
func (f *follower) Handle(m *mining.Miner, req *mining.Request) mining.Answer {
	in := f.by.in.Load()
	if in == nil || req.Kind != mining.Submit || !picks(in.shares) {
		return f.next.Handle(m, req)
	}
	return in.share(f.next, m, req)
}

// share follows one share through next.
func (in *tracing) share(next pipeline.Handler, m *mining.Miner, req *mining.Request) mining.Answer {
	now := in.now()
	begun := req.At
	if begun.IsZero() {
		begun = now
	}
	f := in.follow("share", begun)
	f.Step("read", now)
	req.Trace = f
	a := next.Handle(m, req)
	req.Trace = nil
	if a.Verdict != mining.Pending { // else its end is the pool's word
		f.fact(mining.Fact{Name: "verdict", Value: a.Verdict.String()})
		f.End(in.now())
	}
	return a
}

// Job follows a job, or not: nil then.
func (t *Traces) Job(job *mining.Job) mining.Trace {
	in := t.in.Load()
	if in == nil || !picks(in.jobs) {
		return nil
	}
	f := in.follow("job", job.Received)
	f.fact(mining.Fact{Name: "pool", Value: job.Pool})
	return f
}

// followed is one share or job. It is a [mining.Trace].
type followed struct {
	tracer trace.Tracer
	ctx    context.Context // the way in which OpenTelemetry says whose child a span is
	root   trace.Span

	mu   sync.Mutex
	last time.Time
	done bool
}

func (in *tracing) follow(name string, begun time.Time) *followed {
	ctx, root := in.tracer.Start(context.Background(), name, trace.WithTimestamp(begun), trace.WithNewRoot())
	return &followed{tracer: in.tracer, ctx: ctx, root: root, last: begun}
}

// Step implements [mining.Trace].
func (f *followed) Step(name string, at time.Time, facts ...mining.Fact) {
	f.mu.Lock()
	begun := f.last
	f.last = at
	done := f.done
	f.mu.Unlock()
	_, span := f.tracer.Start(f.ctx, name, trace.WithTimestamp(begun), trace.WithAttributes(attributes(facts)...))
	span.End(trace.WithTimestamp(at))
	if !done {
		f.fact(facts...)
	}
}

// fact puts facts on the whole, where they are looked for.
func (f *followed) fact(facts ...mining.Fact) { f.root.SetAttributes(attributes(facts)...) }

// End implements [mining.Trace].
func (f *followed) End(at time.Time) {
	f.mu.Lock()
	done := f.done
	f.done = true
	f.mu.Unlock()
	if !done {
		f.root.End(trace.WithTimestamp(at))
	}
}

func attributes(of []mining.Fact) []attribute.KeyValue {
	all := make([]attribute.KeyValue, 0, len(of))
	for _, f := range of {
		all = append(all, attribute.String("loka."+f.Name, f.Value))
	}
	return all
}

package telemetry

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/loka/stratum/internal/mining"
)

// maxAnswer bounds what is read of a receiver's answer.
const maxAnswer = 64 << 10

// StatusError is a receiver that answered, and did not take it.
type StatusError struct{ Code int }

// Error describes it.
func (e *StatusError) Error() string {
	return fmt.Sprintf("the receiver answers %d %s", e.Code, http.StatusText(e.Code))
}

// otlp sends traces by OTLP over HTTP. It is an [otlptrace.Client].
type otlp struct {
	url, authorization mining.Secret
	client             *http.Client
}

func newOTLP(url, authorization mining.Secret) *otlp {
	return &otlp{url, authorization, &http.Client{
		Timeout: sendTimeout,
		// What is sent there is not for whom it points at.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, MaxIdleConns: 1, MaxConnsPerHost: 1, IdleConnTimeout: time.Minute,
		},
	}}
}

// Start implements [otlptrace.Client].
func (*otlp) Start(context.Context) error { return nil }

// Stop implements [otlptrace.Client].
func (o *otlp) Stop(context.Context) error {
	o.client.CloseIdleConnections()
	return nil
}

// UploadTraces implements [otlptrace.Client]. On the wire TracesData is the message that
// the receiver wants, whose own Go package comes with gRPC.
func (o *otlp) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	message, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return fmt.Errorf("encode traces: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.url.Reveal(), bytes.NewReader(message))
	if err != nil {
		return withoutURL(err)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	if o.authorization != "" {
		req.Header.Set("Authorization", o.authorization.Reveal())
	}
	resp, err := o.client.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // so that the connection is used again
	if resp.StatusCode/100 != 2 {
		return &StatusError{resp.StatusCode}
	}
	return nil
}

// quiet is an exporter that books its failures: the SDK would print them on the standard
// error.
type quiet struct {
	sdktrace.SpanExporter

	book *book
	now  func() time.Time
}

func newQuiet(url, authorization mining.Secret, b *book, now func() time.Time) *quiet {
	return &quiet{otlptrace.NewUnstarted(newOTLP(url, authorization)), b, now}
}

// ExportSpans implements [sdktrace.SpanExporter].
func (q *quiet) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	q.book.told(len(spans), q.SpanExporter.ExportSpans(ctx, spans), q.now())
	return nil
}

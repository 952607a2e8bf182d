package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/loka/stratum/internal/store"
)

// maxExports is how many exports run at a time, for each keeps the store busy.
const maxExports = 4

// exportRetry is when to ask again where they all run, in seconds: by then who takes
// nothing of one has been cut off. A large one may go on for longer.
const exportRetry = int(chunkTimeout / time.Second)

type exportInput struct {
	Pick

	What   string `query:"what" required:"true" enum:"shares,minutes,hours,days,blocks,earnings,distributions" doc:"Single shares, sums of a minute, an hour or a day, blocks, what pools paid, or who got what of it"`
	Format string `query:"format" enum:"csv,parquet" default:"csv" doc:"CSV is UTF-8 with a line of names first"`
	From   string `query:"from" doc:"When it begins, as in /api/v1/history; empty: 24 h ago for shares and minutes, 30 days for hours, else at the beginning"`
	To     string `query:"to" doc:"When it ends, which is not included; empty: now"`
}

// back is how far back an export goes that does not say; 0: to the beginning.
func (in *exportInput) back() time.Duration {
	switch in.What {
	case "shares", "minutes":
		return defaultBack
	case "hours":
		return 30 * 24 * time.Hour
	}
	return 0
}

// exports registers what can be taken away.
func exports(api huma.API, r *recorder) {
	op := get("/api/v1/export", "export", "What is kept, as a file", http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusServiceUnavailable)
	text := &huma.Schema{Type: huma.TypeString}
	op.Responses = map[string]*huma.Response{"200": {
		Description: "The file. One that could not be completed breaks off, and the connection with it.",
		Content:     map[string]*huma.MediaType{csvKind: {Schema: text}, parquetKind: {Schema: text}},
	}}
	huma.Register(api, op, func(_ context.Context, in *exportInput) (*huma.StreamResponse, error) {
		from, to, err := Period{in.From, in.To}.between(r.Now(), in.back())
		if err != nil {
			return nil, err
		}
		select {
		case r.exports <- struct{}{}:
		default:
			busy := huma.Error429TooManyRequests(fmt.Sprintf("%d exports run already; ask again in %d s, or when one is done", maxExports, exportRetry))
			return nil, huma.ErrorWithHeaders(busy, http.Header{"Retry-After": {strconv.Itoa(exportRetry)}})
		}
		f := r.filter(in.Pick, from, to)
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			defer func() { <-r.exports }()
			req, w := humago.Unwrap(ctx)
			r.export(w, req, in, f)
		}}, nil
	})
}

// export sends a file. Where that cannot be completed, the client is told by a
// problem, or by the connection's end if it has some of the file already.
func (r *recorder) export(w http.ResponseWriter, req *http.Request, in *exportInput, f store.Filter) {
	kind := csvKind
	if in.Format == "parquet" {
		kind = parquetKind
	}
	out := newDownload(w, r.Now, http.Header{
		"Content-Type":        {kind},
		"Content-Disposition": {`attachment; filename="` + fileName(in, f) + `"`},
	})
	if req.Method == http.MethodHead {
		out.begin()
		return
	}
	ctx := req.Context()
	err := r.rows(ctx, in.What, f, sinks{out, in.Format})
	if err == nil {
		err = out.end()
	}
	switch {
	case err == nil:
		return
	case !out.begun && ctx.Err() == nil:
		problem(w, http.StatusServiceUnavailable, "the store does not answer now; the log says why")
		r.log.WarnContext(ctx, "an export could not be begun", "what", in.What, "error", err)
		return
	case ctx.Err() != nil || errors.Is(err, errClient):
		r.log.InfoContext(ctx, "an export broke off: its client went away or did not read", "what", in.What, "bytes", out.bytes)
	default:
		r.log.ErrorContext(ctx, "an export broke off", "what", in.What, "bytes", out.bytes, "error", err)
	}
	panic(http.ErrAbortHandler)
}

// fileName is what the file is called: of the words and times only, so that it is
// safe in a header.
func fileName(in *exportInput, f store.Filter) string {
	const layout = "20060102T150405Z"
	from := "all"
	if !f.From.IsZero() {
		from = f.From.UTC().Format(layout)
	}
	return fmt.Sprintf("loka-%s-%s-%s.%s", in.What, from, f.To.UTC().Format(layout), in.Format)
}

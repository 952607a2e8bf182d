package metrics

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"
)

// eof is the last line of OpenMetrics.
const eof = "# EOF\n"

// mostScrapes is how many may be answered at a time.
const mostScrapes = 8

// Handler serves the exposition: the text format, OpenMetrics to whoever asks for it,
// or Prometheus' own binary one, which alone has native histograms.
func (m *Metrics) Handler() http.Handler {
	opts := promhttp.HandlerOpts{EnableOpenMetrics: true, MaxRequestsInFlight: mostScrapes, Timeout: 10 * time.Second}
	most := promhttp.HandlerFor(m.registry, opts)
	all := promhttp.HandlerFor(prometheus.Gatherers{m.registry, m.workers}, opts)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		format := expfmt.NegotiateIncludingOpenMetrics(r.Header)
		switch {
		case !m.workers.on():
			most.ServeHTTP(w, r)
		case r.URL.Query().Has("name[]") || format.FormatType() == expfmt.TypeProtoDelim || format.FormatType() == expfmt.TypeProtoText:
			all.ServeHTTP(w, r)
		default:
			m.workers.serve(w, r, most)
		}
	})
}

// serve answers with what another handler says, and the series of workers behind it.
func (w *workers) serve(to http.ResponseWriter, r *http.Request, most http.Handler) {
	select {
	case w.turns <- struct{}{}:
		defer func() { <-w.turns }()
	default:
		http.Error(to, fmt.Sprintf("%d scrapes are being answered; try again later", mostScrapes), http.StatusServiceUnavailable)
		return
	}
	zipped := takesGzip(r.Header)
	r = r.Clone(r.Context())
	r.Header.Del("Accept-Encoding") // what comes is read here
	said := &kept{header: make(http.Header), status: http.StatusOK}
	most.ServeHTTP(said, r)
	for name, values := range said.header {
		to.Header()[name] = values
	}
	if said.status != http.StatusOK {
		to.WriteHeader(said.status)
		_, _ = to.Write(said.body.Bytes())
		return
	}
	head, open := bytes.CutSuffix(said.body.Bytes(), []byte(eof))
	to.Header().Add("Vary", "Accept-Encoding")
	to.Header().Del("Content-Length")
	var out io.Writer = to
	if zipped {
		zip, err := gzip.NewWriterLevel(to, gzip.BestSpeed)
		if err != nil {
			return // it is a level that there is
		}
		defer func() { _ = zip.Close() }() // who has left does not need it
		to.Header().Set("Content-Encoding", "gzip")
		out = zip
	}
	sheet, _ := w.sheets.Get().(*sheet)
	defer w.sheets.Put(sheet)
	if _, err := out.Write(head); err != nil || sheet.write(out, w.chosen(), open) != nil || !open {
		return
	}
	_, _ = io.WriteString(out, eof)
}

// takesGzip says whether a client takes gzip.
func takesGzip(h http.Header) bool {
	for _, all := range h.Values("Accept-Encoding") {
		for one := range strings.SplitSeq(all, ",") {
			name, weight, _ := strings.Cut(strings.TrimSpace(one), ";")
			if q, ok := strings.CutPrefix(strings.TrimSpace(weight), "q="); ok {
				if v, err := strconv.ParseFloat(q, 64); err != nil || v <= 0 {
					continue
				}
			}
			if strings.EqualFold(strings.TrimSpace(name), "gzip") {
				return true
			}
		}
	}
	return false
}

// kept keeps an answer.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements [http.ResponseWriter].
func (k *kept) Header() http.Header { return k.header }

// WriteHeader implements [http.ResponseWriter].
func (k *kept) WriteHeader(status int) { k.status = status }

// Write implements [http.ResponseWriter].
func (k *kept) Write(b []byte) (int, error) { return k.body.Write(b) }

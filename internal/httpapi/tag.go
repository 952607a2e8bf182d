package httpapi

import (
	"hash/maphash"
	"net/http"
	"strconv"
	"strings"
)

// maxTagged is the longest answer that is given a tag, in bytes: it is held back until it is
// whole.
const maxTagged = 4 << 20

// tagger gives answers a tag (ETag), by which who asks again is told that nothing has
// changed. The tag is of what is answered, so it costs making that all the same: it spares
// the line, and the page its work.
type tagger struct {
	seed maphash.Seed
	next http.Handler
}

// tagged has the reads of next tagged.
func tagged(next http.Handler) http.Handler { return &tagger{maphash.MakeSeed(), next} }

// ServeHTTP serves a read.
func (t *tagger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || !strings.HasPrefix(r.URL.Path, "/api/") {
		t.next.ServeHTTP(w, r)
		return
	}
	out := &tagWriter{ResponseWriter: w}
	t.next.ServeHTTP(out, r)
	if out.passing || out.status == 0 {
		return
	}
	h := w.Header()
	tag := `"` + strconv.FormatUint(maphash.Bytes(t.seed, out.held), 36) + `"`
	h.Set("ETag", tag)
	h.Set("Cache-Control", "private, no-cache") // it may be kept, and is asked about each time
	h.Set("Vary", "Authorization, Cookie")
	if matches(r.Header.Get("If-None-Match"), tag) {
		h.Del("Content-Type")
		h.Del("Content-Length")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.WriteHeader(out.status)
	_, _ = w.Write(out.held)
}

// matches says whether a list of tags has one of them.
func matches(list, tag string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == tag || one == "*" {
			return true
		}
	}
	return false
}

// tagWriter holds an answer back, if it is JSON, and not too long.
type tagWriter struct {
	http.ResponseWriter

	status  int
	held    []byte
	passing bool
}

// WriteHeader implements [http.ResponseWriter].
func (w *tagWriter) WriteHeader(status int) {
	if w.passing || w.status != 0 || status < http.StatusOK {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.status = status
	if status != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/") ||
		!strings.Contains(w.Header().Get("Content-Type"), "json") {
		w.pass()
	}
}

// Write implements [http.ResponseWriter].
func (w *tagWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if !w.passing && len(w.held)+len(b) > maxTagged {
		w.pass()
	}
	if w.passing {
		return w.ResponseWriter.Write(b)
	}
	w.held = append(w.held, b...)
	return len(b), nil
}

// pass lets what was held back go, and all that follows.
func (w *tagWriter) pass() {
	w.passing = true
	w.ResponseWriter.WriteHeader(w.status)
	if len(w.held) > 0 {
		_, _ = w.ResponseWriter.Write(w.held)
		w.held = nil
	}
}

// Unwrap lets [http.ResponseController] see what is behind.
func (w *tagWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

package httpapi

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/auth"
)

// fakeTraces has what it was asked to write.
type fakeTraces struct {
	all  []Trace
	fail error
}

func (k *fakeTraces) Recording() bool { return k.fail == nil }

func (k *fakeTraces) Write(why string) (Trace, error) {
	if k.fail != nil {
		return Trace{}, k.fail
	}
	t := Trace{Name: "n.trace", At: epoch, Why: why, Bytes: 5}
	k.all = append(k.all, t)
	return t, nil
}

func (k *fakeTraces) List() ([]Trace, error) { return k.all, k.fail }

func (k *fakeTraces) Open(name string) (io.ReadCloser, Trace, error) {
	if name != "n.trace" {
		return nil, Trace{}, ErrNoTrace
	}
	return io.NopCloser(strings.NewReader("bytes")), k.all[0], k.fail
}

func TestTraces(t *testing.T) {
	deps, _ := newDeps()
	keeper, file := new(fakeTraces), new(fakeFile)
	deps.Traces, deps.Audit, deps.Records = keeper, file, nil
	h := Handler(deps, true)
	for _, tt := range []struct {
		method, path, body, token string
		fail                      error
		status                    int
		want                      string
	}{
		{"GET", "", "", secret, nil, 200, `"traces":[]`},
		{"POST", "", "", secret, nil, 201, `"why":"asked for"`},
		{"POST", "", `{"why":"late shares"}`, secret, nil, 201, `"why":"late shares"`},
		{"POST", "", `{"why":"` + strings.Repeat("x", 101) + `"}`, secret, nil, 422, "why"},
		{"POST", "", "", secret, ErrNotRecorded, 409, "flight_recorder"},
		{"POST", "", "", secret, ErrTraceBusy, 409, "moment"},
		{"POST", "", "", secret, errors.New("disk full"), 503, "disk full"},
		{"POST", "", "", tokenOfRole[auth.Operator], nil, 403, ""},
		{"GET", "", "", "", nil, 401, ""},
		{"GET", "?limit=1", "", secret, nil, 200, `"total":2`},
		{"GET", "/n.trace", "", secret, nil, 200, "bytes"},
		{"HEAD", "/n.trace", "", secret, nil, 200, ""},
		{"GET", "/other.trace", "", secret, nil, 404, "/api/v1/trace"},
		{"GET", "/n.trace", "", tokenOfRole[auth.Viewer], nil, 403, ""},
		{"GET", "", "", secret, errors.New("unreadable"), 500, "unreadable"},
	} {
		keeper.fail = tt.fail
		w := ask{method: tt.method, path: "/api/v1/trace" + tt.path, body: tt.body, token: tt.token}.do(t, h)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s %s %s: %d %s", tt.method, tt.path, tt.body, w.Code, w.Body)
		}
		if tt.want == "bytes" && (w.Header().Get("Content-Disposition") != `attachment; filename="n.trace"` || w.Header().Get("Content-Length") != "5") {
			t.Errorf("%v", w.Header())
		}
	}
	if len(file.acts) != 2 || file.acts[1].What != "POST /api/v1/trace" || file.acts[1].After.(Trace).Name != "n.trace" || file.acts[1].At != epoch {
		t.Errorf("the audit record has %+v", file.acts)
	}
}

// A client that goes away in the middle is told by the end of its connection.
func TestTraceBreaksOff(t *testing.T) {
	defer func() {
		if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
			t.Errorf("%v", err)
		}
	}()
	sendTrace(goneWriter{}, &http.Request{Method: http.MethodGet}, strings.NewReader("x"), time.Now, Trace{})
}

// goneWriter is a client that is gone.
type goneWriter struct{}

func (goneWriter) Header() http.Header       { return http.Header{} }
func (goneWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
func (goneWriter) WriteHeader(int)           {}

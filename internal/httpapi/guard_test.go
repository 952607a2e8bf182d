package httpapi

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHostMustNameLoopback(t *testing.T) {
	deps, _ := newDeps()
	h := Handler(deps, true)
	for host, ok := range map[string]bool{
		"localhost": true, "localhost:9090": true, "LocalHost:1": true, "localhost.": true,
		"127.0.0.1": true, "127.0.0.1:9090": true, "127.9.8.7:1": true, "[::1]:9090": true, "[::1]": true, "[::ffff:127.0.0.1]:1": true,
		"evil.example.com": false, "evil.example.com:9090": false, "localhost.evil.example.com": false, "10.0.0.1:9090": false,
		"127.0.0.1.evil.example.com": false, "0.0.0.0:9090": false, "[::]:9090": false, "[fe80::1%25lo]:1": false, "2130706433": false, ":9090": false,
	} {
		w := ask{path: "/api/v1/summary", host: host}.do(t, h)
		if ok && w.Code != http.StatusOK {
			t.Errorf("%s: %d", host, w.Code)
		}
		if !ok {
			doc := wantProblem(t, host, w, http.StatusMisdirectedRequest)
			if detail, _ := doc["detail"].(string); !strings.Contains(detail, "localhost") {
				t.Errorf("%s: no advice in %v", host, doc)
			}
		}
	}
	if w := (ask{path: "/api/v1/summary", host: "proxy.example.com", token: secret}).do(t, h); w.Code != http.StatusOK {
		t.Errorf("with the token any host may be named: %d", w.Code)
	}
	for _, path := range []string{"/live", "/ready"} {
		if w := (ask{path: path, host: "probe.example.com"}).do(t, h); w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestNoHost(t *testing.T) {
	deps, _ := newDeps()
	r := httptest.NewRequest(http.MethodGet, "/api/v1/summary", nil)
	r.Host = ""
	w := httptest.NewRecorder()
	Handler(deps, true).ServeHTTP(w, r)
	wantProblem(t, "no host", w, http.StatusMisdirectedRequest)
}

func TestOffLoopback(t *testing.T) {
	deps, hub := newDeps()
	h := Handler(deps, false)
	for _, path := range []string{"/", "/health", "/metrics", "/api/v1/summary", "/api/v1/openapi.json", "/nothing", "/web/app.js"} {
		wantProblem(t, path, ask{path: path}.do(t, h), http.StatusUnauthorized)
		wantProblem(t, path, ask{path: path, token: "wrong"}.do(t, h), http.StatusUnauthorized)
		if w := (ask{path: path, token: secret, host: "any.example.com"}).do(t, h); w.Code == http.StatusUnauthorized {
			t.Errorf("%s: the token is not enough", path)
		}
	}
	for _, path := range []string{"/live", "/ready"} {
		if w := (ask{path: path, host: "any.example.com"}).do(t, h); w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	wantProblem(t, "a write", ask{method: http.MethodDelete, path: "/api/v1/miners/1"}.do(t, h), http.StatusUnauthorized)
	wantProblem(t, "not a read", ask{method: http.MethodPost, path: "/live"}.do(t, h), http.StatusUnauthorized)
	if len(hub.gone) != 0 {
		t.Error("a miner was disconnected without a token")
	}
}

func TestBearer(t *testing.T) {
	deps, _ := newDeps()
	h := Handler(deps, false)
	for header, ok := range map[string]bool{
		"Bearer " + secret:  true,
		"bearer " + secret:  true,
		"Bearer  " + secret: true,
		"Basic " + secret:   false,
		secret:              false,
		"Bearer":            false,
		"Bearer ":           false,
		"":                  false,
	} {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/summary", nil)
		r.Header.Set("Authorization", header)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if (w.Code == http.StatusOK) != ok {
			t.Errorf("%q: %d", header, w.Code)
		}
	}
	deps.Token = nil
	wantProblem(t, "no token is known", ask{path: "/metrics", token: secret}.do(t, Handler(deps, false)), http.StatusUnauthorized)
}

func TestAFaultIsAProblem(t *testing.T) {
	deps, _ := newDeps()
	var log bytes.Buffer
	deps.Logger = slog.New(slog.NewTextHandler(&log, nil))
	deps.Page = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") })
	wantProblem(t, "a panic", ask{path: "/"}.do(t, Handler(deps, true)), http.StatusInternalServerError)
	if !strings.Contains(log.String(), "boom") || !strings.Contains(log.String(), "stack") {
		t.Errorf("the log says %s", &log)
	}
	deps.Page = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	defer func() {
		if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
			t.Error("an abort is not passed on")
		}
	}()
	ask{path: "/"}.do(t, Handler(deps, true))
}

package web

import (
	"html"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func page(t *testing.T) http.Handler {
	t.Helper()
	h, err := New(Config{Version: `1.2.3<script>"`})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func get(t *testing.T, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func read(t *testing.T, h http.Handler, path string) string {
	t.Helper()
	return get(t, h, path).Body.String()
}

func TestFilesAreServed(t *testing.T) {
	h := page(t)
	for path, kind := range map[string]string{
		"/": "text/html; charset=utf-8", "/web/app.js": "text/javascript; charset=utf-8",
		"/web/style.css": "text/css; charset=utf-8", "/web/icon.svg": "image/svg+xml; charset=utf-8",
	} {
		r := get(t, h, path)
		if r.Code != http.StatusOK || r.Header().Get("Content-Type") != kind || r.Body.Len() < 100 {
			t.Errorf("%s: %d %s", path, r.Code, r.Header().Get("Content-Type"))
		}
		if csp := r.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; script-src 'self'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: the policy is %q", path, csp)
		}
	}
	for _, path := range []string{"/web/", "/web/index.html", "/web/../web.go", "/index.html"} {
		if r := get(t, h, path); r.Code == http.StatusOK {
			t.Errorf("%s is served", path)
		}
	}
}

func TestVersionIsText(t *testing.T) {
	body := read(t, page(t), "/")
	if !strings.Contains(html.UnescapeString(body), `1.2.3<script>"`) || strings.Contains(body, "1.2.3<script>") {
		t.Error("the version is not there, or is markup")
	}
}

// TestNoOutsideRequests: nothing in the files names another host, and the
// page has no script or style of its own, which the policy would refuse.
func TestNoOutsideRequests(t *testing.T) {
	outside := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9.-]+\.[a-z]{2,}`)
	inline := regexp.MustCompile(`(?i)<script[^>]*>[^<]|<style|\sstyle=|\son[a-z]+=|javascript:`)
	err := fs.WalkDir(files, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		text := strings.ReplaceAll(string(data), `xmlns="http://www.w3.org/2000/svg"`, "")
		if found := outside.FindString(text); found != "" {
			t.Errorf("%s names %s", name, found)
		}
		if found := inline.FindString(text); found != "" && strings.HasSuffix(name, ".html") {
			t.Errorf("%s holds %q", name, found)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestScriptWritesTextOnly: names come from miners and pools.
func TestScriptWritesTextOnly(t *testing.T) {
	script := read(t, page(t), "/web/app.js")
	for _, never := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("} {
		if strings.Contains(script, never) {
			t.Errorf("the script uses %s", never)
		}
	}
}

// TestScriptAndPageAgree: every element that the script draws into exists.
func TestScriptAndPageAgree(t *testing.T) {
	h := page(t)
	index, script := read(t, h, "/"), read(t, h, "/web/app.js")
	ids := regexp.MustCompile(`(?:\$|text|table|total)\("([a-z-]+)"`).FindAllStringSubmatch(script, -1)
	if len(ids) < 15 {
		t.Fatalf("only %d elements are drawn into", len(ids))
	}
	for _, id := range ids {
		if !strings.Contains(index, `id="`+id[1]+`"`) {
			t.Errorf("the page has no %s", id[1])
		}
	}
}

package web

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// paths are one address of each page, and what else pages may be asked for.
func paths() []string {
	known, all := pages(), []string{"/pools/main?span=30d", "/workers/alice.rig00001?span=1h", "/workers?q=rig&sort=-hashrate&show=here&route=farm&pool=main&page=2", "/workers?q=nobody"}
	all = slices.Grow(all, len(known))
	for _, p := range known {
		all = append(all, strings.NewReplacer("{$}", "", "{name}", url.PathEscape(evil), "{anchor}", "alert-pool_down").Replace(p.Path))
	}
	return all
}

// Every page is there, whole, and has no script, style or handler of its own, whatever
// miners and pools call themselves.
func TestEveryPageIsWholeAndHoldsNoMarkupOfOthers(t *testing.T) {
	s := site(t, newFarm(120))
	for _, path := range paths() {
		w := get(t, s, path)
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/html; charset=utf-8" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
			continue
		}
		if csp := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; script-src 'self'; style-src 'self'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: the policy is %q", path, csp)
		}
		examine(t, path, w.Body.String())
	}
}

// examine walks over a page.
func examine(t *testing.T, path, text string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	ids, marks := map[string]bool{}, map[string]int{}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		marks[n.Data]++
		for _, a := range n.Attr {
			switch {
			case a.Key == "style" || strings.HasPrefix(a.Key, "on"):
				t.Errorf("%s: <%s> has %s=%q", path, n.Data, a.Key, a.Val)
			case a.Key == "id" && ids[a.Val]:
				t.Errorf("%s: two elements are %q", path, a.Val)
			case a.Key == "id":
				ids[a.Val] = true
			case (a.Key == "src" || a.Key == "href" || a.Key == "action" || a.Key == "data-src") && !local(a.Val):
				t.Errorf("%s: <%s> leads to %q", path, n.Data, a.Val)
			}
		}
		if (n.Data == "script" || n.Data == "style") && n.FirstChild != nil {
			t.Errorf("%s: <%s> in the page", path, n.Data)
		}
		if n.Data == "img" && attr(n, "src") == "x" {
			t.Errorf("%s: a name has become markup", path)
		}
	}
	if marks["h1"] != 1 || marks["main"] != 1 || marks["nav"] == 0 || marks["title"] == 0 {
		t.Errorf("%s has %v", path, marks)
	}
	if !strings.HasSuffix(strings.TrimSpace(text), "</html>") {
		t.Errorf("%s ends early", path)
	}
}

func local(address string) bool {
	return strings.HasPrefix(address, "/") && !strings.HasPrefix(address, "//") || strings.HasPrefix(address, "#")
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// What is not there is said on a page, with a way back.
func TestWhatIsNotThere(t *testing.T) {
	s := site(t, newFarm(3))
	for path, back := range map[string]string{"/workers/nobody": "/workers", "/pools/none": "/pools", "/runbooks/nothing": "/runbooks"} {
		w := get(t, s, path)
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
		has(t, w.Body.String(), "There is no such", `href="`+back+`">Back`)
	}
	for _, path := range []string{"/nothing", "/web/", "/web/vendor/VERSIONS", "/web/../web.go", "/web/templates/layout.html"} {
		if w := get(t, s, path); w.Code < 300 {
			t.Errorf("%s is served", path)
		}
	}
}

// An empty farm has pages, too.
func TestAnEmptyFarm(t *testing.T) {
	s, err := New(Deps{Model: &farm{}, Now: func() time.Time { return epoch }})
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{"/": "No miner is connected.", "/workers": "No worker has been here yet", "/pools": "No pool is configured", "/routes": "No route is configured"} {
		has(t, body(t, s, path), text)
	}
}

// A file that is asked for by its sum may be kept, and one that has changed has another
// address.
func TestFiles(t *testing.T) {
	s := site(t, newFarm(1))
	page := body(t, s, "/")
	found := regexp.MustCompile(`/web/[a-z./-]+\?v=[0-9a-f]{12}`).FindAllString(page, -1)
	if len(found) < 8 {
		t.Fatalf("%d files are asked for", len(found))
	}
	for _, path := range found {
		w := get(t, s, path)
		if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Header().Get("Content-Type") == "" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		name, _, _ := strings.Cut(path, "?")
		if w := get(t, s, name); strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s is kept without its sum", name)
		}
	}
}

// The scripts of others are what VERSIONS says, each with its licence.
func TestVendored(t *testing.T) {
	const dir = "static/vendor/"
	text, err := fs.ReadFile(files, dir+"VERSIONS")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := fs.ReadDir(files, "static/vendor")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := e.Name()
		if kinds[name[strings.LastIndexByte(name, '.')+1:]] == "" && !strings.HasSuffix(name, ".js") && !strings.HasSuffix(name, ".css") {
			continue
		}
		data, err := fs.ReadFile(files, dir+name)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` .*` + hex.EncodeToString(sum[:]) + `$`).Match(text) {
			t.Errorf("%s is not what VERSIONS says", name)
		}
		if _, err := fs.Stat(files, dir+strings.SplitN(name, ".", 2)[0]+".LICENSE"); err != nil {
			t.Error(err)
		}
	}
}

// Names come from miners and pools: our scripts write text only.
func TestScriptWritesTextOnly(t *testing.T) {
	ours(t, func(name, text string) {
		for _, never := range []string{"innerHTML", "outerHTML =", "insertAdjacentHTML", "document.write", "eval(", "new Function"} {
			if strings.HasSuffix(name, ".js") && strings.Contains(text, never) {
				t.Errorf("%s uses %s", name, never)
			}
		}
	})
}

// Nothing in our files names another host; that no page leads to one, examine looks at.
func TestNoOutsideRequests(t *testing.T) {
	outside := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9.-]+\.[a-z]{2,}`)
	ours(t, func(name, text string) {
		if found := outside.FindString(strings.ReplaceAll(text, `xmlns="http://www.w3.org/2000/svg"`, "")); found != "" {
			t.Errorf("%s names %s", name, found)
		}
	})
}

// ours calls f for each file of static/ that is ours.
func ours(t *testing.T, f func(name, text string)) {
	t.Helper()
	err := fs.WalkDir(files, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(name, "vendor") {
			return err
		}
		data, err := fs.ReadFile(files, name)
		f(name, string(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/loka/stratum/internal/testkit/process"
)

// bareConfig is of a proxy whose only pool does not answer.
const bareConfig = `instance = "bare-rig"
data_dir = %q

[server]
listen = [%q]

[http]
listen = %q

[[pool]]
name = "gone"
url = "stratum+tcp://%s"
username = "acct"
`

// bare starts a proxy that has nobody: no pool answers, and no miner is there. more is put
// behind its configuration.
func bare(t *testing.T, more string) *farm {
	t.Helper()
	needsChromium(t)
	for try := 1; ; try++ {
		f := &farm{dir: t.TempDir(), miners: process.FreePort(t)}
		page := process.FreePort(t)
		f.url, f.config = "http://"+page, filepath.Join(f.dir, "loka.toml")
		text := fmt.Sprintf(bareConfig, filepath.Join(f.dir, "data"), f.miners, page, process.FreePort(t)) + more
		if err := os.WriteFile(f.config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := f.run("start", "-c", f.config)
		if err == nil {
			err = f.until("it serves the page", func() bool { return f.ask("GET", "/api/v1/summary", "", nil) == nil })
		}
		if err == nil {
			t.Cleanup(f.end)
			f.reads(t)
			return f
		}
		f.end()
		if text := f.out.Tail(4000); try == 3 || !strings.Contains(text, "address already in use") {
			t.Fatalf("%v\n%s", err, text)
		}
	}
}

// reads has the admin's token.
func (f *farm) reads(t *testing.T) {
	t.Helper()
	token, err := os.ReadFile(filepath.Join(f.dir, "data", "api.token"))
	if err != nil {
		t.Fatal(err)
	}
	f.token = strings.TrimSpace(string(token))
}

// Where no pool can be reached, no miner is there, or the store is down, every page says so
// in words, in each look, without an error that is not just that.
func TestEveryPageOfABareProxy(t *testing.T) {
	for name, c := range map[string]struct {
		more string
		// asks may be answered 503, and says has to be on pages.
		asks bool
		says map[string]string
	}{
		"no pool": {"", false, map[string]string{
			"/": "Route default has no pool that serves work", "/workers": "No worker has been here yet", "/pools": "connection refused", "/connections": "No miner is connected", "/profile": "Nothing was timed",
		}},
		"no store": {"\n[storage]\nurl = \"postgres://loka:secret@" + process.FreePort(t) + "/loka\"\n", true, map[string]string{
			"/": "store", "/pools/gone": "store", "/audit": "store", "/alerts": "Rules",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f := bare(t, c.more)
			for _, l := range looks[:2] {
				b := newTab(t, f.url, l)
				if c.asks {
					b.expects("503")
				}
				b.signsIn(f.token)
				b.goes("/")
				pages := append(run[[]string](b, `[...document.querySelectorAll(".nav a")].map((a) => a.getAttribute("href"))`), "/pools/gone", "/pools/gone?span=30d", "/events?kind=pool", "/configuration?show=all")
				for _, path := range pages {
					b.goes(path)
					b.until("plots of "+path+" are drawn, or say why they are not", `[...document.querySelectorAll("[data-plot]")].every((p) => p.querySelector("canvas, svg") || p.querySelector(".hint")?.innerText.trim())`)
					if says := c.says[path]; says != "" {
						b.until(path+" says "+says, `document.querySelector("main").innerText.includes("`+says+`")`)
					}
					if n := run[int](b, `document.documentElement.scrollWidth - innerWidth`); n > 0 {
						t.Errorf("%s is %d px wider than the screen", path, n)
					}
					if text := run[string](b, `document.querySelector("main").innerText`); len(strings.TrimSpace(text)) < 20 || strings.Contains(text, "NaN") || strings.Contains(text, "undefined") {
						t.Errorf("%s shows %q", path, text)
					}
					b.readable(path + ", " + l.name)
					b.shoot("bare-" + strings.ReplaceAll(name, " ", "-") + "-" + l.name + shotName(path))
				}
				b.clean()
			}
		})
	}
}

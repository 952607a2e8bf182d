package browser

import (
	"os"
	"strings"
	"testing"
)

// pagesToLookAt are addresses that the navigation has, and some below them.
func pagesToLookAt(t *testing.T, f *farm) []string {
	t.Helper()
	b := newTab(t, f.url, looks[0])
	b.signsIn(f.token)
	b.goes("/")
	pages := run[[]string](b, `[...document.querySelectorAll(".nav a")].map((a) => a.getAttribute("href"))`)
	if len(pages) < 10 {
		t.Fatalf("the navigation has only %q", pages)
	}
	b.goes("/connections")
	shown := run[string](b, `document.querySelector("a[data-drawer]").getAttribute("href")`)
	b.goes("/workers")
	worker := run[string](b, `document.querySelector("main tbody a").getAttribute("href")`)
	return append(pages, "/pools/main", "/pools/gone", worker, shown, "/configuration?show=all")
}

// Each page is drawn in each look, without an error and without asking anybody else,
// nothing is wider than the screen, and all can be read.
func TestEveryPageInEveryLook(t *testing.T) {
	f := theFarm(t)
	pages := pagesToLookAt(t, f)
	for i, l := range looks {
		if i > 1 && os.Getenv("LOKA_LOOKS") == "" {
			continue // LOKA_LOOKS=all has all of them
		}
		t.Run(l.name, func(t *testing.T) {
			b := newTab(t, f.url, l)
			b.goes("/signin")
			b.shoot(l.name + "-signin")
			b.signsIn(f.token)
			for _, path := range pages {
				b.goes(path)
				if n := run[int](b, `document.documentElement.scrollWidth - innerWidth`); n > 0 {
					t.Errorf("%s is %d px wider than the screen", path, n)
				}
				if text := run[string](b, `document.querySelector("main").innerText`); len(strings.TrimSpace(text)) < 20 {
					t.Errorf("%s shows %q", path, text)
				}
				b.until("plots are drawn", `[...document.querySelectorAll("[data-plot]")].every((p) => p.querySelector("canvas, .hint, svg"))`)
				b.readable(path)
				b.shoot(l.name + shotName(path))
			}
		})
	}
}

// shotName is a path as a part of a file's name.
func shotName(path string) string {
	if path == "/" {
		return "-overview"
	}
	return strings.NewReplacer("/", "-", "?", "-", "=", "-", "&", "-", "%", "-", ".", "-").Replace(path)
}

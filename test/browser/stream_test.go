package browser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
)

// untimed keeps a page from asking again by itself: no timer of two seconds or more ends.
const untimed = `{ const t = window.setTimeout; window.setTimeout = (f, ms, ...more) => ms >= 2000 ? 0 : t(f, ms, ...more); }`

// bans keeps out a worker that nobody has, so that something has happened.
func (f *farm) bans(t *testing.T, worker string) {
	t.Helper()
	if err := f.ask("POST", "/api/v1/bans", fmt.Sprintf(`{"worker":%q,"for":"1h"}`, worker), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.ask("DELETE", "/api/v1/bans?worker="+worker, "", nil) })
}

// What happens is on the page of events without a load, by the stream alone, and again
// once the proxy is back; a page that can have no stream asks every so often, and says that the
// proxy is gone.
func TestEventsComeByThemselves(t *testing.T) {
	f := theFarm(t)
	stream, polls := newTab(t, f.url, looks[0]), newTab(t, f.url, looks[1])
	call(stream, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: untimed})
	call(polls, network.SetBlockedURLs, network.SetBlockedURLsParams{URLPatterns: []*network.BlockPattern{{URLPattern: "*://*:*/api/v1/events*", Block: true}}})
	polls.expects("ERR_BLOCKED_BY_CLIENT")
	tabs := []*tab{stream, polls}
	for _, b := range tabs {
		b.goes("/events")
		run[bool](b, `window.stays = true`)
	}
	streamed := `document.documentElement.classList.contains("streamed")`
	stream.until("it follows", streamed)
	shows := func(worker string) {
		t.Helper()
		for _, b := range tabs {
			b.until("it shows the ban of "+worker, `window.stays && document.querySelector("#log").innerText.includes("`+worker+`")`)
		}
	}
	f.bans(t, "nobody.before")
	shows("nobody.before")
	if run[bool](polls, streamed) {
		t.Error("a page without a stream takes itself for one that has one")
	}

	for _, b := range tabs {
		b.expects("ERR_")
	}
	f.stop(t, proxy)
	stream.until("it knows that the stream is lost", "!"+streamed)
	polls.until("it says so", `document.getElementById("offline").innerText.includes("Connection lost")`)
	f.start(t, proxy)
	stream.until("it follows again", streamed)
	polls.until("it goes on", `document.getElementById("offline").hidden`)
	f.bans(t, "nobody.after")
	shows("nobody.after")
	stream.until("it shows what came while it was away", `document.querySelector("#log").innerText.includes("loka was started")`)

	// Another kind is another stream; what is past has none.
	run[bool](stream, `(() => { [...document.querySelectorAll(".chips a")].find((a) => a.innerText === "ban").click(); return true; })()`)
	stream.until("only bans are shown and followed", streamed+` && document.querySelector("#log").dataset.stream.endsWith("kinds=ban") && ![...document.querySelectorAll("#log .badge")].some((b) => b.innerText !== "ban")`)
	f.bans(t, "nobody.other")
	stream.until("it comes", `document.querySelector("#log").innerText.includes("nobody.other")`)
	if heard := strings.Join(stream.asked("/api/v1/events?"), " "); !strings.Contains(heard, "last_event_id=") || strings.Contains(heard, "last_event_id=0 ") {
		t.Errorf("it does not say from where on it follows: %s", heard)
	}
	f.wants(t, "the miners are back", func() bool {
		var s struct{ Miners int }
		return f.ask("GET", "/api/v1/summary", "", &s) == nil && s.Miners > 1
	})
}

package browser

import (
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// pool is what the API says of a pool.
type pool struct {
	Name    string
	State   string
	Drained bool
}

func (f *farm) pool(t *testing.T, name string) pool {
	t.Helper()
	var list struct{ Pools []pool }
	if err := f.ask("GET", "/api/v1/pools", "", &list); err != nil {
		t.Fatal(err)
	}
	for _, p := range list.Pools {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("no pool %s", name)
	return pool{}
}

// acted says whether the audit record has it that something was done.
func (f *farm) acted(t *testing.T, what string) bool {
	t.Helper()
	var list struct{ Acts []struct{ Who, What string } }
	if err := f.ask("GET", "/api/v1/audit?limit=1000", "", &list); err != nil {
		t.Fatal(err)
	}
	for _, a := range list.Acts {
		if a.What == what && a.Who == "admin" {
			return true
		}
	}
	return false
}

// opens presses a button by the keyboard, and waits for what it asks.
func (b *tab) opens(id string) {
	b.t.Helper()
	b.do(chromedp.Focus(chromedp.CSS("#"+id)), chromedp.KeyEvent("\r"))
	b.until("the dialog of "+id, `document.querySelector("dialog[open]")`)
}

// submits presses the button of the dialog that does it, and waits until it is done.
func (b *tab) submits() {
	b.t.Helper()
	b.until("it can be done", `document.querySelector("dialog[open] button[type=submit]:not(:disabled)")`)
	b.do(chromedp.Click(chromedp.CSS("dialog[open] button[type=submit]")))
	b.until("it is done", `!document.querySelector("dialog[open]") && document.querySelector(".toast.good")`)
}

// A pool is drained from the page, by keyboard, and the API and the audit record know of
// it; Escape and Cancel do nothing; focus goes back to the button.
func TestDrainFromThePage(t *testing.T) {
	f := theFarm(t)
	b := newTab(t, f.url, looks[0])
	b.goes("/pools")
	if n := run[int](b, `document.querySelectorAll("[data-act]").length`); n != 0 {
		t.Errorf("who has not signed in is shown %d acts", n)
	}
	b.signsIn(f.token)
	b.goes("/pools")
	b.opens("act-drain-backup")
	b.shootScreen("act-drain")
	b.do(chromedp.KeyEvent("\x1b"))
	b.until("Escape leaves", `!document.querySelector("dialog") && document.activeElement.id === "act-drain-backup"`)
	if f.pool(t, "backup").Drained {
		t.Error("Escape has drained it")
	}
	b.opens("act-drain-backup")
	b.submits()
	if !f.pool(t, "backup").Drained || !f.acted(t, "POST /api/v1/pools/backup/drain") {
		t.Error("it is not drained, or nobody did it")
	}
	if !run[bool](b, `document.activeElement.dataset.act === "undrain" && document.querySelector("#pool-backup").innerText.includes("drained")`) {
		t.Error("the page does not show it at once, or focus is not on what takes it back")
	}
	b.opens("act-drain-backup")
	b.submits()
	if f.pool(t, "backup").Drained {
		t.Error("it is still drained")
	}
}

// What cannot be done is said in the dialog, which stays.
func TestRefusedActSaysWhy(t *testing.T) {
	f := theFarm(t)
	b := newTab(t, f.url, looks[0])
	b.signsIn(f.token)
	b.goes("/bans")
	b.opens("act-ban")
	b.expects("409")
	b.do(chromedp.SetValue(chromedp.CSS(`dialog [name="address"]`), "127.0.0.0/8"), chromedp.Click(chromedp.CSS("dialog button[type=submit]")))
	b.until("it says why", `document.querySelector("dialog [role=alert]:not([hidden])")?.innerText.includes("where you ask from")`)
	b.until("it can be meant", `document.querySelector("dialog [name=force]")`)
	b.shootScreen("act-ban-refused")
	b.do(chromedp.KeyEvent("\x1b"))
	b.until("nobody is banned", `!document.querySelector("dialog")`)

	b.opens("act-ban")
	b.do(chromedp.SetValue(chromedp.CSS(`dialog [name="worker"]`), "thief.*"), chromedp.SetValue(chromedp.CSS(`dialog [name="comment"]`), "<b>is</b> & \"text\""))
	b.submits()
	b.until("the list shows it as text", `[...document.querySelectorAll("main tbody tr")].some((r) => r.innerText.includes("thief.*") && r.innerText.includes("<b>is</b>"))`)
	b.do(chromedp.Click(chromedp.CSS(`[data-act="unban"]`)))
	b.submits()
	b.until("it is lifted", `!document.querySelector("main").innerText.includes("thief.*")`)
}

// A route is divided anew, and switched to another pool.
func TestSplitAndPinFromThePage(t *testing.T) {
	f := theFarm(t)
	b := newTab(t, f.url, looks[0])
	b.signsIn(f.token)
	b.goes("/routes")
	b.opens("act-split-rented")
	b.until("it has the parts", `document.querySelectorAll("dialog .part").length === 2 && document.querySelector("dialog").innerText.includes("main 70.0 %")`)
	b.shootScreen("act-split")
	run[bool](b, `(() => { const a = document.querySelector("dialog [name=amount]"); a.value = "30"; a.dispatchEvent(new Event("input", { bubbles: true })); return true; })()`)
	b.until("it reckons", `document.querySelector("dialog").innerText.includes("main 50.0 %")`)
	b.submits()
	var routes struct {
		Routes []struct {
			Name, Pinned string
			Split        []struct{ Weight float64 }
		}
	}
	asks := func() {
		t.Helper()
		if err := f.ask("GET", "/api/v1/routes", "", &routes); err != nil {
			t.Fatal(err)
		}
	}
	if asks(); routes.Routes[0].Split[0].Weight != 30 || routes.Routes[0].Split[1].Weight != 30 {
		t.Errorf("the split is %+v", routes.Routes[0])
	}
	b.opens("act-split-rented")
	b.do(chromedp.Click(chromedp.CSS("dialog [name=file]")))
	b.submits()
	if asks(); routes.Routes[0].Split[0].Weight != 70 {
		t.Errorf("as the file says: %+v", routes.Routes[0])
	}
	b.opens("act-pin-farm")
	b.submits()
	if asks(); routes.Routes[1].Pinned != "backup" {
		t.Errorf("pinned: %+v", routes.Routes[1])
	}
	b.until("it can be taken back", `document.querySelector("#act-pin-farm").dataset.act === "unpin"`)
	b.opens("act-pin-farm")
	b.submits()
}

// The page shows what the file has that is not in place, what a reload would do, and
// does it; what has mistakes is not put in place.
func TestReloadFromThePage(t *testing.T) {
	f := theFarm(t)
	text, err := os.ReadFile(f.config)
	if err != nil {
		t.Fatal(err)
	}
	b := newTab(t, f.url, looks[0])
	b.signsIn(f.token)
	b.goes("/configuration")
	if page := run[string](b, `document.documentElement.outerHTML`); strings.Contains(page, "never-shown") {
		t.Error("a secret is on the page")
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(f.config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	defer write(string(text))
	write(strings.Replace(string(text), "shares_per_minute = 30", "shares_per_minute = 31\nmost = 1", 1))
	b.until("mistakes are shown", `document.querySelector(".problems")?.innerText.includes("most")`)
	b.shootScreen("configuration-problems")
	write(strings.Replace(string(text), "shares_per_minute = 30", "shares_per_minute = 31", 1))
	b.until("the difference is shown", `document.querySelector(".diff")?.innerText.includes("vardiff.shares_per_minute")`)
	b.opens("act-reload")
	b.until("the plan is shown", `document.querySelector("dialog .diff")?.innerText.includes("vardiff.shares_per_minute")`)
	b.shootScreen("act-reload")
	b.submits()
	b.until("it is in place", `document.querySelector("main").innerText.includes("00000002")`)
	if !f.acted(t, "POST /api/v1/reload") {
		t.Error("nobody did it")
	}
}

// A connection is ended, a worker paused and resumed.
func TestActsOnMinersFromThePage(t *testing.T) {
	f := theFarm(t)
	b := newTab(t, f.url, looks[0])
	b.signsIn(f.token)
	b.goes("/connections?q=rented")
	b.do(chromedp.Click(chromedp.CSS("a[data-drawer]")))
	b.until("the details are open", `document.querySelector("#act-miner-disconnect")`)
	id := run[string](b, `document.querySelector("#act-miner-disconnect").dataset.name`)
	b.opens("act-miner-disconnect")
	b.submits()
	b.until("it is gone", `!document.querySelector("#miner-`+id+`") && document.querySelector("main [role=status]").innerText.includes("closed by now")`)
	if !f.acted(t, "DELETE /api/v1/miners/"+id) {
		t.Error("nobody has disconnected it")
	}

	b.goes("/workers?q=acct")
	b.do(chromedp.Click(chromedp.CSS("main tbody a")))
	b.until("its page is open", `document.querySelector("#act-pause")`)
	worker := run[string](b, `document.querySelector("#act-pause").dataset.name`)
	b.opens("act-disconnect")
	b.submits()
	b.opens("act-pause")
	b.submits()
	b.until("it has no connection any more", `document.querySelector("main").innerText.includes("Not connected")`)
	b.opens("act-resume")
	b.submits()
	for _, what := range []string{"disconnect", "pause", "resume"} {
		if !f.acted(t, "POST /api/v1/workers/"+worker+"/"+what) {
			t.Errorf("nobody did: %s %s", what, worker)
		}
	}
}

// A pool is disabled and enabled, and whom another pays is accepted.
func TestDisableAndPayoutFromThePage(t *testing.T) {
	f := theFarm(t)
	b := newTab(t, f.url, looks[0])
	b.signsIn(f.token)
	b.goes("/pools")
	b.opens("act-disable-gone")
	b.submits()
	if is := run[string](b, `document.querySelector("#act-disable-gone").dataset.act`); is != "enable" || f.pool(t, "gone").State != "disabled" {
		t.Errorf("it is not disabled, or the page does not show it at once: %s", is)
	}
	b.opens("act-disable-gone")
	b.submits()
	if f.pool(t, "gone").State == "disabled" {
		t.Error("it is still disabled")
	}
	b.until("the page says that another is paid", `document.querySelector("#pool-backup [data-act=payout]")`)
	b.shootScreen("act-payout")
	b.opens("act-payout-backup-payout_changed")
	b.submits()
	b.until("it is as it should be", `!document.querySelector("#pool-backup [data-act=payout]")`)
	if !f.acted(t, "POST /api/v1/pools/backup/payout") {
		t.Error("nobody has accepted it")
	}
}

// Alerts are silenced for a while, and where they are told is tried.
func TestSilenceAndSinkFromThePage(t *testing.T) {
	f := theFarm(t)
	b := newTab(t, f.url, looks[0])
	b.signsIn(f.token)
	b.goes("/alerts")
	b.opens("act-silence")
	b.do(chromedp.SetValue(chromedp.CSS(`dialog [name="subject"]`), "nobody"), chromedp.SetValue(chromedp.CSS(`dialog [name="comment"]`), "it is known"))
	b.submits()
	b.until("it shows", `document.querySelector("[id^=silence-] .mono").innerText.includes("subject=nobody")`)
	b.opens(run[string](b, `document.querySelector("[data-act=unsilence]").id`))
	b.submits()
	b.until("it is over", `!document.querySelector("[data-act=unsilence]")`)
	for len(f.said) > 0 {
		<-f.said
	}
	b.opens("act-sink-desk")
	b.submits()
	select {
	case text := <-f.said:
		if !strings.Contains(text, "test") {
			t.Errorf("it was told %q", text)
		}
	case <-b.ctx.Done():
		t.Error("nothing was told")
	}
}

// What is open moves by itself, says so when the proxy is gone, and goes on when that is
// back.
func TestLiveUpdate(t *testing.T) {
	f := theFarm(t)
	b := newTab(t, f.url, looks[0])
	b.goes("/workers")
	run[bool](b, `(() => { window.stays = true; window.before = document.querySelector("main").innerText; return true; })()`)
	b.until("figures move without a load", `window.stays && document.querySelector("main").innerText !== window.before`)
	b.expects("ERR_")
	f.stop(t, proxy)
	b.until("it says that the proxy is gone", `!document.getElementById("offline").hidden && document.getElementById("offline").innerText.includes("Connection lost")`)
	if high := run[int](b, `document.getElementById("offline").offsetHeight`); high > 100 {
		t.Errorf("it says so on %d px", high)
	}
	b.shootScreen("connection-lost")
	f.start(t, proxy)
	b.until("it goes on by itself", `window.stays && document.getElementById("offline").hidden && !document.documentElement.classList.contains("lost")`)
	f.wants(t, "some miners are back, as soon as their firmware would", func() bool {
		var s struct{ Miners int }
		return f.ask("GET", "/api/v1/summary", "", &s) == nil && s.Miners > 1
	})
}

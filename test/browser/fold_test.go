package browser

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// The page of alerts is short on a telephone: rules that have nothing to say are folded.
// Who has no pointer opens them, they stay open while the page goes on, and what to do is
// read here, from this proxy alone.
func TestRulesUnfoldAndLeadToTheirRunbooks(t *testing.T) {
	f := theFarm(t)
	b := newTab(t, f.url, looks[1])
	b.goes("/alerts")
	if high := run[int](b, `document.documentElement.scrollHeight`); high > 5000 {
		t.Errorf("it is %d px high", high)
	}
	b.do(chromedp.Focus(chromedp.CSS("#rules-calm > summary")), chromedp.KeyEvent("\r"))
	b.until("they are shown", `document.querySelector("#rule-no_miners summary").checkVisibility()`)
	b.do(chromedp.Focus(chromedp.CSS("#rule-no_miners summary")), chromedp.KeyEvent("\r"))
	b.until("one says what it asks for", `document.querySelector("#rule-no_miners code").checkVisibility()`)
	run[bool](b, `loka.refresh().then(() => true)`)
	if !run[bool](b, `document.querySelector("#rule-no_miners code").checkVisibility() && document.activeElement === document.querySelector("#rule-no_miners summary")`) {
		t.Error("it does not stay as it is")
	}
	b.readable("the rules, unfolded")
	b.shoot("phone-rules")
	b.do(chromedp.Click(chromedp.CSS("#rule-no_miners a")))
	b.until("its runbook is shown", `location.pathname === "/runbooks/alert-no_miners" && document.querySelector(".prose").innerText.length > 100`)
	if wide := run[int](b, `document.documentElement.scrollWidth - innerWidth`); wide > 0 {
		t.Errorf("the runbook is %d px wider than the screen", wide)
	}
	b.readable("a runbook")
	b.shoot("phone-runbook")
	b.goes("/runbooks/health-checks")
	if wide := run[int](b, `document.documentElement.scrollWidth - innerWidth`); wide > 0 {
		t.Errorf("a table is %d px wider than the screen", wide)
	}
	b.readable("a table of the document")
	b.shoot("phone-health-checks")
}

// How long steps take is asked for of a minute, without leaving the page.
func TestProfileOfTheLastMinute(t *testing.T) {
	f := theFarm(t)
	b := newTab(t, f.url, looks[0])
	b.goes("/profile")
	b.until("something was timed", `document.querySelectorAll("tr:not(.away) .scale").length > 3`)
	run[bool](b, `(() => { window.stays = true; [...document.querySelectorAll(".switch a")].find((a) => a.innerText === "1 min").click(); return true; })()`)
	b.until("it is of a minute", `window.stays && location.search === "?window=1m" && document.querySelector(".switch [aria-current]").innerText === "1 min" && document.querySelectorAll("tr:not(.away) .scale").length > 3`)
	b.shootScreen("profile-of-a-minute")
}

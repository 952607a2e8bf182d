package browser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
)

// contrast is each text that can be seen with less contrast than it should have: 4.5, or
// 3 where it is large. Colours are measured as they are drawn, on a canvas.
const contrast = `(() => {
  const c = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => { c.clearRect(0, 0, 1, 1); c.fillStyle = color; c.fillRect(0, 0, 1, 1); const d = c.getImageData(0, 0, 1, 1).data; return [d[0], d[1], d[2], d[3] / 255]; };
  const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
  const light = (p) => { const [r, g, b] = p.map((v) => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
  const behind = (el) => { const layers = []; for (let e = el; e; e = e.parentElement) { const p = rgba(getComputedStyle(e).backgroundColor); if (p[3] > 0) layers.push(p); if (p[3] === 1) break; } return layers.reduceRight((under, p) => over(p, under), [255, 255, 255, 1]); };
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n = walker.nextNode(); n; n = walker.nextNode()) {
    const el = n.parentElement, text = n.textContent.trim();
    if (!text || !el.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || el.closest("svg, .visually-hidden, .skip, [aria-disabled=true], :disabled, canvas")) continue;
    const s = getComputedStyle(el), b = behind(el), f = over(rgba(s.color), b), size = parseFloat(s.fontSize);
    const [hi, lo] = [light(f), light(b)].sort((x, y) => y - x), ratio = (hi + .05) / (lo + .05);
    const large = size >= 24 || size >= 18.66 && Number(s.fontWeight) >= 700;
    if (ratio < (large ? 3 : 4.5) - .005) found.push(text.slice(0, 30) + ": " + ratio.toFixed(2) + " (" + s.color + ")");
  }
  return [...new Set(found)];
})()`

// structure is what is wrong with a document for who cannot see it.
const structure = `(() => {
  const wrong = [], all = (q) => [...document.querySelectorAll(q)], ids = all("[id]").map((e) => e.id);
  if (!document.documentElement.lang) wrong.push("no language");
  if (!document.title) wrong.push("no title");
  for (const q of ["main", "h1"]) if (all(q).length !== 1) wrong.push(all(q).length + " of " + q);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) wrong.push("twice: #" + id);
  for (const a of ["aria-labelledby", "aria-describedby", "aria-controls"]) for (const e of all("[" + a + "]")) for (const id of e.getAttribute(a).split(/\s+/)) if (!document.getElementById(id)) wrong.push(a + " of nothing: " + id);
  for (const i of all("img:not([alt])")) wrong.push("a picture without words: " + i.src);
  for (const t of all("table:not(.u-legend)")) if (!t.querySelector("thead th[scope=col], th[scope=rowgroup]")) wrong.push("a table without heads");
  for (const e of all("[tabindex]")) if (Number(e.getAttribute("tabindex")) > 0) wrong.push("tabindex above 0");
  for (const e of all("a a, button button, a button, button a")) wrong.push("a control within a control: " + e.outerHTML.slice(0, 60));
  let before = 1; for (const h of all("h1, h2, h3, h4")) { const n = Number(h.localName[1]); if (n > before + 1) wrong.push("from h" + before + " to " + h.localName + ": " + h.innerText); before = n; }
  return [...new Set(wrong)];
})()`

// nameless are the controls that a screen reader has no name for, as the browser has
// worked out its tree.
func (b *tab) nameless() []string {
	b.t.Helper()
	var all []string
	call(b, accessibility.Enable, cdp.Empty{})
	tree := call(b, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	for _, n := range tree.Nodes {
		if n.Ignored || n.Role == nil {
			continue
		}
		role := strings.Trim(string(n.Role.Value), `"`)
		switch role {
		case "button", "link", "textbox", "searchbox", "combobox", "checkbox", "dialog", "navigation", "image", "img", "region":
			if n.Name == nil || strings.Trim(string(n.Name.Value), `" `) == "" {
				all = append(all, fmt.Sprintf("a %s without a name (node %d)", role, n.BackendDOMNodeID))
			}
		}
	}
	return all
}

// readable fails the test for what cannot be read of the page that is open, by its
// contrast or by a screen reader.
func (b *tab) readable(what string) {
	b.t.Helper()
	for _, wrong := range append(append(b.nameless(), run[[]string](b, contrast)...), run[[]string](b, structure)...) {
		b.t.Errorf("%s: %s", what, wrong)
	}
}

// What no link leads to can be read, in the light and in the dark;
// [TestEveryPageInEveryLook] looks at all else.
func TestAccessible(t *testing.T) {
	f := theFarm(t)
	for _, l := range looks[:2] {
		b := newTab(t, f.url, l)
		b.goes("/signin")
		b.readable("/signin, " + l.name)
		if top := run[int](b, `Math.round(document.querySelector("form").getBoundingClientRect().top / innerHeight * 100)`); top > 50 {
			t.Errorf("the form begins at %d %% of the screen's height", top)
		}
		b.signsIn(f.token)
		b.goes("/bans")
		b.opens("act-ban")
		b.readable("the dialog of a ban, " + l.name)
		b.expects("404")
		b.goes("/workers/nobody")
		b.readable("what is not there, " + l.name)
	}
}

// Who has no pointer comes everywhere: the first stop leads past the navigation, each
// stop can be seen, and none is a trap.
func TestKeyboardAlone(t *testing.T) {
	f := theFarm(t)
	b := newTab(t, f.url, looks[0])
	b.signsIn(f.token)
	b.goes("/connections")
	b.do(chromedp.KeyEvent("\t"))
	if at := run[string](b, `document.activeElement.className`); at != "skip" {
		t.Errorf("the first stop is %q", at)
	}
	seen := map[string]bool{}
	for range 40 {
		b.do(chromedp.KeyEvent("\t"))
		stop := run[struct {
			Where   string
			Visible bool
		}](b, `(() => { const e = document.activeElement, s = getComputedStyle(e); return { where: e.id || e.getAttribute("href") || e.name || e.localName, visible: e === document.body || s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 1 }; })()`)
		if !stop.Visible {
			t.Errorf("at %s it cannot be seen where one is", stop.Where)
		}
		seen[stop.Where] = true
	}
	for _, want := range []string{"/workers", "theme", "q"} {
		if !seen[want] {
			t.Errorf("the keyboard does not come to %s", want)
		}
	}
	first := run[string](b, `document.querySelector("a[data-drawer]").id`)
	b.do(chromedp.Focus(chromedp.CSS("#"+first)), chromedp.KeyEvent("\r"))
	b.until("the details have the focus", `document.activeElement.id === "drawer"`)
	b.do(chromedp.KeyEvent("\x1b"))
	b.until("Escape leaves them, and focus is where it was", `!document.getElementById("drawer") && document.activeElement.id === "`+first+`"`)
}

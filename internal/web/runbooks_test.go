package web

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/loka/stratum/internal/alert"
	"github.com/loka/stratum/internal/auth"
	"github.com/loka/stratum/internal/view"
	"github.com/loka/stratum/internal/watch"
)

// Every default rule has a runbook in the binary, to which its alerts lead, and everything
// that it leads to is there, too.
func TestEveryRuleHasItsRunbookHere(t *testing.T) {
	s := controlSite(t, auth.Viewer)
	for _, r := range alert.Defaults(alert.Runbooks) {
		path := s.runbookLink(r.Runbook)
		if path != "/runbooks/alert-"+r.Name {
			t.Errorf("%s leads to %q", r.Name, path)
			continue
		}
		page := body(t, s, path)
		has(t, page, words(r.Name), "What to do", `class="body prose"><`)
	}
	for anchor := range s.book.by {
		w := get(t, s, runbookPath(anchor))
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d", anchor, w.Code)
		}
		examine(t, anchor, w.Body.String())
		for _, link := range regexp.MustCompile(`href="(/runbooks/[^"]+)"`).FindAllStringSubmatch(w.Body.String(), -1) {
			if s.book.by[strings.TrimPrefix(link[1], "/runbooks/")] == nil {
				t.Errorf("%s leads to %s, which is not there", anchor, link[1])
			}
		}
		for _, left := range leftOver(t, w.Body.String()) {
			t.Errorf("%s shows markup as text: %q", anchor, left)
		}
	}
	page := body(t, s, "/runbooks")
	examine(t, "/runbooks", page)
	has(t, body(t, s, "/runbooks/alert-no_miners"), "This alert is not on.")
	has(t, page, `<h2 id="runbooks">`, `href="/runbooks/alert-pool_down">pool down<`, `<h2 id="prometheus-alerts">`, `href="/runbooks/lokadown">LokaDown<`, `href="/runbooks/backup">Backup<`)
}

// leftOver is what looks like markdown in what is read of a page's prose, code aside.
func leftOver(t *testing.T, page string) (all []string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	marks := regexp.MustCompile("\\*\\*|\\]\\(|`|^#+ |\x00|^\\|")
	for n := range doc.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "code" && marks.MatchString(n.Data) {
			all = append(all, n.Data)
		}
	}
	return all
}

// A runbook says what is on of its alert; one of somebody's own is where they have it.
func TestRunbookOfWhatFires(t *testing.T) {
	s := controlSite(t, auth.Operator)
	page := body(t, s, "/runbooks/alert-pool_down")
	has(t, page, `id="alert-a1"`, `data-act="silence"`, "What to do")
	if strings.Contains(page, "alert-a2") || strings.Contains(page, "alert-a3") {
		t.Error("alerts of other rules are there, too")
	}
	for runbook, want := range map[string]string{
		alert.Runbooks + "#alert-pool_down": "/runbooks/alert-pool_down", alert.Runbooks + "#alert-nothing": alert.Runbooks + "#alert-nothing",
		"https://wiki.example.com/x#alert-pool_down": "https://wiki.example.com/x#alert-pool_down", "docs/X.md#alert-pool_down": "", "javascript:alert(1)": "", "": "",
	} {
		if got := s.runbookLink(runbook); got != want {
			t.Errorf("%q is read at %q, not at %q", runbook, got, want)
		}
	}
}

func TestMarkdown(t *testing.T) {
	link := func(anchor string) string { return map[string]string{"here": "/runbooks/here"}[anchor] }
	for _, c := range []struct{ name, text, want string }{
		{"a paragraph of two lines", "one\ntwo\n\nthree", "<p>one\ntwo</p>\n<p>three</p>\n"},
		{"emphasis", "**a** and *b* of 2 * 3 * 4", "<p><strong>a</strong> and <em>b</em> of 2 * 3 * 4</p>\n"},
		{"code is not marked up", "`a*b*c **d** [x](#here) <i>`", "<p><code>a*b*c **d** [x](#here) &lt;i&gt;</code></p>\n"},
		{"emphasis around code", "*fires at `x * 2`.*", "<p><em>fires at <code>x * 2</code>.</em></p>\n"},
		{
			"links", "[`a` b](#here), [c](CONFIG.md#here), [d](https://example.com), [e](#gone), [f](OPERATIONS.md#here)",
			`<p><a href="/runbooks/here"><code>a</code> b</a>, c, d, e, <a href="/runbooks/here">f</a></p>` + "\n",
		},
		{"nothing leads away", "<https://example.com> ![a *b*](https://example.com/x.png) [c][d] **[e [f](#here)](x)**\n\n[d]: javascript:alert(1)", "<p>&lt;https://example.com&gt; a <em>b</em> c <strong>[e <a href=\"/runbooks/here\">f</a>](x)</strong></p>\n"},
		{"markup is text in a line", "a <b onclick=x>b</b>", "<p>a &lt;b onclick=x&gt;b&lt;/b&gt;</p>\n"},
		{"markup is left out on its own", "<script>alert(1)</script>", "<!-- raw HTML omitted -->\n"},
		{"a comment", "<!-- x -->", "<!-- raw HTML omitted -->\n"},
		{"a list", "- one\n  more\n- two", "<ul>\n<li>one\nmore</li>\n<li>two</li>\n</ul>\n"},
		{"code in a fence", "```sh\n| a <b>\n```\nx", "<pre tabindex=\"0\"><code>| a &lt;b&gt;\n</code></pre>\n<p>x</p>\n"},
		{"indented code", "    a\n    b", "<pre tabindex=\"0\"><code>a\nb\n</code></pre>\n"},
		{
			"a table", "| a | b |\n|---|---|\n| `x \\| y` | |",
			"<div class=\"table\"><table><thead>\n<tr>\n<th scope=\"col\">a</th>\n<th scope=\"col\">b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td><code>x | y</code></td>\n<td></td>\n</tr>\n</tbody>\n</table></div>\n",
		},
	} {
		m := newMarkdown(c.text, link)
		if got, err := m.html(m.blocks()); string(got) != c.want || err != nil {
			t.Errorf("%s: %q (%v), want %q", c.name, got, err, c.want)
		}
	}
	for heading, want := range map[string]string{"Alert `pool_down`": "alert-pool_down", "LokaDown": "lokadown", "The log": "the-log", "What is lost, when?": "what-is-lost-when"} {
		if got := anchorOf(heading); got != want {
			t.Errorf("%q is at %q, not at %q", heading, got, want)
		}
	}
}

// Whatever is told of a pool, it stays text.
func TestProse(t *testing.T) {
	for text, want := range map[string]string{
		"see `loka status`, <b>": "see <code>loka status</code>, &lt;b&gt;", "a ` b": "a ` b", "`": "`", "``": "<code></code>", "": "", "`<i>`": "<code>&lt;i&gt;</code>",
	} {
		if got := string(prose(text)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// Who is on the page is not sent to a terminal: whom a pool pays can be accepted where it
// is told, by who may do that.
func TestPayeeIsAcceptedWhereItIsTold(t *testing.T) {
	for _, role := range []auth.Role{auth.Viewer, auth.Operator} {
		f := newFarm(1)
		for _, k := range []watch.Kind{watch.PayoutChanged, watch.TagChanged} {
			d := watch.Describe(k)
			f.alerts = append(f.alerts, view.Alert{ID: string(k) + "/main", Name: string(k), Kind: "pool", Subject: "main", State: "firing", Severity: "critical", Message: d.Means + " Here it pays x. " + d.Do})
			f.pools[0].Signals = append(f.pools[0].Signals, view.Signal{Name: string(k), Severity: "critical", Detail: "it pays x", Means: d.Means, Do: d.Do})
		}
		s, err := New(Deps{Model: f, Now: func() time.Time { return epoch }, Sources: Sources{Alerts: desk{}}, Who: func(context.Context) auth.Identity { return auth.Identity{Name: "x", Role: role} }})
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/", "/alerts", "/pools", "/pools/main"} {
			page := body(t, s, path)
			if strings.Contains(page, "loka pool") || !strings.Contains(page, "accept the payee") {
				t.Errorf("%s names a command, or not what to do here", path)
			}
			if offered := strings.Contains(page, `data-act="payout"`); path != "/" && offered != (role == auth.Operator) {
				t.Errorf("%s as %v: it can be accepted: %t", path, role, offered)
			}
		}
	}
	for _, r := range alert.Defaults("") {
		if ofPayee(r.Name) && strings.Contains(string(said(r.Message)), "accept-payout") {
			t.Errorf("%s: the rule's message is not what the page knows to say otherwise", r.Name)
		}
	}
}

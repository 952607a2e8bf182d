package browser

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// look is how a page is looked at.
type look struct {
	name          string
	width, height int64
	dark          bool
}

// looks are a desk's screen, a telephone, and a wall, by day and by night; the first two
// differ in both.
var looks = []look{
	{"desk-light", 1440, 900, false},
	{"phone-dark", 390, 844, true},
	{"desk-dark", 1440, 900, true},
	{"phone-light", 390, 844, false},
	{"wall-dark", 2560, 1440, true},
}

// tab is a tab of a browser that has no cookies yet, and what went wrong in it.
type tab struct {
	t    *testing.T
	ctx  context.Context
	home *url.URL

	mu       sync.Mutex
	expected []string
	problems []string
	requests []string
}

// newTab opens one that looks at a server, until the test ends.
func newTab(t *testing.T, home string, l look) *tab {
	t.Helper()
	needsChromium(t)
	at, err := url.Parse(home)
	if err != nil {
		t.Fatal(err)
	}
	b := &tab{t: t, home: at}
	var cancel, stop context.CancelFunc
	b.ctx, cancel = chromedp.NewContext(chromium.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(b.heard))
	t.Cleanup(cancel)
	b.do() // opens it, for as long as the context is
	b.ctx, stop = context.WithTimeout(b.ctx, patience)
	t.Cleanup(stop)
	scheme := "light"
	if l.dark {
		scheme = "dark"
	}
	call(b, network.Enable, network.EnableParams{})
	call(b, log.Enable, cdp.Empty{})
	call(b, runtime.Enable, cdp.Empty{})
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: l.width, Height: l.height, DeviceScaleFactor: 1, Mobile: l.width < 600})
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	t.Cleanup(b.clean)
	return b
}

// heard notes what no page of ours does.
func (b *tab) heard(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.note("exception: %s %s", e.ExceptionDetails.Text, describe(e.ExceptionDetails.Exception))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			words := make([]string, 0, len(e.Args))
			for _, a := range e.Args {
				words = append(words, describe(a))
			}
			b.note("console %s: %s", e.Type, strings.Join(words, " "))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			b.note("log %s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		b.mu.Lock()
		b.requests = append(b.requests, e.Request.URL)
		b.mu.Unlock()
		if u, err := url.Parse(e.Request.URL); err != nil || u.Scheme != "data" && u.Host != b.home.Host {
			b.note("a request to elsewhere: %s", e.Request.URL)
		}
	case *network.EventResponseReceived:
		if e.Response.Status >= 400 {
			b.note("answered %d: %s", e.Response.Status, e.Response.URL)
		}
	}
}

func describe(o *runtime.RemoteObject) string {
	switch {
	case o == nil:
		return ""
	case o.Description != "":
		return o.Description
	default:
		return string(o.Value)
	}
}

func (b *tab) note(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	for _, part := range b.expected {
		if strings.Contains(text, part) {
			return
		}
	}
	b.problems = append(b.problems, text)
}

// asked are the requests so far that have this in them.
func (b *tab) asked(part string) (all []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, address := range b.requests {
		if strings.Contains(address, part) {
			all = append(all, address)
		}
	}
	return all
}

// expects says that what has this in it is no problem from now on.
func (b *tab) expects(part string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = append(b.expected, part)
}

// clean fails the test for all that went wrong so far.
func (b *tab) clean() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.problems {
		b.t.Error(p)
	}
	b.problems = nil
}

// call sends a command of the protocol.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	result, err := chromedp.Call(b.ctx, command, params)
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// do runs actions.
func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.failed()
		b.t.Fatal(err)
	}
}

// goes opens a path and waits until it is drawn.
func (b *tab) goes(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.home.String()+path), chromedp.WaitVisible(chromedp.CSS("main")))
}

// run evaluates a script, which may wait.
func run[T any](b *tab, script string) T {
	b.t.Helper()
	result, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		b.failed()
		b.t.Fatal(err)
	}
	return result
}

// until waits for a script to come true, over page loads too.
func (b *tab) until(what, script string) {
	b.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(30 * time.Second)
	defer late.Stop()
	for {
		// Between two pages there is nothing to ask.
		if yes, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`!!(`+script+`)`)); err == nil && yes {
			return
		}
		select {
		case <-tick.C:
		case <-late.C:
			b.failed()
			b.t.Fatalf("it did not come to this: %s", what)
		}
	}
}

// failed keeps a picture of what a test has failed with.
func (b *tab) failed() { b.shot("failed-"+strings.ReplaceAll(b.t.Name(), "/", "-"), true) }

// shoot keeps a picture of the whole page.
func (b *tab) shoot(name string) { b.shot(name, true) }

// shootScreen keeps a picture of what can be seen.
func (b *tab) shootScreen(name string) { b.shot(name, false) }

func (b *tab) shot(name string, whole bool) {
	b.t.Helper()
	shot, err := chromedp.Call(b.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: &whole})
	if err == nil {
		err = os.MkdirAll("artifacts", 0o750)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join("artifacts", name+".png"), shot.Data, 0o600)
	}
	if err != nil {
		b.t.Errorf("no picture of %s: %v", name, err)
	}
}

// signsIn shows the farm's token.
func (b *tab) signsIn(token string) {
	b.t.Helper()
	b.goes("/signin")
	b.do(chromedp.SendKeys(chromedp.CSS(`input[name="token"]`), token+"\r"))
	b.until("signed in", `location.pathname !== "/signin" && document.readyState === "complete"`)
}

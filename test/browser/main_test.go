package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/loka/stratum/internal/testkit/process"
)

var (
	// loka is the product's binary.
	loka = process.Binary{Root: filepath.Join("..", "..")}
	// chromium is what each test has tabs of.
	chromium browser
	// shared is the farm that most tests look at.
	shared *farm
)

func TestMain(m *testing.M) {
	chromium = startChromium()
	if chromium.err != nil {
		fmt.Fprintf(os.Stderr, "SKIPPED: every test of the page needs a Chromium: %v (Debian: apt-get install chromium, or name one in LOKA_CHROMIUM)\n", chromium.err)
	}
	code := m.Run()
	chromium.end()
	if shared != nil {
		shared.end()
	}
	loka.Remove()
	os.Exit(code)
}

// findChromium is where a browser is.
func findChromium() (string, error) {
	if named := os.Getenv("LOKA_CHROMIUM"); named != "" {
		return named, nil
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "headless_shell"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("none is in the PATH")
}

// browser is a Chromium that runs, or why there is none.
type browser struct {
	ctx context.Context
	err error
	end context.CancelFunc
}

func startChromium() browser {
	path, err := findChromium()
	if err != nil {
		return browser{err: err, end: func() {}}
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("force-prefers-reduced-motion", true),
		chromedp.Flag("hide-scrollbars", true),
		// What it would ask the network for by itself.
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-domain-reliability", true),
		chromedp.Flag("no-pings", true),
	)
	alloc, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(alloc)
	end := func() { cancel(); stop() }
	if err := chromedp.Do(ctx); err != nil {
		end()
		return browser{err: fmt.Errorf("%s does not start: %w", path, err), end: func() {}}
	}
	return browser{ctx: ctx, end: end}
}

// needsChromium skips a test where there is no browser.
func needsChromium(t *testing.T) {
	t.Helper()
	if chromium.err != nil {
		t.Skipf("SKIPPED: no Chromium: %v", chromium.err)
	}
}

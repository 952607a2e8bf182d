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
	// chromium is a running browser, of which each test has tabs; noChromium is why
	// there is none.
	chromium   context.Context
	noChromium error
	// shared is the farm that most tests look at.
	shared *farm
)

func TestMain(m *testing.M) {
	var closeBrowser context.CancelFunc
	chromium, closeBrowser, noChromium = startChromium()
	if noChromium != nil {
		fmt.Fprintf(os.Stderr, "SKIPPED: every test of the page needs a Chromium: %v (Debian: apt-get install chromium, or name one in LOKA_CHROMIUM)\n", noChromium)
	}
	code := m.Run()
	if closeBrowser != nil {
		closeBrowser()
	}
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

// startChromium starts it, and ends it with the returned function.
func startChromium() (context.Context, context.CancelFunc, error) {
	path, err := findChromium()
	if err != nil {
		return nil, nil, err
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
		return nil, nil, fmt.Errorf("%s does not start: %w", path, err)
	}
	return ctx, end, nil
}

// needsChromium skips a test where there is no browser.
func needsChromium(t *testing.T) {
	t.Helper()
	if noChromium != nil {
		t.Skipf("SKIPPED: no Chromium: %v", noChromium)
	}
}

// Package browser looks at the page as an operator does: in headless Chromium, against
// the real binary, which stands between simulated pools and miners.
//
// Each page is drawn in each look (light and dark, telephone to desk) without an error
// on the console and without a request to anywhere else, says by name what can be
// pressed, and can be read; what is live moves; what an operator does from the page is
// done; ten thousand workers scroll. A screenshot of each is in artifacts/, to be
// looked at.
//
// It is a module of its own so that the product's does not depend on chromedp.
// Everything listens on loopback and lives in temporary directories. Where there is no
// Chromium the tests are skipped, aloud; LOKA_CHROMIUM names one.
package browser

package deploy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loka/stratum/internal/testkit/process"
)

// farm is the one farm of all tests here, started when it is first needed: two pools,
// loka, and miners, of the real binary.
var farm rig

// rig is a farm at work.
type rig struct {
	once sync.Once
	err  error
	dir  string

	// http is where loka's API is.
	http string
	// first and second are what /metrics said while all was well.
	first, second *scrape

	// sink takes the farm's own alerts.
	sink *httptest.Server

	backup *process.Process
	all    []*process.Process
	said   process.Output
}

// start starts the farm unless it is there, and waits for it to be at work.
func (r *rig) start(t *testing.T) {
	t.Helper()
	bin, err := loka.Path()
	if err != nil {
		t.Fatal(err)
	}
	r.once.Do(func() { r.err = r.run(t, bin) })
	if r.err != nil {
		t.Fatalf("the farm does not work: %v\n%s", r.err, r.said.Tail(8000))
	}
}

// run starts all of it.
func (r *rig) run(t *testing.T, bin string) (err error) {
	t.Helper()
	if r.dir, err = os.MkdirTemp("", "loka-deploy-"); err != nil {
		return err
	}
	ports, err := free(5)
	if err != nil {
		return err
	}
	r.http = ports[0]
	file := filepath.Join(r.dir, "loka.toml")
	r.sink = httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})) // it takes whatever comes
	text := fmt.Sprintf(farmFile, filepath.Join(r.dir, "data"), ports[1], ports[2], r.http, ports[3], ports[4], r.sink.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	pool := func(address, seed string) *process.Process {
		return r.launch(&err, bin, "sim", "pool", "--listen", address, "--seed", seed, "--difficulty", "0.00002",
			"--nbits", "1b3fffc0", "--job-interval", "1s", "--every", "0")
	}
	pool(ports[3], "1")
	r.backup = pool(ports[4], "2")
	r.launch(&err, bin, "start", "-c", file)
	r.launch(&err, bin, "sim", "miners", "--pool", ports[1], "--user", "farm", "--hashrate", "50000", "--every", "0")
	if err != nil {
		return err
	}
	// A minute of the farm would be better, and is too long to wait for: it is at work
	// once shares come from every miner, and goes on like that.
	const sent, jobs = `loka_pool_shares_sent_total{` + scrapedLabels + `,pool="main"}`, `loka_jobs_total{` + scrapedLabels + `,pool="main"}`
	if r.first, err = r.until(t, func(s *scrape) bool { return s.values[sent] >= 20 && s.values[jobs] >= 3 }); err != nil {
		return err
	}
	r.second, err = r.until(t, func(s *scrape) bool {
		return s.values[sent] >= r.first.values[sent]+20 && s.values[jobs] >= r.first.values[jobs]+3
	})
	return err
}

// farmFile is loka's configuration; its addresses and those of the pools are free ones.
const farmFile = `data_dir = %q
instance = "farm"
[[listener]]
address = %q
[[listener]]
address = %q
tls = "optional"
[http]
listen = %q
[[pool]]
name = "main"
url = "stratum+tcp://%s"
username = "account"
[[pool]]
name = "backup"
url = "stratum+tcp://%s"
username = "account"
[[alerts.sink]]
name = "night"
url = "webhook+%s"
# This machine may be short of anything.
[[alerts.rule]]
name = "disk_low"
enabled = false
[[alerts.rule]]
name = "disk_full"
enabled = false
[[alerts.rule]]
name = "memory_high"
enabled = false
[metrics]
per_worker = true
[vardiff]
start = 1e-5
min = 1e-12
shares_per_minute = 60
`

// launch starts a program of the farm, unless something went wrong before.
func (r *rig) launch(err *error, bin string, args ...string) *process.Process {
	if *err != nil {
		return nil
	}
	p, started := process.Start(&r.said, r.dir, bin, args...)
	if *err = started; started == nil {
		r.all = append(r.all, p)
	}
	return p
}

// end ends the farm.
func (r *rig) end() {
	for i := len(r.all) - 1; i >= 0; i-- {
		_ = r.all[i].Stop(10 * time.Second) // killed if it does not
	}
	if r.sink != nil {
		r.sink.Close()
	}
	if r.dir != "" {
		_ = os.RemoveAll(r.dir)
	}
}

// scrape asks for /metrics.
func (r *rig) scrape(t *testing.T) (*scrape, error) {
	t.Helper()
	text, err := get(t.Context(), "http://"+r.http+"/metrics")
	if err != nil {
		return nil, err
	}
	return parse(t, text, time.Now()), nil
}

// until asks for /metrics until something is so.
func (r *rig) until(t *testing.T, so func(*scrape) bool) (last *scrape, err error) {
	t.Helper()
	ok := poll(t, func() bool {
		last, err = r.scrape(t)
		return err == nil && so(last)
	})
	if !ok {
		return nil, errors.Join(errors.New("what was waited for did not come"), err)
	}
	return last, nil
}

// loka runs a command of loka's with the farm's API, and returns what it said.
func (r *rig) loka(t *testing.T, args ...string) string {
	t.Helper()
	bin, err := loka.Path()
	if err != nil {
		t.Fatal(err)
	}
	return said(t, r.dir, bin, append(args, "--http", r.http, "--data", filepath.Join(r.dir, "data"))...)
}

// poll asks again and again, for two minutes, whether something is so.
func poll(t *testing.T, so func() bool) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// get asks a URL for its body.
func get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %.500s", url, res.Status, text)
	}
	return text, err
}

// free are addresses of this machine that nobody listens on.
func free(n int) ([]string, error) {
	all := make([]string, n)
	for i := range all {
		l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() //nolint:errcheck // nothing was accepted; all are taken at once, so that they differ
		all[i] = l.Addr().String()
	}
	return all, nil
}

// replaced replaces what a pattern matches, and fails where it matches nothing.
func replaced(t *testing.T, text, pattern, with string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	if !re.MatchString(text) {
		t.Fatalf("nothing matches %s in\n%s", pattern, text)
	}
	return re.ReplaceAllString(text, strings.ReplaceAll(with, "$", "$$"))
}

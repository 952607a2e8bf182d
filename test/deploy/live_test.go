package deploy

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// monitor is a Prometheus that scrapes the farm with the rules that are shipped, an
// Alertmanager where there is one, and who is told.
var monitor observer

type observer struct {
	once sync.Once
	err  error
	url  string

	mu   sync.Mutex
	told map[string]string // what was told last, by path
}

// start starts it unless it is there, and sees to it that there is something to see: a
// pool goes away, somebody is banned, and somebody guesses a token.
func (o *observer) start(t *testing.T) {
	t.Helper()
	prometheus := tool(t, "prometheus", "prometheus")
	farm.start(t)
	o.once.Do(func() { o.err = o.run(t, prometheus) })
	if o.err != nil {
		t.Fatalf("nobody can watch: %v\n%s", o.err, farm.said.Tail(8000))
	}
}

func (o *observer) run(t *testing.T, prometheus string) error {
	t.Helper()
	ports, err := free(2)
	if err != nil {
		return err
	}
	o.url, o.told = "http://"+ports[0], make(map[string]string)
	dir := filepath.Join(farm.dir, "prometheus")
	for _, one := range []struct{ name, pattern, with string }{
		{"prometheus.yml", `127\.0\.0\.1:9093`, ports[1]},
		{"prometheus.yml", `127\.0\.0\.1:9090`, farm.http},
		{"prometheus.yml", `_interval: 15s`, "_interval: 1s"},
		{"loka-rules.yml", `^`, ""},
		{"loka-alerts.yml", `for: \d+[mh]`, "for: 1s"},
		{"loka-alerts.yml", `interval: 5m`, "interval: 1s"},
	} {
		if err := o.place(t, dir, one.name, one.pattern, one.with); err != nil {
			return err
		}
	}
	farm.launch(&err, prometheus, "--config.file="+filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+ports[0], "--log.level=warn")
	if alertmanager, none := alertmanager(); none == nil {
		o.alertmanager(t, &err, alertmanager, ports[1])
	}
	if err != nil {
		return err
	}
	farm.loka(t, "ban", "add", "192.0.2.7", "--for", "1h")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+farm.http+"/api/v1/audit", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer guessed")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	_ = res.Body.Close() // nothing of it is wanted
	if res.StatusCode != http.StatusUnauthorized {
		return fmt.Errorf("a guessed token: %s", res.Status)
	}
	if err := farm.backup.Stop(10 * time.Second); err != nil {
		return err
	}
	return nil
}

// place copies a file of deploy/prometheus, or one that was copied before, with
// something replaced.
func (o *observer) place(t *testing.T, dir, name, pattern, with string) error {
	t.Helper()
	path := filepath.Join(dir, name)
	text, err := os.ReadFile(path)
	if err != nil {
		text = read(t, "prometheus", name)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(replaced(t, string(text), pattern, with)), 0o600)
}

// alertmanager is where Alertmanager is; Debian calls it by another name than others.
func alertmanager() (string, error) {
	path, err := lookup("prometheus-alertmanager")
	if err != nil {
		path, err = lookup("alertmanager")
	}
	return path, err
}

// alertmanager starts one with the file that is shipped, that tells a server of ours.
func (o *observer) alertmanager(t *testing.T, err *error, program, address string) {
	t.Helper()
	// The server outlives the test that started it: the process ends with it.
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body) // what is missing is missed by the test
		o.mu.Lock()
		defer o.mu.Unlock()
		o.told[r.URL.Path] += string(text)
	}))
	text := string(read(t, "alertmanager", "alertmanager.yml"))
	text = replaced(t, text, `http://127\.0\.0\.1:9099`, receiver.URL)
	text = replaced(t, text, `group_wait: \d+[sm]`, "group_wait: 1s")
	text = replaced(t, text, `group_interval: \d+m`, "group_interval: 1s")
	file := filepath.Join(farm.dir, "alertmanager.yml")
	if *err == nil {
		*err = os.WriteFile(file, []byte(text), 0o600)
	}
	farm.launch(err, program, "--config.file="+file, "--storage.path="+filepath.Join(farm.dir, "alertmanager"),
		"--web.listen-address="+address, "--cluster.listen-address=", "--log.level=warn")
}

// sample is one series of an answer.
type sample struct {
	Metric map[string]string
	Value  []any
}

// query asks Prometheus for what is now.
func (o *observer) query(t *testing.T, expr string) (all []sample, err error) {
	t.Helper()
	var answer struct{ Data struct{ Result []sample } }
	text, err := get(t.Context(), o.url+"/api/v1/query?query="+url.QueryEscape(expr))
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	return answer.Data.Result, err
}

// answered waits until a query has an answer of figures.
func (o *observer) answered(t *testing.T, expr string) []sample {
	t.Helper()
	var all []sample
	var err error
	if !poll(t, func() bool {
		all, err = o.query(t, expr)
		for _, one := range all {
			if len(one.Value) == 2 && one.Value[1] != "NaN" {
				return true
			}
		}
		return false
	}) {
		t.Errorf("%s has no answer but %v (%v)", expr, all, err)
	}
	return all
}

// Every query of every panel has an answer, with the labels that its legend names.
func TestBoardsHaveFigures(t *testing.T) {
	t.Parallel()
	monitor.start(t)
	named := regexp.MustCompile(`\{\{(\w+)\}\}`)
	asked := 0
	for _, one := range shipped(t) {
		for _, p := range one.panels() {
			for _, target := range p.Targets {
				asked++
				expr := strings.NewReplacer("$__rate_interval", "1m", "$instance", ".*", "$pool", ".*").Replace(target.Expr)
				if strings.Contains(expr, "$") {
					t.Errorf("%s: %q: what is %s", one.name, p.Title, expr)
					continue
				}
				answer := monitor.answered(t, expr)
				if t.Failed() {
					t.Fatalf("%s: %q %s has no figures", one.name, p.Title, target.RefID)
				}
				for _, name := range named.FindAllStringSubmatch(target.LegendFormat, -1) {
					if answer[0].Metric[name[1]] == "" {
						t.Errorf("%s: %q %s: its legend has %s, its answer %v", one.name, p.Title, target.RefID, name[0], answer[0].Metric)
					}
				}
			}
		}
	}
	if asked < 80 {
		t.Errorf("only %d queries were asked", asked)
	}
}

// The choices at a board's top have something to choose.
func TestBoardsHaveChoices(t *testing.T) {
	t.Parallel()
	monitor.start(t)
	values := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)
	for _, one := range shipped(t) {
		for _, v := range one.Templating.List {
			if v.Type != "query" {
				continue
			}
			query, _ := v.Query.(string)
			m := values.FindStringSubmatch(query)
			if m == nil {
				t.Fatalf("%s: %s is %v", one.name, v.Name, v.Query)
			}
			selector := strings.ReplaceAll(m[1], "$instance", ".*")
			var answer struct{ Data []string }
			var err error
			if !poll(t, func() bool {
				var text []byte
				if text, err = get(t.Context(), monitor.url+"/api/v1/label/"+m[2]+"/values?match[]="+url.QueryEscape(selector)); err == nil {
					err = json.Unmarshal(text, &answer)
				}
				return err == nil && len(answer.Data) > 0
			}) {
				t.Errorf("%s: %s has nothing to choose: %v", one.name, v.Name, err)
			}
		}
	}
}

// Prometheus evaluates each rule without an error, and what is recorded has figures.
func TestRulesHaveFigures(t *testing.T) {
	t.Parallel()
	monitor.start(t)
	for _, r := range rules(t) {
		if r.Record != "" {
			monitor.answered(t, r.Record)
		}
	}
	var answer struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
	}
	var err error
	poll(t, func() bool { // till each was evaluated once; what was not is told below
		var text []byte
		if text, err = get(t.Context(), monitor.url+"/api/v1/rules"); err == nil {
			err = json.Unmarshal(text, &answer)
		}
		return err == nil && !strings.Contains(string(text), `"health":"unknown"`)
	})
	if err != nil {
		t.Fatal(err)
	}
	evaluated := 0
	for _, group := range answer.Data.Groups {
		for _, r := range group.Rules {
			if evaluated++; r.Health != "ok" {
				t.Errorf("%s: %s, %s", r.Name, r.Health, r.LastError)
			}
		}
	}
	if evaluated != len(rules(t)) {
		t.Errorf("%d rules of %d are evaluated", evaluated, len(rules(t)))
	}
}

// A pool that goes away is told to who looks by day, with what to do, by way of a real
// Alertmanager.
func TestPoolDownIsTold(t *testing.T) {
	t.Parallel()
	if _, none := alertmanager(); none != nil {
		t.Skip("SKIPPED: there is no Alertmanager, so nobody knows whether anybody is told (Debian: apt-get install prometheus-alertmanager)")
	}
	monitor.start(t)
	monitor.answered(t, `ALERTS{alertname="LokaPoolDown", alertstate="firing", pool="backup"}`)
	told := func() string {
		monitor.mu.Lock()
		defer monitor.mu.Unlock()
		return monitor.told["/day"]
	}
	if !poll(t, func() bool { return strings.Contains(told(), "Pool backup cannot be used.") }) {
		t.Fatalf("nobody was told by day; what was told is %q", told())
	}
	if !strings.Contains(told(), "docs/OPERATIONS.md#lokapooldown") {
		t.Errorf("there is no runbook in %s", told())
	}
}

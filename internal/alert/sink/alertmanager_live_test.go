package sink

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/loka/stratum/internal/alert"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/testkit/process"
)

// liveManager starts a real Alertmanager, which ends with the test.
func liveManager(t *testing.T) (address string) {
	t.Helper()
	program, err := exec.LookPath("prometheus-alertmanager") // Debian's name of it
	if err != nil {
		program, err = exec.LookPath("alertmanager")
	}
	if err != nil {
		t.Skip("SKIPPED: there is no Alertmanager, so nobody knows whether it takes what it is told (Debian: apt-get install prometheus-alertmanager)")
	}
	address = process.FreePort(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "alertmanager.yml")
	if err := os.WriteFile(file, []byte("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd := exec.Command(program, "--config.file="+file, "--storage.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--cluster.listen-address=", "--log.level=warn")
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed: no success
		if t.Failed() {
			t.Log(said.String())
		}
	})
	until(t, "it is ready", func() bool { return asked(t, "http://"+address+"/-/ready", nil) == nil })
	return address
}

// until polls until done.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !done() {
		if !rest(ctx, 20*time.Millisecond) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// asked reads what answers 200.
func asked(t *testing.T, url string, into any) error {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("answered %s", answer.Status)
	}
	if into == nil {
		return nil
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// A real Alertmanager takes what fires, more than one request has, and what is over.
func TestLiveAlertmanager(t *testing.T) {
	t.Parallel()
	address := liveManager(t)
	now := func() (all []struct {
		Labels, Annotations map[string]string
		StartsAt, EndsAt    time.Time
	},
	) {
		if err := asked(t, "http://"+address+"/api/v2/alerts", &all); err != nil {
			t.Fatal(err)
		}
		return all
	}
	s := run(t, Config{Name: "am", URL: mining.Secret("alertmanager+http://" + address), Severity: alert.Warning})
	if results, ok := s.Test(t.Context(), "am"); !ok || len(results) != 1 || results[0].Err != nil {
		t.Fatalf("%+v", results)
	}
	until(t, "the test is there", func() bool { all := now(); return len(all) == 1 && all[0].Labels["alertname"] == "loka_test" })

	began := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	firing := append(make([]alert.Alert, 0, batch+1), firing("pool_down/main", alert.Critical).Alert)
	for i := range batch {
		firing = append(firing, alert.Alert{ID: fmt.Sprint("worker_silent/farm.", i), Name: "worker_silent", Severity: alert.Warning, State: alert.Firing, Kind: alert.OnWorker, Subject: fmt.Sprint("farm.", i)})
	}
	for i := range firing {
		firing[i].Since = began
	}
	s.Sync(firing)
	until(t, "all are there", func() bool { return len(now()) == batch+2 })
	found := false
	for _, one := range now() {
		if one.Labels["alertname"] != "pool_down" {
			continue
		}
		found = true
		if one.Labels["pool"] != "main" || one.Labels["severity"] != "critical" || one.Labels["team"] != "night" || one.Labels["loka"] != "north" ||
			one.Annotations["description"] == "" || one.Annotations["runbook_url"] == "" || !one.StartsAt.Equal(began) || !one.EndsAt.After(time.Now()) {
			t.Errorf("%+v", one)
		}
	}
	if !found {
		t.Error("pool_down is not there")
	}
	s.Sync(nil)
	until(t, "only the test is left", func() bool { all := now(); return len(all) == 1 && all[0].Labels["alertname"] == "loka_test" })
	if st := s.States()[0]; !st.Up || st.Failed != 0 {
		t.Errorf("%+v", st)
	}
}

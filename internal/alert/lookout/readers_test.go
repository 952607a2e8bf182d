package lookout

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/alert"
	"github.com/loka/stratum/internal/alert/sink"
	"github.com/loka/stratum/internal/pace"
)

// Readers wait for no look, and see a silence at once, until it is over.
func TestReadersWaitForNoLook(t *testing.T) {
	now := epoch
	clock := func() time.Time { return now }
	l := New(Config{}, Deps{Sinks: sink.New(sink.Deps{Now: clock}), Now: clock})
	made, err := l.AddSilence(alert.Silence{Matchers: []alert.Matcher{{Label: "name", Glob: "*"}}, Until: epoch.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	l.mu.Lock() // as a look does
	defer l.mu.Unlock()
	if got := l.Silences(); len(got) != 1 || got[0].ID != made.ID {
		t.Errorf("%+v", got)
	}
	if len(l.Alerts())+len(l.Rules())+len(l.History())+len(l.Sinks()) != 0 || l.Took() != 0 || l.Firing()["critical"] != 0 {
		t.Error("something was found")
	}
	now = epoch.Add(time.Hour)
	if got := l.Silences(); len(got) != 0 {
		t.Errorf("it is over: %+v", got)
	}
}

// A disk that hangs keeps no alert from being told: what is to be written waits, and is
// written by the end.
func TestLooksWaitForNoDisk(t *testing.T) {
	dir, begun, hangs := t.TempDir(), make(chan string, 9), make(chan struct{})
	clock := func() time.Time { return epoch }
	l := New(Config{}, Deps{
		Sinks: sink.New(sink.Deps{Now: clock}), Now: clock, Dir: dir,
		Dump: func(why string) { begun <- why; <-hangs },
	})
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	happens := func(id string, at time.Time) {
		l.note(&alert.Step{Began: []alert.Alert{{ID: id, Name: "x", Kind: alert.OnPool, Severity: alert.Critical, Since: at}}}, at)
	}
	happens("a", epoch)
	if why := <-begun; why != "alert a" {
		t.Errorf("dumped for %q", why)
	}
	for i, id := range []string{"b", "c", "d"} {
		happens(id, epoch.Add(time.Duration(i+1)*time.Hour))
	}
	l.Look()
	if got := l.History(); len(got) != 4 {
		t.Errorf("%+v", got)
	}
	end()
	close(hangs)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := openHistory(dir, l.log).list(); len(got) != 4 || got[0].ID != "d" {
		t.Errorf("kept: %+v", got)
	}
}

// The id of a silence is never another one's, over any number of runs, whether it still
// holds or not.
func TestSilenceIDsAreNotRepeated(t *testing.T) {
	dir, now, seen := t.TempDir(), epoch, make(map[string]bool)
	clock := func() time.Time { return now }
	for run := range 4 {
		l := New(Config{}, Deps{Sinks: sink.New(sink.Deps{Now: clock}), Now: clock, Dir: dir})
		for i := range 2 {
			made, err := l.AddSilence(alert.Silence{Matchers: []alert.Matcher{{Label: "name", Glob: "*"}}, Until: now.Add(time.Minute)})
			if err != nil || seen[made.ID] {
				t.Fatalf("run %d: %+v, %v; seen were %v", run, made, err, seen)
			}
			seen[made.ID] = true
			if i == 1 && run%2 == 0 { // the latest is not in the file any more
				if _, ok, err := l.RemoveSilence(made.ID); !ok || err != nil {
					t.Fatal(ok, err)
				}
			}
		}
		now = now.Add(time.Duration(run) * time.Minute) // they are over, but for the first run's
	}
}

// A rule about very many things writes no more lines than a budget lets it, and keeps
// what is critical from the log no more than what is about workers comes into it.
func TestAlertsAreLoggedWithinABudget(t *testing.T) {
	var said bytes.Buffer
	now := epoch
	clock := func() time.Time { return now }
	l := New(Config{}, Deps{Sinks: sink.New(sink.Deps{Now: clock}), Now: clock, Logger: slog.New(slog.NewTextHandler(&said, nil))})
	step := &alert.Step{}
	for i := range 2 * pace.Burst {
		step.Began = append(step.Began,
			alert.Alert{ID: fmt.Sprint("mine/u", i), Name: "mine", Kind: alert.OnUser, Severity: alert.Warning, Since: now},
			alert.Alert{ID: fmt.Sprint("other/w", i), Name: "other", Kind: alert.OnWorker, Severity: alert.Critical, Since: now})
	}
	step.Began = append(step.Began, alert.Alert{ID: "route_down/farm", Kind: alert.OnRoute, Severity: alert.Critical, Since: now})
	l.note(step, now)
	text := said.String()
	if n := strings.Count(text, "id=mine/"); n != pace.Burst || !strings.Contains(text, "level=ERROR msg=alert event=firing id=route_down/farm") || strings.Contains(text, "other/") {
		t.Errorf("%d lines of a rule about %d users:\n%.2000s", n, 2*pace.Burst, text)
	}
	if n := len(l.History()); n != len(step.Began) {
		t.Errorf("%d are in the history, of %d", n, len(step.Began))
	}
	said.Reset()
	now = now.Add(time.Second)
	l.note(&alert.Step{Ended: step.Began[:1]}, now)
	if want := fmt.Sprint("more_not_logged=", pace.Burst); !strings.Contains(said.String(), want) {
		t.Errorf("no %s in %s", want, &said)
	}
}

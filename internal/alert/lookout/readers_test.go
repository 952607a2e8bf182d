package lookout

import (
	"testing"
	"time"

	"github.com/loka/stratum/internal/alert"
	"github.com/loka/stratum/internal/alert/sink"
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

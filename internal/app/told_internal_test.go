package app

import (
	"testing"

	"github.com/loka/stratum/internal/audit"
	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/httpapi"
)

// heard is a publisher and a record that have what they were given.
type heard struct {
	events []events.Event
	acts   []audit.Act
}

func (h *heard) Publish(e events.Event) { h.events = append(h.events, e) }

func (h *heard) Append(a audit.Act) error {
	h.acts = append(h.acts, a)
	return nil
}

// Who signs in or out has changed nothing: the log of events says what it was, and the
// audit record has the request as it has all others.
func TestSignedInIsNamed(t *testing.T) {
	h := &heard{}
	told := toldActs{h, h}
	for _, c := range []struct{ request, what, message string }{
		{httpapi.SignInAct, events.SignedIn, "ops signed in to the page"},
		{httpapi.SignOutAct, events.SignedOut, "ops signed out of the page"},
		{"POST /api/v1/reload", events.Done, "ops: POST /api/v1/reload"},
	} {
		if err := told.Append(audit.Act{Who: "ops", From: "192.0.2.1:5", What: c.request}); err != nil {
			t.Fatal(err)
		}
		e, a := h.events[len(h.events)-1], h.acts[len(h.acts)-1]
		if e.Kind != events.Act || e.What != c.what || e.Message != c.message || e.Who != "ops" || e.Remote != "192.0.2.1:5" {
			t.Errorf("%s is told as %+v", c.request, e)
		}
		if a.What != c.request {
			t.Errorf("%s is kept as %q", c.request, a.What)
		}
	}
}

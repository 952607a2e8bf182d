package sink

import (
	"context"
	"net/http"
	"time"

	"github.com/loka/stratum/internal/alert"
)

const (
	// toldEvery is how often an Alertmanager is told what fires, and outlives how long
	// it believes that without a word.
	toldEvery, outlives = time.Minute, 4 * time.Minute
	// batch bounds the alerts of one request.
	batch = 500
)

// alertmanager is one, by its API version 2. It wants to hear of all that fires, again
// and again, and does the rest itself.
type alertmanager struct {
	url    string
	client *http.Client

	// firing is what was told last, by id.
	firing map[string]alert.Alert
}

// amAlert is an alert as that API has it.
type amAlert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
}

func amOf(a *alert.Alert, instance string, ends time.Time) amAlert {
	return amAlert{
		Labels: labels(a, instance), StartsAt: a.Since.UTC(), EndsAt: ends.UTC(),
		Annotations: map[string]string{"summary": a.ID, "description": a.Message, "runbook_url": a.Runbook},
	}
}

func (*alertmanager) stuck() bool { return false }

// send is for a test only.
func (m *alertmanager) send(ctx context.Context, msg *message) error {
	a := alert.Alert{ID: "loka_test", Name: "loka_test", Severity: alert.Info, Kind: alert.OnProxy, Since: msg.at, Message: msg.text()}
	return post(ctx, m.client, m.url, []amAlert{amOf(&a, msg.instance, msg.at.Add(time.Minute))})
}

// sync tells what fires, and what has since it was last told and does no more.
func (m *alertmanager) sync(ctx context.Context, firing []alert.Alert, instance string, now time.Time) error {
	next := make(map[string]alert.Alert, len(firing))
	all := make([]amAlert, 0, len(firing))
	for i := range firing {
		next[firing[i].ID] = firing[i]
		all = append(all, amOf(&firing[i], instance, now.Add(outlives)))
	}
	for id, a := range m.firing {
		if _, ok := next[id]; !ok {
			all = append(all, amOf(&a, instance, now))
		}
	}
	for len(all) > 0 {
		n := min(batch, len(all))
		if err := post(ctx, m.client, m.url, all[:n]); err != nil {
			for id, a := range m.firing { // these ends are not told yet
				if _, ok := next[id]; !ok {
					next[id] = a
				}
			}
			m.firing = next
			return err
		}
		all = all[n:]
	}
	m.firing = next
	return nil
}

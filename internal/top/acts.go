package top

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/loka/stratum/internal/auth"
	"github.com/loka/stratum/internal/client"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/view"
)

// choice is a question before something is done: a key, and what that does. Any other key
// does nothing.
type choice struct {
	asks string
	by   map[string]deed
}

// deed is something to do, and what is said once it is.
type deed struct {
	said string
	do   func(ctx context.Context, api *client.Client) error
}

// doneMsg is what became of a deed.
type doneMsg struct {
	said string
	err  error
}

// yes asks for one thing.
func yes(asks string, d deed) *choice {
	return &choice{asks + "  y yes, any other key no", map[string]deed{"y": d}}
}

// actKeys says what can be done here.
func (m *model) actKeys() string {
	if m.lacks() != "" {
		return ""
	}
	switch m.tab {
	case workersTab:
		return "  x disconnect  z pause  b ban"
	case poolsTab:
		return "  d drain  p pin  e disable"
	case minersTab:
		return "  x disconnect  b ban"
	case alertsTab:
		return "  z silence"
	case overviewTab, eventsTab, tabs:
	}
	return ""
}

// lacks is what the token lacks for what can be done; empty: nothing, or that is not known,
// and the proxy says it.
func (m *model) lacks() string {
	const give = ": --token, LOKA_TOKEN or --data"
	switch {
	case !m.api.HasToken():
		return "that needs a token of the role operator" + give
	case m.who.Role == auth.Nobody.String():
		return "the proxy does not take this token; that needs one of the role operator" + give
	case m.who.Role == auth.Viewer.String():
		return "this token has the role viewer; that needs one of the role operator" + give
	}
	return ""
}

// act asks whether to do what a key says.
func (m *model) act(name string) tea.Cmd {
	c := m.choiceFor(name)
	if c == nil {
		return nil
	}
	if why := m.lacks(); why != "" {
		m.say(why, true)
		return nil
	}
	m.choice = c
	return nil
}

// choiceFor is the question of a key; nil: it has none here.
func (m *model) choiceFor(name string) *choice {
	at := m.at[m.tab].cursor
	switch m.tab {
	case poolsTab:
		if p := m.chosenPool(at); p != nil {
			return m.poolChoice(name, p)
		}
	case workersTab:
		if m.detail != nil { // which may be in the list no more
			return workerChoice(name, m.detail.worker)
		}
		if w := m.workers.at(at); w != nil {
			return workerChoice(name, w.Name)
		}
	case minersTab:
		if m.detail != nil {
			return minerChoice(name, m.detail.miner)
		}
		if c := m.miners.at(at); c != nil {
			return minerChoice(name, c)
		}
	case alertsTab:
		if m.detail != nil {
			return alertChoice(name, m.detail.alert)
		}
		if some := m.foundAlerts(); at < len(some) {
			return alertChoice(name, some[at])
		}
	case overviewTab, eventsTab, tabs:
	}
	return nil
}

// chosenPool is the pool that is shown at length, or chosen.
func (m *model) chosenPool(at int) *view.Pool {
	if m.detail != nil {
		if i := slices.IndexFunc(m.pools, func(p view.Pool) bool { return p.Name == m.detail.pool }); i >= 0 {
			return &m.pools[i]
		}
		return nil
	}
	return m.poolTable.at(at)
}

func (m *model) poolChoice(name string, p *view.Pool) *choice {
	pool, word := p.Name, shown(p.Name)
	switch {
	case name == "d" && p.Drained:
		return yes("Take pool "+word+" back into use?", deed{"pool " + word + " is in use", func(ctx context.Context, api *client.Client) error { return api.Undrain(ctx, pool) }})
	case name == "d":
		return yes(fmt.Sprintf("Drain pool %s, and send its %d miners elsewhere?", word, p.Miners),
			deed{"pool " + word + " is drained", func(ctx context.Context, api *client.Client) error { return api.Drain(ctx, pool) }})
	case name == "e" && p.State == view.PoolDisabled:
		return yes("Enable pool "+word+"?", deed{"pool " + word + " is enabled", func(ctx context.Context, api *client.Client) error { return api.Enable(ctx, pool) }})
	case name == "e":
		return yes(fmt.Sprintf("Disable pool %s, and close its %d connections?", word, p.Connections),
			deed{"pool " + word + " is disabled", func(ctx context.Context, api *client.Client) error {
				_, err := api.Disable(ctx, pool)
				return err
			}})
	case name == "p":
		return m.pinChoice(pool)
	}
	return nil
}

// mostRoutes is how many routes a question can name.
const mostRoutes = 9

// pinChoice asks which route to pin to a pool, or to let go.
func (m *model) pinChoice(pool string) *choice {
	c := &choice{by: map[string]deed{}}
	var parts []string
	for i := range m.routes {
		r := &m.routes[i]
		if !slices.Contains(r.Pools, pool) || len(parts) == mostRoutes {
			continue
		}
		route, key := r.Name, strconv.Itoa(len(parts)+1)
		if r.Pinned == pool {
			parts = append(parts, key+" unpin "+shown(route))
			c.by[key] = deed{"route " + shown(route) + " prefers its pools in its own order", func(ctx context.Context, api *client.Client) error { return api.Unpin(ctx, route) }}
			continue
		}
		parts = append(parts, key+" pin "+shown(route))
		c.by[key] = deed{fmt.Sprintf("route %s is pinned to pool %s", shown(route), shown(pool)), func(ctx context.Context, api *client.Client) error { return api.Pin(ctx, route, pool) }}
	}
	if len(parts) == 0 {
		return nil
	}
	c.asks = fmt.Sprintf("Pool %s:  %s, any other key no", shown(pool), strings.Join(parts, ", "))
	return c
}

// terms are for how long somebody can be banned here.
func terms() []struct{ key, word, term string } {
	return []struct{ key, word, term string }{{"h", "an hour", "1h"}, {"d", "a day", "24h"}, {"f", "until it is lifted", ""}}
}

// forHowLong asks for the term of a ban.
func forHowLong(who string, ban func(ctx context.Context, api *client.Client, term httpapi.BanTerm) error) *choice {
	c := &choice{by: map[string]deed{}}
	parts := make([]string, 0, len(terms()))
	for _, t := range terms() {
		parts = append(parts, t.key+" "+t.word)
		c.by[t.key] = deed{who + " is banned: " + t.word, func(ctx context.Context, api *client.Client) error {
			return ban(ctx, api, httpapi.BanTerm{For: t.term, Comment: "loka top"})
		}}
	}
	c.asks = fmt.Sprintf("Ban %s?  %s, any other key no", who, strings.Join(parts, ", "))
	return c
}

func workerChoice(name, login string) *choice {
	word := "worker " + shown(login)
	switch name {
	case "x":
		return yes("Disconnect all miners of "+word+"?", deed{word + " is disconnected", func(ctx context.Context, api *client.Client) error {
			_, err := api.DisconnectWorker(ctx, login)
			return err
		}})
	case "z":
		return &choice{word + ":  p pause, r resume, any other key no", map[string]deed{
			"p": {word + " is paused until it is resumed", func(ctx context.Context, api *client.Client) error {
				_, err := api.PauseWorker(ctx, login, httpapi.BanTerm{Comment: "loka top"})
				return err
			}},
			"r": {word + " may come again", func(ctx context.Context, api *client.Client) error {
				_, err := api.ResumeWorker(ctx, login)
				return err
			}},
		}}
	case "b":
		return forHowLong(word, func(ctx context.Context, api *client.Client, term httpapi.BanTerm) error {
			_, err := api.BanWorker(ctx, login, term)
			return err
		})
	}
	return nil
}

func minerChoice(name string, c *view.Miner) *choice {
	id, word := c.ID, fmt.Sprintf("connection %d of %s", c.ID, shown(c.Remote))
	switch name {
	case "x":
		return yes("Disconnect "+word+"?", deed{word + " is ended", func(ctx context.Context, api *client.Client) error { return api.Disconnect(ctx, id) }})
	case "b":
		return forHowLong("the address of "+word, func(ctx context.Context, api *client.Client, term httpapi.BanTerm) error {
			_, err := api.BanMiner(ctx, id, term)
			return err
		})
	}
	return nil
}

// choose does what was asked about, or nothing.
func (m *model) choose(name string) tea.Cmd {
	d, ok := m.choice.by[name]
	m.choice = nil
	if !ok {
		m.say("nothing is done", false)
		return nil
	}
	api := m.api
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(m.ctx, askTimeout)
		defer cancel()
		return doneMsg{d.said, d.do(ctx, api)}
	}
}

// done says what became of it.
func (m *model) done(msg *doneMsg) {
	if msg.err == nil {
		m.say(msg.said, false)
		return
	}
	m.asksWho = m.asksWho || refused(msg.err)
	m.say("not done: "+msg.err.Error(), true)
}

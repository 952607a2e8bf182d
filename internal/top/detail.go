package top

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/loka/stratum/internal/client"
	"github.com/loka/stratum/internal/figures"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/view"
)

// detail is one thing at length.
type detail struct {
	// worker is whose it is; known and past are what is known of it so far.
	worker string
	known  *view.Worker
	past   []httpapi.HistoryPoint
	// pool is which, miner and alert which, text what of an event.
	pool  string
	miner *view.Miner
	alert *view.Alert
	text  []string
	first int
}

// problemOf is what the proxy said, if it did.
func problemOf(err error) (*client.ProblemError, bool) {
	return errors.AsType[*client.ProblemError](err)
}

// refused says that an error is of a token that is not enough.
func refused(err error) bool {
	p, ok := problemOf(err)
	return ok && p.Refused()
}

// open shows what is chosen at length.
func (m *model) open() {
	at := m.at[m.tab].cursor
	switch m.tab {
	case workersTab:
		if w := m.workers.at(at); w != nil {
			m.detail = &detail{worker: w.Name}
		}
	case poolsTab:
		if p := m.poolTable.at(at); p != nil {
			m.detail = &detail{pool: p.Name}
		}
	case minersTab:
		if c := m.miners.at(at); c != nil {
			one := *c
			m.detail = &detail{miner: &one}
		}
	case eventsTab:
		some := m.found()
		if at >= len(some) {
			return
		}
		e := some[at]
		m.detail = &detail{text: []string{
			label("Time", e.At.Local().Format(time.DateTime)), label("Kind", string(e.Kind)+" "+shown(e.What)),
			label("Severity", severityStyle(string(e.Severity)).of(string(e.Severity))), "", shown(e.Message), "",
			label("Pool", shown(e.Pool)), label("Route", shown(e.Route)), label("Worker", shown(e.Worker)), label("From", shown(e.Remote)),
			label("Reason", shown(e.Reason)), label("Who", shown(e.Who)),
		}}
	case alertsTab:
		if some := m.foundAlerts(); at < len(some) {
			one := *some[at]
			m.detail = &detail{alert: &one}
		}
	case overviewTab, tabs:
	}
}

// inDetail does what a key says while something is shown at length.
func (m *model) inDetail(name string) tea.Cmd {
	d := m.detail
	switch name {
	case "esc", "enter", "backspace", "left":
		m.detail = nil
		return m.ask()
	case "q":
		return tea.Quit
	case "?":
		m.help = true
		return nil
	}
	if by, ok := m.step(name); ok {
		d.first = max(d.first+max(min(by, m.height), -m.height), 0)
		return nil
	}
	return m.act(name)
}

// detailLines is what is shown of it.
func (m *model) detailLines() []string {
	d := m.detail
	var lines []string
	switch {
	case d.worker != "" && d.known == nil:
		lines = []string{strong.of(shown(d.worker)), "", "  asking …"}
	case d.worker != "":
		lines = m.workerLines(d)
	case d.pool != "":
		lines = m.onePool(d.pool)
	case d.miner != nil:
		lines = minerLines(d.miner)
	case d.alert != nil:
		lines = m.oneAlert(d.alert)
	default:
		lines = d.text
	}
	wrapped := make([]string, 0, len(lines))
	for _, line := range lines {
		wrapped = append(wrapped, strings.Split(ansi.Wordwrap(line, m.width, ""), "\n")...)
	}
	d.first = max(min(d.first, len(wrapped)-m.rows()), 0)
	return wrapped[d.first:]
}

// workerLines are a worker at length.
func (m *model) workerLines(d *detail) []string {
	w := d.known
	lines := []string{
		strong.of(shown(w.Name)), "",
		label("Route", shown(w.Route)), label("Pool", shown(w.Pool)), label("Difficulty", figures.Difficulty(w.Difficulty)),
		label("Hashrate", fmt.Sprintf("%s 1m, %s 10m, %s 1h, %s 24h", figures.Hashrate(w.Hashrate.Minute), figures.Hashrate(w.Hashrate.TenMinutes),
			figures.Hashrate(w.Hashrate.Hour), figures.Hashrate(w.Hashrate.Day))),
		label("by pools", fmt.Sprintf("%s 1h, %s 24h", figures.Hashrate(w.PoolHashrate.Hour), figures.Hashrate(w.PoolHashrate.Day))),
	}
	values := make([]float64, 0, len(d.past))
	for i := range d.past {
		values = append(values, d.past[i].Hashrate)
	}
	if b := bars(values, m.width-labelWidth); b != "" {
		lines = append(lines, label("24 hours", b))
	}
	lines = append(lines,
		label("Shares", fmt.Sprintf("%s accepted, %s refused (%s), last %s", figures.Count(w.Accepted), figures.Count(w.Rejected), refusedPart(w.Accepted, w.Rejected), ago(w.LastShareAge))),
		label("by pools", fmt.Sprintf("%s accepted, %s refused (%s)", figures.Count(w.PoolAccepted), figures.Count(w.PoolRejected), refusedPart(w.PoolAccepted, w.PoolRejected))),
		label("Best", figures.Difficulty(w.BestDifficulty)),
		label("Earned", figures.Satoshi(w.Business.PoolValue24h)+" in 24h, "+figures.Satoshi(w.Business.PoolValue)+" in all"),
	)
	for _, reason := range slices.Sorted(maps.Keys(w.Business.Lost)) {
		lost := w.Business.Lost[reason]
		lines = append(lines, label("Lost", fmt.Sprintf("%s: %s shares, %s", strings.ReplaceAll(shown(reason), "_", " "), figures.Count(lost.Shares), figures.Satoshi(lost.Value))))
	}
	lines = append(lines, "", strong.of(fmt.Sprintf("%d connections", len(w.Connections))))
	for i := range w.Connections {
		c := &w.Connections[i]
		lines = append(lines, fmt.Sprintf("  %d  %s  %s  for %s  difficulty %s  %s", c.ID, shown(c.Remote), shown(c.UserAgent), age(&c.AgeSeconds), figures.Difficulty(c.Difficulty), figures.Hashrate(c.Hashrate)))
	}
	return lines
}

// onePool is a pool at length.
func (m *model) onePool(name string) []string {
	i := slices.IndexFunc(m.pools, func(p view.Pool) bool { return p.Name == name })
	if i < 0 {
		return []string{strong.of(shown(name)), "", "  it is not configured any more"}
	}
	p := &m.pools[i]
	since := ""
	if p.Since != nil {
		since = " for " + brief(m.now.Sub(*p.Since))
	}
	lines := []string{
		strong.of(shown(p.Name)) + "  " + shown(p.URL), "",
		label("State", stateStyle(p.State).of(poolState(p))+since+" ("+strings.ReplaceAll(shown(p.Reason), "_", " ")+")"),
	}
	if p.Error != "" {
		lines = append(lines, label("Trouble", bad.of(shown(p.Error))))
	}
	lines = append(lines,
		label("Hashrate", fmt.Sprintf("%s 1h, %s 24h, by what it accepted", figures.Hashrate(p.Hashrate.Hour), figures.Hashrate(p.Hashrate.Day))),
		label("Miners", fmt.Sprintf("%d over %d connections", p.Miners, p.Connections)),
		label("Difficulty", figures.Difficulty(p.Difficulty)),
		label("Shares", fmt.Sprintf("%s accepted, %s refused (%s): %s stale, %s duplicate, %s low difficulty; %s unanswered", figures.Count(p.Accepted), figures.Count(p.Rejected),
			refusedPart(p.Accepted, p.Rejected), figures.Count(p.Stale), figures.Count(p.Duplicate), figures.Count(p.LowDifficulty), figures.Count(p.Unanswered))),
		label("Answers", fmt.Sprintf("in %s, nine of ten within %s; connects in %s", milliseconds(p.Quality.SubmitRTT), milliseconds(p.Quality.SubmitRTTP90), milliseconds(p.Quality.ConnectRTT))),
		label("Last job", ago(p.LastJobAgeSeconds)), label("Quality", quality(p)),
		label("Earned", figures.Satoshi(p.Business.PoolValue24h)+" in 24h"),
	)
	for _, r := range m.routes {
		if slices.Contains(r.Pools, p.Name) {
			pin := ""
			if r.Pinned == p.Name {
				pin = ", pinned to it"
			}
			lines = append(lines, label("Route", shown(r.Name)+" ("+shown(r.Mode)+")"+pin))
		}
	}
	for _, s := range p.Signals {
		lines = append(lines, "", severityStyle(s.Severity).of(shown(s.Name))+": "+shown(s.Means)+" "+shown(s.Detail)+" "+shown(s.Do))
	}
	return lines
}

// minerLines are a connection at length.
func minerLines(c *view.Miner) []string {
	movable := "to every pool of its route"
	if !c.Movable {
		var b strings.Builder
		b.WriteString("not to")
		for _, o := range c.NotMovableTo {
			fmt.Fprintf(&b, " %s (%s)", shown(o.Pool), strings.ReplaceAll(shown(o.Reason), "_", " "))
		}
		movable = b.String()
	}
	lines := []string{
		strong.of(fmt.Sprintf("connection %d", c.ID)) + "  " + shown(c.Remote), "",
		label("Workers", shown(strings.Join(c.Workers, ", "))), label("Firmware", shown(c.UserAgent)), label("Listener", shown(c.Listener)),
		label("State", shown(c.State)+" for "+age(&c.AgeSeconds)), label("Route", shown(c.Route)), label("Pool", shown(c.Pool)),
		label("Hashrate", figures.Hashrate(c.Hashrate)), label("Difficulty", figures.Difficulty(c.Difficulty)),
		label("Shares", fmt.Sprintf("%s accepted, %s refused (%s)", figures.Count(c.Accepted), figures.Count(c.Rejected), refusedPart(c.Accepted, c.Rejected))),
		label("Movable", movable), label("Behaviour", fmt.Sprintf("score %.1f, %s", c.Score, shown(c.Response))),
	}
	warnings := make([]string, 0, len(c.Warnings))
	for _, w := range c.Warnings {
		warnings = append(warnings, label("Warning", warn.of(shown(w))))
	}
	return slices.Concat(lines, warnings)
}

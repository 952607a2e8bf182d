package top

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/loka/stratum/internal/client"
	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/figures"
	"github.com/loka/stratum/internal/view"
)

// View implements [tea.Model].
func (m *model) View() tea.View {
	v := tea.NewView(strings.Join(m.screen(), "\n"))
	v.AltScreen = true
	v.WindowTitle = "loka top"
	return v
}

// screen is the lines of the screen, as many as it has.
func (m *model) screen() []string {
	if m.width < leastWidth || m.height < leastHeight {
		return []string{ansi.Truncate(fmt.Sprintf("make the window larger than %d×%d", leastWidth, leastHeight), max(m.width, 1), "")}
	}
	lines := append(make([]string, 0, m.height), m.head(), m.tabLine())
	body := m.body()
	for i := range m.height - chrome + 1 {
		if i < len(body) {
			lines = append(lines, body[i])
		} else {
			lines = append(lines, "")
		}
	}
	lines = append(lines, m.noticeLine(), m.helpLine())
	for i := range lines {
		lines[i] = ansi.Truncate(lines[i], m.width, "…")
	}
	return lines
}

// head says whose figures these are and how old.
func (m *model) head() string {
	left := strong.of("loka top")
	if s := m.summary; s != nil {
		left += fmt.Sprintf("  %s  %s  up %s", strong.of(shown(s.Instance)), shown(s.Version), brief(time.Duration(s.UptimeSeconds*float64(time.Second))))
	}
	right := good.of("● live")
	switch {
	case m.trouble != nil && client.Unreachable(m.trouble):
		right = bad.of("✕ gone for " + brief(m.now.Sub(m.since)))
	case m.trouble != nil && refused(m.trouble):
		right = bad.of("✕ refused")
	case m.trouble != nil:
		right = bad.of("✕ no answer")
	case m.summary == nil:
		right = warn.of("… asking")
	}
	return spread(left, right, m.width)
}

// spread puts one text to the left and one to the right.
func spread(left, right string, width int) string {
	room := width - ansi.StringWidth(right) - 1
	left = ansi.Truncate(left, max(room, 0), "…")
	return left + strings.Repeat(" ", max(width-ansi.StringWidth(left)-ansi.StringWidth(right), 1)) + right
}

// tabLine names the tabs.
func (m *model) tabLine() string {
	var b strings.Builder
	for t := range tabs {
		text := " " + strconv.Itoa(int(t)+1) + " " + t.title() + " "
		if t == m.tab {
			text = tabStyle.of(text)
		}
		b.WriteString(text)
	}
	if n := m.total(); n > 0 {
		p := &m.at[m.tab]
		count := fmt.Sprintf("%s of %s", figures.Count(uint64(p.cursor+1)), figures.Count(uint64(n))) //nolint:gosec // neither is below 0
		return spread(b.String(), faint.of(count), m.width)
	}
	return b.String()
}

// body is what the tab shows.
func (m *model) body() []string {
	switch {
	case m.help:
		return helpText()
	case m.summary == nil && m.trouble != nil:
		return m.excuse()
	case m.summary == nil:
		return []string{"", "  asking " + shown(m.api.Base()) + " …"}
	case m.detail != nil:
		return m.detailLines()
	}
	p := place{m.at[m.tab], m.width, m.rows(), m.total()}
	var lines []string
	switch m.tab {
	case overviewTab:
		return m.overview()
	case workersTab:
		lines = draw(m.workerColumns(), p, m.workers.at)
	case poolsTab:
		lines = draw(m.poolColumns(), p, m.poolTable.at)
	case minersTab:
		lines = draw(m.minerColumns(), p, m.miners.at)
	case eventsTab:
		some := m.found()
		p.column = -1
		lines = draw(m.eventColumns(), p, func(i int) *events.Event { return some[i] })
	case alertsTab:
		some := m.foundAlerts()
		p.column = -1
		lines = draw(m.alertColumns(), p, func(i int) *view.Alert { return some[i] })
	case tabs:
	}
	if p.total == 0 {
		lines = append(lines, "", "  "+faint.of(m.nothing()))
	}
	return lines
}

// nothing says why a table is empty.
func (m *model) nothing() string {
	search := m.at[m.tab].search
	switch {
	case search != "":
		return fmt.Sprintf("nothing has %q in it; esc shows all", shown(search))
	case m.tab == eventsTab && client.Status(m.toldError) == http.StatusNotFound:
		return "this proxy does not tell events"
	case m.tab == eventsTab && m.toldError != nil:
		return "no events: " + shown(m.toldError.Error())
	case m.tab == eventsTab:
		return "nothing has happened yet"
	case m.tab == alertsTab:
		return "no alert fires"
	case m.tab == minersTab:
		return "no miner is connected"
	case m.tab == workersTab:
		return "no worker has connected yet: point miners at this proxy"
	}
	return "there are none"
}

// excuse is what is shown where nothing is known yet.
func (m *model) excuse() []string {
	lines := []string{"", "  " + bad.of(shown(m.trouble.Error())), ""}
	if p, ok := problemOf(m.trouble); ok && p.Advice() != "" {
		advice := "  " + p.Advice()
		if p.Refused() {
			advice += " (--token, LOKA_TOKEN or --data)"
		}
		lines = append(lines, advice)
	}
	return append(lines, "  It is asked again every "+figures.Span(m.cfg.Interval)+"; --http ADDR names another address.")
}

// noticeLine is what is told, or what is searched for, or what went wrong.
func (m *model) noticeLine() string {
	switch {
	case m.searching:
		return m.input.View()
	case m.trouble != nil && m.summary != nil:
		return bad.of(shown(fmt.Sprintf("figures are %s old, asking again: %v", brief(m.now.Sub(m.answered)), m.trouble)))
	case m.notice.text != "" && m.now.Before(m.notice.until):
		if m.notice.bad {
			return bad.of(shown(m.notice.text))
		}
		return good.of(shown(m.notice.text))
	}
	if text := m.at[m.tab].search; text != "" {
		return faint.of(fmt.Sprintf("with %q in it; esc shows all", shown(text)))
	}
	return ""
}

// helpLine says which keys there are, or what is asked.
func (m *model) helpLine() string {
	if c := m.choice; c != nil {
		return warn.of(c.asks)
	}
	if m.searching {
		return faint.of("type to search, enter keeps it, esc shows all")
	}
	if m.detail != nil {
		return faint.of("esc back  ↑↓ scroll" + m.actKeys() + "  q quit")
	}
	keys := "1-6 tab"
	if m.tab != overviewTab {
		keys += "  enter more  / find"
	}
	if len(m.sortable()) > 0 {
		keys += "  s sort"
	}
	return faint.of(keys + m.actKeys() + "  ? help  q quit")
}

// helpText is all keys.
func helpText() []string {
	return []string{
		"",
		"  " + strong.of("Go"),
		"    1-6 tab ← →        another screen",
		"    ↑ ↓ j k            another row; pgup pgdown home end g G",
		"    enter              more of it; esc back",
		"  " + strong.of("Find"),
		"    /                  search; enter keeps it, esc shows all again",
		"    s or > <           sort by the next or former column; r the other way round",
		"  " + strong.of("Do") + ", each after a question",
		"    pools              d drain or take back, p pin or unpin a route, e disable or enable",
		"    workers            x disconnect, z pause or resume, b ban",
		"    connections        x disconnect, b ban its address",
		"    alerts             z silence, or end a silence",
		"",
		"  What is done needs a token of the role operator: --token, LOKA_TOKEN or --data.",
		"  " + faint.of("any key goes back"),
	}
}

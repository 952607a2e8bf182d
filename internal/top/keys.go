package top

import (
	"strings"

	tea "charm.land/bubbletea/v2"
)

// key does what a key says.
func (m *model) key(k tea.KeyPressMsg) tea.Cmd {
	name := k.String()
	switch {
	case name == "ctrl+c":
		return tea.Quit
	case m.choice != nil:
		return m.choose(name)
	case m.searching:
		return m.search(k)
	case m.help:
		m.help = false
		return nil
	case m.detail != nil:
		return m.inDetail(name)
	}
	if cmd, ok := m.goTo(name); ok {
		return cmd
	}
	switch name {
	case "q":
		return tea.Quit
	case "?", "h":
		m.help = true
	case "/":
		if m.tab != overviewTab {
			m.searching = true
			m.input.SetValue(m.at[m.tab].search)
			m.input.CursorEnd()
			return m.input.Focus()
		}
	case "esc":
		m.at[m.tab].search = ""
		return m.moved()
	case "enter":
		m.open()
		return m.ask()
	case "s", "S", "<", ">", ".", ",", "r":
		m.sortBy(name)
		return m.moved()
	default:
		return m.act(name)
	}
	return nil
}

// goTo goes to another tab or row.
func (m *model) goTo(name string) (cmd tea.Cmd, ok bool) {
	switch name {
	case "1", "2", "3", "4", "5", "6":
		m.tab = tab(name[0] - '1')
		return m.moved(), true
	case "tab", "right", "l":
		m.tab = (m.tab + 1) % tabs
		return m.moved(), true
	case "shift+tab", "left":
		m.tab = (m.tab + tabs - 1) % tabs
		return m.moved(), true
	}
	by, ok := m.step(name)
	if !ok {
		return nil, false
	}
	m.at[m.tab].cursor += by
	m.settle()
	if !m.windowFits() {
		return m.moved(), true
	}
	return nil, true
}

// step is by how many rows a key goes.
func (m *model) step(name string) (by int, ok bool) {
	switch name {
	case "up", "k":
		return -1, true
	case "down", "j":
		return 1, true
	case "pgup", "ctrl+b":
		return -m.rows(), true
	case "pgdown", "ctrl+f", "space":
		return m.rows(), true
	case "home", "g":
		return -m.total(), true
	case "end", "G":
		return m.total(), true
	}
	return 0, false
}

// windowFits says that all rows on the screen are known.
func (m *model) windowFits() bool {
	first := m.at[m.tab].first
	last := min(first+m.rows(), m.total()) - 1
	switch m.tab {
	case workersTab:
		return last < 0 || m.workers.at(first) != nil && m.workers.at(last) != nil
	case minersTab:
		return last < 0 || m.miners.at(first) != nil && m.miners.at(last) != nil
	case overviewTab, poolsTab, eventsTab, alertsTab, tabs:
	}
	return true
}

// moved asks for what is to be seen now.
func (m *model) moved() tea.Cmd {
	m.settle()
	return m.ask()
}

// search takes a key of what is searched for; it is asked for as it is typed.
func (m *model) search(k tea.KeyPressMsg) tea.Cmd {
	switch k.String() {
	case "enter":
		m.searching = false
		m.input.Blur()
		return nil
	case "esc":
		m.searching = false
		m.input.Blur()
		m.at[m.tab].search = ""
		return m.moved()
	}
	return m.typed(k)
}

// typed gives what was typed or pasted to the line it is typed in.
func (m *model) typed(msg tea.Msg) tea.Cmd {
	if !m.searching {
		return nil
	}
	var cmd tea.Cmd
	m.input, cmd = m.input.Update(msg)
	p := &m.at[m.tab]
	if text := strings.TrimSpace(m.input.Value()); text != p.search {
		p.search, p.cursor, p.first = text, 0, 0
		return tea.Batch(cmd, m.moved())
	}
	return cmd
}

// sortBy sorts by another column, or the other way round.
func (m *model) sortBy(name string) {
	columns := m.sortable()
	p := &m.at[m.tab]
	if len(columns) == 0 {
		return
	}
	at := -1
	for i, c := range columns {
		if c == p.column {
			at = i
		}
	}
	switch name {
	case "r":
		p.down = !p.down && p.column >= 0
		if p.column < 0 {
			p.column = columns[0]
		}
	case "s", ">", ".":
		p.column, p.down = columns[(at+1)%len(columns)], true
	default:
		p.column, p.down = columns[(max(at, 0)+len(columns)-1)%len(columns)], true
	}
	p.cursor, p.first = 0, 0
}

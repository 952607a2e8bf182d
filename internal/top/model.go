package top

import (
	"context"
	"time"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"github.com/loka/stratum/internal/client"
	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/view"
)

// tab is one of the screens.
type tab int

// The screens.
const (
	overviewTab tab = iota
	workersTab
	poolsTab
	minersTab
	eventsTab
	alertsTab
	tabs
)

// title is what a tab is called.
func (t tab) title() string {
	return [tabs]string{"Overview", "Workers", "Pools", "Connections", "Events", "Alerts"}[t]
}

const (
	// leastWidth and leastHeight are what is needed to show anything.
	leastWidth, leastHeight = 40, 10
	// chrome is how many lines are not a table's: head, tabs, columns, notice and help.
	chrome = 5
	// mostEvents is how many events are remembered.
	mostEvents = 500
	// slowly is how often what the store has to add up is asked.
	slowly = 30 * time.Second
	// noticeTime is how long a notice stays.
	noticeTime = 8 * time.Second
)

// position is where somebody is in a table.
type position struct {
	// column is the one that it is sorted by, -1: as the proxy has it; down says the
	// largest first.
	column int
	down   bool
	search string
	// cursor is the row that is chosen of all, first the one at the top of the screen.
	cursor, first int
}

// window is the part of a list that is known.
type window[T any] struct {
	rows   []T
	offset int
	total  int
}

// at is the row of that number; nil where it is not known.
func (w *window[T]) at(i int) *T {
	if i < w.offset || i >= w.offset+len(w.rows) {
		return nil
	}
	return &w.rows[i-w.offset]
}

// model is all that is on the screen.
type model struct {
	ctx context.Context //nolint:containedctx // commands run in goroutines of bubbletea's, which gives them none
	api *client.Client
	cfg Config

	width, height int
	tab           tab
	at            [tabs]position
	now           time.Time

	// what is known
	summary   *view.Summary
	health    view.Health
	pools     []view.Pool // all of them, for the overview
	routes    []view.Route
	alerts    []view.Alert
	worth     worth
	workers   window[view.Worker]
	poolTable window[view.Pool]
	miners    window[view.Miner]
	told      []events.Event // newest first
	toldError error

	// who is whose token it is, and what that lets do; empty: not known.
	who httpapi.Session

	// how the asking goes
	asking   bool
	asksWho  bool // with the next question
	again    bool // ask once more when the answer is there
	trouble  error
	since    time.Time // of the trouble
	answered time.Time // when the last good answer came

	// what somebody is doing
	input     textinput.Model
	searching bool
	help      bool
	detail    *detail
	choice    *choice
	notice    notice
}

// notice is a line that is told for a while.
type notice struct {
	text  string
	bad   bool
	until time.Time
}

// worth is what the store has added up; nil: not known.
type worth struct {
	asked      bool // it was, and has answered or not
	day, today *httpapi.Revenue
	history    []httpapi.HistoryPoint
}

func newModel(ctx context.Context, cfg Config) *model {
	if cfg.Interval <= 0 {
		cfg.Interval = defaultInterval
	}
	m := &model{ctx: ctx, api: cfg.Client, cfg: cfg, now: cfg.Now(), input: textinput.New(), asksWho: true}
	m.input.Prompt = "/"
	look := m.input.Styles()
	look.Cursor.Blink = false
	m.input.SetStyles(look)
	for t := range m.at {
		m.at[t].column = -1
	}
	m.at[workersTab] = position{column: workerHour, down: true}
	return m
}

// Init implements [tea.Model].
func (m *model) Init() tea.Cmd {
	return tea.Batch(m.ask(), m.askSlowly(), m.tick(), tea.Tick(slowly, func(time.Time) tea.Msg { return slowMsg{} }))
}

type (
	tickMsg struct{}
	slowMsg struct{}
)

func (m *model) tick() tea.Cmd {
	return tea.Tick(m.cfg.Interval, func(time.Time) tea.Msg { return tickMsg{} })
}

// Update implements [tea.Model].
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	m.now = m.cfg.Now()
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		m.settle()
		return m, m.ask()
	case tea.KeyPressMsg:
		return m, m.key(msg)
	case tea.PasteMsg:
		return m, m.typed(msg)
	case tickMsg:
		return m, tea.Batch(m.tick(), m.ask())
	case slowMsg:
		return m, tea.Batch(m.askSlowly(), tea.Tick(slowly, func(time.Time) tea.Msg { return slowMsg{} }))
	case answerMsg:
		return m, m.take(&msg)
	case worthMsg:
		m.worth = worth(msg)
	case toldMsg:
		m.tell(msg)
	case doneMsg:
		m.done(&msg)
		return m, m.ask()
	}
	return m, nil
}

// tell takes events.
func (m *model) tell(msg toldMsg) {
	m.toldError = msg.err
	if len(msg.events) == 0 {
		return
	}
	m.told = append(append(make([]events.Event, 0, len(msg.events)+len(m.told)), msg.events...), m.told...)
	m.told = m.told[:min(len(m.told), mostEvents)]
	if p := &m.at[eventsTab]; p.cursor > 0 && p.search == "" { // who has chosen one stays on it
		p.cursor += len(msg.events)
		p.first += len(msg.events)
	}
	m.settle()
}

// rows is how many of a table are on the screen.
func (m *model) rows() int { return max(m.height-chrome, 1) }

// total is how many rows the table of the tab has.
func (m *model) total() int {
	switch m.tab {
	case workersTab:
		return m.workers.total
	case poolsTab:
		return m.poolTable.total
	case minersTab:
		return m.miners.total
	case eventsTab:
		return len(m.found())
	case alertsTab:
		return len(m.foundAlerts())
	case overviewTab, tabs:
	}
	return 0
}

// settle keeps the cursor within the table and on the screen.
func (m *model) settle() {
	p := &m.at[m.tab]
	p.cursor = max(min(p.cursor, m.total()-1), 0)
	p.first = max(min(p.first, p.cursor), p.cursor-m.rows()+1, 0)
}

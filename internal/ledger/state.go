package ledger

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// stateVersion is the version of the file that [Ledger.Save] writes.
const stateVersion = 1

// hourly is how far apart the samples are that a state keeps of the day's
// window: a quarter of them, for the file must stay small.
const hourly = time.Hour - time.Minute

// maxSamples is more than hourly samples of the day's window can be.
const maxSamples = 32

// state is the file. Verdicts go by name, so that it outlives their order.
type state struct {
	Version int       `json:"version"`
	SavedAt time.Time `json:"saved_at"`
	Since   time.Time `json:"since"`
	// Samples are times; a book's Day says what it earned since each of them.
	Samples []time.Time   `json:"samples,omitempty"`
	Day     []float32     `json:"day,omitempty"`
	Workers []workerState `json:"workers"`
	Pools   []poolState   `json:"pools"`
}

type tallyState struct {
	Ours     map[string]uint64 `json:"shares,omitempty"`
	Work     float64           `json:"work_accepted,omitempty"`
	Pools    map[string]uint64 `json:"pool_shares,omitempty"`
	PoolWork float64           `json:"pool_work_accepted,omitempty"`
}

type workerState struct {
	tallyState

	Name        string    `json:"name"`
	Route       string    `json:"route,omitempty"`
	Since       time.Time `json:"since"`
	LastShareAt time.Time `json:"last_share_at,omitzero"`
	Best        float64   `json:"best_difficulty,omitempty"`
	Day         []float32 `json:"day,omitempty"`
}

type poolState struct {
	tallyState

	Name  string    `json:"name"`
	Since time.Time `json:"since"`
	Day   []float32 `json:"day,omitempty"`
}

// encode writes all books as a state.
func (l *Ledger) encode(now time.Time) ([]byte, error) {
	l.sampleMu.Lock()
	defer l.sampleMu.Unlock()
	l.sample(now)
	kept := l.clock.hourly(now)
	workers, pools := l.books()
	s := state{
		Version: stateVersion, SavedAt: now.UTC(), Since: time.Unix(0, l.total.born).UTC(),
		Workers: make([]workerState, 0, len(workers)),
		Pools:   make([]poolState, 0, len(pools)),
	}
	for _, slot := range kept {
		s.Samples = append(s.Samples, time.Unix(0, l.clock.at[slot]).UTC())
	}
	var total float64
	for _, b := range workers {
		t := b.tally.read()
		if b.dropped.Load() || !b.used() { // a login alone is not worth keeping
			continue
		}
		total += t.WorkAccepted
		w := workerState{
			Name: b.name, Route: *b.route.Load(), Since: time.Unix(0, b.windows.born).UTC(),
			Best: b.best.load(), tallyState: saveTally(&t), Day: b.windows.since(t.WorkAccepted, kept),
		}
		if ns := b.last.n.Load(); ns != 0 {
			w.LastShareAt = time.Unix(0, ns).UTC()
		}
		s.Workers = append(s.Workers, w)
	}
	for _, b := range pools {
		t := b.read()
		if b == l.none && t == (Tally{}) {
			continue
		}
		s.Pools = append(s.Pools, poolState{
			Name: b.name, Since: time.Unix(0, b.work.born).UTC(),
			tallyState: saveTally(&t), Day: b.work.since(t.PoolWorkAccepted, kept),
		})
	}
	s.Day = l.total.since(total, kept)
	return json.Marshal(s)
}

// decode reads a state and checks that it can be loaded as a whole.
func decode(data []byte) (*state, error) {
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, &StateError{Kind: StateCorrupt, Err: err}
	}
	if head.Version > stateVersion {
		return nil, &StateError{Kind: StateNewer, Err: fmt.Errorf("version %d, this program knows %d", head.Version, stateVersion)}
	}
	var s state
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, &StateError{Kind: StateCorrupt, Err: err}
	}
	if err := s.check(head.Version); err != nil {
		return nil, &StateError{Kind: StateCorrupt, Err: err}
	}
	return &s, nil
}

func (s *state) check(version int) error {
	if version < 1 {
		return fmt.Errorf("version %d", version)
	}
	if len(s.Samples) > maxSamples {
		return fmt.Errorf("%d samples", len(s.Samples))
	}
	seen := make(map[string]bool, len(s.Workers)+len(s.Pools))
	account := func(kind, name string, t *tallyState, day []float32) error {
		key := kind + " " + name
		if name == "" || seen[key] {
			return fmt.Errorf("%s %q is there twice or has no name", kind, name)
		}
		seen[key] = true
		if t.Work < 0 || t.PoolWork < 0 || len(day) != 0 && len(day) != len(s.Samples) {
			return fmt.Errorf("%s %q has figures that cannot be", kind, name)
		}
		return nil
	}
	for i := range s.Workers {
		w := &s.Workers[i]
		if err := account("worker", w.Name, &w.tallyState, w.Day); err != nil {
			return err
		}
	}
	for i := range s.Pools {
		p := &s.Pools[i]
		if err := account("pool", p.Name, &p.tallyState, p.Day); err != nil {
			return err
		}
	}
	return account("total", "total", &tallyState{}, s.Day)
}

func saveTally(t *Tally) tallyState {
	return tallyState{
		Ours: saveCounts(&t.Ours), Work: t.WorkAccepted,
		Pools: saveCounts(&t.Pools), PoolWork: t.PoolWorkAccepted,
	}
}

func saveCounts(c *Counts) map[string]uint64 {
	out := make(map[string]uint64)
	for _, v := range mining.Verdicts() {
		if n := c.Of(v); n != 0 {
			out[v.String()] = n
		}
	}
	return out
}

func (t *tallyState) tally() Tally {
	out := Tally{WorkAccepted: t.Work, PoolWorkAccepted: t.PoolWork}
	for _, v := range mining.Verdicts() {
		out.Ours[v] = t.Ours[v.String()]
		out.Pools[v] = t.Pools[v.String()]
	}
	return out
}

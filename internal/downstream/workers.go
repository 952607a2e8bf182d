package downstream

import (
	"slices"

	"github.com/loka/stratum/internal/mining"
)

// workers are the logins that a connection was granted: nearly always one, so
// that a list is smaller than a map and found as fast.
type workers struct {
	list []entry
	// last is where the last one was found.
	last int
}

type entry struct {
	login  string
	worker *mining.Worker
}

func (w *workers) len() int { return len(w.list) }

func (w *workers) add(login string, worker *mining.Worker) {
	w.list = append(w.list, entry{login, worker})
}

// find returns the worker of a login, or nil.
func (w *workers) find(login []byte) *mining.Worker {
	if w.last < len(w.list) && w.list[w.last].login == string(login) {
		return w.list[w.last].worker
	}
	for i := range w.list {
		if w.list[i].login == string(login) {
			w.last = i
			return w.list[i].worker
		}
	}
	return nil
}

// logins lists the logins, sorted.
func (w *workers) logins() []string {
	all := make([]string, 0, len(w.list))
	for i := range w.list {
		all = append(all, w.list[i].login)
	}
	slices.Sort(all)
	return all
}

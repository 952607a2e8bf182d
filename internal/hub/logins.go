package hub

import (
	"slices"

	"github.com/loka/stratum/internal/mining"
)

// logins are the members there are of each login, in no order. A login may have one on each
// of very many connections, so that none is ever searched for.
type logins map[string][]*member

func (l logins) add(m *member) {
	all := l[m.worker.Login]
	m.place = len(all)
	l[m.worker.Login] = append(all, m)
}

func (l logins) remove(m *member) {
	all := l[m.worker.Login]
	last := len(all) - 1
	if last == 0 {
		delete(l, m.worker.Login)
		return
	}
	all[m.place], all[last].place = all[last], m.place
	all[last] = nil
	l[m.worker.Login] = all[:last]
}

// enlist notes that there is a member.
func (h *Hub) enlist(m *member) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.logins.add(m)
}

// strike notes that there are members no more.
func (h *Hub) strike(members []*member) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range members {
		h.logins.remove(m)
	}
}

// Workers counts the logins that are authorized on at least one connection.
func (h *Hub) Workers() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.logins)
}

// MinersOf are the connections that a login is authorized on, the oldest first.
func (h *Hub) MinersOf(login string) []mining.MinerID {
	h.mu.Lock()
	all := slices.Clone(h.logins[login])
	h.mu.Unlock()
	ids := make([]mining.MinerID, 0, len(all))
	for _, m := range all {
		ids = append(ids, m.seat.miner.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids) // it may be authorized twice on one
}

package hub

import "time"

// standbyAccounts is with how many accounts at the most a route keeps connections
// ready for each of them: a pool is not asked for hundreds that nobody uses.
const standbyAccounts = 100

// standbys are the connections that are kept ready for miners whose account hangs
// on their name: for each account that has miners, one at each pool that its route
// is kept ready at. Each is given by its kind, with a group of the account.
// h.packMu is held.
func (h *Hub) standbys(now time.Time) map[groupKey]*group {
	accounts := make(map[*route]map[string]*group)
	for key, groups := range h.groups {
		if key.account == "" {
			continue
		}
		if accounts[key.route] == nil {
			accounts[key.route] = make(map[string]*group)
		}
		for _, g := range groups {
			if size, _ := g.size(); size > 0 {
				accounts[key.route][key.account] = g
			}
		}
	}
	all := make(map[groupKey]*group)
	for r, of := range accounts {
		if len(of) > standbyAccounts {
			continue
		}
		for _, p := range r.wanted(h, now) {
			for _, g := range of {
				all[g.key.kindOf(p)] = g
			}
		}
	}
	return all
}

// prewarmAccounts opens what standbys asks for and is not there.
func (h *Hub) prewarmAccounts(now time.Time) {
	h.packMu.Lock()
	defer h.packMu.Unlock()
	missing := h.standbys(now)
	for key, groups := range h.groups {
		for _, g := range groups {
			if !g.over() {
				delete(missing, key.kind())
			}
		}
	}
	for kind, like := range missing {
		if kind.pool.probe.Ready() && kind.pool.fits(like.layout()) {
			kind.space = like.key.space
			h.openGroup(kind, like.who)
		}
	}
}

package hub

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync/atomic"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pace"
	"github.com/loka/stratum/internal/steer"
	"github.com/loka/stratum/internal/watch"
)

// roster is which pools and routes there are. It is immutable: a reload puts
// another in its place.
type roster struct {
	pools  []*pool
	byName map[string]*pool
	routes []*route
	rules  steer.Rules
	// leaving are pools that are configured no more, or not as they were, and
	// still have links.
	leaving []*pool
}

// route is one configured route. One of another mode, or whose miners are paid or
// named otherwise, is another route.
type route struct {
	// Static after construction.
	Name   string
	Shared bool
	// Worker is what pools see as a worker's name, Password what goes to those that
	// have none of their own.
	Worker   mining.Template
	Password mining.Secret

	// book is there once the route is in a roster.
	book *ledger.RouteBook

	// all is what a reload may change, as a whole.
	all atomic.Pointer[routeConf]
	// pin is the pool that an operator prefers to all others; nil is none.
	pin atomic.Pointer[pool]
	// split divides the pools; nil where they are in one order.
	split atomic.Pointer[split]
	// stuck spaces the warnings of miners that cannot be sent to all its pools.
	stuck pace.Pace
}

// routeConf is how a route is configured. It is immutable.
type routeConf struct {
	RouteConfig

	pools []*pool
	// varies are the pools whose account hangs on the miner's name.
	varies []*pool
}

// conf is how the route is configured now. Who needs two things of one piece
// asks once.
func (r *route) conf() *routeConf { return r.all.Load() }

// roster is what there is now. Who needs two things of one piece asks once.
func (h *Hub) roster() *roster { return h.listed.Load() }

// route is the route of a name, or nil.
func (ro *roster) route(name string) *route {
	if i := slices.IndexFunc(ro.routes, func(r *route) bool { return r.Name == name }); i >= 0 {
		return ro.routes[i]
	}
	return nil
}

// match is the route that a miner is on by what is known of it, or nil.
func (ro *roster) match(f steer.Facts) *route {
	if i, ok := ro.rules.Match(f); ok {
		return ro.routes[i]
	}
	return nil
}

// candidates are the routes that a miner may still come to.
func (ro *roster) candidates(f steer.Facts) (routes []*route) {
	for _, i := range ro.rules.Candidates(f) {
		routes = append(routes, ro.routes[i])
	}
	return routes
}

// next is a roster on its way: nothing of it holds before it is taken.
type next struct {
	roster

	// confs are those of the routes, by index, splits how they are divided and pins
	// the pools that they are pinned to, or nil.
	confs  []*routeConf
	splits []*split
	pins   []*pool
	// off are the pools that are disabled, or drained by an operator.
	off map[*pool]bool
	// added are the pools that are new, configs those of all pools, by index.
	added   []*pool
	configs []PoolConfig
	// watch is from where on what pools do is a signal.
	watch watch.Config
}

// draft makes a roster of a configuration; nothing is changed by it. What is as it
// was is kept, and what was on its way out comes back.
func draft(cfg *Config, old *roster) (*next, error) {
	if len(cfg.Pools) == 0 || len(cfg.Routes) == 0 {
		return nil, errors.New("at least one pool and one route are needed")
	}
	n := &next{roster: roster{byName: make(map[string]*pool)}, configs: cfg.Pools, off: make(map[*pool]bool), watch: cfg.Watch}
	for _, pc := range cfg.Pools {
		p, was := old.sameAs(&pc), old.byName[pc.Name]
		if p == nil {
			p = newPool(pc, was, cfg.Watch)
			n.added = append(n.added, p)
		}
		n.off[p] = pc.Disabled || was != nil && (was.drained.Load() || was.byOperator.Load())
		n.pools = append(n.pools, p)
		n.byName[pc.Name] = p
	}
	for _, p := range slices.Concat(old.leaving, old.pools) {
		if n.byName[p.Name] != p {
			n.leaving = append(n.leaving, p)
		}
	}
	var rules []steer.Rule
	for i := range cfg.Routes {
		rc := cfg.Routes[i]
		if err := n.addRoute(&rc, old.route(rc.Name)); err != nil {
			return nil, err
		}
		rules = append(rules, rc.Rule)
	}
	n.rules = steer.Compile(rules)
	return n, nil
}

// sameAs is the pool that is configured in this way, or nil.
func (ro *roster) sameAs(pc *PoolConfig) *pool {
	for _, p := range slices.Concat(ro.pools, ro.leaving) {
		if samePool(&p.PoolConfig, pc) {
			return p
		}
	}
	return nil
}

// newPool makes a pool, with neither probe nor book yet. was is the one of that
// name before, or nil.
func newPool(pc PoolConfig, was *pool, cfg watch.Config) *pool {
	p := &pool{PoolConfig: pc}
	if was != nil && pc.Endpoint.Address() == was.Endpoint.Address() {
		p.Found = was.found()
		if pc.Account != was.Account { // some pools pay it
			p.Found.Watch = watch.Known{}
		}
		p.plain.Store(was.plain.Load())
	}
	p.watch = watch.NewPool(cfg, pc.Watch, p.Found.Watch)
	p.inherit(was)
	p.recall(p.Found)
	return p
}

// samePool says whether a pool is configured in the same way, but for what an
// earlier run has found and what [pool.revise] follows.
func samePool(a, b *PoolConfig) bool {
	x, y := *a, *b
	if !sameTrust(x.Endpoint.Trust, y.Endpoint.Trust) {
		return false
	}
	x.Found, y.Found = Found{}, Found{}
	x.Disabled, y.Disabled = false, false
	x.RefusalStreak, y.RefusalStreak = 0, 0
	x.Endpoint.Trust, y.Endpoint.Trust = nil, nil
	x.Watch, y.Watch = watch.PoolConfig{}, watch.PoolConfig{}
	return reflect.DeepEqual(x, y)
}

func sameTrust(a, b *dial.Trust) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Roots.Equal(b.Roots) && slices.Equal(a.Fingerprints, b.Fingerprints)
}

// addRoute takes a route up. was is the one of that name before, or nil.
func (n *next) addRoute(rc *RouteConfig, was *route) error {
	r := &route{Name: rc.Name, Shared: rc.Shared, Worker: rc.Worker, Password: rc.Password}
	conf := &routeConf{RouteConfig: *rc}
	for _, name := range rc.Pools {
		p, ok := n.byName[name]
		if !ok {
			return fmt.Errorf("route %q names pool %q, which is not configured", rc.Name, name)
		}
		conf.pools = append(conf.pools, p)
		if p.accountVaries(r) {
			conf.varies = append(conf.varies, p)
		}
	}
	var divided *split
	var pin *pool
	if was != nil {
		if at := was.pin.Load(); at != nil { // by its name: it may be another pool now
			if to := n.byName[at.Name]; slices.Contains(conf.pools, to) {
				pin = to
			}
		}
	}
	if was.stays(rc, conf) {
		r = was
		// What it was split to meanwhile may be what is asked for now.
		if s := was.split.Load(); slices.Equal(was.conf().pools, conf.pools) && s.is(rc.Parts) {
			divided = s
		}
	}
	if divided == nil {
		divided = n.newSplit(r, rc.Parts)
	}
	n.routes = append(n.routes, r)
	n.confs, n.splits, n.pins = append(n.confs, conf), append(n.splits, divided), append(n.pins, pin)
	return nil
}

// stays says whether a route is the same with another configuration, so that its
// groups are.
func (r *route) stays(rc *RouteConfig, conf *routeConf) bool {
	return r != nil && r.Shared == rc.Shared && r.Password == rc.Password && reflect.DeepEqual(r.Worker, rc.Worker) &&
		slices.EqualFunc(r.conf().varies, conf.varies, samePayee)
}

// samePayee says whether miners whose account hangs on their name are paid to the
// same one at two pools.
func samePayee(a, b *pool) bool {
	return a.Name == b.Name && a.Account == b.Account && a.HasWorker == b.HasWorker && reflect.DeepEqual(a.Worker, b.Worker)
}

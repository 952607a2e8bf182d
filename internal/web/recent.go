package web

import (
	"sync"
	"time"

	"github.com/loka/stratum/internal/view"
)

// freshFor is how long what was read is shown to others who look.
const freshFor = time.Second

// recent is what was read of the model last. However many look, it is read once a second.
type recent struct {
	of      *Deps
	glances once[glance]
	workers once[[]view.Worker]
	pools   once[[]view.Pool]
	routes  once[[]view.Route]
	miners  once[[]view.Miner]

	configured once[view.Configuration]
}

// glance is what every page needs.
type glance struct {
	summary view.Summary
	health  view.Health
	alerts  []view.Alert
}

func (r *recent) glance() glance {
	return r.glances.get(r.of.Now(), func() glance {
		return glance{r.of.Model.Summary(), r.of.Model.Health(), r.of.Model.Alerts()}
	})
}

// allWorkers, allPools and allRoutes are shared by who looks: they are not to be changed.
func (r *recent) allWorkers() []view.Worker { return r.workers.get(r.of.Now(), r.of.Model.Workers) }
func (r *recent) allPools() []view.Pool     { return r.pools.get(r.of.Now(), r.of.Model.Pools) }
func (r *recent) allRoutes() []view.Route   { return r.routes.get(r.of.Now(), r.of.Model.Routes) }

// allMiners are the open connections; nobody changes them, either.
func (r *recent) allMiners() []view.Miner {
	if r.of.Miners == nil {
		return nil
	}
	return r.miners.get(r.of.Now(), r.of.Miners)
}

// once keeps one value for a while. Who comes while it is made waits for it.
type once[T any] struct {
	mu   sync.Mutex
	at   time.Time
	made T
}

func (o *once[T]) get(now time.Time, how func() T) T {
	o.mu.Lock()
	defer o.mu.Unlock()
	if age := now.Sub(o.at); o.at.IsZero() || age >= freshFor || age < 0 {
		o.made, o.at = how(), now
	}
	return o.made
}

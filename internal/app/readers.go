package app

import (
	"cmp"
	"slices"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/downstream"
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pipeline/threat"
	"github.com/loka/stratum/internal/serve"
	"github.com/loka/stratum/internal/view"
)

// readers joins what hub and serve know into what the read model asks for.
type readers struct {
	hub   *hub.Hub
	serve *serve.Server
	cfg   func() *config.Config
	// score is how much a miner has misbehaved, and how it is answered.
	score func(*mining.Miner) (float64, threat.Level)
}

// Miners implements [view.Hub].
func (r *readers) Miners() []view.MinerState {
	conns := r.serve.Conns()
	slices.SortFunc(conns, func(a, b *serve.Conn) int { return cmp.Compare(a.Miner().ID, b.Miner().ID) })
	states := make([]view.MinerState, 0, len(conns))
	for _, c := range conns {
		states = append(states, r.miner(c))
	}
	return states
}

// MinersOf implements [view.Hub].
func (r *readers) MinersOf(login string) []view.MinerState {
	ids := r.hub.MinersOf(login)
	states := make([]view.MinerState, 0, len(ids))
	for _, id := range ids {
		if c := r.serve.Find(id); c != nil {
			states = append(states, r.miner(c))
		}
	}
	return states
}

func (r *readers) miner(c *serve.Conn) view.MinerState {
	s := c.State()
	at := r.hub.MinerState(s.Miner)
	score, level := r.score(s.Miner)
	return view.MinerState{
		ID: s.Miner.ID, Arrival: s.Miner.Arrival,
		Route: at.Route, Pool: at.Pool,
		UserAgent: s.Session.UserAgent, Workers: s.Session.Workers, State: minerState(s.Session),
		Since: s.Since, Difficulty: s.Session.Difficulty, VersionMask: s.Session.VersionMask,
		Extranonce1: s.Session.Extranonce1, Extranonce2Size: s.Session.Extranonce2Size,
		BytesIn: s.Wire.BytesIn, BytesOut: s.Wire.BytesOut, LastShareAt: s.Session.LastShare,
		Accepted: at.Accepted, Rejected: at.Rejected,
		Hashrate: at.Hashrate, Link: uint64(at.Link), Warnings: warnings(s.Session.Warnings),
		Obstacles: obstacles(at.Obstacles), FewerBits: at.FewerBits,
		Score: score, Response: level.String(),
	}
}

func obstacles(of []hub.Obstacle) []view.Obstacle {
	all := make([]view.Obstacle, 0, len(of))
	for _, o := range of {
		all = append(all, view.Obstacle{Pool: o.Pool, Reason: o.Reason})
	}
	return all
}

func warnings(of []downstream.Warning) []string {
	texts := make([]string, 0, len(of))
	for _, w := range of {
		texts = append(texts, string(w))
	}
	return texts
}

func minerState(info downstream.Info) string {
	switch {
	case len(info.Workers) > 0:
		return view.MinerMining
	case info.Extranonce2Size > 0:
		return view.MinerSubscribed
	}
	return view.MinerConnected
}

// Pools implements [view.Hub].
func (r *readers) Pools() []view.PoolState {
	pools, cfg := r.hub.Pools(), r.cfg()
	states := make([]view.PoolState, 0, len(pools))
	for _, p := range pools {
		s := view.PoolState{
			Name: p.Name, URL: urlOf(cfg, &p), State: string(p.Condition.State), Reason: p.Condition.Reason, Since: p.Condition.Since,
			Connections: p.Links, RTT: p.RTT, Error: p.Condition.Error, Breaker: string(p.Breaker),
			Drained: p.Drained, Leaving: p.Leaving, Miners: p.Miners, OneWorker: p.OneWorker, VersionBits: p.Reading.String(),
			Discrepancies: p.Discrepancies, WorkNotSubmitted: p.Unsubmitted, Links: linkStates(p.Shared), Quality: p.Quality, Watched: p.Watched,
		}
		if p.Probe.State == link.Active {
			s.Connections++
		}
		if facts := p.Probe.Facts; p.Probe.Known {
			s.Difficulty, s.VersionMask = facts.Difficulty, facts.VersionMask
			s.Extranonce1Size, s.Extranonce2Size = facts.Extranonce1.Len(), facts.Extranonce2Size
			if facts.Job != nil {
				s.LastJobAt = facts.Job.Received
			}
		}
		for _, l := range p.Shared { // what the miners get, not the probe
			if job := l.Session.Job; job != nil && job.Received.After(s.LastJobAt) {
				s.LastJobAt = job.Received
			}
			if l.Miners > 0 {
				s.Difficulty = l.Difficulty
			}
		}
		states = append(states, s)
	}
	return states
}

// urlOf is the pool's URL, as configured if it still is.
func urlOf(cfg *config.Config, p *hub.PoolState) string {
	if c, ok := cfg.Pool(p.Name); ok {
		return c.URL
	}
	return p.Endpoint.String()
}

func linkStates(of []hub.LinkState) []view.LinkState {
	states := make([]view.LinkState, 0, len(of))
	for _, l := range of {
		states = append(states, view.LinkState{
			ID: uint64(l.ID), Miners: l.Miners, Difficulty: l.Difficulty,
			Extranonce1: l.Session.Extranonce1, Extranonce2Size: l.Session.Extranonce2Size,
			Hashrate: l.Hashrate, Since: l.Since, Login: l.Login, AuthorizedWorkers: l.Names, Pending: l.Pending,
		})
	}
	return states
}

// Routes implements [view.Hub].
func (r *readers) Routes() []view.RouteState {
	routes := r.hub.Routes()
	states := make([]view.RouteState, 0, len(routes))
	for _, s := range routes {
		parts := make([]view.PartState, 0, len(s.Parts))
		for _, p := range s.Parts {
			parts = append(parts, view.PartState{
				Pools: p.Pools, Weight: p.Weight, Hashrate: p.Hashrate, Worker: p.Worker, Target: p.Target,
				Miners: p.Miners, Rate: p.Rate, Work: p.Work, OwnWork: p.OwnWork,
				When: p.Window.String(), TimeZone: p.Window.Zone(), Closed: p.Closed, OnDead: p.OnDead,
			})
		}
		states = append(states, view.RouteState{
			Unpaid: s.Unpaid, Parts: parts,
			Name: s.Name, Mode: modeOf(s), Pools: s.Pools,
			Active: s.Active, Pinned: s.Pinned, Miners: s.Miners, Connections: s.Connections, Ready: s.Active != "",
		})
	}
	return states
}

// Ready implements [view.Hub].
func (r *readers) Ready() bool { return r.hub.Ready() }

// SlotsInUse implements [view.Hub].
func (r *readers) SlotsInUse() int { return r.hub.SlotsInUse() }

// MinerCount implements [view.Hub].
func (r *readers) MinerCount() int { return r.serve.Len() }

// WorkerCount implements [view.Hub].
func (r *readers) WorkerCount() int { return r.hub.Workers() }

func modeOf(s hub.RouteState) string {
	if s.Shared {
		return string(config.Shared)
	}
	return string(config.Dedicated)
}

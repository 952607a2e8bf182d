package app

import (
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/downstream"
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/serve"
	"github.com/loka/stratum/internal/view"
)

// readers joins what hub and serve know into what the read model asks for.
type readers struct {
	hub   *hub.Hub
	serve *serve.Server
	urls  map[string]string // by pool name, as configured
}

// Miners implements [view.Hub].
func (r *readers) Miners() []view.MinerState {
	conns := r.serve.Conns()
	states := make([]view.MinerState, 0, len(conns))
	for _, c := range conns {
		s := c.State()
		at := r.hub.MinerState(s.Miner)
		states = append(states, view.MinerState{
			ID: s.Miner.ID, Remote: s.Miner.Remote, Listener: s.Miner.Listener,
			Route: at.Route, Pool: at.Pool,
			UserAgent: s.Session.UserAgent, Workers: s.Session.Workers, State: minerState(s.Session),
			Since: s.Since, Difficulty: s.Session.Difficulty, VersionMask: s.Session.VersionMask,
			Extranonce1: s.Session.Extranonce1, Extranonce2Size: s.Session.Extranonce2Size,
			BytesIn: s.Wire.BytesIn, BytesOut: s.Wire.BytesOut, LastShareAt: s.Session.LastShare,
			Accepted: at.Accepted, Rejected: at.Rejected,
		})
	}
	return states
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
	pools := r.hub.Pools()
	states := make([]view.PoolState, 0, len(pools))
	for _, p := range pools {
		s := view.PoolState{
			Name: p.Name, URL: r.urls[p.Name], State: poolState(p), Since: p.Probe.Since,
			Connections: p.Links, RTT: p.RTT, Error: p.Probe.Error,
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
		states = append(states, s)
	}
	return states
}

func poolState(p hub.PoolState) string {
	switch p.Probe.State {
	case link.Active:
		if p.Standby {
			return view.PoolStandby
		}
		return view.PoolActive
	case link.Connecting:
		return view.PoolConnecting
	case link.Down:
	}
	return view.PoolDown
}

// Routes implements [view.Hub].
func (r *readers) Routes() []view.RouteState {
	routes := r.hub.Routes()
	states := make([]view.RouteState, 0, len(routes))
	for _, s := range routes {
		states = append(states, view.RouteState{
			Name: s.Name, Mode: modeOf(s), Pools: s.Pools,
			Active: s.Active, Miners: s.Miners, Ready: s.Active != "",
		})
	}
	return states
}

// Ready implements [view.Hub].
func (r *readers) Ready() bool { return r.hub.Ready() }

// MinerCount counts the open connections without looking at each.
func (r *readers) MinerCount() int { return r.serve.Len() }

func modeOf(s hub.RouteState) string {
	if s.Shared {
		return string(config.Shared)
	}
	return string(config.Dedicated)
}

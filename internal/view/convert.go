package view

import (
	"encoding/hex"
	"fmt"
	"math"
	"time"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/quality"
	"github.com/loka/stratum/work"
)

func hashrate(r ledger.Rates) Hashrate {
	return Hashrate{
		Minute: r[ledger.Minute], TenMinutes: r[ledger.TenMinutes],
		Hour: r[ledger.Hour], Day: r[ledger.Day],
	}
}

func shares(t *ledger.Tally) Shares {
	return Shares{
		Accepted: t.Ours.Accepted(), Rejected: t.Ours.Rejected(),
		Stale:         t.Ours.Of(mining.Stale),
		Duplicate:     t.Ours.Of(mining.Duplicate),
		LowDifficulty: t.Ours.Of(mining.LowDifficulty),
		Unpaid:        t.Ours.Of(mining.Unpaid),
		WorkAccepted:  t.WorkAccepted,
		PoolAccepted:  t.Pools.Accepted(), PoolRejected: t.Pools.Refused(),
		PoolUnanswered:   t.Pools.Of(mining.Unanswered),
		PoolWorkAccepted: t.PoolWorkAccepted,
	}
}

func worker(b *ledger.Worker, here *attendance) Worker {
	w := Worker{
		Name: b.Name, Route: b.Route,
		Shares: shares(&b.Tally), Hashrate: hashrate(b.Hashrate),
		LastShareAt: moment(b.LastShareAt), BestDifficulty: finite(b.Best),
	}
	if here != nil {
		w.Miners, w.Pool, w.Difficulty = here.miners, here.pool, here.difficulty
	}
	return w
}

func pool(s *PoolState, b *ledger.Pool, now time.Time) Pool {
	p := Pool{
		Name: s.Name, URL: s.URL, State: s.State, Since: moment(s.Since), Reason: s.Reason,
		Connections: s.Connections, Difficulty: finite(s.Difficulty),
		RTTSeconds: s.RTT.Seconds(), VersionMask: mask(s.VersionMask),
		Extranonce1Size: s.Extranonce1Size, Extranonce2Size: s.Extranonce2Size,
		Error: s.Error, Breaker: s.Breaker, Drained: s.Drained, Miners: s.Miners, OneWorker: s.OneWorker, VersionBits: s.VersionBits,
		Discrepancies: s.Discrepancies, WorkNotSubmitted: sane(s.WorkNotSubmitted),
		Links: make([]Link, 0, len(s.Links)), Quality: measured(&s.Quality),
	}
	for i := range s.Links {
		p.Links = append(p.Links, link(&s.Links[i]))
	}
	if !s.LastJobAt.IsZero() {
		age := max(now.Sub(s.LastJobAt).Seconds(), 0)
		p.LastJobAgeSeconds = &age
	}
	if b != nil {
		t := &b.Tally
		p.Accepted, p.Rejected, p.WorkAccepted = t.Pools.Accepted(), t.Pools.Refused(), t.PoolWorkAccepted
		p.Stale, p.Duplicate, p.LowDifficulty = t.Pools.Of(mining.Stale), t.Pools.Of(mining.Duplicate), t.Pools.Of(mining.LowDifficulty)
		p.Unanswered = t.Pools.Of(mining.Unanswered)
		p.Hashrate = hashrate(b.Hashrate)
	}
	return p
}

func measured(r *quality.Report) Quality {
	q := Quality{
		ConnectRTT: r.Connect.Seconds(), SubmitRTT: r.Submit.Seconds(), SubmitRTTP90: r.SubmitP90.Seconds(),
		Rejects: make(map[string]uint64, len(r.Rejects)), Silences: r.Silences, Disconnects: r.Disconnects,
	}
	if r.Known {
		q.Score = &r.Score
	}
	if rate := r.RejectRate(); r.Answers > 0 {
		q.RejectRate = &rate
	}
	for v, n := range r.Rejects {
		q.Rejects[v.String()] = n
	}
	if late := r.BlockDelay.Seconds(); r.Blocks > 0 {
		q.BlockDelay = &late
	}
	return q
}

func link(s *LinkState) Link {
	return Link{
		ID: s.ID, Miners: s.Miners, Difficulty: finite(s.Difficulty),
		Extranonce1: hex.EncodeToString(s.Extranonce1.Append(nil)), Extranonce2Size: s.Extranonce2Size,
		Hashrate: sane(s.Hashrate), Since: moment(s.Since),
		Login: s.Login, AuthorizedWorkers: s.AuthorizedWorkers, Pending: s.Pending,
	}
}

func miner(s *MinerState, now time.Time) Miner {
	m := Miner{
		ID: uint64(s.ID), Listener: s.Listener, TLS: s.TLS, ServerName: s.ServerName, Connect: s.Connect, State: s.State,
		Since: moment(s.Since), AgeSeconds: max(now.Sub(s.Since).Seconds(), 0),
		UserAgent: s.UserAgent, Workers: append([]string{}, s.Workers...),
		Route: s.Route, Pool: s.Pool, Difficulty: finite(s.Difficulty),
		VersionMask: mask(s.VersionMask), Extranonce1: hex.EncodeToString(s.Extranonce1.Append(nil)),
		Extranonce2Size: s.Extranonce2Size, BytesIn: s.BytesIn, BytesOut: s.BytesOut,
		Accepted: s.Accepted, Rejected: s.Rejected, LastShareAt: moment(s.LastShareAt),
		Hashrate: sane(s.Hashrate), Link: s.Link, Warnings: append([]string{}, s.Warnings...),
		Movable: len(s.Obstacles) == 0, NotMovableTo: append([]Obstacle{}, s.Obstacles...), FewerBits: append([]string{}, s.FewerBits...),
	}
	if s.Remote.IsValid() {
		m.Remote = s.Remote.String()
	}
	return m
}

// moment is null in JSON for a time that never was.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// finite keeps what JSON cannot say out of it.
func finite(d work.Difficulty) float64 { return sane(float64(d)) }

func sane(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

func mask(m work.VersionMask) string {
	if m == 0 {
		return ""
	}
	return fmt.Sprintf("%08x", uint32(m))
}

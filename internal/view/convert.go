package view

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"math"
	"time"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/quality"
	"github.com/loka/stratum/work"
)

func hashrate(a *ledger.Account) Hashrate {
	return Hashrate{
		Minute: a.Recent[ledger.Minute].Hashrate(), TenMinutes: a.Recent[ledger.TenMinutes].Hashrate(),
		Hour: a.Recent[ledger.Hour].Hashrate(), Day: a.Recent[ledger.Day].Hashrate(),
	}
}

func poolHashrate(a *ledger.Account) Hashrate {
	return Hashrate{
		Minute: a.Recent[ledger.Minute].PoolHashrate(), TenMinutes: a.Recent[ledger.TenMinutes].PoolHashrate(),
		Hour: a.Recent[ledger.Hour].PoolHashrate(), Day: a.Recent[ledger.Day].PoolHashrate(),
	}
}

func hashrateError(a *ledger.Account) Hashrate {
	return Hashrate{
		Minute: ledger.Error(a.Recent[ledger.Minute].Accepted), TenMinutes: ledger.Error(a.Recent[ledger.TenMinutes].Accepted),
		Hour: ledger.Error(a.Recent[ledger.Hour].Accepted), Day: ledger.Error(a.Recent[ledger.Day].Accepted),
	}
}

// business is what an account's shares were worth.
func business(a *ledger.Account) Business {
	t := &a.Tally
	b := Business{
		Value: t.Ours[mining.Accepted].Value.Float(), PoolValue: t.Pools[mining.Accepted].Value.Float(),
		Value24h: a.Recent[ledger.Day].Value, PoolValue24h: a.Recent[ledger.Day].PoolValue,
		BlocksFound: t.Found.Shares, BlocksExpected: sane(t.Blocks), Lost: make(map[string]Loss),
	}
	if t.Blocks > 0 {
		luck := sane(float64(t.Found.Shares) / t.Blocks)
		b.Luck = &luck
	}
	for _, v := range mining.Verdicts() {
		if v == mining.Accepted {
			continue
		}
		if c := &t.Ours[v]; c.Shares > 0 {
			b.Lost[v.String()] = loss(c)
		}
		if c := &t.Pools[v]; c.Shares > 0 {
			b.Lost[PoolReason+v.String()] = loss(c)
		}
	}
	if t.Unsent.Shares > 0 {
		b.Lost[NotSubmitted] = loss(&t.Unsent)
	}
	return b
}

func loss(c *ledger.Cell) Loss {
	return Loss{Shares: c.Shares, Work: sane(c.Work), Value: c.Value.Float()}
}

// reconcile compares what an account's pools were sent with what they answered.
func reconcile(a *ledger.Account) Reconciliation {
	t := &a.Tally
	r := Reconciliation{
		Sent: t.Sent.Shares, WorkSent: sane(t.Sent.Work), ValueSent: t.Sent.Value.Float(),
		Answered: t.Pools.Accepted() + t.Pools.Refused(), Unanswered: t.Pools.Of(mining.Unanswered),
		AnsweredTwice: t.Twice.Shares, RefusedValid: t.Pools.Refused(),
	}
	gap := t.Gap()
	r.Gap = loss(&gap)
	if t.Sent.Work > 0 {
		ratio := sane(gap.Work / t.Sent.Work)
		r.GapRatio = &ratio
	}
	return r
}

func shares(t *ledger.Tally) Shares {
	return Shares{
		Accepted: t.Ours.Accepted(), Rejected: t.Ours.Rejected(),
		Stale:         t.Ours.Of(mining.Stale),
		Duplicate:     t.Ours.Of(mining.Duplicate),
		LowDifficulty: t.Ours.Of(mining.LowDifficulty),
		Unpaid:        t.Ours.Of(mining.Unpaid),
		WorkAccepted:  t.WorkAccepted(),
		PoolAccepted:  t.Pools.Accepted(), PoolRejected: t.Pools.Refused(),
		PoolUnanswered:   t.Pools.Of(mining.Unanswered),
		PoolWorkAccepted: t.PoolWorkAccepted(),
	}
}

func worker(b *ledger.Worker, here *attendance, now time.Time) Worker {
	w := Worker{
		Name: b.Name, Route: b.Route,
		Shares: shares(&b.Tally), Hashrate: hashrate(&b.Account),
		PoolHashrate: poolHashrate(&b.Account), HashrateError: hashrateError(&b.Account),
		LastShareAt: moment(b.LastShareAt), BestDifficulty: finite(b.Best), BestAt: moment(b.BestAt), Since: moment(b.Since),
		Business: business(&b.Account), Reconciliation: reconcile(&b.Account),
	}
	if !b.LastShareAt.IsZero() {
		age := max(now.Sub(b.LastShareAt).Seconds(), 0)
		w.LastShareAge = &age
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
		Signals: signals(&s.Watched), Payout: payout(&s.Watched),
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
		p.Accepted, p.Rejected, p.WorkAccepted = t.Pools.Accepted(), t.Pools.Refused(), t.PoolWorkAccepted()
		p.Stale, p.Duplicate, p.LowDifficulty = t.Pools.Of(mining.Stale), t.Pools.Of(mining.Duplicate), t.Pools.Of(mining.LowDifficulty)
		p.Unanswered = t.Pools.Of(mining.Unanswered)
		p.Hashrate = poolHashrate(b)
		p.Business, p.Reconciliation = business(b), reconcile(b)
	}
	return p
}

func measured(r *quality.Report) Quality {
	q := Quality{
		ConnectRTT: r.Connect.Seconds(), SubmitRTT: r.Submit.Seconds(), SubmitRTTP90: r.SubmitP90.Seconds(),
		TipLag: r.Behind.Seconds(), TipAlone: r.Alone.Seconds(),
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
		ID: uint64(s.ID), Listener: s.Listener, TLS: s.TLS, ServerName: s.ServerName, ClientName: s.ClientName, Connect: s.Connect, State: s.State,
		Since: moment(s.Since), AgeSeconds: max(now.Sub(s.Since).Seconds(), 0),
		UserAgent: s.UserAgent, Workers: append([]string{}, s.Workers...),
		Route: s.Route, Pool: s.Pool, Difficulty: finite(s.Difficulty),
		VersionMask: mask(s.VersionMask), Extranonce1: hex.EncodeToString(s.Extranonce1.Append(nil)),
		Extranonce2Size: s.Extranonce2Size, BytesIn: s.BytesIn, BytesOut: s.BytesOut,
		Accepted: s.Accepted, Rejected: s.Rejected, LastShareAt: moment(s.LastShareAt),
		Hashrate: sane(s.Hashrate), Link: s.Link, Warnings: append([]string{}, s.Warnings...),
		Movable: len(s.Obstacles) == 0, NotMovableTo: append([]Obstacle{}, s.Obstacles...), FewerBits: append([]string{}, s.FewerBits...),
	}
	m.Score, m.Response = sane(s.Score), cmp.Or(s.Response, MinerResponses()[0])
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

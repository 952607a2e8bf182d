package hub

import (
	"context"
	"log/slog"
	"time"

	"github.com/loka/stratum/internal/extranonce"
)

// Why a miner cannot be sent to a pool of its route within its connection.
const (
	// obstaclePassed: it was told the extranonce1 of its own pool connection,
	// which is worth nothing elsewhere.
	obstaclePassed = "extranonce_passed_through"
	// obstacleNarrow: the pool's extranonce2 has no room for what it was told.
	obstacleNarrow = "extranonce_too_narrow"
)

// Obstacle is why a miner cannot be sent to a pool, in one word.
type Obstacle struct{ Pool, Reason string }

// obstacles are the pools of the miner's route that it cannot be sent to, as far
// as is known, and those that let it roll fewer version bits than it may have
// been told.
// mu is held.
func (s *seat) obstacles() (all []Obstacle, fewerBits []string) {
	if s.route == nil || !s.planned {
		return nil, nil
	}
	var at *pool
	if s.role != nil {
		at = s.role.at()
	}
	for _, p := range s.route.conf().pools {
		facts, ok := p.facts()
		if ok && s.granted&^facts.VersionMask != 0 {
			fewerBits = append(fewerBits, p.Name)
		}
		if p == at {
			continue
		}
		if s.layout.PassThrough {
			all = append(all, Obstacle{p.Name, obstaclePassed})
		} else if _, fits := extranonce.Fits(s.layout, facts.Extranonce2Size); ok && !fits {
			all = append(all, Obstacle{p.Name, obstacleNarrow})
		}
	}
	return all, fewerBits
}

// warnObstacles says that a miner which has just come cannot be sent to all pools
// of its route. mu is held.
func (s *seat) warnObstacles(login string, now time.Time) {
	all, _ := s.obstacles()
	if len(all) == 0 {
		return
	}
	pools := make([]slog.Attr, 0, len(all))
	for _, o := range all {
		pools = append(pools, slog.String(o.Pool, o.Reason))
	}
	s.hub.log.LogAttrs(context.Background(), warnOr(&s.route.stuck, now), "a miner cannot be sent to all pools of its route without a new connection",
		slog.String("route", s.route.Name), slog.Uint64("miner", uint64(s.miner.ID)), slog.String("worker", login),
		slog.GroupAttrs("not_to", pools...))
}

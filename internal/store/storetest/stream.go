package storetest

import (
	"cmp"
	"slices"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
)

// blocksADifficulty is how many blocks work of difficulty 1 is expected to find in
// made-up shares.
const blocksADifficulty = 1e-9

// Chunk is a chunk of shares: with the rollups and the workers that go with them.
// What a share's news counts is counted in the minute of the share.
func Chunk(instance, log string, first, last uint64, shares ...store.Share) *store.Chunk {
	c := &store.Chunk{Instance: instance, Log: log, First: first, Last: last, Shares: shares}
	rollups := map[time.Time]map[store.Key]store.Cell{}
	workers := map[string]*store.Worker{}
	for i := range shares {
		s := &shares[i]
		at := store.Minute.Floor(s.At)
		if rollups[at] == nil {
			rollups[at] = map[store.Key]store.Cell{}
		}
		Count(s, func(k store.Key, cell store.Cell) {
			was := rollups[at][k]
			was.Add(&cell)
			rollups[at][k] = was
		})
		if s.Verdict == mining.Pending {
			continue
		}
		w := workers[s.Worker]
		if w == nil {
			w = &store.Worker{Login: s.Worker, First: s.At, Last: s.At}
			workers[s.Worker] = w
		}
		if s.At.Before(w.First) {
			w.First = s.At
		}
		if !s.At.Before(w.Last) {
			w.Last, w.Route = s.At, s.Route
		}
		w.Best = max(w.Best, s.Reached)
	}
	for at, cells := range rollups {
		for k, cell := range cells {
			c.Rollups = append(c.Rollups, store.Rollup{Key: k, Cell: cell, At: at})
		}
	}
	slices.SortFunc(c.Rollups, compareRollups)
	for _, w := range workers {
		c.Workers = append(c.Workers, *w)
	}
	slices.SortFunc(c.Workers, func(a, b store.Worker) int { return cmp.Compare(a.Login, b.Login) })
	return c
}

// Count calls add for all that a share, or what is news of one, is counted as.
func Count(s *store.Share, add func(store.Key, store.Cell)) {
	key := store.Key{Worker: s.Worker, Pool: s.Pool, Route: s.Route}
	one := func(side store.Side, v mining.Verdict, difficulty float64, value mining.Amount, best float64) {
		key.Side, key.Verdict = side, v
		add(key, store.Cell{Shares: 1, Work: difficulty, Value: value, Blocks: difficulty * blocksADifficulty, Best: best})
	}
	if s.Verdict != mining.Pending {
		one(store.Ours, s.Verdict, s.Difficulty, s.Value, s.Reached)
	}
	if s.Sent {
		one(store.Sent, mining.Accepted, s.PoolDifficulty, s.PoolValue, 0)
	}
	if s.PoolVerdict != mining.Pending {
		one(store.Pools, s.PoolVerdict, s.PoolDifficulty, s.PoolValue, 0)
	}
}

// compareKeys is the order of keys.
func compareKeys(a, b *store.Key) int {
	return cmp.Or(cmp.Compare(a.Worker, b.Worker), cmp.Compare(a.Pool, b.Pool), cmp.Compare(a.Route, b.Route),
		cmp.Compare(a.Side, b.Side), cmp.Compare(a.Verdict, b.Verdict))
}

// compareRollups is the order of time and key.
func compareRollups(a, b store.Rollup) int {
	return cmp.Or(a.At.Compare(b.At), compareKeys(&a.Key, &b.Key))
}

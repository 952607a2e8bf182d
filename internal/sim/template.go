package sim

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/loka/stratum/work"
)

// template is one job before it is told to a connection. Immutable once adopted.
type template struct {
	block    uint64 // which block of this pool's run; older ones are stale
	seq      uint64 // number of the template, by age
	height   int64
	prevHash work.Hash
	version  work.Version
	nbits    work.NBits
	target   work.Target
	ntime    work.NTime
	branches []work.Hash
	value    int64
	script   []byte
	// commitment is the witness commitment's output script; nil for none.
	commitment []byte
	// txs are the other transactions, serialized, when there is a node.
	txs [][]byte
}

// chain makes templates up.
type chain struct {
	cfg  *PoolConfig
	rng  *rand.Rand
	tip  work.Hash
	high int64
}

func newChain(cfg *PoolConfig) *chain {
	c := &chain{cfg: cfg, rng: rand.New(rand.NewPCG(cfg.Seed, 1)), high: 840_000} //nolint:gosec // repeatable on purpose
	c.tip = randomHash(c.rng)
	// As on the real network the newest hash is a small number.
	clear(c.tip[22:])
	return c
}

// extend ends the block; tip is its hash, or zero for somebody else's block.
func (c *chain) extend(tip work.Hash) {
	if tip == (work.Hash{}) {
		tip = randomHash(c.rng)
		clear(tip[22:])
	}
	c.tip = tip
	c.high++
}

func (c *chain) template(ntime work.NTime) (*template, error) {
	target, err := c.cfg.NBits.Target()
	if err != nil {
		return nil, err
	}
	txids := make([]work.Hash, max(c.cfg.Transactions, 0))
	for i := range txids {
		txids[i] = randomHash(c.rng)
	}
	const subsidy, maxFees = 312_500_000, 20_000_000
	return &template{
		height: c.high, prevHash: c.tip, version: c.cfg.Version, nbits: c.cfg.NBits, target: target,
		ntime: ntime, branches: work.MerkleBranches(txids), value: subsidy + c.rng.Int64N(maxFees),
		script: []byte{opTrue},
	}, nil
}

func randomHash(rng *rand.Rand) (h work.Hash) {
	for i := 0; i < len(h); i += 8 {
		binary.LittleEndian.PutUint64(h[i:], rng.Uint64())
	}
	return h
}

package ledger

import (
	"slices"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/work"
)

// maxBlocks is how many of the blocks found are remembered here.
const maxBlocks = 100

// Block is a block that a miner found.
type Block struct {
	Hash work.Hash
	// At is when it was handed in.
	At     time.Time
	Worker *WorkerBook
	Pool   *PoolBook
	Route  *RouteBook
	Job    *mining.Job
	// Difficulty is what its hash reached.
	Difficulty work.Difficulty
	// Verdict is the pool's word on it, Pending while there is none.
	Verdict mining.Verdict
}

// BlockSink is a [Sink] that keeps blocks, too.
type BlockSink interface {
	// TakeBlock is given a block, and it again when the pool has said something
	// about it. It must not wait for anything, nor call the ledger.
	TakeBlock(b store.Block)
}

// Found books a block, or the pool's word on one of that hash. Unlike Record it
// may wait for a reader: blocks are rare.
func (l *Ledger) Found(b Block) {
	if b.Worker == nil {
		b.Worker = l.unknown
	}
	if b.Pool == nil {
		b.Pool = l.none
	}
	if b.Route == nil {
		b.Route = l.noRoute
	}
	if known := l.foundBefore(&b); !known {
		l.Record(Entry{
			Worker: b.Worker, Pool: b.Pool, Route: b.Route, Job: b.Job, Found: true,
			ShareDifficulty: b.Difficulty, At: b.At,
		})
	}
	if sink, ok := l.sink.(BlockSink); ok {
		sink.TakeBlock(b.record())
	}
}

// foundBefore takes news of a block that was found before, completes it by what
// was known, and says whether it was; one that was not is remembered.
func (l *Ledger) foundBefore(b *Block) bool {
	l.bookMu.Lock()
	defer l.bookMu.Unlock()
	for i := range l.blocks {
		known := &l.blocks[i]
		if known.Hash != b.Hash {
			continue
		}
		if b.Verdict != mining.Pending {
			known.Verdict = b.Verdict
		}
		*b = *known
		return true
	}
	l.blocks = append(l.blocks, *b)
	if len(l.blocks) > maxBlocks {
		l.blocks = slices.Delete(l.blocks, 0, 1)
	}
	return false
}

// record is the block as it is kept.
func (b *Block) record() store.Block {
	out := store.Block{
		Hash: b.Hash.String(), At: b.At.UTC(), Worker: b.Worker.name, Pool: b.Pool.name, Route: b.Route.name,
		Difficulty: clampWork(b.Difficulty), Verdict: b.Verdict,
	}
	if b.Job != nil {
		out.Height, out.Network, out.Reward = b.Job.Height, clampWork(b.Job.Network), b.Job.Reward
	}
	return out
}

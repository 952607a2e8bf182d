package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loka/stratum/internal/store"
)

// BlockList is the body of GET /api/v1/blocks.
type BlockList struct {
	Blocks []Block `json:"blocks" nullable:"false" doc:"The latest first"`
}

// Block is a block that one of our miners found.
type Block struct {
	Hash       string    `json:"hash" doc:"As explorers print it"`
	Time       time.Time `json:"time" doc:"When it was handed in"`
	Height     uint32    `json:"height" doc:"0: not known"`
	Worker     string    `json:"worker" doc:"The login"`
	Pool       string    `json:"pool"`
	Route      string    `json:"route"`
	Difficulty float64   `json:"difficulty" doc:"What the hash reached"`
	Network    float64   `json:"network_difficulty" doc:"What it had to"`
	Reward     int64     `json:"reward_sat" doc:"The sum of its coinbase's outputs, in satoshi; whose it is the pool decides"`
	Verdict    string    `json:"pool_verdict" doc:"The pool's word on it; pending: it has said nothing"`
}

type blocksInput struct {
	Pick

	From  string `query:"from" doc:"When it begins, as in /api/v1/history; empty: with the first block"`
	To    string `query:"to" doc:"When it ends, which is not included; empty: now"`
	Limit int    `query:"limit" minimum:"1" maximum:"10000" default:"100" doc:"At most so many"`
}

// blocks registers the blocks that were found.
func blocks(api huma.API, r *recorder) {
	op := get("/api/v1/blocks", "blocks", "Blocks that our miners found", http.StatusUnprocessableEntity, http.StatusServiceUnavailable)
	huma.Register(api, op, func(ctx context.Context, in *blocksInput) (*body[BlockList], error) {
		from, to, err := Period{in.From, in.To}.between(r.Now(), 0)
		if err != nil {
			return nil, err
		}
		found, err := r.Warehouse.Blocks(ctx, r.filter(in.Pick, from, to), in.Limit)
		if err != nil {
			return nil, r.unanswered(ctx, err)
		}
		list := make([]Block, 0, len(found))
		for i := range found {
			list = append(list, blockOf(&found[i]))
		}
		return &body[BlockList]{BlockList{list}}, nil
	})
}

func blockOf(b *store.Block) Block {
	return Block{
		b.Hash, b.At.UTC(), b.Height, b.Worker, b.Pool, b.Route, finite(b.Difficulty), finite(b.Network), b.Reward, b.Verdict.String(),
	}
}

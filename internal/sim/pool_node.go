package sim

import (
	"context"
	"slices"
)

// found does what a block calls for: the next one of a made-up chain, or a
// submission to the node.
func (p *Pool) found(b *foundBlock) {
	p.log.Info("block found", "height", b.t.height, "hash", b.hash.String(), "worker", b.worker)
	if p.cfg.Node == nil {
		p.mu.Lock()
		p.stats.accepted++
		p.mu.Unlock()
		p.advance(true, b.hash)
		return
	}
	select {
	case p.blocks <- *b:
	default: // the node has hung for 64 blocks
		p.revive("too many blocks are waiting for the node")
	}
}

// submitBlocks hands blocks to the node until ctx ends.
func (p *Pool) submitBlocks(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case b := <-p.blocks:
			p.submitBlock(ctx, &b)
		}
	}
}

func (p *Pool) submitBlock(ctx context.Context, b *foundBlock) {
	err := p.cfg.Node.submit(ctx, serializeBlock(b))
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		p.log.WarnContext(ctx, "block refused", "height", b.t.height, "hash", b.hash.String(), "error", err)
		p.revive(err.Error())
	} else {
		p.log.InfoContext(ctx, "block accepted", "height", b.t.height, "hash", b.hash.String())
		p.mu.Lock()
		p.stats.accepted++
		p.stats.best = b.hash.String()
		p.mu.Unlock()
	}
	p.cfg.Node.refresh()
}

// serializeBlock puts the block together. A coinbase with a witness commitment
// carries the witness that the commitment was made with, 32 zero bytes.
func serializeBlock(b *foundBlock) []byte {
	block := b.header.Append(nil)
	block = appendVarint(block, len(b.t.txs)+1)
	if b.t.commitment == nil {
		block = append(block, b.coinbase...)
	} else {
		const version, lockTime = 4, 4
		body := b.coinbase[version : len(b.coinbase)-lockTime]
		block = append(block, b.coinbase[:version]...)
		block = append(block, 0, 1)
		block = append(block, body...)
		block = append(block, 1, 32)
		block = append(block, make([]byte, 32)...)
		block = append(block, b.coinbase[len(b.coinbase)-lockTime:]...)
	}
	for _, tx := range b.t.txs {
		block = append(block, tx...)
	}
	return block
}

// followNode keeps the newest template until ctx ends.
func (p *Pool) followNode(ctx context.Context) {
	p.cfg.Node.follow(ctx, p.nodeTemplate, func(err error) {
		text := ""
		if err != nil {
			text = err.Error()
		}
		p.mu.Lock()
		changed := p.stats.nodeError != text
		p.stats.nodeError = text
		p.mu.Unlock()
		if changed && err != nil {
			p.log.WarnContext(ctx, "no template from the node", "error", err)
		}
	})
}

// nodeTemplate takes a template over unless it says nothing new.
func (p *Pool) nodeTemplate(t *template) {
	p.mu.Lock()
	tip := p.tip
	same := tip != nil && tip.prevHash == t.prevHash && tip.value == t.value &&
		len(tip.txs) == len(t.txs) && slices.Equal(tip.branches, t.branches)
	p.mu.Unlock()
	if !same {
		p.adopt(t)
	}
}

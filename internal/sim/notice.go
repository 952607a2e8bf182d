package sim

import (
	"fmt"

	"github.com/loka/stratum/sv1"
)

// Notice is how far the word that a block has ended had come on a connection
// when a share of that block came on it. It says who could have known better,
// whatever time it all took.
type Notice uint8

// The notices.
const (
	// NoticeNone: the connection has been told no job of a later block.
	NoticeNone Notice = iota
	// NoticeSent: it has been, before the share was answered.
	NoticeSent
	// NoticeRead: the share was sent after the other side had read that job
	// and answered the ping behind it. Only PoolConfig.PingBlocks finds it out.
	NoticeRead
)

// firstPing is the id of the ping for block 0; what else a pool asks has lower
// ones.
const firstPing = 1 << 20

// announced notes that a job of a block was told. c.mu is held.
func (c *poolConn) announced(block uint64) {
	if block <= c.blockTold {
		return
	}
	c.blockTold = block
	if c.pool.cfg.PingBlocks {
		c.send(fmt.Appendf(nil, `{"id":%d,"method":"mining.ping","params":[]}`+"\n", firstPing+block))
	}
}

// reply takes an answer to something that the pool asked: to a ping behind a
// block's first job, or to chatter.
func (c *poolConn) reply(m *sv1.Message) {
	id, ok := sv1.ParseID(m.ID)
	if !ok || id < firstPing {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if block := id - firstPing; block <= c.blockTold {
		c.blockRead = max(c.blockRead, block)
	}
}

// notice is for a share of a block. c.mu is held.
func (c *poolConn) notice(block uint64) Notice {
	switch {
	case block < c.blockRead:
		return NoticeRead
	case block < c.blockTold:
		return NoticeSent
	}
	return NoticeNone
}

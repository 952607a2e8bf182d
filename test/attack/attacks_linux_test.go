package attack

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// attacks are all that are made, in the order in which they are made one by one.
func attacks() []attack {
	return []attack{
		endlessLines{},
		halfOpen{},
		fullHouse{},
		slowLoris{},
		garbage{},
		connects{},
		duplicates{},
		invalidShares{},
		lowDifficulty{},
		authorizeSpam{},
		subscribeSpam{},
		slowReaders{},
		tlsHellos{},
		webRequests{},
		tunnels{},
		proxyHeaders{},
		bruteForce{},
	}
}

// endlessLines sends lines of 16 MB that do not end.
type endlessLines struct{}

func (endlessLines) Name() string { return "16 MB lines" }

func (endlessLines) Run(ctx context.Context, at *target) {
	chunk := bytes.Repeat([]byte("a"), 64<<10)
	many(ctx, 32, func(i int) error {
		conn, done, err := at.dial(ctx, at.Plain, i)
		if err != nil {
			return err
		}
		defer done()
		if err := at.write(ctx, conn, []byte(`{"id":1,"method":"`)); err != nil {
			return err
		}
		for range (16 << 20) / len(chunk) {
			if err := at.write(ctx, conn, chunk); err != nil {
				return err
			}
		}
		return nil
	})
}

// halfOpen has 10,000 connections that say nothing.
type halfOpen struct{}

func (halfOpen) Name() string { return "10,000 silent connections" }

func (halfOpen) Run(ctx context.Context, at *target) { silent(ctx, at, 10_000, nil) }

// fullHouse has more silent connections than there is room for, as far as one process
// may have them. It is not made together with others, which need descriptors, too.
type fullHouse struct{}

func (fullHouse) Name() string { return "19,700 silent connections" }

func (fullHouse) Run(ctx context.Context, at *target) { silent(ctx, at, 19_700, nil) }

// slowLoris has 2,000 connections that say a byte at a time.
type slowLoris struct{}

func (slowLoris) Name() string { return "slow-loris, 2,000 sockets" }

func (slowLoris) Run(ctx context.Context, at *target) {
	silent(ctx, at, 2000, []byte(`{"id":1,"method":"mining.subscribe","params":["`))
}

// silent keeps n connections open, each of which says a byte of line twice a second,
// if there is any. Who is disconnected comes again.
func silent(ctx context.Context, at *target, n int, line []byte) {
	c := crowd{at: at, to: sockaddr(at.Plain)}
	defer c.leave(0)
	for round := 0; ctx.Err() == nil; round++ {
		for range 600 { // no more at once than are accepted meanwhile
			if len(c.all) == n || c.open() != nil {
				break
			}
		}
		if round%10 == 9 {
			c.each(func(one *loner) bool {
				if len(line) > 0 {
					one.say(line)
				}
				return one.alive()
			})
		}
		rest(ctx, 50*time.Millisecond)
	}
}

// garbage sends what is no protocol, and lines that are no JSON, as fast as they are
// taken.
type garbage struct{}

func (garbage) Name() string { return "garbage at line rate" }

func (garbage) Run(ctx context.Context, at *target) {
	noise := make([]byte, 64<<10)
	random := rand.NewChaCha8([32]byte{})
	_, _ = random.Read(noise)
	many(ctx, 32, func(i int) error {
		conn, done, err := at.dial(ctx, at.Plain, i)
		if err != nil {
			return err
		}
		defer done()
		from := (i * 997) % (len(noise) / 2)
		chunk := noise[from : from+len(noise)/2]
		if i%2 == 0 { // so that it is taken for Stratum
			chunk = append([]byte("{\n"), bytes.ReplaceAll(chunk, []byte{0}, []byte{'\n'})...)
		}
		for ctx.Err() == nil {
			if err := at.write(ctx, conn, chunk); err != nil {
				return err
			}
		}
		return nil
	})
}

// connects makes 5,000 connections a second from 50 addresses, and leaves each after a
// fraction of a second.
type connects struct{}

func (connects) Name() string { return "5,000 connects/s, 50 addresses" }

func (connects) Run(ctx context.Context, at *target) {
	const rate, held = 5000, 2000
	c := crowd{at: at, to: sockaddr(at.Plain)}
	defer c.leave(0)
	for begin, made := time.Now(), 0; ctx.Err() == nil; rest(ctx, 5*time.Millisecond) {
		for due := int(time.Since(begin).Seconds() * rate); made < due; made++ {
			_ = c.open()
		}
		c.leave(held)
	}
}

// duplicates hands in one share again and again.
type duplicates struct{}

func (duplicates) Name() string { return "duplicate shares" }

func (duplicates) Run(ctx context.Context, at *target) {
	at.flood(ctx, func(c *client, dst []byte) []byte {
		one := c.share(nil, firstShare, true)
		c.header.Nonce = 0
		for range 64 {
			dst = append(dst, one...)
		}
		return dst
	})
}

// invalidShares hands in shares of no job, of no time, and without fields.
type invalidShares struct{}

func (invalidShares) Name() string { return "invalid shares" }

func (invalidShares) Run(ctx context.Context, at *target) {
	at.flood(ctx, func(c *client, dst []byte) []byte {
		for i := range 16 {
			w, j := c.worker, c.job.notify.JobID
			dst = fmt.Appendf(dst, `{"id":%d,"method":"mining.submit","params":["%s","ffff%04x","%s","00000000","00000000"]}`+"\n", i, w, i, c.en2)
			dst = fmt.Appendf(dst, `{"id":%d,"method":"mining.submit","params":["%s","%s","%s","00000000","%08x"]}`+"\n", i, w, j, c.en2, i)
			dst = fmt.Appendf(dst, `{"id":%d,"method":"mining.submit","params":["%s","%s","zz"]}`+"\n", i, w, j)
			dst = fmt.Appendf(dst, `{"id":%d,"method":"mining.submit","params":["nobody","%s","%s","00000000","%08x"]}`+"\n", i, j, c.en2, i)
		}
		return dst
	})
}

// lowDifficulty hands in hashes that miss the target.
type lowDifficulty struct{}

func (lowDifficulty) Name() string { return "low-difficulty shares" }

func (lowDifficulty) Run(ctx context.Context, at *target) {
	at.flood(ctx, func(c *client, dst []byte) []byte {
		for range 64 {
			dst = c.share(dst, firstShare, false)
		}
		return dst
	})
}

// authorizeSpam tries logins.
type authorizeSpam struct{}

func (authorizeSpam) Name() string { return "authorize spam" }

func (authorizeSpam) Run(ctx context.Context, at *target) {
	var guesses atomic.Int64
	at.flood(ctx, func(_ *client, dst []byte) []byte {
		for range 64 {
			n := guesses.Add(1)
			dst = fmt.Appendf(dst, `{"id":2,"method":"mining.authorize","params":["farm.guess%d","%d"]}`+"\n", n, n)
		}
		return dst
	})
}

// subscribeSpam subscribes on and on, on one connection and on new ones.
type subscribeSpam struct{}

func (subscribeSpam) Name() string { return "subscribe spam" }

func (subscribeSpam) Run(ctx context.Context, at *target) {
	lines := bytes.Repeat([]byte(subscribeLine), 64)
	many(ctx, 32, func(i int) error {
		conn, done, err := at.dial(ctx, at.Plain, i)
		if err != nil {
			return err
		}
		defer done()
		c := &client{conn: conn}
		c.reader()
		go at.drain(c)
		for range 1 + 1000*(i%2) {
			if err := at.write(ctx, conn, lines); err != nil {
				return err
			}
		}
		return nil
	})
}

// slowReaders ask much and never read.
type slowReaders struct{}

func (slowReaders) Name() string { return "slow readers" }

func (slowReaders) Run(ctx context.Context, at *target) {
	question := bytes.Repeat([]byte(`{"id":"`+string(bytes.Repeat([]byte("i"), 200))+`","method":"mining.extranonce.subscribe","params":[]}`+"\n"), 64)
	many(ctx, 200, func(i int) error {
		c, err := at.login(ctx, i)
		if err != nil {
			return err
		}
		defer c.done()
		if tcp, ok := c.conn.(interface{ SetReadBuffer(int) error }); ok {
			_ = tcp.SetReadBuffer(4096)
		}
		for ctx.Err() == nil {
			if err := at.write(ctx, c.conn, question); err != nil {
				return err
			}
		}
		return nil
	})
}

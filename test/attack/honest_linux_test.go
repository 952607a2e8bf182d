package attack

import (
	"context"
	"sync"
	"time"
)

// honestCases are what must never count as abuse, though it looks like it. They come
// from the farm's own address.
func honestCases() []attack { return []attack{checks{}, broken{}} }

// checks are a Bitaxe's look at whether its first pool is back, health checks by TCP
// and by HTTP: five of each a second.
type checks struct{}

func (checks) Name() string { return "probes and health checks" }

func (checks) Run(ctx context.Context, at *target) {
	says := []string{
		subscribeLine + authorizeLine("farm.bitaxe"),
		"",
		"GET / HTTP/1.1\r\nHost: farm\r\nUser-Agent: check\r\n\r\n",
		"HEAD /health HTTP/1.0\r\n\r\n",
	}
	var all sync.WaitGroup
	for _, line := range says {
		all.Go(func() {
			for ctx.Err() == nil {
				at.check(ctx, line)
				rest(ctx, 200*time.Millisecond)
			}
		})
	}
	all.Wait()
}

// check connects, says something if there is anything, waits for an answer to it, and
// leaves.
func (at *target) check(ctx context.Context, says string) {
	conn, done, err := at.dialFrom(ctx, at.Plain, natAddress)
	if err != nil {
		return
	}
	defer done()
	if says == "" || at.write(ctx, conn, []byte(says)) != nil {
		return
	}
	_ = conn.SetReadDeadline(time.Now().Add(time.Second))
	var buf [4096]byte
	if n, _ := conn.Read(buf[:]); n > 0 {
		at.answers.Add(1)
	} else if ctx.Err() == nil {
		at.closed.Add(1)
	}
}

// broken is a miner behind the farm's address whose firmware has gone mad: it hands in
// the same share over and over, says lines that are none, and connects anew each second.
type broken struct{}

func (broken) Name() string { return "one broken miner of the farm" }

func (broken) Run(ctx context.Context, at *target) {
	for ctx.Err() == nil {
		at.breakDown(ctx)
		rest(ctx, time.Second)
	}
}

func (at *target) breakDown(ctx context.Context) {
	conn, done, err := at.dialFrom(ctx, at.Plain, natAddress)
	if err != nil {
		return
	}
	defer done()
	c := &client{conn: conn}
	c.worker = "farm.broken"
	c.reader()
	err = at.write(ctx, conn, []byte(subscribeLine+authorizeLine(c.worker)))
	_ = conn.SetReadDeadline(time.Now().Add(time.Second))
	var known jobs
	for err == nil && !c.ready() {
		var line []byte
		if line, err = c.r.ReadSlice('\n'); err == nil {
			_, _, err = c.hear(line[:len(line)-1], &known)
		}
	}
	if err != nil {
		return
	}
	share := c.share(nil, firstShare, true)
	var says []byte
	for range 50 {
		says = append(says, share...)
		says = append(says, "{\"id\":7,\"method\":\"mining.submit\",\"params\":[\n"...)
	}
	_ = at.write(ctx, conn, says)
	at.drain(c)
}

package link_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
	"github.com/loka/stratum/internal/wire"
	"github.com/loka/stratum/work"
)

func TestOneLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.VersionMask, cfg.SuggestDifficulty = work.MaskBIP320, 512
		r := newRig(t, cfg)
		r.link.Authorize("acct.rig1", "x", 1)
		r.pool.want(configure, subscribe2)
		r.pool.say(granted, ckpool2, difficulty, notify)
		r.pool.want(
			`{"id":3,"method":"mining.suggest_difficulty","params":[512]}`,
			`{"id":4,"method":"mining.authorize","params":["acct.rig1","x"]}`)
		r.pool.say(`{"id":4,"result":true,"error":null}`)
		job := r.of(upstream.Job)[0].Job
		sub := share(job, 9)
		sub.VersionBits, sub.HasVersionBits = 0x2000, true
		if !r.link.Submit(sub) {
			t.Fatal("submit was not taken")
		}
		r.pool.want(`{"id":5,"method":"mining.submit","params":["acct.rig1","a","0000000000000000","504e86ed","00000009","00002000"]}`)
		time.Sleep(50 * time.Millisecond)
		r.pool.say(`{"id":5,"result":true,"error":null}`)
		events := r.all()
		kinds := make([]string, len(events))
		for i, ev := range events {
			kinds[i] = ev.Kind.String()
		}
		if got := strings.Join(kinds, " "); got != "mask subscribed difficulty job authorized verdict" {
			t.Errorf("events are %s", got)
		}
		if ev := r.of(upstream.Verdict)[0]; ev.Tag != 9 || ev.Verdict != mining.Accepted || ev.RTT != 50*time.Millisecond {
			t.Errorf("verdict is %+v", ev)
		}
		if r.count.rtt.n != 1 || r.count.rtt.sum != 0.05 {
			t.Errorf("rtt was observed %d times, %v s in all", r.count.rtt.n, r.count.rtt.sum)
		}
		info := r.link.Info()
		if info.ID != 7 || info.Pool != "main" || info.Remote == "" || !info.Since.Equal(r.began) ||
			info.Session.State != upstream.Steady || info.Wire.LinesIn != 6 || info.Wire.FramesOut == 0 {
			t.Errorf("info is %+v", info)
		}
		r.link.Close(mining.MinerGone)
		r.wantEnd(mining.MinerGone)
		r.pool.wantEnd()
		if r.err != nil || r.link.ID() != 7 || r.link.Pool() != "main" {
			t.Errorf("error is %v", r.err)
		}
	})
}

func TestDialFailures(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err  error
		want mining.Reason
	}{
		"any error":  {errNoRoute, mining.DialFailed},
		"dial error": {&dial.Error{Reason: mining.DialFailed, Err: errNoRoute}, mining.DialFailed},
		"TLS":        {fmt.Errorf("wrapped: %w", &dial.Error{Reason: mining.TLSFailed, Err: errNoRoute}), mining.TLSFailed},
		"no reason":  {&dial.Error{Err: errNoRoute}, mining.DialFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, testConfig(), func(d *link.Deps) {
					d.Dial = func(context.Context, dial.Endpoint) (net.Conn, error) { return nil, tc.err }
				})
				r.link.Authorize("acct", "x", 1)
				r.wantEnd(tc.want)
				if !errors.Is(r.err, errNoRoute) || len(r.all()) != 0 {
					t.Errorf("error is %v, events are %+v", r.err, r.events)
				}
				if r.link.Submit(share(&mining.Job{}, 1)) {
					t.Error("a submit was taken after the end")
				}
				r.link.Authorize("acct", "x", 2) // and this panics not
			})
		})
	}
}

// TestEnds has what a pool does to end a link, before or after the handshake.
func TestEnds(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		steady bool
		do     func(*rig)
		want   mining.Reason
		after  time.Duration
	}{
		"silent from the start": {false, func(*rig) {}, mining.PoolHandshakeTimeout, 15 * time.Second},
		"work but no reply":     {false, func(r *rig) { r.pool.say(difficulty, notify) }, mining.PoolHandshakeTimeout, 15 * time.Second},
		"refuses":               {false, func(r *rig) { r.pool.say(`{"id":1,"result":"Initialising","error":null}`) }, mining.SubscribeRefused, 0},
		"extranonce too narrow": {false, func(r *rig) { r.pool.say(`{"id":1,"result":[[],"00",1]}`) }, mining.BadExtranonce, 0},
		"closes mid-handshake":  {false, func(r *rig) { _ = r.pool.conn.Close() }, mining.PeerClosed, 0},
		"closes mid-line":       {false, func(r *rig) { _, _ = r.pool.conn.Write([]byte(`{"id":1,"res`)); _ = r.pool.conn.CloseWrite() }, mining.PeerClosed, 0},
		"resets mid-handshake":  {false, func(r *rig) { r.pool.conn.Reset() }, mining.PeerReset, 0},
		"goes silent":           {true, func(*rig) {}, mining.PoolSilent, 90 * time.Second},
		"talks nonsense":        {true, func(r *rig) { r.pool.say("a", "b", "c", "d", "e") }, mining.TooManyErrors, 0},
		"sends a zero byte":     {true, func(r *rig) { r.pool.say("{\x00}") }, mining.NULByte, 0},
		"never ends a line":     {true, func(r *rig) { r.floods() }, mining.LineTooLong, 0},
		"closes":                {true, func(r *rig) { _ = r.pool.conn.Close() }, mining.PeerClosed, 0},
		"resets":                {true, func(r *rig) { r.pool.conn.Reset() }, mining.PeerReset, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, testConfig())
				if tc.steady {
					r.steady()
				} else {
					r.pool.want(subscribe1)
				}
				tc.do(r)
				r.wantEnd(tc.want)
				if after := time.Since(r.began); after != tc.after {
					t.Errorf("ended after %v, want %v", after, tc.after)
				}
				switch tc.want { //nolint:exhaustive // only what the session itself ends has details
				case mining.SubscribeRefused, mining.BadExtranonce, mining.TooManyErrors:
					if r.err == nil {
						t.Error("no details")
					}
				}
			})
		})
	}
}

func (r *rig) floods() {
	chunk := []byte(strings.Repeat(" ", 32<<10))
	for range 40 {
		if _, err := r.pool.conn.Write(chunk); err != nil {
			return
		}
	}
}

func TestUnansweredAndLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, testConfig())
		job := r.steady()
		time.Sleep(20 * time.Second)
		r.link.Submit(share(job, 1))
		r.pool.hear()
		time.Sleep(30*time.Second - 1)
		if got := r.of(upstream.Verdict); len(got) != 0 {
			t.Errorf("too early: %+v", got)
		}
		time.Sleep(time.Nanosecond)
		if got := r.of(upstream.Verdict); len(got) != 1 || got[0].Verdict != mining.Unanswered || got[0].Late {
			t.Fatalf("verdicts are %+v", got)
		}
		r.pool.say(`{"id":2,"error":[21,"stale",null],"result":null}`)
		if got := r.of(upstream.Verdict); len(got) != 2 || got[1].Verdict != mining.Stale || !got[1].Late || got[1].Tag != 1 {
			t.Fatalf("verdicts are %+v", got)
		}
		if r.count.unanswered.n != 1 || r.count.late.n != 1 || r.count.rtt.n != 0 {
			t.Errorf("counted %+v", &r.count)
		}
		r.link.Close(mining.MinerGone)
		r.wantEnd(mining.MinerGone)
	})
}

func TestThousandSubmitsPipelined(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const shares, senders = 1000, 10
		r := newRig(t, testConfig())
		job := r.steady()
		var sending sync.WaitGroup
		for sender := range senders {
			sending.Go(func() {
				for i := range shares / senders {
					if !r.link.Submit(share(job, uint64(sender*shares/senders+i))) {
						t.Error("a submit was not taken")
					}
				}
			})
		}
		nonce := map[int]string{} // by id
		for i := range shares {
			line := r.pool.hear()
			if !strings.HasPrefix(line, fmt.Sprintf(`{"id":%d,`, i+2)) {
				t.Fatalf("line %d is %s", i, line)
			}
			nonce[i+2] = line[len(line)-11 : len(line)-3]
		}
		sending.Wait()
		for id := shares + 1; id >= 2; id-- { // the last first
			r.pool.say(fmt.Sprintf(`{"id":%d,"result":true,"error":null}`, id))
		}
		verdicts := r.of(upstream.Verdict)
		if len(verdicts) != shares {
			t.Fatalf("%d verdicts", len(verdicts))
		}
		for i, ev := range verdicts {
			if got := work.Nonce(ev.Tag).String(); got != nonce[shares+1-i] || ev.Verdict != mining.Accepted {
				t.Fatalf("verdict %d is %+v, want the share of nonce %s", i, ev, nonce[shares+1-i])
			}
		}
		r.link.Close(mining.MinerGone)
		r.wantEnd(mining.MinerGone)
	})
}

// Shares that are put leave with the next Flush, in one write, or with what ends the link.
func TestPutSharesLeaveTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, testConfig())
		job := r.steady()
		for tag := range uint64(3) {
			if !r.link.Put(share(job, tag+1)) {
				t.Fatal("a share was not taken")
			}
		}
		synctest.Wait()
		if n := r.pool.conn.Buffered(); n != 0 {
			t.Errorf("before the flush the pool has %d bytes", n)
		}
		submit := `{"id":%d,"method":"mining.submit","params":["acct.rig1","a","0000000000000000","504e86ed","%08x"]}`
		r.link.Flush()
		for i := range 3 {
			r.pool.want(fmt.Sprintf(submit, 2+i, 1+i))
		}
		r.link.Put(share(job, 4))
		r.link.Close(mining.MinerGone)
		r.pool.want(fmt.Sprintf(submit, 5, 4))
		r.pool.wantEnd()
		r.wantEnd(mining.MinerGone)
	})
}

func TestOpenSubmitsAreAnsweredAtTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, testConfig())
		job := r.steady()
		r.link.Submit(share(job, 1))
		r.link.Authorize("acct", "x", 2)
		r.link.Submit(share(job, 3))
		r.pool.hear()
		_ = r.pool.conn.Close()
		r.wantEnd(mining.PeerClosed)
		got := r.of(upstream.Verdict)
		if len(got) != 2 || got[0].Tag != 1 || got[1].Tag != 3 || got[0].Verdict != mining.Unanswered {
			t.Errorf("verdicts are %+v", got)
		}
		if got := r.of(upstream.Authorized); len(got) != 0 {
			t.Errorf("logins got %+v", got)
		}
	})
}

func TestSubmitNeedsASubscribedLink(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, testConfig())
		early := share(&mining.Job{Extranonce2Size: 8}, 1)
		if r.link.Submit(early) {
			t.Error("taken while dialing or unsubscribed")
		}
		job := r.steady()
		r.link.Close(mining.MinerGone)
		if r.link.Submit(share(job, 2)) {
			t.Error("taken after Close")
		}
		r.wantEnd(mining.MinerGone)
		if r.link.Submit(share(job, 3)) {
			t.Error("taken after the end")
		}
		if got := r.of(upstream.Verdict); len(got) != 0 {
			t.Errorf("verdicts are %+v", got)
		}
	})
}

func TestUnsendableIsAnsweredSoon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, testConfig())
		job := r.steady()
		sub := share(job, 4)
		sub.Worker = strings.Repeat("w", 2000)
		if !r.link.Submit(sub) {
			t.Fatal("not taken")
		}
		r.link.Authorize(strings.Repeat("w", 2000), "x", 5)
		time.Sleep(time.Second)
		if got := r.of(upstream.Verdict); len(got) != 1 || got[0].Verdict != mining.Invalid || !got[0].Local {
			t.Errorf("verdicts are %+v", got)
		}
		if got := r.of(upstream.Authorized); len(got) != 1 || got[0].Verdict != mining.Invalid {
			t.Errorf("logins got %+v", got)
		}
		if r.count.rtt.n+r.count.unanswered.n != 0 {
			t.Errorf("counted %+v", &r.count)
		}
		r.link.Close(mining.MinerGone)
		r.wantEnd(mining.MinerGone)
	})
}

// TestEventsMayCallTheLink answers each job with a share, from within.
func TestEventsMayCallTheLink(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, testConfig())
		r.mu.Lock()
		r.on = func(l *link.Link, ev upstream.Event) {
			switch ev.Kind { //nolint:exhaustive // the others are left alone
			case upstream.Subscribed:
				l.Authorize("acct", "x", 1)
			case upstream.Job:
				l.Submit(share(ev.Job, 2))
				_ = l.Info()
			case upstream.Verdict:
				l.Close(mining.MinerGone)
			}
		}
		r.mu.Unlock()
		r.pool.want(subscribe1)
		r.pool.say(ckpool1, notify)
		r.pool.want(`{"id":2,"method":"mining.authorize","params":["acct","x"]}`)
		r.pool.want(`{"id":3,"method":"mining.submit","params":["acct.rig1","a","0000000000000000","504e86ed","00000002"]}`)
		r.pool.say(`{"id":3,"result":true}`)
		r.wantEnd(mining.MinerGone)
	})
}

func TestCloseBeforeAndDuringDial(t *testing.T) {
	t.Parallel()
	t.Run("before", func(t *testing.T) {
		t.Parallel()
		rec := &record{}
		l := link.New(testConfig(), link.Deps{
			Dial: func(context.Context, dial.Endpoint) (net.Conn, error) {
				t.Error("dialed")
				return nil, errNoRoute
			},
			Events: rec,
		})
		l.Close(mining.MinerGone)
		l.Close(mining.Shutdown)
		if got := l.Run(t.Context()); got != mining.MinerGone || len(rec.ends) != 1 {
			t.Errorf("ended with %s, %v", got, rec.ends)
		}
	})
	for name, end := range map[string]struct {
		do   func(*rig)
		want mining.Reason
	}{
		"by Close":       {func(r *rig) { r.link.Close(mining.MinerGone) }, mining.MinerGone},
		"by the context": {func(r *rig) { r.cancel() }, mining.Shutdown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, testConfig(), func(d *link.Deps) {
					d.Dial = func(ctx context.Context, _ dial.Endpoint) (net.Conn, error) {
						<-ctx.Done()
						return nil, &dial.Error{Reason: mining.DialFailed, Err: ctx.Err()}
					}
				})
				synctest.Wait()
				end.do(r)
				r.wantEnd(end.want)
			})
		})
	}
	t.Run("just as it succeeds", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, testConfig(), func(d *link.Deps) {
				succeed := d.Dial
				d.Dial = func(ctx context.Context, ep dial.Endpoint) (net.Conn, error) {
					<-ctx.Done()
					return succeed(ctx, ep)
				}
			})
			synctest.Wait()
			r.link.Close(mining.MinerGone)
			r.wantEnd(mining.MinerGone)
			r.pool.wantEnd()
		})
	})
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, testConfig())
		r.steady()
		r.cancel()
		r.wantEnd(mining.Shutdown)
	})
}

func TestPoolThatDoesNotRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, testConfig(), func(d *link.Deps) { d.Wire = wire.Config{MaxQueueAge: 5 * time.Second} })
		job := r.steady()
		r.pool.conn.Freeze()
		r.link.Submit(share(job, 1))
		r.wantEnd(mining.SlowConsumer)
		if got := r.of(upstream.Verdict); len(got) != 1 || got[0].Verdict != mining.Unanswered {
			t.Errorf("verdicts are %+v", got)
		}
	})
}

func TestWriteErrorEndsTheLink(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pool, near := newFakePool(t)
		r := newRig(t, testConfig(), func(d *link.Deps) {
			d.Dial = func(context.Context, dial.Endpoint) (net.Conn, error) {
				near.(interface{ FailWrites(n int, err error) }).FailWrites(10, syscall.EIO)
				return near, nil
			}
		})
		r.wantEnd(mining.WriteFailed)
		_ = pool.conn.Close()
	})
}

func TestNothingIsNeeded(t *testing.T) {
	t.Parallel()
	rec := &record{}
	l := link.New(link.Config{}, link.Deps{
		Dial:   func(context.Context, dial.Endpoint) (net.Conn, error) { return nil, errNoRoute },
		Events: rec,
	})
	if got := l.Run(t.Context()); got != mining.DialFailed {
		t.Errorf("ended with %s", got)
	}
}

package link_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/dial"
	"github.com/loka/stratum/internal/link"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/testkit"
	"github.com/loka/stratum/work"
)

const (
	// password is ours at pools. No log may say it.
	password = testkit.Canary + "pool"
	login3   = `{"id":3,"method":"mining.authorize","params":["acct","` + password + `"]}`
	welcome3 = `{"id":3,"result":true,"error":null}`
)

// probed is a keeper under test. Each of its dials is told to script, which
// speaks for the pool in a goroutine of its own, or refuses by an error.
type probed struct {
	t      *testing.T
	k      *link.Keeper
	cancel context.CancelFunc
	done   chan error

	mu      sync.Mutex
	dials   []time.Time
	changes []link.Status
	log     bytes.Buffer
}

func (p *probed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

// logged counts the lines that have a text.
func (p *probed) logged(text string) int {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Count(p.log.String(), text)
}

func newProbed(t *testing.T, script func(n int, pool *fakePool) error) *probed {
	t.Helper()
	p := &probed{t: t, done: make(chan error, 1)}
	var scripts sync.WaitGroup
	cfg := testConfig()
	cfg.VersionMask = work.MaskBIP320
	p.k = link.NewKeeper(link.KeeperConfig{Link: cfg, Username: "acct", Password: password}, link.KeeperDeps{
		Dial: func(context.Context, dial.Endpoint) (net.Conn, error) {
			p.mu.Lock()
			p.dials = append(p.dials, time.Now())
			n := len(p.dials)
			p.mu.Unlock()
			pool, near := newFakePool(t)
			if script == nil {
				return nil, errNoRoute
			}
			hear := make(chan error, 1)
			scripts.Go(func() { hear <- script(n, pool) })
			select {
			case err := <-hear: // refused at once, or all said
				if err != nil {
					return nil, err
				}
			case <-time.After(time.Nanosecond):
			}
			return near, nil
		},
		Logger:   testkit.OverhearLog(t, slog.LevelDebug, slog.New(slog.NewTextHandler(p, nil))),
		OnChange: func(s link.Status) { p.mu.Lock(); p.changes = append(p.changes, s); p.mu.Unlock() },
	})
	ctx, cancel := context.WithCancel(t.Context())
	p.cancel = cancel
	go func() { p.done <- p.k.Run(ctx) }()
	return p
}

// end stops the keeper.
func (p *probed) end() {
	p.t.Helper()
	p.cancel()
	if err := <-p.done; !errors.Is(err, context.Canceled) {
		p.t.Errorf("Run returned %v", err)
	}
}

func (p *probed) attempts() int {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.dials)
}

// login is a pool that takes our login.
func login(pool *fakePool) {
	pool.want(configure, subscribe2)
	pool.say(granted, ckpool2)
	pool.want(login3)
	pool.say(welcome3)
}

// serves is a pool that does all that is asked of it.
func serves(pool *fakePool) {
	login(pool)
	pool.say(difficulty, notify)
}

func TestKeeperBecomesActive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var pool *fakePool
		p := newProbed(t, func(_ int, far *fakePool) error { pool = far; return nil })
		synctest.Wait()
		if s := p.k.Status(); s.State != link.Connecting || s.Known || s.Attempts != 1 || p.k.Ready() {
			t.Errorf("status is %+v", s)
		}
		time.Sleep(time.Second)
		pool.want(configure, subscribe2)
		pool.say(granted, ckpool2)
		synctest.Wait()
		facts, known := p.k.Facts()
		if !known || facts.Extranonce1.String() != "66d5a1b0" || facts.Extranonce2Size != 8 ||
			facts.VersionMask != work.MaskBIP320 || facts.Difficulty != 1 || facts.Job != nil {
			t.Errorf("facts are %+v, %v", facts, known)
		}
		if p.k.State() != link.Connecting {
			t.Errorf("state is %s", p.k.State())
		}
		pool.want(login3)
		pool.say(welcome3)
		synctest.Wait()
		if p.k.Ready() {
			t.Error("ready without a job")
		}
		pool.say(difficulty, notify)
		synctest.Wait()
		s := p.k.Status()
		if s.State != link.Active || !p.k.Ready() || s.Facts.Job == nil || s.Facts.Difficulty != 16 ||
			s.Error != "" || s.Reason != "" || !s.Since.Equal(time.Now()) {
			t.Errorf("status is %+v", s)
		}
		if p.logged("pool is active") != 1 || p.logged("level=WARN") != 0 || p.logged("pool=main") != 1 {
			t.Errorf("log is %s", &p.log)
		}
		if n := len(p.changes); n != 2 || p.changes[0].State != link.Connecting || !p.changes[0].Known || p.changes[1].State != link.Active {
			t.Errorf("changes are %+v", p.changes)
		}
		p.end()
		if p.k.Status().State != link.Active { // a shutdown is nobody's failure
			t.Errorf("status is %+v", p.k.Status())
		}
	})
}

func TestKeeperWaitReturnsFactsAsTheyCome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProbed(t, func(_ int, pool *fakePool) error {
			pool.want(configure, subscribe2)
			time.Sleep(2 * time.Second)
			pool.say(ckpool2) // and no word on configure
			return nil
		})
		began := time.Now()
		facts, err := p.k.Wait(t.Context())
		if took := time.Since(began).Round(time.Millisecond); err != nil || facts.Extranonce2Size != 8 || facts.VersionMask != 0 || took != 5*time.Second {
			t.Errorf("facts are %+v, %v after %v", facts, err, took)
		}
		p.end()
	})
}

func TestKeeperWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProbed(t, func(int, *fakePool) error { return nil })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := p.k.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error is %v", err)
		}
		p.end()
	})
}

func TestKeeperSaysWhyAPoolIsDown(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		script func(int, *fakePool) error
		reason mining.Reason
		text   string
		after  time.Duration
	}{
		"dial": {
			func(int, *fakePool) error { return errNoRoute },
			mining.DialFailed, "cannot connect: no route to host; check url of this pool, and the network", 0,
		},
		"TLS": {
			func(int, *fakePool) error { return &dial.Error{Reason: mining.TLSFailed, Err: errNoRoute} },
			mining.TLSFailed, "stratum+ssl://", 0,
		},
		"TLS, of which more is known": {
			func(int, *fakePool) error {
				return &dial.Error{Reason: mining.TLSFailed, Problem: dial.CertificateExpired, Err: errNoRoute}
			},
			mining.TLSFailed, "no route to host; check this machine's clock, and tell the pool", 0,
		},
		"login refused": {
			func(_ int, pool *fakePool) error {
				pool.want(configure, subscribe2)
				pool.say(granted, ckpool2)
				pool.want(login3)
				pool.say(`{"id":3,"result":null,"error":[24,"Unauthorized worker",null]}`)
				return nil
			},
			mining.PoolAuthorizeRefused, `the pool refused our login "acct": Unauthorized worker; this is the proxy's own connection, named by the worker template with the route's name: check username`, 0,
		},
		"login refused without a word": {
			func(_ int, pool *fakePool) error {
				pool.want(configure, subscribe2)
				pool.say(granted, ckpool2)
				pool.want(login3)
				pool.say(`{"id":3,"result":false,"error":null}`)
				return nil
			},
			mining.PoolAuthorizeRefused, `the pool refused our login "acct"; this is the proxy`, 0,
		},
		"login unanswered": {
			func(_ int, pool *fakePool) error {
				pool.want(configure, subscribe2)
				pool.say(granted, ckpool2)
				pool.want(login3)
				return nil
			},
			mining.PoolHandshakeTimeout, `the pool has not answered our login "acct"; check that url`, 30 * time.Second,
		},
		"no handshake": {
			func(int, *fakePool) error { return nil },
			mining.PoolHandshakeTimeout, "Stratum V1 port", 15 * time.Second,
		},
		"subscribe refused": {
			func(_ int, pool *fakePool) error { pool.say(`{"id":2,"result":"Initialising"}`); return nil },
			mining.SubscribeRefused, "Initialising", 0,
		},
		"extranonce": {
			func(_ int, pool *fakePool) error { pool.say(`{"id":2,"result":[[],"",17]}`); return nil },
			mining.BadExtranonce, "17 bytes", 0,
		},
		"not Stratum": {
			func(_ int, pool *fakePool) error { pool.say("a", "b", "c", "d", "e"); return nil },
			mining.TooManyErrors, "does not speak Stratum V1", 0,
		},
		"long line": {
			func(_ int, pool *fakePool) error { pool.say(strings.Repeat("x", 64<<10+1)); return nil },
			mining.LineTooLong, "the pool sent a line of more than 64 KiB; that is not Stratum V1: check url", 0,
		},
		"NUL": {
			func(_ int, pool *fakePool) error { pool.say("{\x00}"); return nil },
			mining.NULByte, "the pool sent a line with a NUL byte; that is not Stratum V1: check url", 0,
		},
		"no job": {
			func(_ int, pool *fakePool) error { login(pool); return nil },
			mining.PoolHandshakeTimeout, "logged in, but the pool sent no job that can be used in 30 s; look at", 30 * time.Second,
		},
		"no job that can be used": {
			func(_ int, pool *fakePool) error {
				login(pool)
				pool.say(`{"id":null,"method":"mining.notify","params":["a","00"]}`)
				return nil
			},
			mining.PoolHandshakeTimeout, "in 30 s, the latest line that could not be: ", 30 * time.Second,
		},
		"closes": {
			func(_ int, pool *fakePool) error { return pool.conn.CloseWrite() },
			mining.PeerClosed, "the pool closed the connection", 0,
		},
		"silent later": {
			func(_ int, pool *fakePool) error { serves(pool); return nil },
			mining.PoolSilent, "silent", 90 * time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newProbed(t, tc.script)
				time.Sleep(tc.after + 2*time.Nanosecond)
				synctest.Wait()
				s := p.k.Status()
				if s.State != link.Down || s.Reason != tc.reason || !strings.Contains(s.Error, tc.text) {
					t.Errorf("status is %+v", s)
				}
				_, err := p.k.Wait(t.Context())
				var down *link.DownError
				if !errors.As(err, &down) || down.Reason() != tc.reason || down.Pool != "main" || !strings.Contains(err.Error(), tc.text) {
					t.Errorf("Wait returned %v", err)
				}
				if p.logged("pool is down") != 1 {
					t.Errorf("log is %s", &p.log)
				}
				p.end()
			})
		})
	}
}

func TestKeeperBacksOffAndWarnsOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProbed(t, nil)
		time.Sleep(10 * time.Minute)
		n := p.attempts()
		// 10 minutes of pauses of 15 s in the mean, and some short ones first.
		if n < 25 || n > 90 {
			t.Errorf("%d attempts", n)
		}
		if warnings := p.logged("pool is down"); warnings < 8 || warnings > 11 {
			t.Errorf("%d warnings in 10 minutes", warnings)
		}
		if p.k.Status().Attempts != uint64(n) {
			t.Errorf("status counts %d attempts, want %d", p.k.Status().Attempts, n)
		}
		p.mu.Lock()
		for i := 1; i < n; i++ {
			longest := min(500*time.Millisecond<<min(i-1, 10), 30*time.Second) + time.Millisecond
			if pause := p.dials[i].Sub(p.dials[i-1]); pause > longest {
				t.Errorf("pause %d is %v, over %v", i, pause, longest)
			}
		}
		p.mu.Unlock()
		if since := p.k.Status().Since; time.Since(since) != 10*time.Minute {
			t.Errorf("down since %v", since)
		}
		p.end()
	})
}

func TestKeeperComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var pool *fakePool
		p := newProbed(t, func(n int, far *fakePool) error {
			if n > 1 && n < 12 {
				return errNoRoute
			}
			pool = far
			serves(far)
			return nil
		})
		synctest.Wait()
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if !p.k.Ready() {
			t.Fatalf("status is %+v", p.k.Status())
		}
		_ = pool.conn.Close()
		synctest.Wait()
		if s := p.k.Status(); s.State != link.Down || s.Reason != mining.PeerClosed || !s.Known || s.Facts.Extranonce2Size != 8 {
			t.Errorf("status is %+v", s) // what was learned is still known
		}
		for p.attempts() < 12 {
			time.Sleep(time.Second)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if s := p.k.Status(); s.State != link.Active || s.Error != "" {
			t.Errorf("status is %+v", s)
		}
		// Healthy for over a minute: the next pause is the first one again.
		time.Sleep(70 * time.Second)
		_ = pool.conn.Close()
		time.Sleep(501 * time.Millisecond)
		if n := p.attempts(); n != 13 {
			t.Errorf("%d attempts", n)
		}
		if p.logged("pool is active") != 3 {
			t.Errorf("log is %s", &p.log)
		}
		p.end()
	})
}

// By itself a keeper follows no pool: who has it decides, and tells.
func TestKeeperDoesNotFollow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProbed(t, func(_ int, pool *fakePool) error {
			serves(pool)
			for range 50 {
				pool.say(`{"id":null,"method":"client.reconnect","params":["evil.example.com",3333,0]}`,
					`{"id":null,"method":"client.show_message","params":["hello\nworld"]}`)
			}
			pool.say("nonsense")
			return nil
		})
		time.Sleep(time.Second)
		if !p.k.Ready() || p.attempts() != 1 {
			t.Errorf("status is %+v", p.k.Status())
		}
		if p.logged("evil.example.com") != 0 || p.logged("hello.world") != 1 || p.logged("line of pool skipped") != 1 {
			t.Errorf("log is %s", &p.log)
		}
		p.end()
	})
}

func TestKeeperTellsOfANewMask(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProbed(t, func(_ int, pool *fakePool) error {
			serves(pool)
			time.Sleep(time.Second)
			pool.say(`{"method":"mining.set_version_mask","params":["00c00000"]}`,
				`{"method":"mining.set_extranonce","params":["aabb",4]}`, `{"method":"mining.set_difficulty","params":[32]}`)
			return nil
		})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		facts, err := p.k.Wait(t.Context())
		if err != nil || facts.VersionMask != 0x00c00000 || facts.Extranonce1.String() != "aabb" || facts.Extranonce2Size != 4 || facts.Difficulty != 32 {
			t.Errorf("facts are %+v, %v", facts, err)
		}
		if n := len(p.changes); n != 4 {
			t.Errorf("%d changes", n)
		}
		p.end()
	})
}

func TestKeeperThatNeverRan(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errNoRoute)
	k := link.NewKeeper(link.KeeperConfig{}, link.KeeperDeps{})
	if err := k.Run(ctx); !errors.Is(err, errNoRoute) {
		t.Errorf("Run returned %v", err)
	}
	if k.State() != link.Connecting || k.Status().Attempts != 0 {
		t.Errorf("status is %+v", k.Status())
	}
}

package dial

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// fakeResolver answers as it is told.
type fakeResolver struct {
	answers map[string][]netip.Addr
	err     error
	delay   time.Duration
	asked   int
}

func (r *fakeResolver) LookupNetIP(ctx context.Context, _, host string) ([]netip.Addr, error) {
	r.asked++
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(r.delay):
	}
	if r.err != nil {
		return nil, r.err
	}
	return r.answers[host], nil
}

func addrs(texts ...string) (all []netip.Addr) {
	for _, text := range texts {
		all = append(all, netip.MustParseAddr(text))
	}
	return all
}

// network is a world of addresses: each is answered after a while, or refused,
// or never; the connections that are opened are those of an address's pipe.
type network struct {
	after map[string]time.Duration // negative is refused after so long, missing is never
	began time.Time

	mu    sync.Mutex
	tried []string
	at    []time.Duration
	open  int
}

// pipe is a connection that counts its end.
type pipe struct {
	net.Conn

	to string
	n  *network
}

func (p *pipe) Close() error {
	p.n.mu.Lock()
	defer p.n.mu.Unlock()
	p.n.open--
	return p.Conn.Close()
}

var errRefused = errors.New("refused")

func (n *network) dialer(r Resolver, log *bytes.Buffer) *Dialer {
	d := New(Config{Resolver: r, Logger: slog.New(slog.NewTextHandler(log, nil))})
	n.began = time.Now()
	d.tcp = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
		n.mu.Lock()
		n.tried, n.at = append(n.tried, to.Addr().String()), append(n.at, time.Since(n.began))
		n.mu.Unlock()
		after, ok := n.after[to.Addr().String()]
		wait := time.NewTimer(max(after, -after))
		defer wait.Stop()
		if !ok {
			wait.Stop()
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-wait.C:
		}
		if after < 0 {
			return nil, fmt.Errorf("%s: %w", to, errRefused)
		}
		near, far := net.Pipe()
		_ = far.Close()
		n.mu.Lock()
		defer n.mu.Unlock()
		n.open++
		return &pipe{near, to.Addr().String(), n}, nil
	}
	return d
}

func TestRace(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		names []string
		after map[string]time.Duration
		want  string // the address that wins, "" for none
		tried string
		took  time.Duration
		fails Problem
	}{
		"one": {
			[]string{"192.0.2.1"}, map[string]time.Duration{"192.0.2.1": 40 * ms}, "192.0.2.1", "192.0.2.1@0s", 40 * ms, "",
		},
		"the first is fast enough": {
			[]string{"192.0.2.1", "192.0.2.2"}, map[string]time.Duration{"192.0.2.1": 200 * ms, "192.0.2.2": ms}, "192.0.2.1", "192.0.2.1@0s", 200 * ms, "",
		},
		"the first is refused": {
			[]string{"192.0.2.1", "192.0.2.2"}, map[string]time.Duration{"192.0.2.1": -ms, "192.0.2.2": ms}, "192.0.2.2", "192.0.2.1@0s 192.0.2.2@1ms", 2 * ms, "",
		},
		"the first is dead": {
			[]string{"192.0.2.1", "192.0.2.2"}, map[string]time.Duration{"192.0.2.2": ms}, "192.0.2.2", "192.0.2.1@0s 192.0.2.2@250ms", 251 * ms, "",
		},
		"the first wins though it is late": {
			[]string{"192.0.2.1", "192.0.2.2"}, map[string]time.Duration{"192.0.2.1": 300 * ms}, "192.0.2.1", "192.0.2.1@0s 192.0.2.2@250ms", 300 * ms, "",
		},
		"IPv6 is broken": {
			[]string{"2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1", "192.0.2.2"},
			map[string]time.Duration{"192.0.2.1": 20 * ms},
			"192.0.2.1", "2001:db8::1@0s 192.0.2.1@250ms", 270 * ms, "",
		},
		"all refused": {
			[]string{"192.0.2.1", "192.0.2.2"}, map[string]time.Duration{"192.0.2.1": -2 * ms, "192.0.2.2": -ms}, "", "192.0.2.1@0s 192.0.2.2@2ms", 3 * ms, Unreachable,
		},
		"all dead": {
			[]string{"192.0.2.1", "192.0.2.2"}, nil, "", "192.0.2.1@0s 192.0.2.2@250ms", 10 * time.Second, Timeout,
		},
		"no address": {
			nil, nil, "", "", 0, NoSuchHost,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{after: c.after}
				d := n.dialer(&fakeResolver{answers: map[string][]netip.Addr{"pool": addrs(c.names...)}}, new(bytes.Buffer))
				conn, err := d.Dial(t.Context(), Endpoint{Host: "pool", Port: 1})
				if took := time.Since(n.began); took != c.took {
					t.Errorf("it took %v, want %v", took, c.took)
				}
				tried := make([]string, 0, len(n.tried))
				for i, to := range n.tried {
					tried = append(tried, to+"@"+n.at[i].String())
				}
				if got := strings.Join(tried, " "); got != c.tried {
					t.Errorf("tried were %s, want %s", got, c.tried)
				}
				var failed *Error
				switch {
				case c.want == "" && (!errors.As(err, &failed) || failed.Problem != c.fails || failed.Reason != mining.DialFailed):
					t.Errorf("error %v, want %s", err, c.fails)
				case c.want == "" && c.fails == Unreachable && !strings.Contains(err.Error(), "192.0.2.1"):
					t.Errorf("error %v is not the first address's", err)
				case c.want != "" && err != nil:
					t.Error(err)
				case c.want != "" && conn.(*pipe).to != c.want:
					t.Errorf("connected to %s, want %s", conn.(*pipe).to, c.want)
				case c.want != "" && n.open != 1:
					t.Errorf("%d connections are open", n.open)
				}
			})
		})
	}
}

// Two answer at the same time: one is taken, and the other is not left open.
func TestRaceOfTwoWinners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{after: map[string]time.Duration{"192.0.2.1": 300 * time.Millisecond, "192.0.2.2": 50 * time.Millisecond}}
		d := n.dialer(&fakeResolver{answers: map[string][]netip.Addr{"pool": addrs("192.0.2.1", "192.0.2.2")}}, new(bytes.Buffer))
		tcp := d.tcp
		d.tcp = func(_ context.Context, to netip.AddrPort) (net.Conn, error) { return tcp(t.Context(), to) } // cancelled too late
		conn, err := d.Dial(t.Context(), Endpoint{Host: "pool", Port: 1})
		if err != nil || n.open != 1 {
			t.Fatalf("%v, %d are open", err, n.open)
		}
		_ = conn.Close()
	})
}

func TestInTurn(t *testing.T) {
	many := make([]string, 40)
	for i := range many {
		many[i] = fmt.Sprintf("192.0.2.%d", i+1)
	}
	for _, c := range []struct{ in, want []string }{
		{[]string{"192.0.2.1"}, []string{"192.0.2.1"}},
		{[]string{"::ffff:192.0.2.1"}, []string{"192.0.2.1"}},
		{[]string{"2001:db8::1", "2001:db8::2", "192.0.2.1"}, []string{"2001:db8::1", "192.0.2.1", "2001:db8::2"}},
		{[]string{"192.0.2.1", "2001:db8::1", "192.0.2.2", "192.0.2.3"}, []string{"192.0.2.1", "2001:db8::1", "192.0.2.2", "192.0.2.3"}},
		{many, many[:maxAddresses]},
	} {
		if got := inTurn(addrs(c.in...)); !slices.Equal(got, addrs(c.want...)) {
			t.Errorf("%v gives %v, want %v", c.in, got, c.want)
		}
	}
}

// While the resolver fails, in whatever way, the last good answer is used, and
// that is logged once a minute; once it answers again its word is taken.
func TestLastGoodAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		delay time.Duration
		none  bool
		costs time.Duration
	}{
		"no such host": {err: &net.DNSError{Err: "no such host", Name: "pool", IsNotFound: true}},
		"server fails": {err: &net.DNSError{Err: "server misbehaving", Name: "pool", IsTemporary: true}},
		"no answer":    {delay: time.Hour, costs: lookupPatience},
		"empty":        {none: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				r := &fakeResolver{answers: map[string][]netip.Addr{"pool": addrs("192.0.2.1")}}
				n := &network{after: map[string]time.Duration{"192.0.2.1": 0, "192.0.2.2": 0}}
				d := n.dialer(r, &log)
				dial := func(want string, costs time.Duration) {
					t.Helper()
					began := time.Now()
					conn, err := d.Dial(t.Context(), Endpoint{Host: "pool", Port: 1})
					if err != nil || conn.(*pipe).to != want || time.Since(began) != costs {
						t.Fatalf("%v, %v after %v, want %s after %v", conn, err, time.Since(began), want, costs)
					}
					_ = conn.Close()
				}
				dial("192.0.2.1", 0)
				good := r.answers
				if r.err, r.delay = c.err, c.delay; c.none {
					r.answers = nil
				}
				time.Sleep(time.Hour)
				dial("192.0.2.1", c.costs)
				dial("192.0.2.1", c.costs)
				if got := strings.Count(log.String(), "level=WARN"); got != 1 || !strings.Contains(log.String(), "age=1h0m") || !strings.Contains(log.String(), "host=pool") {
					t.Errorf("log is %s", &log)
				}
				time.Sleep(time.Minute)
				dial("192.0.2.1", c.costs)
				if got := strings.Count(log.String(), "level=WARN"); got != 2 {
					t.Errorf("log is %s", &log)
				}
				r.err, r.delay, r.answers = nil, 0, good
				r.answers["pool"] = addrs("192.0.2.2")
				dial("192.0.2.2", 0)
				if r.asked != 5 {
					t.Errorf("the resolver was asked %d times", r.asked)
				}
			})
		})
	}
}

// A name that was never resolved is waited for, and a cancelled dial is no
// failure of the resolver.
func TestNoAnswerYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := &fakeResolver{answers: map[string][]netip.Addr{"pool": addrs("192.0.2.1")}, delay: 5 * time.Second}
		n := &network{after: map[string]time.Duration{"192.0.2.1": 0}}
		d := n.dialer(r, &log)
		began, named := time.Now(), time.Duration(0)
		conn, err := d.Dial(OnNamed(t.Context(), func() { named = time.Since(began) }), Endpoint{Host: "pool", Port: 1})
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
		if named != r.delay {
			t.Errorf("the name was known after %v", named)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err = d.Dial(ctx, Endpoint{Host: "pool", Port: 1})
		var failed *Error
		if !errors.As(err, &failed) || failed.Problem != Cancelled || log.Len() > 0 {
			t.Errorf("error %v, log %s", err, &log)
		}
		r.err = errRefused
		if _, err = d.Dial(t.Context(), Endpoint{Host: "other", Port: 1}); !errors.Is(err, errRefused) {
			t.Errorf("error %v", err)
		}
	})
}

// What is remembered has a bound, and the oldest goes first.
func TestNamesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &fakeResolver{answers: map[string][]netip.Addr{}}
		n := &network{after: map[string]time.Duration{"192.0.2.1": 0}}
		d := n.dialer(r, new(bytes.Buffer))
		dial := func(i int) error {
			conn, err := d.Dial(t.Context(), Endpoint{Host: fmt.Sprintf("pool%d", i), Port: 1})
			if err == nil {
				_ = conn.Close()
			}
			return err
		}
		for i := range maxNames + 1 {
			r.answers[fmt.Sprintf("pool%d", i)] = addrs("192.0.2.1")
			time.Sleep(time.Second)
			if err := dial(i); err != nil {
				t.Fatal(err)
			}
		}
		r.err = errRefused
		if dial(0) == nil || dial(1) != nil || dial(maxNames) != nil {
			t.Error("not the oldest name was forgotten")
		}
	})
}

// A pool that sends us to name after name has none of the others forgotten.
func TestNamesOfRedirectsAreNotRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &fakeResolver{answers: map[string][]netip.Addr{}}
		n := &network{after: map[string]time.Duration{"203.0.113.1": 0}}
		d := n.dialer(r, new(bytes.Buffer))
		dial := func(to Endpoint) {
			t.Helper()
			r.answers[to.Host] = addrs("203.0.113.1")
			time.Sleep(time.Second)
			conn, err := d.Dial(t.Context(), to)
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.Close()
		}
		dial(Endpoint{Host: "backup", Port: 1})
		for i := range 2 * maxNames {
			dial(Endpoint{Host: fmt.Sprintf("node%d", i), Port: 1, PublicOnly: true})
		}
		r.err = errRefused
		dial(Endpoint{Host: "backup", Port: 1})
	})
}

package serve

import (
	"bufio"
	"context"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loka/stratum/internal/downstream"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/profile"
)

// BenchmarkTimedShare prints what part of the processor's time of a share its timing
// is: from the miner's socket through the session and back, over loopback, with a
// house that does nothing, against the same without in the same run. The whole walk
// costs several times as much.
func BenchmarkTimedShare(b *testing.B) {
	const batch = 500
	p := profile.New(profile.Config{})
	off, on, all := benchMiner(b, nil, 0), benchMiner(b, p, profile.DefaultOneIn), benchMiner(b, p, 1)
	var took [3]time.Duration
	rounds := 0
	for b.Loop() {
		for i := range took { // in turn, so that what else the machine does meets all alike
			m := []*benchConn{off, on, all}[(i+rounds)%3]
			before := processorTime(b)
			for range batch {
				m.share(b)
			}
			took[(i+rounds)%3] += processorTime(b) - before
		}
		rounds++
	}
	each := func(d time.Duration) float64 { return float64(d) / float64(rounds*batch) }
	b.ReportMetric(each(took[0]), "ns/share-untimed")
	b.ReportMetric(float64(took[1])/float64(took[0]), "x_one_in_16")
	b.ReportMetric(float64(took[2])/float64(took[0]), "x_all")
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// quick is a house that accepts all.
type quick struct{ steps [4]*profile.Histogram }

func (*quick) Join(m *mining.Miner, c *Conn)                         { m.Seat = c }
func (*quick) Flush(*mining.Miner)                                   {}
func (*quick) Leave(*mining.Miner)                                   {}
func (*quick) Refused(*mining.Miner, *mining.Worker, mining.Verdict) {}
func (q *quick) Handle(m *mining.Miner, req *mining.Request) mining.Answer {
	if req.Kind == mining.Open {
		c, _ := m.Seat.(*Conn)
		return (&house{}).grant(c, req)
	}
	for _, step := range q.steps { // as the hub does
		if !req.Mark.IsZero() {
			now := time.Now()
			step.Observe(now.Sub(req.Mark).Seconds())
			req.Mark = now
		}
	}
	return mining.Answer{Ticket: req.Ticket, Verdict: mining.Accepted}
}

// benchConn is a miner's end.
type benchConn struct {
	net.Conn

	r    *bufio.Reader
	line []byte
}

func benchMiner(b *testing.B, p *profile.Profile, oneIn int) *benchConn {
	b.Helper()
	cfg, deps, q := Config{Session: downstream.DefaultConfig()}, Deps{}, &quick{}
	cfg.Wire.TimeOneIn = oneIn
	if p != nil {
		cfg.Wire.Metrics.Written = p.Of(profile.ShareWrite)
		deps.Metrics = Metrics{ReadSeconds: p.Of(profile.ShareRead), DecodeSeconds: p.Of(profile.ShareDecode), AnswerSeconds: p.Of(profile.ShareAnswer)}
		q.steps = [4]*profile.Histogram{p.Of(profile.SharePipeline), p.Of(profile.ShareJudge), p.Of(profile.ShareLedger), p.Of(profile.ShareForward)}
	}
	deps.House, deps.Handler = q, q
	server := New(cfg, deps)
	l, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	far, err := (&net.Dialer{}).DialContext(b.Context(), "tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	near, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	_ = l.Close()
	gone := make(chan struct{})
	server.Serve(context.Background(), near, nil, mining.Arrival{}, func() { close(gone) })
	b.Cleanup(func() { _ = far.Close(); <-gone })
	m := &benchConn{Conn: far, r: bufio.NewReader(far), line: []byte(submit("9", 1) + "\n")}
	if _, err := m.Write([]byte(subscribe("1") + "\n" + authorize("2", "alice") + "\n")); err != nil {
		b.Fatal(err)
	}
	for line := ""; !strings.Contains(line, "mining.notify\",\"params"); {
		if line, err = m.r.ReadString('\n'); err != nil {
			b.Fatal(err)
		}
	}
	m.share(b)
	return m
}

// share hands a share in and waits for the reply.
func (m *benchConn) share(b *testing.B) {
	b.Helper()
	if _, err := m.Write(m.line); err != nil {
		b.Fatal(err)
	}
	if _, err := m.r.ReadSlice('\n'); err != nil {
		b.Fatal(err)
	}
}

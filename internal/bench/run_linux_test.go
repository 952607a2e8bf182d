package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/loka/stratum/internal/load"
)

// childVariable makes this test's binary a load.
const childVariable = "LOKA_BENCH_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		if err := Load(os.Stdin, os.Stdout); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if err := os.Setenv(childVariable, "1"); err != nil { // for those to come
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// child is the command line of a load.
func child() []string { return []string{os.Args[0], "-test.run=^$"} }

// crier is the least that can be measured as a proxy: it accepts every share, and passes
// its pool's jobs on to everybody.
type crier struct {
	*load.Server

	words    load.Words
	upstream net.Conn
	all      sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
	jobs  int
	// stopped says that it was.
	stopped bool
}

func (c *crier) start(ctx context.Context, pool string) (Proxy, error) {
	var err error
	c.words = load.PlainWords()
	if c.upstream, err = (&net.Dialer{}).DialContext(ctx, "tcp", pool); err != nil {
		return nil, err
	}
	if _, err := c.upstream.Write([]byte(load.Greeting(0))); err != nil {
		return nil, err
	}
	c.all.Go(c.pass)
	c.Server, err = load.NewServer(ctx, c.serve)
	return c, err
}

// pass passes jobs on until the pool's connection ends.
func (c *crier) pass() {
	for lines := bufio.NewScanner(c.upstream); lines.Scan(); {
		if !strings.Contains(lines.Text(), `"mining.notify","params":[`) {
			continue
		}
		c.mu.Lock()
		c.jobs++
		for _, conn := range c.conns {
			_, _ = conn.Write(append(lines.Bytes(), '\n'))
		}
		c.mu.Unlock()
	}
}

func (c *crier) serve(conn net.Conn) {
	c.mu.Lock()
	c.conns = append(c.conns, conn)
	c.mu.Unlock()
	c.words.Serve(conn)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns = slices.DeleteFunc(c.conns, func(one net.Conn) bool { return one == conn })
}

func (c *crier) Ready() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.jobs > 0
}

func (c *crier) Stop() error {
	_ = c.upstream.Close()
	c.all.Wait()
	c.Close()
	c.stopped = true
	return nil
}

func TestRun(t *testing.T) {
	t.Parallel()
	c := &crier{}
	var told []string
	r, err := Run(t.Context(), Config{
		Duration: time.Second, Miners: 60, SharesPerMinute: 600, Machine: Machine{Processors: 2, Files: 20_000},
	}, Deps{Start: c.start, Child: child(), Tell: func(what string) { told = append(told, what) }})
	if err != nil {
		t.Fatal(err)
	}
	if !c.stopped {
		t.Error("the proxy was left running")
	}
	if len(told) != 6 || told[5] != "measuring 60 miners" {
		t.Errorf("told %q", told)
	}
	if r.Few.Miners != 10 || r.Many.Miners != 60 || r.Bare.Miners != 60 || r.Many.Rate != 600 || r.Took <= 0 {
		t.Errorf("%+v", r)
	}
	for name, s := range map[string]Side{"few": r.Few, "many": r.Many, "bare": r.Bare} {
		for what, v := range map[string]float64{
			"storm": s.Storm, "written": s.Written.P50, "verdict": s.Verdict.P50, "answers": s.Verdict.Last,
		} {
			if v <= 0 {
				t.Errorf("%s: %s is %v", name, what, v)
			}
		}
		if s.Written.P50 > s.Written.P99 || s.Written.P99 > s.Written.Last || s.Verdict.P50 > s.Verdict.P999 {
			t.Errorf("%s: spans %v and %v", name, s.Written, s.Verdict)
		}
	}
	if r.Many.Closed <= 0 || r.Bare.Closed <= 0 || r.Many.ClosedRate <= 0 || r.Few.Closed != 0 {
		t.Errorf("as fast as answers come: %+v, %+v and %+v", r.Few, r.Many, r.Bare)
	}
	submit := float64(len(load.PlainWords().Submit))
	for _, k := range []Coefficients{r.FromFew, r.FromMany} {
		if k.ShareDown != submit || k.ShareUp < 100 || k.JobDown < 1400 || k.Fanout <= 0 || k.JobCPU <= 0 || k.BaseMemory <= 0 {
			t.Errorf("coefficients %+v", k)
		}
	}
	if r.Carries != r.Limits[0].Miners || r.Carries <= 0 || r.Compared.Measured.Fanout <= 0 {
		t.Errorf("it carries %d, limits %v, measured %+v", r.Carries, r.Limits, r.Compared.Measured)
	}
}

var errRefused = errors.New("refused")

func TestRunFails(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancelCause(t.Context())
	cancel(errRefused)
	for name, tt := range map[string]struct {
		ctx   context.Context
		files uint64
		child []string
		start func(context.Context, string) (Proxy, error)
		want  string
	}{
		"the proxy does not start":   {t.Context(), 0, child(), func(context.Context, string) (Proxy, error) { return nil, errRefused }, "refused"},
		"no child":                   {t.Context(), 0, []string{"/nowhere"}, nil, "start the load: "},
		"a child that ends":          {t.Context(), 0, []string{"/bin/true"}, nil, "the load"},
		"few files":                  {t.Context(), 300, child(), nil, "too few open files: this process may have 300; raise the limit"},
		"it is over before it began": {gone, 0, child(), nil, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &crier{}
			if tt.start == nil {
				tt.start = c.start
			}
			r, err := Run(tt.ctx, Config{Duration: time.Second, Miners: 6, SharesPerMinute: 6, Machine: Machine{Files: tt.files}}, Deps{Start: tt.start, Child: tt.child})
			if r != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v and %v, want an error that says %q", r, err, tt.want)
			}
			if c.upstream != nil && c.Server != nil && !c.stopped {
				t.Error("the proxy was left running")
			}
		})
	}
}

// Whoever presses Ctrl-C waits for no phase to end.
func TestRunEndsEarly(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c := &crier{}
	_, err := Run(ctx, Config{Duration: time.Hour, Miners: 6, SharesPerMinute: 6, Machine: Machine{}}, Deps{
		Start: c.start, Child: child(), Tell: func(what string) {
			if strings.Contains(what, "without") {
				cancel()
			}
		},
	})
	if !errors.Is(err, context.Canceled) || !c.stopped {
		t.Errorf("%v, stopped %v", err, c.stopped)
	}
}

package app_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/loka/stratum/internal/listen"
)

// loadVariable makes a test binary a load.
const loadVariable = "LOKA_BENCH_LOAD"

// loadReport is what a load answers to a command.
type loadReport struct {
	Error string
	// Elapsed and CPU are nanoseconds: what the command took, and the load's
	// own CPU time in it.
	Elapsed, CPU int64
	// First and Last are when the first and the last miner was given a job,
	// in nanoseconds since 1970.
	First, Last int64
	// Answered counts submits, Refused those that were not answered by true;
	// Refusal is the last such answer.
	Answered, Refused int
	Refusal           string
	// Sample is what the first miner was sent, by the kernel's clock only.
	Sample string
	// Took is how long each paced submit waited for its answer, in nanoseconds.
	Took []int64
	// Looks are how long each reading of an address took, in nanoseconds, by address.
	Looks map[string][]int64
}

// serveLoad does what it is told, a line a command, until its input ends:
//
//	open ADDRESS N STAMPED   connect N miners; STAMPED where "written" is asked for
//	watch                    say "{}", then wait until each miner had a job, reading all the while
//	gather                   the same for jobs that have arrived unread, by the kernel's clock
//	closed N                 N submits, one outstanding for each miner
//	paced RATE N             N submits, RATE a second
//	look DURATION EVERY URL… read each address at its interval, as open pages do
//	close                    end all connections
func serveLoad(in io.Reader, out io.Writer) error {
	runtime.LockOSThread()
	if _, err := listen.RaiseFileLimit(); err != nil {
		return err
	}
	l, err := newLoader()
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(l.epoll) }()
	defer l.close()
	for lines, say := bufio.NewScanner(in), json.NewEncoder(out); lines.Scan(); {
		begin, cpu := time.Now(), cpuTime()
		if lines.Text() == "watch" {
			if err := say.Encode(loadReport{}); err != nil {
				return err
			}
		}
		l.answered, l.refused, l.took, l.looks = 0, 0, nil, nil
		var report loadReport
		if err := l.obey(lines.Text()); err != nil {
			report.Error = fmt.Sprintf("%s: %v", lines.Text(), err)
		}
		report.Elapsed, report.CPU = time.Since(begin).Nanoseconds(), (cpuTime() - cpu).Nanoseconds()
		report.First, report.Last, report.Sample = l.first, l.last, string(l.sample)
		report.Answered, report.Refused, report.Refusal = l.answered, l.refused, l.refusal
		report.Took, report.Looks = l.took, l.looks
		l.mark()
		if err := say.Encode(report); err != nil {
			return err
		}
	}
	return nil
}

// obey carries out one command.
func (l *loader) obey(command string) error {
	var (
		word, address string
		n, rate       int
		stamped       bool
	)
	_, _ = fmt.Sscan(command, &word)
	switch word {
	case "open":
		if _, err := fmt.Sscan(command, &word, &address, &n, &stamped); err != nil {
			return err
		}
		addr, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		return l.open(addr, n, stamped)
	case "watch":
		return l.fanout(ownClock)
	case "gather":
		return l.fanout(kernelClock)
	case "closed":
		if _, err := fmt.Sscan(command, &word, &n); err != nil {
			return err
		}
		return l.closed(n)
	case "paced":
		if _, err := fmt.Sscan(command, &word, &rate, &n); err != nil {
			return err
		}
		return l.paced(rate, n)
	case "look":
		return l.look(strings.Fields(command)[1:])
	case "close":
		l.close()
		return nil
	default:
		return errors.New("unknown command")
	}
}

// loadProcess is a load in a process of its own, as one process may not have
// descriptors enough for both ends.
type loadProcess struct {
	tb  testing.TB
	in  io.WriteCloser
	out *json.Decoder
}

// startLoad starts a load that ends with the test.
func startLoad(tb testing.TB) *loadProcess {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), os.Args[0], "-test.run=^TestLoad$")
	cmd.Env = append(os.Environ(), loadVariable+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait() // what it said last is not of interest
	})
	return &loadProcess{tb: tb, in: in, out: json.NewDecoder(out)}
}

// do has a command carried out.
func (p *loadProcess) do(format string, args ...any) loadReport {
	p.tb.Helper()
	p.say(format, args...)
	return p.report()
}

// say gives a command; its report is asked for later.
func (p *loadProcess) say(format string, args ...any) {
	p.tb.Helper()
	if _, err := fmt.Fprintf(p.in, format+"\n", args...); err != nil {
		p.tb.Fatal(err)
	}
}

// report waits for an answer.
func (p *loadProcess) report() loadReport {
	p.tb.Helper()
	var r loadReport
	if err := p.out.Decode(&r); err != nil {
		p.tb.Fatalf("the load ended: %v", err)
	}
	if r.Error != "" {
		p.tb.Fatal(r.Error)
	}
	if r.Refused > 0 {
		p.tb.Fatalf("%d shares were refused, the last with %s", r.Refused, r.Refusal)
	}
	return r
}

// TestLoad shows that a load does what the figures rest on. In a child
// process it is the load.
func TestLoad(t *testing.T) {
	if os.Getenv(loadVariable) != "" {
		if err := serveLoad(os.Stdin, os.Stdout); err != nil {
			t.Fatal(err)
		}
		return
	}
	const miners = 50
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	heard := make(chan int, miners)
	all.Go(func() {
		for range miners {
			conn, err := ln.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			all.Go(func() { heard <- plainLines().serve(conn) })
		}
	})
	p := startLoad(t)
	p.do("open %s %d true", ln.Addr(), miners)
	_ = ln.Close()
	p.do("closed %d", 1001)
	paced := p.do("paced 1000 %d", 99)
	if time.Duration(paced.Elapsed) < 90*time.Millisecond {
		t.Errorf("99 submits at 1,000 a second took %v", time.Duration(paced.Elapsed))
	}
	for _, way := range []string{"watch", "gather"} {
		if way == "watch" {
			p.do(way)
		}
		begin := time.Now().UnixNano()
		if err := rawFanout(serverSockets(t, ln.Addr().String()), []byte(plainLines().notify)); err != nil {
			t.Fatal(err)
		}
		var r loadReport
		if way == "watch" {
			r = p.report()
		} else {
			r = p.do(way)
		}
		if now := time.Now().UnixNano(); r.First < begin || r.Last < r.First || r.Last > now {
			t.Errorf("%s: first %d and last %d are not in order between %d and %d", way, r.First, r.Last, begin, now)
		}
		if way == "gather" && r.Sample != plainLines().notify {
			t.Errorf("the sample is %q", r.Sample)
		}
	}
	p.do("close")
	all.Wait()
	close(heard)
	total := 0
	for n := range heard {
		total += n
	}
	if total != 1001+99 {
		t.Errorf("%d submits arrived of 1,100", total)
	}
}

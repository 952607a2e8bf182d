package attack

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// openAtOnce is how many connections may wait for their first answer: fewer than
	// the kernel lets wait for an accept (somaxconn is 4,096), for what it drops there
	// comes again a second later and hides everything else.
	openAtOnce = 3000
	// minerPriority is the nice value of the honest miners.
	minerPriority = -10
	// again is how long a miner waits before it connects anew.
	again = time.Second
	// newcomers are the connections of those that come and go, at most.
	newcomers = 64
	// newcomerPatience is how long one waits for its first job.
	newcomerPatience = 10 * time.Second
)

// farmOrder is what the honest miners are told.
type farmOrder struct {
	// Do is "open", "mark", "report" or "close".
	Do string
	// Address is where N miners connect to, which together find Rate shares a second.
	Address string
	N       int
	Rate    float64
	// NAT puts all behind one address; else only every other is.
	NAT bool
	// Plain has all shake hands in the plainest manner.
	Plain bool
	// Newcomers is how many more connect each second, are given work, and leave, as a
	// Bitaxe does that tries whether its first pool is back.
	Newcomers float64
	// Period is what a report is of.
	Period int
}

// period is what honest miners met with between two marks.
type period struct {
	Took time.Duration
	// Due counts the shares that were due by the clock, Sent those that were sent,
	// and of these Accepted, Refused and Unheard are what became of them.
	Due, Sent, Accepted, Refused, Unheard int
	Refusals                              map[string]int
	// Disconnects are ends that a miner did not want; Failures connects that failed.
	Disconnects, Failures int
	Why                   map[string]int
	// Verdicts are the times from the writing of each share to the reading of its
	// verdict.
	Verdicts []time.Duration
	// Late is the longest that the miners themselves were late to send a share.
	Late time.Duration
	// Spread is the longest that a job took from the first miner to the last, Oldest
	// the age of the oldest work that any miner had at the end.
	Spread, Oldest time.Duration
	// Came counts newcomers by when they came, Joined how long those took that were
	// given work, Turned those that were not.
	Came   int
	Joined []time.Duration
	Turned int

	begin time.Time
}

// farmReport answers an order.
type farmReport struct {
	Error string
	// Took is how long an open took until all had work.
	Took time.Duration
	// Period is the one that a mark began, or that was asked for.
	Number int
	Period period
	// Ready is how many miners have work.
	Ready int
}

// farm is any number of honest miners in one thread.
type farm struct {
	epoll  int
	events []unix.EpollEvent
	buf    []byte

	target unix.SockaddrInet4
	order  farmOrder
	all    []*miner
	known  jobs
	now    time.Time
	opened int
	// greeted and ready count the miners that have an answer, and work.
	greeted, ready int

	periods []*period
	// begun is since when shares are due; due is how many were.
	begun time.Time
	due   int
	came  int
}

// serveHonest is the process of the honest miners. They are other machines than the
// one that is attacked, so they go before everything on it, where that is allowed:
// what is measured is how long the proxy takes, not how long a core.
func serveHonest(in *json.Decoder, out *json.Encoder) error {
	runtime.LockOSThread()
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, minerPriority)
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	f := &farm{epoll: epoll, events: make([]unix.EpollEvent, 512), buf: make([]byte, 64<<10), now: time.Now()}
	f.mark()
	orders, ended := make(chan farmOrder), make(chan error, 1)
	go func() {
		for {
			var o farmOrder
			if err := in.Decode(&o); err != nil {
				ended <- err
				return
			}
			orders <- o
		}
	}()
	for {
		select {
		case err := <-ended:
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		case o := <-orders:
			if err := out.Encode(f.obey(o)); err != nil {
				return err
			}
		default:
			if err := f.turn(); err != nil {
				return err
			}
		}
	}
}

func (f *farm) obey(o farmOrder) (r farmReport) {
	switch o.Do {
	case "open":
		begin := time.Now()
		if err := f.open(o); err != nil {
			r.Error = err.Error()
		}
		r.Took = time.Since(begin)
	case "mark":
		f.mark()
		r.Number = len(f.periods) - 1
	case "report":
		r.Period = f.report(o.Period)
	case "close":
		f.close()
	}
	r.Ready = f.ready
	return r
}

// open connects the miners and waits until each has work.
func (f *farm) open(o farmOrder) error {
	addr, err := netip.ParseAddrPort(o.Address)
	if err != nil {
		return err
	}
	f.order, f.target = o, unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	for i := range o.N + newcomers {
		m := &miner{farm: f, number: i, newcomer: i >= o.N, fd: -1}
		m.source = natAddress
		if !o.NAT && i%2 == 1 {
			m.source = [4]byte{127, 11, byte(i >> 8), byte(i)}
		}
		m.worker = fmt.Sprintf("farm.w%05d", i)
		f.all = append(f.all, m)
	}
	f.begun = time.Time{}
	for end := time.Now().Add(patience); f.ready < o.N; {
		if time.Now().After(end) {
			return fmt.Errorf("not all have work in time: %d connects begun, %d greeted, %d with work; why: %v", f.opened, f.greeted, f.ready, f.period().Why)
		}
		for range 64 {
			if f.opened == o.N || f.opened-f.greeted >= openAtOnce {
				break
			}
			f.all[f.opened].dial()
			f.opened++
		}
		if err := f.turn(); err != nil {
			return err
		}
	}
	f.begun, f.due, f.came = time.Now(), 0, 0
	return nil
}

func (f *farm) period() *period { return f.periods[len(f.periods)-1] }

// mark ends a period and begins one.
func (f *farm) mark() {
	f.now = time.Now()
	if len(f.periods) > 0 {
		p := f.period()
		p.Took = f.now.Sub(p.begin)
		for _, m := range f.all {
			if m.stage == working && !m.newcomer {
				p.Oldest = max(p.Oldest, f.now.Sub(m.worked))
			}
		}
		for _, j := range f.known.list {
			if j != nil && !j.first.Before(p.begin) {
				p.Spread = max(p.Spread, j.last.Sub(j.first))
			}
		}
	}
	f.periods = append(f.periods, &period{begin: f.now, Refusals: map[string]int{}, Why: map[string]int{}})
}

// report is what became of a period's shares by now. Who has not been answered has
// not been heard.
func (f *farm) report(number int) period {
	p := *f.periods[number]
	p.Unheard = p.Sent - p.Accepted - p.Refused
	return p
}

// turn does what is due, waits a millisecond at most and takes what came.
func (f *farm) turn() error {
	f.pace()
	n, err := unix.EpollWait(f.epoll, f.events, 1)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("epoll: %w", err)
	}
	for _, e := range f.events[:max(n, 0)] {
		if m := f.all[e.Fd]; m.life == e.Pad { // else it is of an earlier connection
			m.event(e.Events)
		}
	}
	return nil
}

// pace sends the shares that are due, has newcomers come, and those come back that
// were disconnected.
func (f *farm) pace() {
	f.now = time.Now()
	if f.begun.IsZero() {
		return
	}
	since := f.now.Sub(f.begun).Seconds()
	p := f.period()
	for due := int(since * f.order.Rate); f.due < due; f.due++ {
		p.Due++
		if m := f.all[f.due%f.order.N]; m.stage == working {
			p.Late = max(p.Late, time.Duration((since-float64(f.due)/f.order.Rate)*float64(time.Second)))
			m.submit()
		}
	}
	for due := int(since * f.order.Newcomers); f.came < due; f.came++ {
		if m := f.all[f.order.N+f.came%newcomers]; m.stage == absent {
			p.Came++
			m.dial()
		}
	}
	for _, m := range f.all {
		switch {
		case m.newcomer && m.stage != absent && f.now.Sub(m.born) > newcomerPatience:
			m.lose("no work in time")
		case !m.newcomer && m.stage == absent && m.opened && f.now.After(m.retry):
			m.dial()
		}
	}
}

// close ends every connection.
func (f *farm) close() {
	for _, m := range f.all {
		m.end()
	}
	f.all, f.opened, f.greeted, f.ready, f.begun = nil, 0, 0, 0, time.Time{}
}

// socket makes one that does not block, of a source address that need not share its
// ports; an end without a goodbye leaves none of them waiting.
func socket(source [4]byte) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}),
		unix.Bind(fd, &unix.SockaddrInet4{Addr: source}),
	)
	if err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// begin starts a connect; nobody waits for it.
func begin(source [4]byte, to *unix.SockaddrInet4) (fd int, err error) {
	fd, err = socket(source)
	if err != nil {
		return -1, err
	}
	if err := unix.Connect(fd, to); err != nil && !errors.Is(err, syscall.EINPROGRESS) {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

package load

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// openAtOnce is how many connections of a load may wait for their first
// answer: fewer than the kernel lets wait for an accept, as what it drops
// there comes again a second later and hides everything else.
const openAtOnce = 3000

// clock says whose time an arrival gets.
type clock uint8

const (
	noClock clock = iota
	// ownClock is when the load had read the bytes.
	ownClock
	// kernelClock is when the kernel had put them into the receiver's queue.
	// On loopback the sender's write(2) does that.
	kernelClock
)

// loader is any number of miners in one thread: one epoll, raw descriptors and
// lines that are ready to be sent.
type loader struct {
	epoll  int
	events []unix.EpollEvent
	buf    []byte
	oob    []byte

	addr    unix.SockaddrInet4
	stamped bool
	miners  []miner
	// opened, greeted and ready count connections: begun, with an answer to
	// the subscribe, and with work.
	opened, greeted, ready int

	// jobs are the newest by their lines, for a proxy has one for each of its
	// connections to the pool.
	jobs map[string]*job
	// more is how many submits are to be sent yet in a closed loop, as many of a miner
	// together. lines are one miner's.
	more, together int
	lines          []byte
	sent, answered int
	refused        int
	refusal        string
	// timed says that took is filled, with how long each answer was waited for.
	timed bool
	took  []int64
	// wrote and heard count bytes.
	wrote, heard int64

	// fresh counts miners that were given a job since the last mark, arrivals are
	// when, in nanoseconds since 1970.
	fresh    int
	arrivals []int64
	clock    clock
	at       int64
	sample   []byte
}

func newLoader() (*loader, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return &loader{
		epoll: epoll, events: make([]unix.EpollEvent, 512),
		buf: make([]byte, 64<<10), oob: make([]byte, 128), jobs: make(map[string]*job),
	}, nil
}

// open connects n miners, shakes hands and waits until each has work.
func (l *loader) open(addr netip.AddrPort, n int, stamped bool) error {
	l.addr = unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	l.stamped, l.miners = stamped, make([]miner, n)
	l.opened, l.greeted, l.ready = 0, 0, 0
	l.sent, l.answered = 0, 0
	return l.until(func() (bool, error) {
		for range 64 {
			if l.opened == n || l.opened-l.greeted == openAtOnce {
				break
			}
			if err := l.dial(&l.miners[l.opened]); err != nil {
				return false, fmt.Errorf("connection %d: %w", l.opened, err)
			}
		}
		return l.ready == n, nil
	})
}

// until takes what comes until done says so.
func (l *loader) until(done func() (bool, error)) error {
	for end := time.Now().Add(patience); ; {
		if over, err := done(); over || err != nil {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("not done in time: %d connected, %d greeted, %d with work, %d sent, %d answered, %d with fresh work",
				l.opened, l.greeted, l.ready, l.sent, l.answered, l.fresh)
		}
		if err := l.turn(); err != nil {
			return err
		}
	}
}

// dial begins a connection. The sources take turns, so that no address runs
// out of ports; an end without a goodbye leaves none of them waiting.
func (l *loader) dial(m *miner) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	*m = miner{fd: fd, number: l.opened}
	source := unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(2 + l.opened%4)}} //nolint:gosec // 2 to 5
	l.opened++
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}),
		unix.Bind(fd, &source),
	)
	if l.stamped {
		err = errors.Join(err, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1))
	}
	if err != nil {
		return err
	}
	if err := unix.Connect(fd, &l.addr); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return fmt.Errorf("connect: %w", err)
	}
	const events = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLET&0xffffffff
	return unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(m.number)}) //nolint:gosec // descriptors are fewer
}

// turn waits a millisecond at most and takes what came.
func (l *loader) turn() error {
	n, err := unix.EpollWait(l.epoll, l.events, 1)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("epoll: %w", err)
	}
	for _, e := range l.events[:max(n, 0)] {
		m := &l.miners[e.Fd]
		if m.stage == connecting {
			err = l.connected(m)
		} else if e.Events&^unix.EPOLLOUT != 0 {
			err = l.read(m)
		}
		if err != nil {
			return fmt.Errorf("miner %d: %w", m.number, err)
		}
	}
	return nil
}

// connected says the first line on a connection that has come about.
func (l *loader) connected(m *miner) error {
	code, err := unix.GetsockoptInt(m.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil || code != 0 {
		return fmt.Errorf("connect: %w", errors.Join(err, syscall.Errno(code)))
	}
	m.stage = subscribing
	return m.write(l, []byte(subscribeLine))
}

// read takes the bytes that wait on a connection. Less than the buffer holds
// is all there was: the next arrival is another event.
func (l *loader) read(m *miner) error {
	n, err := l.receive(m.fd)
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return nil
	case err != nil:
		return fmt.Errorf("read: %w", err)
	case n == 0:
		return errors.New("the connection was closed by the other side")
	}
	l.heard += int64(n)
	if l.clock == kernelClock && m.number == 0 {
		l.sample = append(l.sample, l.buf[:n]...)
	}
	return m.take(l, l.buf[:n])
}

func (l *loader) receive(fd int) (int, error) {
	if l.clock != kernelClock {
		n, errno := rawCall(unix.SYS_READ, fd, l.buf)
		if l.clock == ownClock {
			l.at = time.Now().UnixNano()
		}
		if errno != 0 {
			return 0, errno
		}
		return n, nil
	}
	n, oobn, _, _, err := unix.Recvmsg(fd, l.buf, l.oob, 0)
	if err != nil || n == 0 {
		return n, err
	}
	// One control message: its header, then seconds and nanoseconds.
	const header = unix.SizeofCmsghdr
	if oobn < header+16 {
		return n, errors.New("the kernel gave no time of arrival")
	}
	seconds, nanos := binary.NativeEndian.Uint64(l.oob[header:]), binary.NativeEndian.Uint64(l.oob[header+8:])
	l.at = time.Unix(int64(seconds), int64(nanos)).UnixNano() //nolint:gosec // the kernel gave signed ones
	return n, nil
}

// mark forgets who was given what.
func (l *loader) mark() {
	l.fresh, l.arrivals, l.sample = 0, l.arrivals[:0], l.sample[:0]
	l.clock = noClock
	for i := range l.miners {
		l.miners[i].fresh = false
	}
}

// drain takes what has arrived at each miner.
func (l *loader) drain() error {
	for i := range l.miners {
		if err := l.read(&l.miners[i]); err != nil {
			return fmt.Errorf("miner %d: %w", i, err)
		}
	}
	return nil
}

// fanout waits until every miner was given a job since the last mark. With
// the kernel's clock it takes what has arrived before it was told to.
func (l *loader) fanout(c clock) error {
	l.clock = c
	if c == kernelClock {
		if err := l.drain(); err != nil {
			return err
		}
	}
	return l.until(func() (bool, error) { return l.fresh == len(l.miners), nil })
}

// closed sends count submits, of each miner as many in one write as together says,
// which are all answered before it sends more.
func (l *loader) closed(together, count int) error {
	l.sent, l.answered, l.more, l.together = 0, 0, count, together
	for i := range l.miners {
		if err := l.next(&l.miners[i]); err != nil {
			return err
		}
	}
	return l.until(func() (bool, error) { return l.answered == count, nil })
}

// next sends the miner's next submits if any are to be sent.
func (l *loader) next(m *miner) error {
	n := min(l.together, l.more)
	if n == 0 {
		return nil
	}
	l.more -= n
	l.sent += n
	return m.submit(l, n)
}

// paced sends count submits at a rate, the miners in turns.
func (l *loader) paced(rate, count int) error {
	l.sent, l.answered, l.more = 0, 0, 0
	l.timed, l.took = true, make([]int64, 0, count)
	defer func() { l.timed = false }()
	start := time.Now()
	return l.until(func() (bool, error) {
		due := min(count, int(time.Since(start).Seconds()*float64(rate)))
		for ; l.sent < due; l.sent++ {
			if err := l.miners[l.sent%len(l.miners)].submit(l, 1); err != nil {
				return false, err
			}
		}
		return l.answered == count, nil
	})
}

// close ends every connection.
func (l *loader) close() {
	for i := range l.miners[:l.opened] {
		_ = unix.Close(l.miners[i].fd)
	}
	l.opened, l.miners = 0, nil
}

// rawCall is read(2) or write(2) on a descriptor that does not block, without
// the scheduler's bookkeeping. p is not empty.
func rawCall(call uintptr, fd int, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p))) //nolint:gosec // the kernel is done with p when it returns
	return int(n), errno
}

package attack

import (
	"bytes"
	"errors"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// natAddress is what the farm's router has; half of the miners, or all, come from it.
var natAddress = [4]byte{127, 10, 0, 1}

// stage is how far a miner has come.
type stage uint8

const (
	absent stage = iota
	connecting
	shaking
	working
)

// outMost is how much a miner keeps that the other side does not take; more shares
// are not made.
const outMost = 64 << 10

// miner is one connection after the other.
type miner struct {
	talk

	farm     *farm
	number   int
	newcomer bool
	source   [4]byte

	fd int
	// life counts connections, so that an event of an earlier one is known.
	life    int32
	stage   stage
	opened  bool
	greeted bool
	// steps are what is left of the handshake; open are the answers of this step that
	// are awaited.
	steps [][]string
	open  int
	part  []byte
	out   []byte
	// sent are the shares that await their verdicts, which come in order.
	sent []sent
	next int
	// born is when the connect began, retry when the next may, worked when the latest
	// work came.
	born, retry, worked time.Time
}

// sent is a share on its way.
type sent struct {
	id     int
	at     time.Time
	period *period
}

// dial begins a connection.
func (m *miner) dial() {
	f := m.farm
	m.opened, m.born = true, time.Now()
	fd, err := begin(m.source, &f.target)
	if err != nil {
		m.failed(err)
		return
	}
	nonce := m.header.Nonce
	m.talk = talk{worker: m.worker}
	m.header.Nonce = nonce
	m.life++
	m.fd, m.stage, m.part, m.out, m.sent, m.next = fd, connecting, m.part[:0], m.out[:0], m.sent[:0], firstShare
	choices := manners(m.worker)
	if m.steps = choices[m.number%len(choices)]; f.order.Plain {
		m.steps = choices[0]
	}
	const events = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET&0xffffffff
	if err := unix.EpollCtl(f.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(m.number), Pad: m.life}); err != nil {
		m.failed(err)
	}
}

// event takes what the kernel tells.
func (m *miner) event(events uint32) {
	if m.stage == connecting {
		code, err := unix.GetsockoptInt(m.fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if err != nil || code != 0 {
			m.failed(errors.Join(err, syscall.Errno(code)))
			return
		}
		if events&unix.EPOLLOUT == 0 {
			return
		}
		m.stage = shaking
		m.step()
	}
	if events&unix.EPOLLOUT != 0 {
		m.flush()
	}
	if m.stage != absent && events&^unix.EPOLLOUT != 0 {
		m.read()
	}
}

// step says the next lines of the handshake.
func (m *miner) step() {
	if len(m.steps) == 0 {
		return
	}
	lines := m.steps[0]
	m.steps, m.open = m.steps[1:], len(lines)
	for _, line := range lines {
		m.out = append(m.out, line...)
	}
	m.flush()
}

// submit sends a share.
func (m *miner) submit() {
	if len(m.out) > outMost {
		return
	}
	m.out = m.share(m.out, m.next, true)
	p := m.farm.period()
	p.Sent++
	m.sent = append(m.sent, sent{m.next, time.Now(), p})
	m.next++
	m.flush()
}

// flush writes what the kernel takes.
func (m *miner) flush() {
	for len(m.out) > 0 && m.stage > connecting {
		n, err := unix.Write(m.fd, m.out)
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			return
		case err != nil:
			m.lose("write: " + err.Error())
			return
		}
		m.out = m.out[:copy(m.out, m.out[n:])]
	}
}

// read takes all that there is.
func (m *miner) read() {
	for m.stage != absent {
		n, err := unix.Read(m.fd, m.farm.buf)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return
		case err != nil:
			m.lose("read: " + err.Error())
			return
		case n == 0:
			m.lose("closed")
			return
		}
		m.take(m.farm.buf[:n])
	}
}

// take cuts what came into lines.
func (m *miner) take(data []byte) {
	m.part = append(m.part, data...)
	rest := m.part
	for m.stage != absent {
		line, more, ok := bytes.Cut(rest, []byte{'\n'})
		if !ok {
			break
		}
		m.line(line)
		rest = more
	}
	m.part = m.part[:copy(m.part, rest)]
}

func (m *miner) line(line []byte) {
	before := m.job
	id, granted, err := m.hear(line, &m.farm.known)
	if err != nil {
		m.lose(err.Error())
		return
	}
	if m.job != before {
		m.given()
	}
	switch {
	case id == 0:
	case id >= firstShare:
		m.verdict(id, granted, line)
	default:
		if !m.greeted {
			m.greeted = true
			m.farm.greeted++
		}
		if id == authorizeID && !granted {
			m.lose("not authorized: " + string(line))
			return
		}
		if m.open--; m.open == 0 {
			m.step()
		}
	}
	if m.stage == shaking && m.ready() {
		m.start()
	}
}

// given books work.
func (m *miner) given() {
	now := time.Now()
	m.worked = now
	if m.newcomer || m.stage != working {
		return
	}
	if m.job.first.IsZero() {
		m.job.first = now
	}
	m.job.last = now
}

// start makes a miner one that works; a newcomer has seen enough.
func (m *miner) start() {
	m.stage = working
	if !m.newcomer {
		m.farm.ready++
		return
	}
	p := m.farm.period()
	p.Joined = append(p.Joined, time.Since(m.born))
	m.end()
}

func (m *miner) verdict(id int, granted bool, line []byte) {
	if len(m.sent) == 0 || m.sent[0].id != id {
		m.lose(fmt.Sprintf("verdict %d is not next", id))
		return
	}
	s := m.sent[0]
	m.sent = m.sent[:copy(m.sent, m.sent[1:])]
	s.period.Verdicts = append(s.period.Verdicts, time.Since(s.at))
	if granted {
		s.period.Accepted++
		return
	}
	s.period.Refused++
	_, why, _ := bytes.Cut(line, []byte(`"error":`))
	s.period.Refusals[string(why)]++
}

// lose is an end that the miner did not want.
func (m *miner) lose(why string) {
	p := m.farm.period()
	p.Why[why]++
	if m.newcomer {
		p.Turned++
	} else {
		p.Disconnects++
	}
	m.end()
}

// failed is a connect that came to nothing.
func (m *miner) failed(err error) {
	p := m.farm.period()
	p.Why["connect: "+err.Error()]++
	if p.Failures++; m.newcomer {
		p.Turned++
	}
	m.end()
}

// end lets the connection go.
func (m *miner) end() {
	if m.fd >= 0 {
		_ = unix.Close(m.fd)
	}
	if m.stage == working && !m.newcomer {
		m.farm.ready--
	}
	if m.greeted && !m.newcomer && m.farm.begun.IsZero() {
		m.farm.greeted--
	}
	m.fd, m.stage, m.greeted, m.life = -1, absent, false, m.life+1
	m.retry = time.Now().Add(again)
}

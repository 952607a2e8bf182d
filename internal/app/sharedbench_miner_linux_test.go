package app_test

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// What a miner of a load says before it submits.
const (
	loadSubscribe = "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"bench/1\"]}\n"
	loadAuthorize = "{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"farm.w%05d\",\"x\"]}\n"
	loadSubmit    = "{\"id\":10000,\"method\":\"mining.submit\",\"params\":[\"farm.w%05d\",\"%s\",\"%0*x\",\"%s\",\"00000000\"]}\n"
)

// stage is how far a miner of a load has come.
type stage uint8

const (
	connecting stage = iota
	subscribing
	authorizing
	waiting // for work
	working
)

// loadMiner is one connection of a load. One request is outstanding at a
// time, so what is no method is the answer to it.
type loadMiner struct {
	fd, number int
	stage      stage
	// extranonce2 is how many bytes it has.
	extranonce2 int
	fresh       bool
	nonce       uint32
	// next is the submit that is sent next, empty without work.
	next []byte
	// part is a line that has not come whole.
	part []byte
}

// write sends a line whole or fails: with one request outstanding the kernel
// has room for it.
func (m *loadMiner) write(line []byte) error {
	n, errno := rawCall(unix.SYS_WRITE, m.fd, line)
	if errno != 0 || n != len(line) {
		return fmt.Errorf("wrote %d bytes of %d: %w", n, len(line), errno)
	}
	return nil
}

// take cuts what came into lines.
func (m *loadMiner) take(l *loader, data []byte) error {
	if len(m.part) > 0 {
		m.part = append(m.part, data...)
		data = m.part
	}
	for {
		end := bytes.IndexByte(data, '\n')
		if end < 0 {
			break
		}
		if err := m.line(l, data[:end]); err != nil {
			return err
		}
		data = data[end+1:]
	}
	m.part = append(m.part[:0], data...)
	return nil
}

func (m *loadMiner) line(l *loader, line []byte) error {
	if bytes.Contains(line[:min(len(line), 64)], []byte(`"method":`)) {
		if bytes.Contains(line, []byte(`"mining.notify"`)) {
			return m.job(l, line)
		}
		return nil
	}
	granted := bytes.Contains(line, []byte(`"result":true`))
	switch m.stage {
	case subscribing:
		l.greeted++
		m.stage = authorizing
		if err := m.greeting(line); err != nil {
			return err
		}
		return m.write(fmt.Appendf(nil, loadAuthorize, m.number))
	case authorizing:
		if !granted {
			return fmt.Errorf("not authorized: %s", line)
		}
		m.stage = waiting
		m.begin(l)
		return nil
	case working:
		l.answered++
		if !granted {
			l.refused++
			l.refusal = string(line)
		}
		return l.next(m)
	default:
		return fmt.Errorf("unexpected: %s", line)
	}
}

// greeting finds the size of extranonce2 in the answer to a subscribe:
// {"id":1,"result":[…,"EXTRANONCE1",SIZE],"error":null}.
func (m *loadMiner) greeting(line []byte) error {
	before, _, ok := bytes.Cut(line, []byte(`],"error"`))
	size, err := strconv.Atoi(string(before[bytes.LastIndexByte(before, ',')+1:]))
	if !ok || err != nil {
		return fmt.Errorf("subscribe was answered by %s", line)
	}
	m.extranonce2 = size
	return nil
}

// job makes the next submit one for the notify's job.
func (m *loadMiner) job(l *loader, line []byte) error {
	_, rest, ok := bytes.Cut(line, []byte(`"params":["`))
	id, _, _ := bytes.Cut(rest, []byte(`"`))
	// The last two parameters are ntime and clean_jobs.
	end := bytes.LastIndex(line, []byte(`",`))
	if !ok || end < 8 {
		return errors.New("a notify without params")
	}
	m.next = fmt.Appendf(m.next[:0], loadSubmit, m.number, id, 2*m.extranonce2, 0, line[end-8:end])
	if !m.fresh {
		m.fresh = true
		l.fresh++
		if l.first == 0 {
			l.first = l.at
		}
		l.first, l.last = min(l.first, l.at), max(l.last, l.at)
	}
	m.begin(l)
	return nil
}

// begin makes the miner ready once it is authorized and has work.
func (m *loadMiner) begin(l *loader) {
	if m.stage == waiting && len(m.next) > 0 {
		m.stage = working
		l.ready++
	}
}

// submit sends a submit that was not sent before.
func (m *loadMiner) submit() error {
	const digits = "0123456789abcdef"
	m.nonce++
	// The line ends with the nonce and "]}\n; it begins with {"id": and five
	// digits.
	nonce := m.next[len(m.next)-12:]
	for i, n := 7, m.nonce; i >= 0; i, n = i-1, n>>4 {
		nonce[i] = digits[n&15]
	}
	id := m.next[7:11]
	for i, n := 3, m.nonce; i >= 0; i, n = i-1, n/10 {
		id[i] = '0' + byte(n%10)
	}
	return m.write(m.next)
}

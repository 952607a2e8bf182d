package load

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// submitLine hands in a share: worker, job, extranonce2, ntime; the id's last digits and
// the nonce are put in later.
const submitLine = "{\"id\":10000,\"method\":\"mining.submit\",\"params\":[\"farm.w%05d\",\"%s\",\"%s\",\"%s\",\"00000000\"]}\n"

// stage is how far a miner of a load has come.
type stage uint8

const (
	connecting stage = iota
	subscribing
	authorizing
	waiting // for work
	working
)

// miner is one connection of a load. One request is outstanding at a
// time, so what is no method is the answer to it.
type miner struct {
	fd, number int
	stage      stage
	en1, en2   work.Extranonce
	// target is for the jobs to come.
	target work.Target
	// job is nil before the first, fresh says that one came since the mark.
	job   *job
	fresh bool
	// header is the job's once it is begun. The nonce counts on from one
	// job to the next.
	begun  bool
	header work.Header
	// next is the submit that is sent next, asked when the last was; due is how many
	// have no answer yet.
	next  []byte
	asked int64
	due   int
	// part is a line that has not come whole.
	part []byte
}

// job is a notify. Miners that are sent the same line have the same job.
type job struct {
	line   []byte
	notify sv1.Notify
}

// write sends a line whole or fails: with one request outstanding the kernel
// has room for it.
func (m *miner) write(l *loader, line []byte) error {
	n, errno := rawCall(unix.SYS_WRITE, m.fd, line)
	l.wrote += int64(n)
	if errno != 0 || n != len(line) {
		return fmt.Errorf("wrote %d bytes of %d: %w", n, len(line), errno)
	}
	return nil
}

// take cuts what came into lines.
func (m *miner) take(l *loader, data []byte) error {
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

func (m *miner) line(l *loader, line []byte) error {
	if bytes.Contains(line[:min(len(line), 64)], []byte(`"method":`)) {
		return m.told(l, line)
	}
	granted := bytes.Contains(line, []byte(`"result":true`))
	switch m.stage {
	case subscribing:
		l.greeted++
		m.stage = authorizing
		if err := m.greeting(line); err != nil {
			return err
		}
		return m.write(l, fmt.Appendf(nil, authorizeLine, m.number))
	case authorizing:
		if !granted {
			return fmt.Errorf("not authorized: %s", line)
		}
		m.stage = waiting
		m.begin(l)
		return nil
	case working:
		l.answered++
		if l.timed {
			l.took = append(l.took, time.Now().UnixNano()-m.asked)
		}
		if !granted {
			l.refused++
			l.refusal = string(line)
		}
		if m.due--; m.due > 0 {
			return nil
		}
		return l.next(m)
	default:
		return fmt.Errorf("unexpected: %s", line)
	}
}

// greeting finds the extranonce in the answer to a subscribe:
// {"id":1,"result":[…,"EXTRANONCE1",SIZE],"error":null}.
func (m *miner) greeting(line []byte) error {
	before, _, ok := bytes.Cut(line, []byte(`],"error"`))
	at := max(0, bytes.LastIndexByte(before, ','))
	size, err := strconv.Atoi(string(before[min(at+1, len(before)):]))
	digits := bytes.Trim(before[bytes.LastIndexByte(before[:at], ',')+1:at], `"`)
	en1, bad := work.ParseExtranonce(digits)
	en2, fits := work.MakeExtranonce(make([]byte, max(0, size)))
	if !ok || !fits || err != nil || bad != nil {
		return fmt.Errorf("subscribe was answered by %s", line)
	}
	m.en1, m.en2 = en1, en2
	return nil
}

// told takes a method.
func (m *miner) told(l *loader, line []byte) (err error) {
	_, params, ok := bytes.Cut(line, []byte(`"params":`))
	params, end := bytes.CutSuffix(params, []byte("}"))
	switch {
	case !ok || !end:
		return fmt.Errorf("unexpected: %s", line)
	case bytes.Contains(line, []byte(`"mining.set_difficulty"`)):
		difficulty, err := work.ParseDifficulty(bytes.Trim(params, "[]"))
		if err != nil {
			return fmt.Errorf("%s: %w", line, err)
		}
		m.target = difficulty.Target()
		return nil
	case !bytes.Contains(line, []byte(`"mining.notify"`)):
		return nil
	}
	if m.job, err = l.jobOf(line, params); err != nil {
		return err
	}
	m.begun = false
	if !m.fresh {
		m.fresh = true
		l.fresh++
		l.arrivals = append(l.arrivals, l.at)
	}
	m.begin(l)
	return nil
}

// mostJobs bounds how many jobs are found again by their lines.
const mostJobs = 256

// jobOf decodes a notify once for all that are sent it.
func (l *loader) jobOf(line, params []byte) (*job, error) {
	if known := l.jobs[string(line)]; known != nil {
		return known, nil
	}
	// What is decoded aliases the line, which is a copy.
	made := &job{line: bytes.Clone(line)}
	start := len(line) - len(params) - 1
	if err := made.notify.Decode(made.line[start : start+len(params)]); err != nil {
		return nil, fmt.Errorf("%s: %w", line, err)
	}
	if len(l.jobs) >= mostJobs {
		clear(l.jobs)
	}
	l.jobs[string(line)] = made
	return made, nil
}

// begin makes the miner ready once it is authorized and has work.
func (m *miner) begin(l *loader) {
	if m.stage == waiting && m.job != nil {
		m.stage = working
		l.ready++
	}
}

// prepare makes header and submit for the present job.
func (m *miner) prepare() {
	n := &m.job.notify
	coinbase := work.AppendCoinbase(nil, n.Coinb1, m.en1, m.en2, n.Coinb2)
	m.header = work.Header{
		Version: n.Version, PrevHash: n.PrevHash, NTime: n.NTime, NBits: n.NBits, Nonce: m.header.Nonce,
		MerkleRoot: work.MerkleRoot(work.DoubleSHA256(coinbase), n.Branches),
	}
	m.next = fmt.Appendf(m.next[:0], submitLine, m.number, n.JobID, m.en2, n.NTime)
	m.begun = true
}

// submit sends n shares that were not sent before, in one write.
func (m *miner) submit(l *loader, n int) error {
	if !m.begun {
		m.prepare()
	}
	lines := m.find()
	if n > 1 { // their lines, which differ, stand in the loader's buffer
		l.lines = append(l.lines[:0], lines...)
		for range n - 1 {
			l.lines = append(l.lines, m.find()...)
		}
		lines = l.lines
	}
	m.due += n
	m.asked = time.Now().UnixNano()
	return m.write(l, lines)
}

// find finds a share and returns its line, which is valid until the next.
func (m *miner) find() []byte {
	for m.header.Nonce++; !m.target.Met(m.header.Hash()); m.header.Nonce++ {
	}
	// The line ends with the nonce and "]}\n; it begins with {"id": and five
	// digits, the first of them 1.
	m.header.Nonce.AppendHex(m.next[:len(m.next)-12])
	id := m.next[7:11]
	for i, n := 3, m.header.Nonce; i >= 0; i, n = i-1, n/10 {
		id[i] = '0' + byte(n%10)
	}
	return m.next
}

package app

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/loka/stratum/internal/testkit"
	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// sessionEasy is what four hashes find.
const sessionEasy work.Difficulty = 1.0 / (1 << 30)

// sessionMode is how a pool answers.
type sessionMode byte

const (
	sessionGrants sessionMode = iota
	// sessionRefuses refuses shares, sessionMute leaves them unanswered, sessionTwice
	// answers them twice, sessionStern lets nobody in, sessionDead says nothing at all.
	sessionRefuses
	sessionMute
	sessionTwice
	sessionStern
	sessionDead
	sessionModes
)

// sessionPoolLines are lines of which a pool should say none.
var sessionPoolLines = []string{
	"", "{", "\x00", `{"id":4,"result":true,"error":null}`, `{"id":null,"method":"mining.notify","params":[]}`,
	`{"id":null,"method":"mining.set_difficulty","params":[0]}`, `{"id":null,"method":"mining.set_difficulty","params":[-1e999]}`,
	`{"id":null,"method":"mining.set_extranonce","params":["",0]}`, `{"id":null,"method":"mining.set_version_mask","params":["00000000"]}`,
	`{"id":null,"method":"client.reconnect","params":["evil.example",3333,0]}`, `{"id":7,"method":"client.get_version","params":[]}`,
	`{"id":null,"method":"client.show_message","params":["\u001b[2J<script>"]}`,
	`{"id":null,"method":"mining.notify","params":["x","00","` + strings.Repeat("ab", 9000) + `","",[],"20000000","1703a30c","66000000",true]}`,
}

// sessionPool is a pool in memory that does as it is told.
type sessionPool struct {
	mu         sync.Mutex
	mode       sessionMode
	away       bool
	width      int
	difficulty work.Difficulty
	// template has what all jobs have in common.
	template sv1.Notify
	conns    []*sessionLink
	jobs     int
	block    byte
	nextEN1  uint32
}

// sessionLink is one connection of it.
type sessionLink struct {
	*testkit.Conn

	pool *sessionPool
}

func (p *sessionPool) dial() (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away {
		return nil, errors.New("connection refused")
	}
	ours, theirs := testkit.PipeSize(1 << 20)
	l := &sessionLink{theirs, p}
	p.conns = append(p.conns, l)
	go l.run()
	return ours, nil
}

// run answers until the connection ends.
func (l *sessionLink) run() {
	defer func() {
		_ = l.Close()
		l.pool.mu.Lock()
		defer l.pool.mu.Unlock()
		l.pool.conns = slices.DeleteFunc(l.pool.conns, func(c *sessionLink) bool { return c == l })
	}()
	in := bufio.NewScanner(l)
	for in.Scan() {
		var m sv1.Message
		if err := m.Scan(in.Bytes()); err != nil {
			panic(fmt.Sprintf("the proxy says %q: %v", in.Bytes(), err))
		}
		l.pool.mu.Lock()
		text := l.answer(&m)
		l.pool.mu.Unlock()
		if _, err := l.Write([]byte(text)); err != nil {
			return
		}
	}
}

// answer is the reply to a line and what follows it; the pool's lock is held.
func (l *sessionLink) answer(m *sv1.Message) string {
	p := l.pool
	yes, no := fmt.Sprintf(`{"id":%s,"result":true,"error":null}`+"\n", m.ID), fmt.Sprintf(`{"id":%s,"result":null,"error":[%%d,"no",null]}`+"\n", m.ID)
	if p.mode == sessionDead {
		return ""
	}
	switch sv1.ParseMethod(m.Method) {
	case sv1.MethodConfigure:
		return fmt.Sprintf(`{"id":%s,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null}`+"\n", m.ID)
	case sv1.MethodSubscribe:
		p.nextEN1++
		return fmt.Sprintf(`{"id":%s,"result":[[["mining.notify","1"]],"%08x",%d],"error":null}`+"\n", m.ID, p.nextEN1, p.width) +
			p.difficultyLine() + p.jobLine(true)
	case sv1.MethodAuthorize:
		if p.mode == sessionStern {
			return fmt.Sprintf(no, 24)
		}
		return yes
	case sv1.MethodSubmit:
		switch p.mode {
		case sessionRefuses:
			return fmt.Sprintf(no, 20+p.jobs%6)
		case sessionMute:
			return ""
		case sessionTwice:
			return yes + yes
		default:
			return yes
		}
	default:
		return yes
	}
}

func (p *sessionPool) difficultyLine() string {
	return string((&sv1.SetDifficulty{Difficulty: p.difficulty}).Append(nil))
}

// sessionJob is a job that is soon read.
var sessionJob = sv1.Notify{Coinb1: []byte("one"), Coinb2: []byte("two")}

// jobLine is a new job, of a new block with clean.
func (p *sessionPool) jobLine(clean bool) string {
	p.jobs++
	n := p.template
	n.JobID, n.PrevHash, n.NTime = fmt.Appendf(nil, "j%x", p.jobs), work.Hash{p.block}, work.NTime(1_700_000_000+p.jobs)
	n.Version, n.NBits, n.Clean, n.CleanKnown = 0x20000000, 0x1703a30c, clean, true
	return string(n.Append(nil))
}

// tell sends every connection the lines that speak returns, which holds the lock.
func (p *sessionPool) tell(speak func() string) {
	p.mu.Lock()
	conns := slices.Clone(p.conns)
	texts := make([]string, len(conns))
	for i := range conns {
		texts[i] = speak()
	}
	p.mu.Unlock()
	for i, c := range conns {
		if c.Buffered() < 1<<19 {
			_, _ = c.Write([]byte(texts[i])) // its end is what is looked at
		}
	}
}

func (p *sessionPool) job(block bool) {
	p.mu.Lock()
	if block {
		p.block++
	}
	p.mu.Unlock()
	p.tell(func() string { return p.jobLine(block) })
}

func (p *sessionPool) setDifficulty(d work.Difficulty) {
	p.tell(func() string { p.difficulty = d; return p.difficultyLine() })
}

func (p *sessionPool) setExtranonce(how byte) {
	p.tell(func() string {
		p.nextEN1++
		p.width = []int{8, 5, 4, 3}[how&3]
		return fmt.Sprintf(`{"id":null,"method":"mining.set_extranonce","params":["%08x",%d]}`+"\n", p.nextEN1, p.width) + p.jobLine(true)
	})
}

func (p *sessionPool) say(line string) { p.tell(func() string { return line + "\n" }) }

func (p *sessionPool) hangUp(reset bool) {
	p.mu.Lock()
	conns := slices.Clone(p.conns)
	p.mu.Unlock()
	for _, c := range conns {
		if reset {
			c.Reset()
		} else {
			_ = c.Close()
		}
	}
}

func (p *sessionPool) answers(mode sessionMode) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mode = mode
}

func (p *sessionPool) refuses(away bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = away
}

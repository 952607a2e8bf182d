package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

const (
	maxMinerLine = 1 << 20
	// lineQueue is how many received lines wait for the session; then the
	// socket does.
	lineQueue = 256
	// replyTimeout is how long firmware waits for the answer to a request of
	// the handshake, shareTimeout for that to a submit.
	replyTimeout = 60 * time.Second
	shareTimeout = 120 * time.Second
)

// session is one connection of a miner. Only its own goroutine uses it, but for
// the reader, which fills lines.
type session struct {
	m      *miner
	manner *manner
	ctx    context.Context //nolint:containedctx // the session's own life, one call of miner.connect
	conn   net.Conn
	lines  chan []byte
	end    error // why lines was closed
	out    []byte

	lastID     uint64
	authorized bool
	lastLine   time.Time
	readyAt    time.Time // the handshake's end
	nextTick   time.Time // of what a manner repeats

	// requests that are not answered yet; 0 or "" for none
	authorizeID, configureID, suggestID, xnsubID uint64
	txlist                                       string
	txlistJob                                    *minerJob // it has been asked about
	authDeadline                                 time.Time

	en1        work.Extranonce
	en2Size    int
	mask       work.VersionMask
	difficulty work.Difficulty // from the next job on
	job        *minerJob
	recent     []string // ids of the newest jobs
	search     search
	pending    map[uint64]*share
	queue      []*share // in the order of submits
}

// endError is why a session ended.
type endError struct{ text string }

func (e *endError) Error() string { return e.text }

func newSession(ctx context.Context, m *miner, conn net.Conn) *session {
	now := time.Now()
	s := &session{
		m: m, manner: m.manner, ctx: ctx, conn: conn, lines: make(chan []byte, lineQueue),
		pending: map[uint64]*share{}, lastLine: now, difficulty: 1,
	}
	if m.manner.keepsIDs {
		s.lastID = m.lastID
	}
	return s
}

// run talks until the connection or ctx ends, and says why it ended. It calls ready
// when the handshake has succeeded.
func (s *session) run(ready func()) error {
	var reader sync.WaitGroup
	reader.Go(s.read)
	stop := context.AfterFunc(s.ctx, func() { _ = s.conn.Close() })
	err := s.manner.handshake(s)
	if err == nil {
		err = s.flush()
	}
	if err == nil {
		s.readyAt = time.Now()
		ready()
		err = s.steady()
	}
	stop()
	_ = s.conn.Close()
	reader.Wait()
	s.abandon()
	s.m.lastID = s.lastID
	return err
}

func (s *session) read() {
	defer close(s.lines)
	r := sv1.NewReader(s.conn, maxMinerLine)
	for {
		line, err := r.ReadLine()
		if err != nil {
			s.end = err
			return
		}
		select {
		case s.lines <- append([]byte(nil), line...):
		case <-s.ctx.Done():
			return
		}
	}
}

// receive waits for the next line during the handshake; what is said to be
// waited for goes into the failure if none comes.
func (s *session) receive(what string) ([]byte, error) {
	if err := s.flush(); err != nil {
		return nil, err
	}
	timer := time.NewTimer(s.m.patience(replyTimeout))
	defer timer.Stop()
	select {
	case line, ok := <-s.lines:
		if !ok {
			return nil, s.closed()
		}
		s.heard()
		return line, nil
	case <-timer.C:
		return nil, s.fatal("no answer to "+what, nil)
	}
}

func (s *session) heard() {
	s.lastLine = time.Now()
	s.m.count(func(st *MinerStats) { st.Lines++ })
}

// withoutMask makes it a build that has no version rolling: set_version_mask is
// unknown to it.
func (s *session) withoutMask() {
	plain := *s.manner
	plain.knows = slices.DeleteFunc(slices.Clone(plain.knows), func(m sv1.Method) bool {
		return m == sv1.MethodSetVersionMask
	})
	s.manner = &plain
}

// closed is the error for a connection that the other side, or ctx, ended.
func (s *session) closed() error {
	switch {
	case s.ctx.Err() != nil:
		return &endError{"stopped"}
	case errors.Is(s.end, io.EOF), errors.Is(s.end, io.ErrUnexpectedEOF):
		return &endError{"closed by the pool"}
	}
	return fmt.Errorf("connection lost: %w", s.end)
}

// message waits for the next line and reads it. A line that is no message is
// fatal during the handshake.
func (s *session) message(what string) (*sv1.Message, []byte, error) {
	line, err := s.receive(what)
	if err != nil {
		return nil, nil, err
	}
	m := new(sv1.Message)
	if err := m.Scan(line); err != nil {
		return nil, nil, s.fatal("waiting for "+what+": "+err.Error(), line)
	}
	return m, line, nil
}

// afterKnown waits for a message, handling notifications that the firmware
// knows on the way. Any other line is returned, for firmware takes it for the
// answer.
func (s *session) afterKnown(what string) (*sv1.Message, []byte, error) {
	for {
		m, line, err := s.message(what)
		if err != nil {
			return nil, nil, err
		}
		if m.Method == nil || !s.manner.known(sv1.ParseMethod(m.Method)) {
			return m, line, nil
		}
		if err := s.notification(m, line); err != nil {
			return nil, nil, err
		}
	}
}

// id is the next request's id.
func (s *session) id() uint64 {
	s.lastID++
	return s.lastID
}

// sendf queues a line for flush.
func (s *session) sendf(format string, args ...any) {
	s.out = fmt.Appendf(s.out, format+"\n", args...)
}

// flush writes what is queued, in one write.
func (s *session) flush() error {
	if len(s.out) == 0 {
		return nil
	}
	_ = s.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := s.conn.Write(s.out)
	s.out = s.out[:0]
	if err == nil {
		return nil
	}
	if s.ctx.Err() != nil {
		return &endError{"stopped"}
	}
	return fmt.Errorf("connection lost: %w", err)
}

// fail books something that the firmware does not like but lives with.
func (s *session) fail(text string, line []byte) {
	s.m.fail(Failure{Miner: s.m.index, Manner: s.manner.name, Text: text, Line: shorten(line)})
}

// fatal books something that the firmware drops the connection for.
func (s *session) fatal(text string, line []byte) error {
	s.m.fail(Failure{Miner: s.m.index, Manner: s.manner.name, Text: text, Fatal: true, Line: shorten(line)})
	return &endError{text}
}

// abandon reports the shares that will have no answer.
func (s *session) abandon() {
	for _, sh := range s.queue {
		if !sh.done && !sh.givenUp {
			s.unanswered(sh)
		}
	}
	s.queue, s.pending = nil, nil
	s.m.count(func(st *MinerStats) { st.Pending = 0 })
}

// echoed checks that a reply has the request's id. Most firmware does not
// look during the handshake, but a pool that mixes ids up is wrong all the same.
func (s *session) echoed(m *sv1.Message, id string, line []byte) {
	if string(m.ID) != id {
		s.fail("a reply with another id than "+id, line)
	}
}

func itoa(id uint64) string { return strconv.FormatUint(id, 10) }

package downstream

import (
	"errors"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// V1 is a miner's Stratum V1 session. Use [NewV1]. It is driven by one
// goroutine at a time.
type V1 struct {
	cfg *Config // shared by all sessions

	// What it is told, first: this is looked at for each job.
	held held
	// subscribed says that it was given an extranonce.
	subscribed bool
	// follows says that it asked for mining.set_extranonce.
	follows bool
	// wanted are the version bits that it asked for and was granted any of;
	// 0 when it does not roll.
	wanted work.VersionMask
	told   told
	given  given
	// Requests that await their replies.
	slots slots

	sessionID string
	started   time.Time

	// What the miner said of itself.
	userAgent string
	// workers are the accepted logins.
	workers workers

	// asking is the request that blocks, nil when none does.
	asking *asking

	// What came in, for deadlines and limits.
	lines, malformed, unsupported uint64
	lastLine, lastShare           time.Time
	strikes                       int
	forgiven                      time.Time
}

// asking is a request that blocks the session, and what its answer needs.
type asking struct {
	req       mining.Request
	configure sv1.ConfigureReply // of a negotiate
	mask      work.VersionMask   // that a negotiate asked for
	login     string             // of an authorize
}

// told is what the miner was told last.
type told struct {
	extranonce1     work.Extranonce
	extranonce2Size int
	difficulty      work.Difficulty
	mask            work.VersionMask
	// notified says that there was a notify; coinbase is the last one's
	// length in bytes.
	notified bool
	coinbase int
}

// NewV1 starts the session of a connection that was made at now. cfg must not
// change any more; sessionID is what the subscribe reply names, a hex text.
func NewV1(cfg *Config, sessionID string, now time.Time) *V1 {
	return &V1{
		cfg: cfg.complete(), sessionID: sessionID,
		started:  now,
		lastLine: now,
		forgiven: now,
		slots:    slots{head: 1, next: 1},
	}
}

// maxWaiting bounds the bytes of ids and replies that wait for their turn.
const maxWaiting = 256 << 10

// Line takes one complete line without its end. A request that is not nil is
// for the house, which answers it by [V1.Answer], now or later; it is valid
// until then or until the next Line, whichever is first. Everything else was
// answered into out. The error is a [*CloseError]; what is in out then is
// still to be sent.
//
// Line must not be called while [V1.Blocked].
func (s *V1) Line(line []byte, now time.Time, out *Out) (*mining.Request, error) {
	if s.asking != nil {
		return nil, &CloseError{Reason: mining.InternalError}
	}
	req, err := s.message(line, now, out)
	out.msg = sv1.Message{} // it aliases the line
	return req, err
}

func (s *V1) message(line []byte, now time.Time, out *Out) (*mining.Request, error) {
	m := &out.msg
	if err := m.Scan(line); err != nil {
		return nil, s.unreadable(m, err, now, out)
	}
	s.lines++
	s.lastLine = now
	if s.slots.len() >= s.cfg.MaxPending || s.slots.bytes > maxWaiting {
		return nil, &CloseError{Reason: mining.TooManyPending}
	}
	switch m.Kind() {
	case sv1.KindResponse:
		// An answer to client.get_version or a ping: we asked nothing.
		return nil, nil
	case sv1.KindUnknown:
		return nil, s.malformedLine(m, now, out)
	default:
		return s.request(m, now, out)
	}
}

// request answers a message with a method, or passes it on to the house.
func (s *V1) request(m *sv1.Message, now time.Time, out *Out) (*mining.Request, error) {
	var id []byte
	if m.HasID() {
		id = m.ID
	}
	switch method := sv1.ParseMethod(m.Method); method {
	case sv1.MethodSubmit:
		return s.submit(id, m.Params, now, out), nil
	case sv1.MethodSubscribe:
		return s.subscribe(id, m.Params, out), nil
	case sv1.MethodAuthorize:
		return s.authorize(id, m.Params, out), nil
	case sv1.MethodConfigure:
		return s.negotiate(id, m.Params, out), nil
	case sv1.MethodExtranonceSubscribe:
		s.follows = true
		s.reply(id, reply{}, out)
	case sv1.MethodSuggestDifficulty, sv1.MethodSuggestTarget:
		return s.suggest(id, m, method, out), nil
	case sv1.MethodMultiVersion, sv1.MethodCapabilities, sv1.MethodHashesDone:
		s.reply(id, reply{}, out)
	case sv1.MethodGetTransactions:
		s.reply(id, reply{kind: replyEmpty}, out)
	case sv1.MethodPing:
		s.reply(id, reply{kind: replyPong}, out)
	case sv1.MethodPong:
		// ESP-Miner's answer to a ping looks like a request; it wants none.
	default:
		return nil, s.unknownMethod(id, now, out)
	}
	return nil, nil
}

// reply answers a request ourselves, in its turn. Without an id nobody waits.
func (s *V1) reply(id []byte, r reply, out *Out) {
	switch {
	case len(id) == 0:
	case s.slots.len() == 0:
		out.buf = r.append(out.buf, id)
		out.answer(r.gate())
	default:
		s.slots.answer(s.slots.push(id, r.gate()), r)
	}
}

// ask makes a request for the house in req, which lives as long as out does.
func (s *V1) ask(req *mining.Request, kind mining.RequestKind, id []byte) *mining.Request {
	*req = mining.Request{Kind: kind, Ticket: s.slots.push(id, false)}
	return req
}

// askFirst makes a request that blocks the session, and holds everything
// unsolicited back until its reply has left.
func (s *V1) askFirst(kind mining.RequestKind, id []byte) *mining.Request {
	s.asking = &asking{req: mining.Request{Kind: kind, Ticket: s.slots.push(id, true)}}
	return &s.asking.req
}

// Blocked reports whether a negotiate, open or authorize awaits its answer:
// no further line may be handed in before that.
func (s *V1) Blocked() bool { return s.asking != nil }

// Answer takes the house's answer to a request. Answers may come in any
// order, replies leave in the order of their requests. An answer that is
// Pending, that comes a second time or that belongs to no request is ignored.
func (s *V1) Answer(a mining.Answer, out *Out) {
	if a.Verdict == mining.Pending {
		return
	}
	t := s.slots.get(a.Ticket)
	if t == nil || t.done {
		return
	}
	var r reply
	if asked := s.asking; asked != nil && a.Ticket == asked.req.Ticket {
		s.asking = nil
		r = s.settle(asked, a)
	} else {
		r = shareReply(a.Verdict)
		if a.Text != "" && r.kind == replyError {
			r.text = a.Text
		}
	}
	s.slots.answer(a.Ticket, r)
	s.slots.drain(out)
}

// settle applies the answer to the one request that blocks.
func (s *V1) settle(asked *asking, a mining.Answer) reply {
	switch asked.req.Kind {
	case mining.Negotiate:
		return s.negotiated(asked, a)
	case mining.Open:
		return s.opened(a)
	default:
		return s.authorized(asked, a)
	}
}

// unreadable answers a line that is not a sound message; blank lines are
// nothing at all.
func (s *V1) unreadable(m *sv1.Message, err error, now time.Time, out *Out) error {
	var syntax *sv1.SyntaxError
	if errors.As(err, &syntax) && syntax.Kind == sv1.Empty {
		return nil
	}
	s.lines++
	s.lastLine = now
	return s.malformedLine(m, now, out)
}

// malformedLine answers with error 20 and the line's id as far as it had a
// sound one, else with id null, as ckpool's and cgminer's kin expect.
func (s *V1) malformedLine(m *sv1.Message, now time.Time, out *Out) error {
	s.malformed++
	id, text := []byte("null"), textMalformed
	if m.Method != nil || m.ID != nil {
		text = textBadRequest
	}
	if m.HasID() {
		id = m.ID
	}
	s.reply(id, failure(sv1.CodeOther, text), out)
	return s.strike(now)
}

// unknownMethod answers a method that we do not know. It costs nothing once a
// worker is authorized: only miners of other coins, which never get so far,
// go on for long with methods unknown here.
func (s *V1) unknownMethod(id []byte, now time.Time, out *Out) error {
	s.unsupported++
	s.reply(id, failure(sv1.CodeOther, textUnsupported), out)
	if s.workers.len() > 0 {
		return nil
	}
	return s.strike(now)
}

// forgiveEvery is how long one strike counts.
const forgiveEvery = time.Minute

// strike counts a useless line; old ones are forgiven one by one.
func (s *V1) strike(now time.Time) error {
	if n := int(now.Sub(s.forgiven) / forgiveEvery); n > 0 {
		s.strikes = max(0, s.strikes-n)
		s.forgiven = s.forgiven.Add(time.Duration(n) * forgiveEvery)
	}
	s.strikes++
	if s.strikes >= s.cfg.MaxErrors {
		return &CloseError{Reason: mining.TooManyErrors}
	}
	return nil
}

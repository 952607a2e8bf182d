package upstream

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/sv1"
)

// reply handles an answer of the pool. One to nothing we asked is counted and
// ignored: NOMP says
//
//	{"id":null,"result":[],"error":true}
//
// and buggy pools answer twice. A second answer to a submit is told, for it may
// not be the first one's.
func (s *V1) reply() error {
	id, ok := sv1.ParseID(s.msg.ID)
	if !ok {
		s.counts.UnknownReplies++
		return nil
	}
	asked, ok := s.asks.take(id)
	if !ok {
		s.counts.UnknownReplies++
		s.again(id)
		return nil
	}
	switch asked.kind {
	case askConfigure:
		s.configured()
	case askSubscribe:
		return s.subscribed()
	case askAuthorize:
		s.authorized(asked)
	case askSubmit:
		s.submitted(id, asked)
	case askSuggest, askNone, askAnswered: // a pool may think of our wishes what it likes
	}
	return nil
}

// configured reads the reply to mining.configure. An error, a result that is
// no object, and a grant without a mask all grant nothing. Refusals seen:
//
//	{"id":1,"result":null,"error":[20,"Unknown method",null]}
//	{"id":1,"result":{"version-rolling":"error text"},"error":null}
//
// and silence, which ConfigureTimeout ends.
func (s *V1) configured() {
	var m sv1.ConfigureReply
	_, refused := sv1.DecodeError(s.msg.Error)
	if refused || m.Decode(s.msg.Result) != nil || m.VersionRolling != sv1.GrantYes {
		m.VersionMask = 0
	}
	s.grant(sv1.SetVersionMask{Mask: m.VersionMask})
}

// subscribed reads the reply to mining.subscribe and, if the pool takes us,
// sends what has waited for it. Replies of p2pool and of a braiins-open test:
//
//	{"id":1,"error":null,"result":[["mining.notify","ae6812eb…"],"",8]}
//	{"id":0,"result":[[],"6c6f010000000c",4],"error":null}
func (s *V1) subscribed() error {
	m, err := s.subscribeReply()
	if err != nil {
		return err
	}
	if err := checkSize(m.Extranonce2Size); err != nil {
		return err
	}
	s.state, s.opened = Steady, s.now
	s.en1, s.en2Size = m.Extranonce1, m.Extranonce2Size
	s.tell(Event{Kind: Subscribed, Extranonce1: s.en1, Extranonce2Size: s.en2Size})
	s.out = s.SuggestDifficulty(s.suggest, s.now, s.out)
	for _, l := range s.logins {
		s.out = s.sendLogin(l, s.now, s.out)
	}
	s.logins = nil
	if s.held != nil {
		s.tellJob(s.held)
		s.held = nil
	}
	return nil
}

func (s *V1) subscribeReply() (m sv1.SubscribeReply, err error) {
	if e, refused := sv1.DecodeError(s.msg.Error); refused {
		return m, refuseSubscribe(fmt.Sprintf("the pool refused: %d %s", e.Code, shown(e.Text)))
	}
	// ckpool: {"result":"Initialising","id":1,"error":null}
	if text, ok := sv1.Text(s.msg.Result); ok {
		return m, refuseSubscribe("the pool said: " + shown(text))
	}
	err = m.Decode(s.msg.Result)
	var field *sv1.FieldError
	switch {
	case err == nil:
		return m, nil
	case errors.As(err, &field) && (field.Kind == sv1.FieldRange || field.Kind == sv1.FieldFormat):
		return m, &CloseError{Why: mining.BadExtranonce, Err: err}
	default:
		return m, &CloseError{Why: mining.SubscribeRefused, Err: err}
	}
}

func refuseSubscribe(text string) error {
	return &CloseError{Why: mining.SubscribeRefused, Err: errors.New(text)}
}

// The sizes of extranonce2 that we can work with, in bytes.
const (
	minExtranonce2 = 2
	maxExtranonce2 = 16
)

func checkSize(size int) error {
	if size >= minExtranonce2 && size <= maxExtranonce2 {
		return nil
	}
	return &CloseError{
		Why: mining.BadExtranonce,
		Err: fmt.Errorf("the pool's extranonce2 has %d bytes, %d to %d can be used", size, minExtranonce2, maxExtranonce2),
	}
}

// setExtranonce changes the extranonce from the next job on. Where we cannot
// follow the session ends: the pool would refuse every share.
func (s *V1) setExtranonce() error {
	if s.state == Opening {
		return s.skip("extranonce before the subscribe reply")
	}
	var m sv1.SetExtranonce
	if err := m.Decode(s.msg.Params); err != nil {
		var field *sv1.FieldError
		if errors.As(err, &field) && (field.Kind == sv1.FieldRange || field.Kind == sv1.FieldFormat) {
			return &CloseError{Why: mining.BadExtranonce, Err: err}
		}
		return s.skip(err.Error())
	}
	if !m.HasSize {
		m.Extranonce2Size = s.en2Size
	}
	if err := checkSize(m.Extranonce2Size); err != nil {
		return err
	}
	if m.Extranonce1 == s.en1 && m.Extranonce2Size == s.en2Size {
		return nil
	}
	s.en1, s.en2Size = m.Extranonce1, m.Extranonce2Size
	s.tell(Event{Kind: Extranonce, Extranonce1: s.en1, Extranonce2Size: s.en2Size})
	return nil
}

// authorized reads the reply to mining.authorize; p2pool's success is result
// null with error null.
func (s *V1) authorized(asked ask) {
	ev := s.answered(asked, Authorized)
	if sv1.Granted(&s.msg) {
		ev.Verdict = mining.Accepted
	} else {
		e := sv1.Refusal(&s.msg)
		ev.Verdict, ev.Code, ev.Text = mining.Unauthorized, e.Code, shown(e.Text)
	}
	s.tell(ev)
}

// submitted reads the reply to mining.submit; result null with error null is
// no acceptance here. Refusals of miningcore and of the ckpool family:
//
//	{"id":4,"error":{"code":22,"message":"duplicate share","data":null},"jsonrpc":"2.0"}
//	{"reject-reason":"Above target","result":false,"error":null,"id":5}
func (s *V1) submitted(id uint64, asked ask) {
	ev := s.answered(asked, Verdict)
	s.judge(&ev)
	s.asks.settle(id, ev.Verdict)
	s.tell(ev)
}

// again tells a further answer to a submit.
func (s *V1) again(id uint64) {
	asked, ok := s.asks.answered(id)
	if !ok {
		return
	}
	ev := s.answered(*asked, AnsweredTwice)
	ev.First = asked.said
	s.judge(&ev)
	s.tell(ev)
}

// judge reads the pool's word on a submit.
func (s *V1) judge(ev *Event) {
	if sv1.Accepted(&s.msg) {
		ev.Verdict = mining.Accepted
		return
	}
	e := sv1.Refusal(&s.msg)
	ev.Verdict, ev.Code, ev.Text = refusal(e), e.Code, shown(e.Text)
	if ev.Text == "" && ev.Code == 0 && bytes.Equal(bytes.TrimSpace(s.msg.Result), []byte("null")) {
		ev.Text = "neither result nor error"
	}
}

func (s *V1) answered(asked ask, kind EventKind) Event {
	return Event{Kind: kind, Tag: asked.tag, Late: asked.late, RTT: s.now.Sub(asked.at)}
}

package upstream

import (
	"errors"
	"fmt"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/sv1"
)

// handle takes one line apart.
func (s *V1) handle(line []byte) error {
	if len(line) > maxLine {
		return s.skip("line of more than 64 KiB")
	}
	if err := s.msg.Scan(line); err != nil {
		var syntax *sv1.SyntaxError
		if errors.As(err, &syntax) && syntax.Kind == sv1.Empty {
			return nil
		}
		return s.skip(err.Error())
	}
	switch s.msg.Kind() {
	case sv1.KindResponse:
		return s.reply()
	case sv1.KindRequest, sv1.KindNotification:
		return s.told()
	case sv1.KindUnknown:
	}
	return s.skip("object with neither method nor result nor error")
}

// told handles what the pool says of itself. Notifications are taken with an
// id too: public-pool answers mining.suggest_difficulty with a
// mining.set_difficulty that carries the request's id. eloipool asks with ids
// 7 and 8 of its own; they are never compared with ours.
func (s *V1) told() error {
	switch sv1.ParseMethod(s.msg.Method) {
	case sv1.MethodNotify:
		return s.notify()
	case sv1.MethodSetDifficulty:
		return s.setDifficulty()
	case sv1.MethodSetExtranonce:
		return s.setExtranonce()
	case sv1.MethodSetVersionMask:
		return s.setVersionMask()
	case sv1.MethodReconnect:
		return s.reconnect()
	case sv1.MethodShowMessage:
		return s.showMessage()
	case sv1.MethodGetVersion:
		return s.answer(func(out, id []byte) []byte { return sv1.AppendText(out, id, s.cfg.UserAgent) })
	case sv1.MethodPing:
		return s.answer(sv1.AppendPong)
	case sv1.MethodPong:
		return nil
	default:
		s.counts.Ignored++
		return s.answer(func(out, id []byte) []byte {
			return sv1.AppendError(out, id, sv1.CodeOther, "Unsupported method")
		})
	}
}

// answer replies to a request of the pool; a notification wants none. An id
// so long that the reply would exceed what pools take is not answered.
func (s *V1) answer(with func(out, id []byte) []byte) error {
	if !s.msg.HasID() {
		return nil
	}
	mark := len(s.out)
	s.out = with(s.out, s.msg.ID)
	if len(s.out)-mark > maxEmit {
		s.out = s.out[:mark]
		return s.skip("id too long to answer")
	}
	return nil
}

// maxDifficulty is where the target becomes less than 1, so that no hash can
// meet it: difficulty 1's own target.
const maxDifficulty = 0xffff << 208

// setDifficulty takes integers, 1024.0, 1e-05 and, from hobby pools, "1024".
func (s *V1) setDifficulty() error {
	var m sv1.SetDifficulty
	if err := m.Decode(s.msg.Params); err != nil {
		return s.skip(err.Error())
	}
	if !(m.Difficulty > 0) || m.Difficulty > maxDifficulty {
		return s.skip("difficulty that no hash can meet")
	}
	s.difficulty = m.Difficulty
	s.tell(Event{Kind: Difficulty, Difficulty: m.Difficulty})
	return nil
}

// setVersionMask may come before the configure reply (Braiins pool), after it
// (DATUM), or instead of it. ViaBTC's, with a member that no notification has:
//
//	{"id":null,"method":"mining.set_version_mask","params":["1fffe000"],"error":null}
//
// SRI's server calls it mining.set_version.
func (s *V1) setVersionMask() error {
	var m sv1.SetVersionMask
	if err := m.Decode(s.msg.Params); err != nil {
		return s.skip(err.Error())
	}
	if s.cfg.VersionMask == 0 {
		s.counts.Ignored++
		return nil
	}
	s.grant(m)
	return nil
}

// grant takes the pool's word on the mask. ckpool and public-pool answer any
// request with their configured mask, so it is ANDed with what was asked.
func (s *V1) grant(m sv1.SetVersionMask) {
	mask := m.Mask & s.cfg.VersionMask
	if s.maskKnown && mask == s.mask {
		return
	}
	s.mask, s.maskKnown = mask, true
	s.tell(Event{Kind: Mask, VersionMask: mask})
}

func (s *V1) reconnect() error {
	var m sv1.Reconnect
	if err := m.Decode(s.msg.Params); err != nil {
		return s.skip(err.Error())
	}
	ev := Event{Kind: Reconnect, Host: shown(m.Host), Wait: seconds(m.Wait)}
	if m.Port > 0 && m.Port <= 0xffff {
		ev.Port = uint16(m.Port)
	}
	s.tell(ev)
	return nil
}

func (s *V1) showMessage() error {
	var m sv1.ShowMessage
	if err := m.Decode(s.msg.Params); err != nil {
		return s.skip(err.Error())
	}
	s.tell(Event{Kind: Message, Text: shown(m.Text)})
	return nil
}

func (s *V1) tell(ev Event) { s.events = append(s.events, ev) }

// skip gives up on the line: it is counted and told, and the fifth within a
// minute ends the session.
func (s *V1) skip(why string) error {
	at := s.counts.BadLines % maxBadLines
	s.bad[at] = s.now
	s.counts.BadLines++
	text := shown([]byte(why))
	s.tell(Event{Kind: BadLine, Text: text})
	oldest := s.bad[s.counts.BadLines%maxBadLines]
	if s.counts.BadLines < maxBadLines || s.now.Sub(oldest) > badLineWindow {
		return nil
	}
	return &CloseError{
		Why: mining.TooManyErrors,
		Err: fmt.Errorf("%d lines within %v could not be used, the latest: %s", maxBadLines, badLineWindow, text),
	}
}

package downstream

import (
	"bytes"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// subscribe handles mining.subscribe. The second parameter, a session to
// resume, is not honoured: whoever knows another's session must not get its
// extranonce. A second subscribe is told the same extranonce again, for some
// firmware subscribes anew after a refusal or after a configure.
func (s *V1) subscribe(id, params []byte, out *Out) *mining.Request {
	var sub sv1.Subscribe
	if err := sub.Decode(params); err != nil {
		s.reply(id, undecodable(err), out)
		return nil
	}
	if agent := printable(sub.UserAgent); agent != "" {
		s.userAgent = agent
	}
	if s.subscribed {
		s.reply(id, s.subscription(), out)
		return nil
	}
	req := s.askFirst(mining.Open, id)
	req.UserAgent, req.Floor = s.userAgent, floor(s.userAgent)
	return req
}

// opened takes the house's answer to an open.
func (s *V1) opened(a mining.Answer) reply {
	if a.Verdict != mining.Accepted {
		return failure(sv1.CodeOther, textNoWork)
	}
	s.subscribed = true
	s.told.extranonce1, s.told.extranonce2Size = a.Extranonce1, a.Extranonce2Size
	if s.held.moved {
		s.told.extranonce1, s.told.extranonce2Size = s.held.extranonce1, s.held.extranonce2Size
		s.held.moved = false
	}
	return s.subscription()
}

// subscription is the reply to a subscribe.
func (s *V1) subscription() reply {
	return reply{kind: replySubscribe, subscribe: &sv1.SubscribeReply{
		Session:         []byte(s.sessionID),
		Extranonce1:     s.told.extranonce1,
		Extranonce2Size: s.told.extranonce2Size,
	}}
}

// authorize handles mining.authorize, before or after a subscribe, for any
// number of workers up to the limit. A login that is known is granted again
// without asking: proxies repeat it.
func (s *V1) authorize(id, params []byte, out *Out) *mining.Request {
	var auth sv1.Authorize
	if err := auth.Decode(params); err != nil || len(auth.User) == 0 {
		s.reply(id, reply{kind: replyRefusal, code: sv1.CodeUnauthorized, text: textUnauthorized}, out)
		return nil
	}
	if s.workers.find(auth.User) != nil {
		s.reply(id, reply{kind: replyGranted}, out)
		return nil
	}
	if s.workers.len() >= s.cfg.MaxWorkers {
		s.reply(id, reply{kind: replyRefusal, code: sv1.CodeUnauthorized, text: textTooMany}, out)
		return nil
	}
	login := string(auth.User)
	req := s.askFirst(mining.Authorize, id)
	s.asking.login = login
	req.Worker = &mining.Worker{Login: login}
	req.Password = mining.Secret(auth.Password)
	return req
}

// authorized takes the house's verdict on a login. The worker is the one that
// the request carried at the end, completed on its way by others.
func (s *V1) authorized(asked *asking, a mining.Answer) reply {
	if a.Verdict == mining.Accepted && asked.req.Worker != nil {
		s.workers.add(asked.login, asked.req.Worker)
	}
	r := authorizeReply(a.Verdict)
	if a.Text != "" && r.kind == replyRefusal {
		r.text = a.Text
	}
	return r
}

// negotiate handles mining.configure (BIP310). Only what was asked for is
// answered. A minimum difficulty is refused: whoever wants one says so by
// mining.suggest_difficulty or in the password.
func (s *V1) negotiate(id, params []byte, out *Out) *mining.Request {
	var conf sv1.Configure
	if err := conf.Decode(params); err != nil {
		s.reply(id, undecodable(err), out)
		return nil
	}
	answer := sv1.ConfigureReply{Unknown: conf.Unknown}
	if conf.MinimumDifficulty {
		answer.MinimumDifficulty = sv1.GrantNo
	}
	if conf.SubscribeExtranonce {
		answer.SubscribeExtranonce = sv1.GrantYes
		s.follows = true
	}
	if conf.Info {
		answer.Info = sv1.GrantYes
	}
	if conf.VersionRolling && conf.VersionMask != 0 {
		// The line is gone when the answer comes.
		answer.Unknown = cloneAll(conf.Unknown)
		req := s.askFirst(mining.Negotiate, id)
		s.asking.configure, s.asking.mask = answer, conf.VersionMask
		req.VersionMask = conf.VersionMask
		return req
	}
	if conf.VersionRolling {
		answer.VersionRolling = sv1.GrantNo
		s.wanted, s.told.mask = 0, 0
	}
	s.reply(id, reply{kind: replyConfigure, configure: &answer}, out)
	return nil
}

// negotiated takes the house's answer to a negotiation; the latest counts.
func (s *V1) negotiated(asked *asking, a mining.Answer) reply {
	answer := asked.configure
	s.wanted, s.told.mask = 0, 0
	answer.VersionRolling = sv1.GrantNo
	if granted := a.VersionMask & asked.mask; a.Verdict == mining.Accepted && granted != 0 {
		s.wanted, s.told.mask = asked.mask, granted
		answer.VersionRolling, answer.VersionMask = sv1.GrantYes, granted
	}
	return reply{kind: replyConfigure, configure: &answer}
}

// SetExtranonce changes the miner's extranonce1; size is that of its own
// part in bytes. It goes out before the next work, which is then clean. It is
// false when this miner cannot follow: it did not ask for
// mining.set_extranonce, which firmware that does not know it takes for a
// reply, or the size differs, which none stands within a connection. Before
// the subscribe reply there is nothing to change; while a subscribe waits for
// its answer this is newer than the one on its way.
func (s *V1) SetExtranonce(en1 work.Extranonce, size int) bool {
	if !s.subscribed {
		if s.asking != nil && s.asking.req.Kind == mining.Open {
			s.move(en1, size)
		}
		return true
	}
	if size != s.told.extranonce2Size {
		return false
	}
	if en1 == s.told.extranonce1 {
		if s.held.moved {
			s.held.work, s.held.moved = nil, false
		}
		return true
	}
	if !s.follows {
		return false
	}
	s.move(en1, size)
	return true
}

// Follows says that the miner asked to be told of a changed extranonce.
func (s *V1) Follows() bool { return s.follows }

// move keeps a changed extranonce for the next work. Work that waits was made
// for the one before.
func (s *V1) move(en1 work.Extranonce, size int) {
	s.held.work = nil
	s.held.extranonce1, s.held.extranonce2Size, s.held.moved = en1, size, true
}

// suggest handles mining.suggest_difficulty and mining.suggest_target: the
// wish is granted in words and passed on. NerdMiner repeats it every 30 s.
func (s *V1) suggest(id []byte, m *sv1.Message, method sv1.Method, out *Out) *mining.Request {
	s.reply(id, reply{}, out)
	var wish sv1.SuggestDifficulty
	if method == sv1.MethodSuggestTarget {
		var target sv1.SuggestTarget
		if target.Decode(m.Params) != nil {
			return nil
		}
		wish.Difficulty = target.Target.Difficulty()
	} else if wish.DecodeMessage(m) != nil {
		return nil
	}
	if !wish.Difficulty.Valid() {
		return nil
	}
	out.req = mining.Request{Kind: mining.Suggest, Difficulty: wish.Difficulty}
	return &out.req
}

// maxUserAgent is how much of a user agent is kept, in bytes.
const maxUserAgent = 128

// printable keeps the printable ASCII of a label that a stranger chose.
func printable(label []byte) string {
	kept := make([]byte, 0, min(len(label), maxUserAgent))
	for _, c := range label {
		if len(kept) == maxUserAgent {
			break
		}
		if c >= 0x20 && c <= 0x7e {
			kept = append(kept, c)
		}
	}
	return string(bytes.TrimSpace(kept))
}

func cloneAll(list [][]byte) [][]byte {
	cloned := make([][]byte, len(list))
	for i, b := range list {
		cloned[i] = bytes.Clone(b)
	}
	return cloned
}

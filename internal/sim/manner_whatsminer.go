package sim

import (
	"fmt"
	"strings"
	"time"

	"github.com/loka/stratum/sv1"
)

// whatsminer is MicroBT's btminer: params stand first in every line, ids count
// on from a hundred or two and over reconnects, the last session's name is
// always sent, and a suggestion goes out before anything else. A configure
// reply with keys that it did not ask for makes it start over, for ever
// (stratum-mining/stratum#1173).
func whatsminer() *manner {
	return &manner{
		name: Whatsminer, agent: "whatsminer/v1.0",
		handshake: whatsminerHandshake, submit: whatsminerSubmit, reply: suggestOnly,
		checkJob: func(_ *session, m *sv1.Message) (string, bool) { return wantBranches(m) },
		knows: []sv1.Method{
			sv1.MethodNotify, sv1.MethodSetDifficulty, sv1.MethodReconnect, sv1.MethodGetVersion,
			sv1.MethodShowMessage, sv1.MethodPing, sv1.MethodSetVersionMask,
		},
		rolling: RuleBIP310, minEn2: 2, maxEn2: 8, keepsIDs: true,
		idle: 90 * time.Second, reconnect: 5 * time.Second,
	}
}

func whatsminerHandshake(s *session) error {
	if d := s.m.swarm.cfg.SuggestDifficulty; d > 0 {
		s.suggestID = s.id()
		s.sendf(`{"params": [%s], "id": %d, "method": "mining.suggest_difficulty"}`, d, s.suggestID)
	}
	if s.m.rolls() {
		if err := whatsminerConfigure(s); err != nil {
			return err
		}
	} else {
		s.withoutMask()
	}
	id := s.id()
	s.sendf(`{"params": [%s], "id": %d, "method": "mining.subscribe"}`, s.agentAndSession(), id)
	m, line, err := s.afterOwn("mining.subscribe")
	if err != nil {
		return err
	}
	if why := s.readSubscribe(m); why != "" {
		return s.fatal(why, line)
	}
	s.echoed(m, itoa(id), line)
	id = s.id()
	s.sendf(`{"params": ["%s", "%s"], "id": %d, "method": "mining.authorize"}`, s.m.worker, s.m.swarm.cfg.Password, id)
	if m, line, err = s.afterOwn("mining.authorize"); err != nil {
		return err
	}
	if why := readAuthorize(m); why != "" {
		return s.fatal(why, line)
	}
	s.echoed(m, itoa(id), line)
	s.setAuthorized()
	return nil
}

func whatsminerConfigure(s *session) error {
	id := s.id()
	s.sendf(`{"params": [["version-rolling"], {"version-rolling.mask": "1fffe000"}], "id": %d, "method": "mining.configure"}`, id)
	m, line, err := s.afterOwn("mining.configure")
	if err != nil {
		return err
	}
	g := readConfigure(m)
	switch {
	case len(g.extra) > 0:
		return s.fatal("loops on a configure reply with keys that were not asked for: "+strings.Join(g.extra, " "), line)
	case g.why != "" && g.why != "version rolling refused":
		return s.fatal(g.why, line)
	}
	s.echoed(m, itoa(id), line)
	s.setMask(g.mask)
	return nil
}

// afterOwn is afterKnown that also takes the answer to the suggestion.
func (s *session) afterOwn(what string) (*sv1.Message, []byte, error) {
	for {
		m, line, err := s.afterKnown(what)
		if err != nil || !s.suggestReply(m) {
			return m, line, err
		}
	}
}

// suggestReply reports whether m is the answer to the suggestion, whatever it says.
func (s *session) suggestReply(m *sv1.Message) bool {
	if s.suggestID == 0 || m.Method != nil || string(m.ID) != itoa(s.suggestID) {
		return false
	}
	s.suggestID = 0
	return true
}

// suggestOnly is the reply function of manners that send nothing else after
// the handshake.
func suggestOnly(s *session, m *sv1.Message) (own bool, err error) {
	return s.suggestReply(m), nil
}

func whatsminerSubmit(dst []byte, s *session, sh *share) []byte {
	return fmt.Appendf(dst, `{"params": ["%s", "%s", "%s", "%s", "%s", "%s"], "id": %d, "method": "mining.submit"}`+"\n",
		s.m.worker, sh.job.id, sh.en2, sh.header.NTime, sh.header.Nonce, sh.bits, sh.id)
}

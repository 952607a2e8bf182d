package sim

import (
	"strings"
	"time"

	"github.com/loka/stratum/sv1"
)

// cgminer is cgminer 4.11.1 built for a device that rolls versions (USE_VMASK):
// configure, subscribe and authorize one after the other. It takes the next
// line for the configure answer, and fails the connect if that grants nothing
// (util.c, configure_stratum_mining). Without version rolling it is the plain
// build, for which a set_version_mask before the authorize reply is a failed
// login.
func cgminer() *manner {
	return &manner{
		name: CGMiner, agent: "cgminer/4.11.1",
		handshake: cgminerHandshake, submit: submitCG, reply: suggestOnly,
		checkJob: func(_ *session, m *sv1.Message) (string, bool) { return wantBranches(m) },
		knows: []sv1.Method{
			sv1.MethodNotify, sv1.MethodSetDifficulty, sv1.MethodReconnect,
			sv1.MethodGetVersion, sv1.MethodShowMessage, sv1.MethodPing, sv1.MethodSetVersionMask,
		},
		rolling: RuleBIP310, rollSeconds: 5, minEn2: 2, maxEn2: 8, keepsIDs: true,
		idle: 90 * time.Second, reconnect: 5 * time.Second,
	}
}

func cgminerHandshake(s *session) error {
	if s.m.rolls() {
		id := s.id()
		s.sendf(`{"id": %d, "method": "mining.configure", "params": [["version-rolling"], {"version-rolling.mask": "ffffffff"}]}`, id)
		m, line, err := s.message("mining.configure")
		if err != nil {
			return err
		}
		g := readConfigure(m)
		if g.why != "" {
			return s.fatal("the line after mining.configure: "+g.why, line)
		}
		if len(g.extra) > 0 {
			s.fail("configure reply with keys that were not asked for: "+strings.Join(g.extra, " "), line)
		}
		s.echoed(m, itoa(id), line)
		s.setMask(g.mask)
	} else {
		s.withoutMask()
	}
	if err := s.subscribeCG(s.agentAndSession()); err != nil {
		return err
	}
	if err := s.authorizeCG(); err != nil {
		return err
	}
	s.suggest()
	return nil
}

// suggest asks for the configured difficulty. cgminer counts an answer that is
// not true as a rejected share; the others ignore it.
func (s *session) suggest() {
	if d := s.m.swarm.cfg.SuggestDifficulty; d > 0 {
		s.suggestID = s.id()
		s.sendf(`{"id": %d, "method": "mining.suggest_difficulty", "params": [%s]}`, s.suggestID, d)
	}
}

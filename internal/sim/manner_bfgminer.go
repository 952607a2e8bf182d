package sim

import (
	"time"

	"github.com/loka/stratum/sv1"
)

// bfgTransactions is how long after a job bfgminer asks for its transactions.
const bfgTransactions = 21 * time.Second

// bfgminer is bfgminer 5.5: suggest_target and capabilities with null ids, which
// must not be answered, then subscribe; extranonce subscription and login have
// the string ids "xnsub" and "auth", which must come back as they are; 21 s
// after a job it asks for its transactions.
func bfgminer() *manner {
	return &manner{
		name: BFGMiner, agent: "bfgminer/5.5.0",
		handshake: bfgHandshake, submit: submitCG, reply: bfgReply, tick: bfgTick,
		checkJob: func(_ *session, m *sv1.Message) (string, bool) { return wantBranches(m) },
		knows: []sv1.Method{
			sv1.MethodNotify, sv1.MethodSetDifficulty, sv1.MethodSetExtranonce, sv1.MethodSetGoal,
			sv1.MethodReconnect, sv1.MethodGetVersion, sv1.MethodShowMessage, sv1.MethodPing,
		},
		minEn2: 1, maxEn2: 16, keepsIDs: true, idle: 120 * time.Second, reconnect: 5 * time.Second,
	}
}

func bfgHandshake(s *session) error {
	target := s.m.swarm.cfg.SuggestDifficulty
	if target <= 0 {
		target = 1
	}
	s.sendf(`{"id": null, "method": "mining.suggest_target", "params": ["%s"]}`, target.Target())
	s.sendf(`{"id": null, "method": "mining.capabilities", "params": [{"notify": [], "set_difficulty": {}, "set_goal": [], "suggested_target": "%s"}]}`, target.Target())
	if err := s.subscribeCG(s.agentAndSession()); err != nil {
		return err
	}
	s.sendf(`{"id": "xnsub", "method": "mining.extranonce.subscribe", "params": []}`)
	s.sendf(`{"id": "auth", "method": "mining.authorize", "params": ["%s", "%s"]}`, s.m.worker, s.m.swarm.cfg.Password)
	s.authDeadline = time.Now().Add(s.m.patience(replyTimeout))
	return nil
}

func bfgReply(s *session, m *sv1.Message) (own bool, err error) {
	switch id := string(m.ID); {
	case id == `"auth"` && !s.authorized:
		if why := readAuthorize(m); why != "" {
			return true, s.fatal(why, m.Result)
		}
		s.setAuthorized()
		return true, nil
	case id == `"xnsub"`:
		return true, nil
	case s.txlist != "" && id == s.txlist:
		s.txlist = ""
		return true, nil
	}
	return s.suggestReply(m), nil
}

func bfgTick(s *session, now time.Time) error {
	if !s.authorized && now.After(s.authDeadline) {
		return s.fatal(`no answer to authorize with the id "auth"`, nil)
	}
	if s.job == nil || s.txlistJob == s.job || now.Sub(s.job.at) < s.m.scaled(bfgTransactions) {
		return nil
	}
	s.txlistJob = s.job
	s.txlist = `"txlist` + s.job.id + `"`
	s.sendf(`{"id": %s, "method": "mining.get_transactions", "params": ["%s"]}`, s.txlist, s.job.id)
	return nil
}

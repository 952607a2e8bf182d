package sim

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

const (
	// nerdDifficulty is what NerdMiner asks for, and mines at until told.
	nerdDifficulty work.Difficulty = 0.00015
	// nerdDocument is the memory it has for parsing one line.
	nerdDocument = 4096
	// nerdFirstSuggest and nerdSuggest are when it asks for a difficulty.
	nerdFirstSuggest, nerdSuggest = time.Second, 30 * time.Second
	// nerdPassword is how much of the password fits.
	nerdPassword = 19
)

// nerdminer is NerdMiner v2: subscribe, whose answer must be the next line and
// name a session, authorize without waiting for the answer, and from a second
// later on a suggestion every half a minute. Its nonce is not padded, its
// extranonce2 is random and stays for the job, and a line that needs more than
// 4 KiB is lost on it.
func nerdminer() *manner {
	return &manner{
		name: NerdMiner, agent: "NerdMinerV2/V1.8.0",
		handshake: nerdHandshake, submit: nerdSubmit, reply: nerdReply, tick: nerdTick, checkJob: nerdJob,
		knows:  []sv1.Method{sv1.MethodNotify, sv1.MethodSetDifficulty},
		minEn2: 1, maxEn2: 16, fixedEn2: true, idle: 10 * time.Minute, reconnect: 60 * time.Second,
	}
}

func nerdHandshake(s *session) error {
	s.difficulty = nerdDifficulty
	id := s.id()
	s.sendf(`{"id": %d, "method": "mining.subscribe", "params": ["%s"]}`, id, s.manner.agent)
	m, line, err := s.message("mining.subscribe")
	if err != nil {
		return err
	}
	if why := s.readSubscribe(m); why != "" {
		return s.fatal("the line after mining.subscribe: "+why, line)
	}
	var result []json.RawMessage
	var tuples [][]string
	if json.Unmarshal(m.Result, &result) != nil || json.Unmarshal(result[0], &tuples) != nil || len(tuples) == 0 || len(tuples[0]) < 2 {
		return s.fatal("a subscribe reply without a session in its first tuple", line)
	}
	s.echoed(m, itoa(id), line)
	s.authorizeID = s.id()
	password := s.m.swarm.cfg.Password
	s.sendf(`{"params": ["%s", "%s"], "id": %d, "method": "mining.authorize"}`,
		s.m.worker, password[:min(len(password), nerdPassword)], s.authorizeID)
	s.nextTick = time.Now().Add(s.m.scaled(nerdFirstSuggest))
	return nil
}

func nerdTick(s *session, now time.Time) error {
	if now.Before(s.nextTick) {
		return nil
	}
	d := s.m.swarm.cfg.SuggestDifficulty
	if d <= 0 {
		d = nerdDifficulty
	}
	s.suggestID = s.id()
	s.sendf(`{"id": %d, "method": "mining.suggest_difficulty", "params": [%.10g]}`, s.suggestID, float64(d))
	s.nextTick = now.Add(s.m.scaled(nerdSuggest))
	return nil
}

func nerdReply(s *session, m *sv1.Message) (own bool, err error) {
	if s.authorizeID != 0 && string(m.ID) == itoa(s.authorizeID) {
		s.authorizeID = 0
		if why := readAuthorize(m); why != "" {
			return true, s.fatal(why, m.Result)
		}
		s.setAuthorized()
		return true, nil
	}
	return s.suggestReply(m), nil
}

func nerdJob(_ *session, m *sv1.Message) (why string, fatal bool) {
	if len(m.Params) > nerdDocument-128 {
		return "a notify that does not fit into 4 KiB", false
	}
	return "", false
}

func nerdSubmit(dst []byte, s *session, sh *share) []byte {
	return fmt.Appendf(dst, `{"id":%d,"method":"mining.submit","params":["%s","%s","%s","%s","%x"]}`+"\n",
		sh.id, s.m.worker, sh.job.id, sh.en2, sh.header.NTime, uint32(sh.header.Nonce))
}

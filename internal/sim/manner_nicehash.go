package sim

import (
	"fmt"
	"time"

	"github.com/loka/stratum/sv1"
)

// nicehashPatience is how long NiceHash waits for a difficulty and a job after
// the login.
const nicehashPatience = 5 * time.Second

// nicehash is NiceHash as a buyer's hashpower: subscribe with a time stamp and
// an HMAC where others name a session, authorize, extranonce subscription. It
// leaves when extranonce2 has fewer than 4 bytes, or when no difficulty and job
// follow the login promptly.
func nicehash() *manner {
	return &manner{
		name: NiceHash, agent: "NiceHash/1.0.0",
		handshake: nicehashHandshake, submit: nicehashSubmit, reply: nicehashReply, tick: nicehashTick,
		checkJob: func(_ *session, m *sv1.Message) (string, bool) { return wantBranches(m) },
		knows: []sv1.Method{
			sv1.MethodNotify, sv1.MethodSetDifficulty, sv1.MethodSetExtranonce, sv1.MethodReconnect, sv1.MethodPing,
		},
		minEn2: 4, maxEn2: 16, idle: 120 * time.Second, reconnect: 10 * time.Second,
	}
}

func nicehashHandshake(s *session) error {
	id := s.id()
	s.sendf(`{"id":%d,"method":"mining.subscribe","params":["%s","%d","%016x%016x%016x%016x"]}`, id, s.manner.agent,
		time.Now().UnixMilli(), s.m.rng.Uint64(), s.m.rng.Uint64(), s.m.rng.Uint64(), s.m.rng.Uint64())
	m, line, err := s.afterKnown("mining.subscribe")
	if err != nil {
		return err
	}
	if why := s.readSubscribe(m); why != "" {
		return s.fatal(why, line)
	}
	s.echoed(m, itoa(id), line)
	if err := s.authorizeCG(); err != nil {
		return err
	}
	s.xnsubID = s.id()
	s.sendf(`{"id":%d,"method":"mining.extranonce.subscribe","params":[]}`, s.xnsubID)
	return nil
}

func nicehashReply(s *session, m *sv1.Message) (own bool, err error) {
	if s.xnsubID != 0 && string(m.ID) == itoa(s.xnsubID) {
		s.xnsubID = 0
		return true, nil
	}
	return false, nil
}

func nicehashTick(s *session, now time.Time) error {
	if s.job == nil && now.Sub(s.readyAt) > s.m.patience(nicehashPatience) {
		return s.fatal("no job after the login", nil)
	}
	return nil
}

func nicehashSubmit(dst []byte, s *session, sh *share) []byte {
	return fmt.Appendf(dst, `{"id":%d,"method":"mining.submit","params":["%s","%s","%s","%s","%s"]}`+"\n",
		sh.id, s.m.worker, sh.job.id, sh.en2, sh.header.NTime, sh.header.Nonce)
}

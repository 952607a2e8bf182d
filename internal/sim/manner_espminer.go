package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// The ids of ESP-Miner's handshake, the same on every connection.
const (
	espConfigureID = 1
	espSubscribeID = 2
	espAuthorizeID = 3
)

// espminer is ESP-Miner (Bitaxe): configure, subscribe and authorize in one
// segment, answers matched by id in any order; after the login a suggestion and
// an extranonce subscription. Its submits always have six parameters, the last
// the bits that differ from the job's version. It drops a job whose id it has
// seen among the last 16.
func espminer() *manner {
	return &manner{
		name: ESPMiner, agent: "bitaxe/BM1370/v2.9.0",
		handshake: espHandshake, submit: espSubmit, reply: espReply, checkJob: espJob,
		knows: []sv1.Method{
			sv1.MethodNotify, sv1.MethodSetDifficulty, sv1.MethodSetVersionMask, sv1.MethodSetExtranonce,
			sv1.MethodReconnect, sv1.MethodGetVersion, sv1.MethodShowMessage, sv1.MethodPing,
		},
		rolling: RuleXor, minEn2: 1, maxEn2: 16, extranonceNow: true,
		idle: 180 * time.Second, reconnect: 3 * time.Second,
	}
}

func espHandshake(s *session) error {
	if s.m.rolls() {
		s.configureID = espConfigureID
		s.sendf(`{"id": %d, "method": "mining.configure", "params": [["version-rolling"], {"version-rolling.mask": "ffffffff"}]}`, espConfigureID)
	}
	s.sendf(`{"id": %d, "method": "mining.subscribe", "params": ["%s"]}`, espSubscribeID, s.manner.agent)
	s.sendf(`{"id": %d, "method": "mining.authorize", "params": ["%s", "%s"]}`, espAuthorizeID, s.m.worker, s.m.swarm.cfg.Password)
	s.lastID = espAuthorizeID
	for !s.authorized || s.en2Size == 0 {
		m, line, err := s.message("the handshake")
		if err != nil {
			return err
		}
		if err := espHandshakeLine(s, m, line); err != nil {
			return err
		}
	}
	s.suggest()
	s.xnsubID = s.id()
	s.sendf(`{"id": %d, "method": "mining.extranonce.subscribe", "params": []}`, s.xnsubID)
	return nil
}

func espHandshakeLine(s *session, m *sv1.Message, line []byte) error {
	if m.Method != nil {
		method := sv1.ParseMethod(m.Method)
		if method == sv1.MethodSetVersionMask && s.configureID != 0 {
			return s.fatal("crashes on a set_version_mask before the configure reply", line)
		}
		if !s.manner.known(method) {
			s.fail("unknown method "+shorten(m.Method), line)
			return nil
		}
		return s.notification(m, line)
	}
	switch string(m.ID) {
	case itoa(espConfigureID):
		espConfigured(s, m)
	case itoa(espSubscribeID):
		if why := s.readSubscribe(m); why != "" {
			return s.fatal(why, line)
		}
	case itoa(espAuthorizeID):
		if why := readAuthorize(m); why != "" || string(m.Result) == "null" {
			return s.fatal("authorize refused", line)
		}
		s.setAuthorized()
	default:
		s.fail("a reply to nothing that was asked", line)
	}
	return nil
}

// espConfigured takes the configure reply, whenever it comes.
func espConfigured(s *session, m *sv1.Message) {
	s.configureID = 0
	g := readConfigure(m)
	if len(g.extra) > 0 {
		s.fail("configure reply with keys that were not asked for", m.Result)
	}
	s.setMask(g.mask)
	if s.job != nil {
		s.search.next(s)
	}
}

func espReply(s *session, m *sv1.Message) (own bool, err error) {
	switch id := string(m.ID); {
	case s.xnsubID != 0 && id == itoa(s.xnsubID):
		s.xnsubID = 0
	case s.configureID != 0 && id == itoa(s.configureID):
		espConfigured(s, m)
	default:
		return s.suggestReply(m), nil
	}
	return true, nil
}

// espJob: at least eight parameters, the strings really strings (a number
// crashes it, #1880), at most 32 branches, and an id that is new.
func espJob(s *session, m *sv1.Message) (why string, fatal bool) {
	params := rawParams(m)
	if len(params) < 8 {
		return "a notify of fewer than 8 parameters", false
	}
	for _, i := range []int{0, 1, 2, 3, 5, 6, 7} {
		if _, ok := stringOf(params[i]); !ok {
			return fmt.Sprintf("crashes on parameter %d of a notify, which is not a string", i), true
		}
	}
	id, _ := stringOf(params[0])
	if slices.Contains(s.recent, id) {
		return "ignores a job whose id it has seen", false
	}
	return "", false
}

func espSubmit(dst []byte, s *session, sh *share) []byte {
	return fmt.Appendf(dst, `{"id": %d, "method": "mining.submit", "params": ["%s", "%s", "%s", "%s", "%s", "%s"]}`+"\n",
		sh.id, s.m.worker, sh.job.id, sh.en2, sh.header.NTime, sh.header.Nonce,
		work.VersionMask(sh.header.Version^sh.job.notify.Version))
}

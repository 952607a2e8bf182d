package sim

import (
	"fmt"
	"time"

	"github.com/loka/stratum/sv1"
)

// cpuminerSubmitID is the id of every submit of cpuminer.
const cpuminerSubmitID = 4

// cpuminer is pooler's cpuminer 2.5.1: subscribe with id 1, whose answer must
// be the next line, authorize with id 2, and every submit with id 4.
func cpuminer() *manner {
	return &manner{
		name: CPUMiner, agent: "cpuminer/2.5.1",
		handshake: cpuminerHandshake, submit: cpuminerSubmit, checkJob: cpuminerJob,
		knows: []sv1.Method{
			sv1.MethodNotify, sv1.MethodSetDifficulty, sv1.MethodReconnect,
			sv1.MethodGetVersion, sv1.MethodShowMessage,
		},
		minEn2: 1, maxEn2: 16, idle: 120 * time.Second, reconnect: 30 * time.Second,
	}
}

func cpuminerHandshake(s *session) error {
	s.sendf(`{"id": 1, "method": "mining.subscribe", "params": ["%s"]}`, s.manner.agent)
	m, line, err := s.message("mining.subscribe")
	if err != nil {
		return err
	}
	if why := s.readSubscribe(m); why != "" {
		return s.fatal("the line after mining.subscribe: "+why, line)
	}
	s.echoed(m, "1", line)
	s.lastID = 1 // authorizeCG makes it 2
	return s.authorizeCG()
}

// cpuminerJob: the prevhash has 64 digits, version, nbits and ntime have 8.
func cpuminerJob(_ *session, m *sv1.Message) (why string, fatal bool) {
	params := rawParams(m)
	if len(params) < 8 {
		return "a notify of fewer than 8 parameters", false
	}
	for i, width := range map[int]int{1: 64, 5: 8, 6: 8, 7: 8} {
		if text, ok := stringOf(params[i]); !ok || len(text) != width {
			return fmt.Sprintf("parameter %d of a notify is not %d digits", i, width), false
		}
	}
	return "", false
}

func cpuminerSubmit(dst []byte, s *session, sh *share) []byte {
	return fmt.Appendf(dst, `{"method": "mining.submit", "params": ["%s", "%s", "%s", "%s", "%s"], "id":%d}`+"\n",
		s.m.worker, sh.job.id, sh.en2, sh.header.NTime, sh.header.Nonce, cpuminerSubmitID)
}

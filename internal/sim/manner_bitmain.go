package sim

import (
	"fmt"
	"strings"
	"time"

	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// bitmainBits are the version bits its AsicBoost needs.
const bitmainBits work.VersionMask = 0x00c00000

// maxBitmainCoinbase is how many digits of coinbase1 fit into its buffer.
const maxBitmainCoinbase = 8192

// bitmain is the stock firmware of an S17+ or S19: subscribe, extranonce
// subscribe if the URL says "#xnsub", authorize, and only then configure for two
// bits, whose answer is not waited for. It ORs its bits into the version and
// submits those that the template had not set.
func bitmain() *manner {
	return &manner{
		name: Bitmain, agent: "cgminer/2.0.0",
		handshake: bitmainHandshake, submit: bitmainSubmit, reply: bitmainReply, checkJob: bitmainJob,
		knows: []sv1.Method{
			sv1.MethodNotify, sv1.MethodSetDifficulty, sv1.MethodSetExtranonce, sv1.MethodReconnect,
			sv1.MethodGetVersion, sv1.MethodShowMessage, sv1.MethodMultiVersion, sv1.MethodSetVersionMask,
		},
		rolling: RuleOr, rollSeconds: 5, minEn2: 2, maxEn2: 8, keepsIDs: true, extranonceNow: true,
		idle: 90 * time.Second, reconnect: 5 * time.Second,
	}
}

func bitmainHandshake(s *session) error {
	if err := s.subscribeCG(s.agentAndSession()); err != nil {
		return err
	}
	if s.m.swarm.cfg.ExtranonceSubscribe {
		if err := bitmainXnsub(s); err != nil {
			return err
		}
	}
	if err := s.authorizeCG(); err != nil {
		return err
	}
	s.suggest()
	if s.m.rolls() {
		s.configureID = s.id()
		s.sendf(`{"id": %d, "method": "mining.configure", "params": [["version-rolling"], {"version-rolling.mask": "%s", "version-rolling.min-bit-count": 2}]}`,
			s.configureID, bitmainBits)
	}
	return nil
}

// bitmainXnsub subscribes to the extranonce. It goes on after true, after two
// texts that it knows, and after two seconds of silence, which no scale shortens, for a
// busy machine is as silent; anything else ends the connection.
func bitmainXnsub(s *session) error {
	id := s.id()
	s.sendf(`{"id": %d, "method": "mining.extranonce.subscribe", "params": []}`, id)
	if err := s.flush(); err != nil {
		return err
	}
	limit := time.NewTimer(2 * time.Second)
	defer limit.Stop()
	for {
		var line []byte
		select {
		case l, ok := <-s.lines:
			if !ok {
				return s.closed()
			}
			line = l
		case <-limit.C:
			return nil
		}
		s.heard()
		var m sv1.Message
		if err := m.Scan(line); err != nil {
			return s.fatal("waiting for mining.extranonce.subscribe: "+err.Error(), line)
		}
		if s.manner.known(sv1.ParseMethod(m.Method)) {
			if err := s.notification(&m, line); err != nil {
				return err
			}
			continue
		}
		why := sv1.Refusal(&m)
		text := string(why.Text)
		if string(m.Result) != "true" && text != "Method 'subscribe' not found for service 'mining.extranonce'" && text != "Unrecognized request provided" {
			return s.fatal("unexpected answer to mining.extranonce.subscribe", line)
		}
		s.echoed(&m, itoa(id), line)
		return nil
	}
}

func bitmainReply(s *session, m *sv1.Message) (own bool, err error) {
	if s.suggestReply(m) {
		return true, nil
	}
	if s.configureID == 0 || string(m.ID) != itoa(s.configureID) {
		return false, nil
	}
	s.configureID = 0
	g := readConfigure(m)
	if len(g.extra) > 0 {
		s.fail("unexpected mining.configure value "+strings.Join(g.extra, " "), m.Result)
	}
	if g.why == "" && g.mask&bitmainBits == bitmainBits {
		s.setMask(bitmainBits)
		if s.job != nil {
			s.search.next(s)
		}
	}
	return true, nil
}

func bitmainJob(_ *session, m *sv1.Message) (why string, fatal bool) {
	if why, fatal = wantBranches(m); why != "" {
		return why, fatal
	}
	if text, _ := stringOf(rawParams(m)[2]); len(text) > maxBitmainCoinbase {
		return "coinbase1 overflows the buffer", true
	}
	return "", false
}

func bitmainSubmit(dst []byte, s *session, sh *share) []byte {
	dst = fmt.Appendf(dst, `{"params": ["%s", "%s", "%s", "%s", "%s"`, s.m.worker, sh.job.id, sh.en2, sh.header.NTime, sh.header.Nonce)
	if s.mask != 0 {
		dst = fmt.Appendf(dst, `, "%s"`, sh.header.Version&^sh.job.notify.Version)
	}
	return fmt.Appendf(dst, `], "id": %d, "method": "mining.submit"}`+"\n", sh.id)
}

package sim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// granted is what a configure reply says of version rolling. why is set when
// it is not granted; extra lists keys that were not asked for.
type granted struct {
	mask  work.VersionMask
	why   string
	extra []string
}

// readConfigure reads the reply to a configure for version rolling only.
func readConfigure(m *sv1.Message) granted {
	if _, isError := sv1.DecodeError(m.Error); isError {
		return granted{why: "configure refused: " + string(m.Error)}
	}
	var result map[string]json.RawMessage
	if m.Method != nil || json.Unmarshal(m.Result, &result) != nil || result == nil {
		return granted{why: "not a configure reply"}
	}
	var g granted
	for _, key := range slices.Sorted(maps.Keys(result)) {
		if !strings.HasPrefix(key, "version-rolling") {
			g.extra = append(g.extra, key)
		}
	}
	if string(result["version-rolling"]) != "true" {
		g.why = "version rolling refused"
		return g
	}
	text, ok := stringOf(result["version-rolling.mask"])
	mask, err := work.ParseVersionMask([]byte(text))
	if !ok || err != nil || mask == 0 {
		g.why = "version rolling granted without a usable mask"
		return g
	}
	g.mask = mask
	return g
}

// readSubscribe takes up a subscribe reply; why is set when it is none that the
// firmware can work with.
func (s *session) readSubscribe(m *sv1.Message) (why string) {
	if m.Method != nil {
		return "the answer to subscribe is a message " + string(m.Method)
	}
	if _, isError := sv1.DecodeError(m.Error); isError {
		return "subscribe refused: " + string(m.Error)
	}
	var r sv1.SubscribeReply
	if err := r.Decode(m.Result); err != nil {
		return err.Error()
	}
	if r.Extranonce2Size < s.manner.minEn2 || r.Extranonce2Size > 16 {
		return fmt.Sprintf("extranonce2 size is %d (minimum is %d)", r.Extranonce2Size, s.manner.minEn2)
	}
	s.extranonce(r.Extranonce1, r.Extranonce2Size)
	if s.job != nil { // it came before the reply
		s.job.en1 = r.Extranonce1
		s.search.restart(s)
	}
	s.m.session = string(r.Session)
	return ""
}

// readAuthorize is why a login failed, as all of cgminer's descendants see it:
// the result is absent or false, or there is an error. A null result passes.
func readAuthorize(m *sv1.Message) (why string) {
	switch _, isError := sv1.DecodeError(m.Error); {
	case m.Method != nil:
		return "the answer to authorize is a message " + string(m.Method)
	case isError:
		return "authorize refused: " + string(m.Error)
	case m.Result == nil, string(m.Result) == "false":
		return "authorize refused"
	}
	return ""
}

// subscribeCG subscribes as cgminer does: known notifications may come before
// the answer, and a failure is tried again once, bare.
func (s *session) subscribeCG(params string) error {
	id := s.id()
	s.sendf(`{"id": %d, "method": "mining.subscribe", "params": [%s]}`, id, params)
	m, line, err := s.afterKnown("mining.subscribe")
	if err != nil {
		return err
	}
	why := s.readSubscribe(m)
	if why != "" {
		s.fail(why, line)
		id = s.id()
		s.sendf(`{"id": %d, "method": "mining.subscribe", "params": []}`, id)
		if m, line, err = s.afterKnown("mining.subscribe"); err != nil {
			return err
		}
		why = s.readSubscribe(m)
	}
	if why != "" {
		return s.fatal(why, line)
	}
	s.echoed(m, itoa(id), line)
	return nil
}

// authorizeCG authorizes as cgminer does: the first line that is not a known
// notification is the answer.
func (s *session) authorizeCG() error {
	id := s.id()
	s.sendf(`{"id": %d, "method": "mining.authorize", "params": ["%s", "%s"]}`, id, s.m.worker, s.m.swarm.cfg.Password)
	m, line, err := s.afterKnown("mining.authorize")
	if err != nil {
		return err
	}
	if why := readAuthorize(m); why != "" {
		return s.fatal(why, line)
	}
	s.echoed(m, itoa(id), line)
	s.setAuthorized()
	return nil
}

func (s *session) setAuthorized() {
	s.authorized = true
	s.m.count(func(st *MinerStats) { st.Mining = s.job != nil })
}

// agentAndSession are subscribe's parameters when the last session is wanted back.
func (s *session) agentAndSession() string {
	if s.m.session == "" {
		return fmt.Sprintf("%q", s.manner.agent)
	}
	return fmt.Sprintf("%q, %q", s.manner.agent, s.m.session)
}

// submitCG is cgminer's submit, params first; with version bits if rolling.
func submitCG(dst []byte, s *session, sh *share) []byte {
	dst = fmt.Appendf(dst, `{"params": ["%s", "%s", "%s", "%s", "%s"`, s.m.worker, sh.job.id, sh.en2, sh.header.NTime, sh.header.Nonce)
	if s.mask != 0 {
		dst = fmt.Appendf(dst, `, "%s"`, sh.bits)
	}
	return fmt.Appendf(dst, `], "id": %d, "method": "mining.submit"}`+"\n", sh.id)
}

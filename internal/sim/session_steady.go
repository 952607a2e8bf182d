package sim

import (
	"strings"
	"time"

	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// Hashing is done every minTick, or less often, down to maxTick, where that would be
// for fewer than tickHashes: a thousand slow miners are not to wake forty thousand
// times a second.
const (
	minTick    = 25 * time.Millisecond
	maxTick    = 10 * minTick
	tickHashes = 50
)

// hashTick is how often a miner of a hashrate hashes.
func hashTick(rate float64) time.Duration {
	return time.Duration(min(max(tickHashes/rate*float64(time.Second), float64(minTick)), float64(maxTick)))
}

// steady mines until the connection ends.
func (s *session) steady() error {
	ticker := time.NewTicker(hashTick(s.m.swarm.cfg.Hashrate))
	defer ticker.Stop()
	last := time.Now()
	for {
		var err error
		select {
		case line, ok := <-s.lines:
			if !ok {
				return s.closed()
			}
			s.heard()
			err = s.line(line)
		case <-ticker.C:
			if len(s.lines) > 0 { // listening goes before hashing
				continue
			}
			now := time.Now()
			err = s.tick(now, now.Sub(last))
			last = now
		}
		if err == nil {
			err = s.flush()
		}
		if err != nil {
			return err
		}
	}
}

func (s *session) tick(now time.Time, since time.Duration) error {
	if idle := s.m.patience(s.manner.idle); now.Sub(s.lastLine) > idle {
		return s.fatal("no data for "+idle.String(), nil)
	}
	s.giveUp(now)
	if s.manner.tick != nil {
		if err := s.manner.tick(s, now); err != nil {
			return err
		}
	}
	paused := &s.m.swarm.paused
	if s.job == nil || !s.authorized || paused.Load() || len(s.queue) >= s.m.swarm.cfg.MaxPending {
		return nil
	}
	s.m.hashing.Store(true)
	defer s.m.hashing.Store(false)
	if !paused.Load() { // a pause from here on waits for what is found
		s.mine(now, min(since, time.Second))
	}
	return nil
}

// line handles a line after the handshake.
func (s *session) line(line []byte) error {
	var m sv1.Message
	if err := m.Scan(line); err != nil {
		s.fail("not a message: "+err.Error(), line)
		return nil //nolint:nilerr // firmware logs it and goes on
	}
	if m.Kind() != sv1.KindResponse {
		if !s.manner.known(sv1.ParseMethod(m.Method)) {
			s.fail("unknown method "+shorten(m.Method), line)
			return nil
		}
		return s.notification(&m, line)
	}
	if s.manner.reply != nil {
		if own, err := s.manner.reply(s, &m); own || err != nil {
			return err
		}
	}
	s.shareReply(&m, line)
	return nil
}

// notification handles a notification, or a pool's request, that the manner
// knows.
func (s *session) notification(m *sv1.Message, line []byte) error {
	switch sv1.ParseMethod(m.Method) {
	case sv1.MethodNotify:
		return s.notify(m, line)
	case sv1.MethodSetDifficulty:
		var d sv1.SetDifficulty
		if err := d.Decode(m.Params); err != nil {
			s.fail(err.Error(), line)
			return nil
		}
		s.difficulty = d.Difficulty
	case sv1.MethodSetExtranonce:
		s.setExtranonce(m, line)
	case sv1.MethodSetVersionMask:
		var v sv1.SetVersionMask
		if err := v.Decode(m.Params); err != nil {
			s.fail(err.Error(), line)
			return nil
		}
		if s.job == nil && s.manner.name == Bitmain {
			s.fail("a set_version_mask before the first job confuses it", line)
		}
		s.setMask(v.Mask)
		if s.job != nil {
			s.search.next(s)
		}
	case sv1.MethodGetVersion:
		s.chatter()
		s.out = sv1.AppendText(s.out, m.ID, s.manner.agent)
	case sv1.MethodPing:
		s.chatter()
		s.pong(m)
	case sv1.MethodShowMessage:
		s.chatter()
	case sv1.MethodReconnect:
		s.chatter()
		return s.reconnect(m)
	default: // known and without effect, as mining.multi_version
	}
	return nil
}

func (s *session) chatter() { s.m.count(func(st *MinerStats) { st.Chatter++ }) }

// pong answers a ping: ESP-Miner with a response that has a method, the others
// with a result.
func (s *session) pong(m *sv1.Message) {
	if s.manner.name != ESPMiner {
		s.out = sv1.AppendPong(s.out, m.ID)
		return
	}
	id := "-1"
	if m.HasID() {
		id = string(m.ID)
	}
	s.sendf(`{"id":%s,"method":"pong","params":[]}`, id)
}

// reconnect ends the session. A host of another domain is not believed: what
// follows the first dot must be the same (cgminer since 2014).
func (s *session) reconnect(m *sv1.Message) error {
	var r sv1.Reconnect
	if err := r.Decode(m.Params); err != nil {
		return nil //nolint:nilerr // firmware ignores what it cannot read
	}
	_, domain, dotted := strings.Cut(string(r.Host), ".")
	_, mine, _ := strings.Cut(s.m.host(), ".")
	if len(r.Host) > 0 && (!dotted || domain != mine) && s.manner.name != ESPMiner {
		return nil
	}
	return &endError{"sent away by client.reconnect"}
}

func (s *session) setExtranonce(m *sv1.Message, line []byte) {
	var e sv1.SetExtranonce
	if err := e.Decode(m.Params); err != nil {
		s.fail(err.Error(), line)
		return
	}
	if e.HasSize && e.Extranonce2Size != s.en2Size && s.en2Size != 0 {
		s.fail("the extranonce2's size changed in mid-connection", line)
	}
	s.extranonce(e.Extranonce1, s.en2Size)
	if s.manner.extranonceNow && s.job != nil {
		s.job.en1 = e.Extranonce1
		s.search.restart(s)
	}
}

func (s *session) extranonce(en1 work.Extranonce, en2Size int) {
	s.en1, s.en2Size = en1, en2Size
	s.m.count(func(st *MinerStats) { st.Extranonce1, st.Extranonce2Size = en1, en2Size })
}

func (s *session) setMask(mask work.VersionMask) {
	s.mask = mask
	s.m.count(func(st *MinerStats) { st.VersionMask = mask })
}

// giveUp stops waiting for answers to old submits.
func (s *session) giveUp(now time.Time) {
	for _, sh := range s.queue {
		if now.Sub(sh.at) < s.m.patience(shareTimeout) {
			return
		}
		if !sh.done && !sh.givenUp {
			sh.givenUp = true
			s.unanswered(sh)
		}
	}
}

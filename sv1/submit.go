package sv1

import (
	"encoding/binary"
	"math/bits"

	"github.com/loka/stratum/work"
)

// Submit is mining.submit.
type Submit struct {
	// Worker is the login that the share is for.
	Worker []byte
	// JobID is the job as the other side named it; a number is taken as its
	// digits.
	JobID []byte
	// Extranonce2 is the miner's part, of whatever size was sent.
	Extranonce2 work.Extranonce
	// NTime is the header's time; 0 means the job's own (btcpool's agent).
	NTime work.NTime
	Nonce work.Nonce
	// VersionBits is the sixth parameter, meaningful when HasVersionBits;
	// absent, null and "" are none.
	VersionBits    work.VersionMask
	HasVersionBits bool
}

// Decode reads params. Hex may be of either case, unpadded (but for the
// extranonce) and prefixed with 0x; ntime, nonce and version bits may be
// numbers; parameters past the sixth are ignored.
func (s *Submit) Decode(params []byte) error {
	if s.decodeUsual(params) {
		return nil
	}
	return s.decodeAny(params)
}

// decodeUsual is a short cut for what nearly every share looks like: no white
// space, four or eight bytes of extranonce and words of eight digits, so that
// all from the job id's end on is at known places. It gives what decodeAny
// gives, or false.
func (s *Submit) decodeUsual(b []byte) bool {
	const sep = `","`
	if len(b) < len(`["`) || b[0] != '[' || b[1] != '"' {
		return false
	}
	user := spanPlain(b, 2)
	if len(b)-user < len(sep) || string(b[user:user+len(sep)]) != sep {
		return false
	}
	job := spanPlain(b, user+len(sep))
	if !s.usualWords(b[job:]) {
		return false
	}
	s.Worker = b[2:user:user]
	s.JobID = b[user+len(sep) : job : job]
	return true
}

// usualWords is decodeUsual from the job id's closing quote on.
func (s *Submit) usualWords(tail []byte) bool {
	const (
		sep  = `","`
		word = len("01234567")
		step = len(sep) + word
		five = 3*step + len(`"]`)
		six  = five + step
	)
	rest := tail // where the words after the extranonce are as if it had four bytes
	switch len(tail) {
	case five, six:
	case five + word, six + word:
		rest = tail[word:]
	default:
		return false
	}
	if string(tail[:3]) != sep || string(rest[step:step+3]) != sep || string(rest[2*step:2*step+3]) != sep ||
		string(rest[len(rest)-2:]) != `"]` {
		return false
	}
	first, bad := hexWord(binary.LittleEndian.Uint64(tail[3:]))
	second, bad2 := hexWord(binary.LittleEndian.Uint64(rest[3:])) // the first again, of four bytes
	ntime, bad3 := hexWord(binary.LittleEndian.Uint64(rest[step+3:]))
	nonce, bad4 := hexWord(binary.LittleEndian.Uint64(rest[2*step+3:]))
	s.VersionBits, s.HasVersionBits = 0, len(rest) == six
	if s.HasVersionBits {
		v, bad5 := hexWord(binary.LittleEndian.Uint64(rest[3*step+3:]))
		if bad5 != 0 || string(rest[3*step:3*step+3]) != sep {
			return false
		}
		s.VersionBits = work.VersionMask(bits.ReverseBytes32(v))
	}
	var raw [8]byte
	binary.LittleEndian.PutUint32(raw[:], first)
	binary.LittleEndian.PutUint32(raw[4:], second)
	if len(rest) == len(tail) {
		s.Extranonce2, _ = work.MakeExtranonce(raw[:4])
	} else {
		s.Extranonce2, _ = work.MakeExtranonce(raw[:])
	}
	s.NTime = work.NTime(bits.ReverseBytes32(ntime))
	s.Nonce = work.Nonce(bits.ReverseBytes32(nonce))
	return bad|bad2|bad3|bad4 == 0
}

func (s *Submit) decodeAny(params []byte) error {
	*s = Submit{}
	p, err := openParams(MethodSubmit, params)
	if err != nil {
		return err
	}
	var kind FieldKind
	if s.Worker, kind = p.text(); kind != 0 {
		return fault(MethodSubmit, "worker", kind)
	}
	if s.JobID, kind = p.text(); kind != 0 {
		return fault(MethodSubmit, "job id", kind)
	}
	if kind = p.extranonce(&s.Extranonce2); kind != 0 {
		return fault(MethodSubmit, "extranonce2", kind)
	}
	var word uint32
	if word, kind = p.word(); kind != 0 {
		return fault(MethodSubmit, "ntime", kind)
	}
	s.NTime = work.NTime(word)
	if word, kind = p.word(); kind != 0 {
		return fault(MethodSubmit, "nonce", kind)
	}
	s.Nonce = work.Nonce(word)
	if word, s.HasVersionBits, kind = p.optionalWord(); kind != 0 {
		return fault(MethodSubmit, "version bits", kind)
	}
	s.VersionBits = work.VersionMask(word)
	return p.end(MethodSubmit)
}

// Append appends the request's line: five parameters, or six with version
// bits. A nil id is written as null.
func (s *Submit) Append(dst, id []byte) []byte {
	dst = appendRequest(dst, id, MethodSubmit)
	dst = appendString(dst, s.Worker)
	dst = appendString(append(dst, ','), s.JobID)
	dst = append(dst, `,"`...)
	dst = s.Extranonce2.AppendHex(dst)
	dst = append(dst, `","`...)
	dst = s.NTime.AppendHex(dst)
	dst = append(dst, `","`...)
	dst = s.Nonce.AppendHex(dst)
	if s.HasVersionBits {
		dst = append(dst, `","`...)
		dst = s.VersionBits.AppendHex(dst)
	}
	return append(dst, `"]}`+"\n"...)
}

package sv1

import (
	"bytes"

	"github.com/loka/stratum/work"
)

// SuggestDifficulty is mining.suggest_difficulty.
type SuggestDifficulty struct {
	Difficulty work.Difficulty
}

// Decode reads params: a number, or a string of one.
func (s *SuggestDifficulty) Decode(params []byte) error {
	return decodeDifficulty(&s.Difficulty, MethodSuggestDifficulty, params)
}

func decodeDifficulty(d *work.Difficulty, method Method, params []byte) error {
	p, err := openParams(method, params)
	if err != nil {
		return err
	}
	var kind FieldKind
	if *d, kind = p.next().difficulty(); kind != 0 {
		return fault(method, "difficulty", kind)
	}
	return p.end(method)
}

// DecodeMessage is Decode for a whole message: it also reads the legacy form
// with the argument in the method, "mining.suggest_difficulty(1024)".
func (s *SuggestDifficulty) DecodeMessage(m *Message) error {
	arg, ok := bytes.CutPrefix(m.Method, []byte(suggestPrefix))
	if !ok {
		return s.Decode(m.Params)
	}
	arg, ok = bytes.CutSuffix(arg, []byte(")"))
	if !ok {
		return fault(MethodSuggestDifficulty, "difficulty", FieldFormat)
	}
	var kind FieldKind
	s.Difficulty, kind = value{kind: kindString, raw: arg}.difficulty()
	return fault(MethodSuggestDifficulty, "difficulty", kind)
}

// Append appends the request's line. A nil id is written as null.
func (s *SuggestDifficulty) Append(dst, id []byte) []byte {
	dst = appendRequest(dst, id, MethodSuggestDifficulty)
	dst = s.Difficulty.AppendJSON(dst)
	return append(dst, "]}\n"...)
}

package sv1

import (
	"bytes"

	"github.com/loka/stratum/work"
)

// SuggestTarget is mining.suggest_target.
type SuggestTarget struct {
	Target work.Target
}

// Decode reads params: 1 to 64 hex digits, most significant first.
func (s *SuggestTarget) Decode(params []byte) error {
	*s = SuggestTarget{}
	p, err := openParams(MethodSuggestTarget, params)
	if err != nil {
		return err
	}
	text, kind := p.text()
	if kind != 0 {
		return fault(MethodSuggestTarget, "target", kind)
	}
	text = trim0x(text)
	const digits = 2 * len(work.Hash{})
	if len(text) == 0 || len(text) > digits {
		return fault(MethodSuggestTarget, "target", FieldFormat)
	}
	padded := [digits]byte(bytes.Repeat([]byte("0"), digits))
	copy(padded[digits-len(text):], text)
	if s.Target, err = work.ParseTarget(padded[:]); err != nil {
		return fault(MethodSuggestTarget, "target", FieldFormat)
	}
	return p.end(MethodSuggestTarget)
}

// Append appends the request's line. A nil id is written as null.
func (s *SuggestTarget) Append(dst, id []byte) []byte {
	dst = appendRequest(dst, id, MethodSuggestTarget)
	dst = append(append(append(dst, '"'), s.Target.String()...), '"')
	return append(dst, "]}\n"...)
}

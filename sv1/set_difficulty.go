package sv1

import "github.com/loka/stratum/work"

// SetDifficulty is mining.set_difficulty.
type SetDifficulty struct {
	Difficulty work.Difficulty
}

// Decode reads params: a number in any JSON form, or a string of one; it must
// be positive and finite.
func (s *SetDifficulty) Decode(params []byte) error {
	return decodeDifficulty(&s.Difficulty, MethodSetDifficulty, params)
}

// Append appends the notification's line, an integer without a fraction
// because old firmware reads no more than that.
func (s *SetDifficulty) Append(dst []byte) []byte {
	dst = appendRequest(dst, nil, MethodSetDifficulty)
	dst = s.Difficulty.AppendJSON(dst)
	return append(dst, "]}\n"...)
}

package sv1

import "github.com/loka/stratum/work"

// SetVersionMask is mining.set_version_mask.
type SetVersionMask struct {
	Mask work.VersionMask
}

// Decode reads params: hex of up to eight digits, or a number.
func (s *SetVersionMask) Decode(params []byte) error {
	*s = SetVersionMask{}
	p, err := openParams(MethodSetVersionMask, params)
	if err != nil {
		return err
	}
	word, kind := p.word()
	if kind != 0 {
		return fault(MethodSetVersionMask, "mask", kind)
	}
	s.Mask = work.VersionMask(word)
	return p.end(MethodSetVersionMask)
}

// Append appends the notification's line.
func (s *SetVersionMask) Append(dst []byte) []byte {
	dst = appendRequest(dst, nil, MethodSetVersionMask)
	dst = append(s.Mask.AppendHex(append(dst, '"')), '"')
	return append(dst, "]}\n"...)
}

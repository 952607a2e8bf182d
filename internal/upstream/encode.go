package upstream

import (
	"github.com/loka/stratum/sv1"
)

// scratch is memory that encoding reuses, so that a submit allocates nothing.
type scratch struct {
	id, worker, job []byte
	submit          sv1.Submit
}

func (s *V1) id(n uint64) []byte {
	s.scratch.id = sv1.AppendID(s.scratch.id[:0], n)
	return s.scratch.id
}

func (s *V1) appendConfigure(out []byte, id uint64) []byte {
	req := sv1.Configure{VersionRolling: true, VersionMask: s.cfg.VersionMask}
	return req.Append(out, s.id(id))
}

func (s *V1) appendSubscribe(out []byte, id uint64) []byte {
	req := sv1.Subscribe{UserAgent: []byte(s.cfg.UserAgent)}
	return req.Append(out, s.id(id))
}

func (s *V1) appendAuthorize(out []byte, id uint64, l login) []byte {
	req := sv1.Authorize{User: []byte(l.name), Password: []byte(l.password)}
	return req.Append(out, s.id(id))
}

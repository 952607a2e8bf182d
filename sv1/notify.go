package sv1

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"github.com/loka/stratum/work"
)

// Notify is mining.notify: a job.
type Notify struct {
	// JobID is the pool's name of the job; it aliases the line.
	JobID []byte
	// PrevHash is in header order, the wire's word swap undone.
	PrevHash work.Hash
	// Coinb1 and Coinb2 are the raw bytes of the coinbase before and after
	// the extranonce. Decode reuses their memory.
	Coinb1, Coinb2 []byte
	// Branches are the merkle branches in header order. Decode reuses their
	// memory; null is none.
	Branches []work.Hash
	Version  work.Version
	NBits    work.NBits
	NTime    work.NTime
	// Clean asks to drop earlier jobs. CleanKnown is false when the flag was
	// absent or unreadable: then judge by whether PrevHash changed.
	Clean, CleanKnown bool
}

// MaxBranches is the most merkle branches that a job may have.
const MaxBranches = 32

// Decode reads params: nine of them, or eight without the clean flag; more
// are ignored. Version, nbits and ntime may be unpadded or upper-case.
//
// On an error what n holds is undefined, but its memory can be used again.
func (n *Notify) Decode(params []byte) error {
	p, err := openParams(MethodNotify, params)
	if err != nil {
		return err
	}
	var kind FieldKind
	if n.JobID, kind = p.text(); kind != 0 {
		return fault(MethodNotify, "job id", kind)
	}
	if kind = p.hash(&n.PrevHash); kind != 0 {
		return fault(MethodNotify, "prevhash", kind)
	}
	swapWords(&n.PrevHash)
	if n.Coinb1, kind = p.next().appendHex(n.Coinb1[:0]); kind != 0 {
		return fault(MethodNotify, "coinb1", kind)
	}
	if n.Coinb2, kind = p.next().appendHex(n.Coinb2[:0]); kind != 0 {
		return fault(MethodNotify, "coinb2", kind)
	}
	if kind = n.branches(&p); kind != 0 {
		return fault(MethodNotify, "branches", kind)
	}
	if err := n.header(&p); err != nil {
		return err
	}
	n.Clean, n.CleanKnown = p.next().flag()
	return p.end(MethodNotify)
}

// branches decodes the merkle branches; no list of them is an empty one.
func (n *Notify) branches(p *list) FieldKind {
	n.Branches = n.Branches[:0]
	l, ok := p.enter()
	if !ok {
		switch p.next().kind {
		case kindAbsent:
			return FieldMissing
		case kindNull:
			return 0
		default:
		}
		return FieldType
	}
	for l.more() {
		if len(n.Branches) == MaxBranches {
			return FieldRange
		}
		n.Branches = append(n.Branches, work.Hash{})
		if kind := l.hash(&n.Branches[len(n.Branches)-1]); kind != 0 {
			return kind
		}
	}
	p.leave(&l)
	return 0
}

// header decodes the three words of the header.
func (n *Notify) header(p *list) error {
	word, kind := p.word()
	if kind != 0 {
		return fault(MethodNotify, "version", kind)
	}
	n.Version = work.Version(word)
	if word, kind = p.word(); kind != 0 {
		return fault(MethodNotify, "nbits", kind)
	}
	n.NBits = work.NBits(word)
	if word, kind = p.word(); kind != 0 {
		return fault(MethodNotify, "ntime", kind)
	}
	n.NTime = work.NTime(word)
	return nil
}

// swapWords turns the wire's form of the previous hash, eight words of which
// each has its bytes reversed, into header order and back.
func swapWords(h *work.Hash) {
	for w := h[:]; len(w) >= 4; w = w[4:] {
		binary.LittleEndian.PutUint32(w, binary.BigEndian.Uint32(w))
	}
}

// Append appends the notification's line. An unknown clean flag is written
// as false.
func (n *Notify) Append(dst []byte) []byte {
	dst = appendRequest(dst, nil, MethodNotify)
	dst = appendString(dst, n.JobID)
	dst = append(dst, `,"`...)
	dst = n.PrevHash.AppendPrevHash(dst)
	dst = append(dst, `","`...)
	dst = hex.AppendEncode(dst, n.Coinb1)
	dst = append(dst, `","`...)
	dst = hex.AppendEncode(dst, n.Coinb2)
	dst = append(dst, `",[`...)
	for i, branch := range n.Branches {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(branch.AppendWire(append(dst, '"')), '"')
	}
	dst = append(dst, `],"`...)
	dst = n.Version.AppendHex(dst)
	dst = append(dst, `","`...)
	dst = n.NBits.AppendHex(dst)
	dst = append(dst, `","`...)
	dst = n.NTime.AppendHex(dst)
	dst = append(dst, `",`...)
	dst = strconv.AppendBool(dst, n.Clean && n.CleanKnown)
	return append(dst, "]}\n"...)
}

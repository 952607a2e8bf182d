package sim

import (
	"strconv"

	"github.com/loka/stratum/sv1"
)

// refusal is why a request is refused.
type refusal struct {
	code int
	text string
}

// refuse has the refusals of a pool in the words of DialectArray.
//
//nolint:gochecknoglobals // a table of constants
var refuse = struct {
	job, stale, duplicate, low, unauthorized, subscribe *refusal
	en2, timeOld, timeNew, mask, method                 *refusal
}{
	job:          &refusal{sv1.CodeStale, "Job not found"},
	stale:        &refusal{sv1.CodeStale, "Stale"},
	duplicate:    &refusal{sv1.CodeDuplicate, "Duplicate share"},
	low:          &refusal{sv1.CodeLowDifficulty, "Low difficulty share"},
	unauthorized: &refusal{sv1.CodeUnauthorized, "Unauthorized worker"},
	subscribe:    &refusal{sv1.CodeNotSubscribed, "Not subscribed"},
	en2:          &refusal{sv1.CodeOther, "Invalid extranonce2 size"},
	timeOld:      &refusal{sv1.CodeOther, "Time too old"},
	timeNew:      &refusal{sv1.CodeOther, "Time too new"},
	mask:         &refusal{sv1.CodeOther, "Invalid version mask"},
	method:       &refusal{sv1.CodeOther, "Unsupported method"},
}

// ckpoolText is ckpool's wording of a refusal.
func ckpoolText(text string) string {
	switch text {
	case refuse.job.text:
		return "Invalid JobID"
	case refuse.duplicate.text:
		return "Duplicate"
	case refuse.low.text:
		return "Above target"
	case refuse.timeOld.text, refuse.timeNew.text:
		return "Ntime out of range"
	}
	return text
}

// appendAccept appends the answer to a good share, or to any request but
// subscribe and configure that is granted.
func (d Dialect) appendAccept(dst, id []byte, authorize bool) []byte {
	switch d {
	case DialectP2Pool:
		if authorize {
			return sv1.AppendResult(dst, id, []byte("null"))
		}
	case DialectObject:
		dst = append(dst, `{"jsonrpc":"2.0","id":`...)
		dst = appendRawID(dst, id)
		return append(dst, `,"result":true}`+"\n"...)
	case DialectCKPool:
		dst = append(dst, `{"result":true,"error":null,"id":`...)
		dst = appendRawID(dst, id)
		return append(dst, "}\n"...)
	case DialectArray, DialectString:
	}
	return sv1.AppendTrue(dst, id)
}

// appendRefusal appends the answer to a request that is refused.
func (d Dialect) appendRefusal(dst, id []byte, r *refusal) []byte {
	switch d {
	case DialectCKPool:
		dst = append(dst, `{"reject-reason":`...)
		dst = strconv.AppendQuote(dst, ckpoolText(r.text))
		dst = append(dst, `,"result":false,"error":null,"id":`...)
		dst = appendRawID(dst, id)
		return append(dst, "}\n"...)
	case DialectObject:
		dst = append(dst, `{"id":`...)
		dst = appendRawID(dst, id)
		dst = append(dst, `,"error":{"code":`...)
		dst = strconv.AppendInt(dst, int64(r.code), 10)
		dst = append(dst, `,"message":`...)
		dst = strconv.AppendQuote(dst, r.text)
		return append(dst, `,"data":null},"jsonrpc":"2.0"}`+"\n"...)
	case DialectString:
		dst = append(dst, `{"id":`...)
		dst = appendRawID(dst, id)
		dst = append(dst, `,"result":false,"error":`...)
		dst = strconv.AppendQuote(dst, r.text)
		return append(dst, "}\n"...)
	case DialectP2Pool:
		dst = append(dst, `{"id":`...)
		dst = appendRawID(dst, id)
		dst = append(dst, `,"result":false,"error":[-1,`...)
		dst = strconv.AppendQuote(dst, r.text)
		return append(dst, ",null]}\n"...)
	case DialectArray:
	}
	return sv1.AppendError(dst, id, r.code, r.text)
}

func appendRawID(dst, id []byte) []byte {
	if id == nil {
		return append(dst, "null"...)
	}
	return append(dst, id...)
}

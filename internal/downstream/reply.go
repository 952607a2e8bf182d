package downstream

import (
	"strconv"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/sv1"
)

// replyKind is the form of a reply.
type replyKind uint8

const (
	replyTrue      replyKind = iota
	replyGranted             // true, to an authorize
	replyPong                // "pong"
	replyEmpty               // []
	replyError               // null and an error
	replyRefusal             // false and an error, to an authorize
	replySubscribe           // the extranonce
	replyConfigure           // the extensions
)

// reply is an answer before it has its id. The zero reply is true.
type reply struct {
	kind replyKind
	// code and text are the error's.
	code int
	text string
	// handshake says that an error answers a request of the handshake.
	handshake bool

	subscribe *sv1.SubscribeReply
	configure *sv1.ConfigureReply
}

// gate reports whether nothing unsolicited may leave before this reply:
// cgminer takes the next line for the answer to its configure and cpuminer
// for that to its subscribe; after an authorize, cgminer takes any line that
// it does not know for the answer.
func (r reply) gate() bool {
	switch r.kind {
	case replyGranted, replyRefusal, replySubscribe, replyConfigure:
		return true
	default:
		return r.handshake
	}
}

// The texts of our errors. Firmware shows them to its owner, and pools before
// us taught people what they mean, so they are the field's usual ones.
const (
	textMalformed     = "Malformed JSON"
	textBadRequest    = "Invalid request"
	textUnsupported   = "Unsupported method"
	textNotSubscribed = "Not subscribed"
	textUnauthorized  = "Unauthorized worker"
	textTooMany       = "Too many workers"
	textJobNotFound   = "Job not found"
	textExtranonce2   = "Invalid extranonce2 size"
	textStale         = "Stale"
	textDuplicate     = "Duplicate share"
	textLowDifficulty = "Low difficulty share"
	textInvalid       = "Invalid share"
	textUnanswered    = "Pool did not answer"
	textNoWork        = "No work available"
)

// undecodable is the reply to a request of the handshake that cannot be decoded.
func undecodable(err error) reply {
	return reply{kind: replyError, code: sv1.CodeOther, text: err.Error(), handshake: true}
}

func failure(code int, text string) reply { return reply{kind: replyError, code: code, text: text} }

// append writes the whole reply line, its '\n' included.
func (r reply) append(dst, id []byte) []byte {
	switch r.kind {
	case replyPong:
		return sv1.AppendPong(dst, id)
	case replyEmpty:
		return sv1.AppendResult(dst, id, []byte("[]"))
	case replyError:
		return sv1.AppendError(dst, id, r.code, r.text)
	case replyRefusal:
		return appendRefusal(dst, id, r.code, r.text)
	case replySubscribe:
		return r.subscribe.Append(dst, id)
	case replyConfigure:
		return r.configure.Append(dst, id)
	default:
		return sv1.AppendTrue(dst, id)
	}
}

// appendRefusal writes false, not null, beside the error. Firmware reads a
// refused authorize in different ways: cgminer fails on a result that is
// absent or false or on an error that is not null, but lets a null result
// pass for p2pool's sake (util.c, auth_stratum); others look at the result
// alone or at the error alone. False beside an error is a refusal to all of
// them. Firmware prints the text as it is, so what would need escapes is left out.
func appendRefusal(dst, id []byte, code int, text string) []byte {
	dst = append(dst, `{"id":`...)
	dst = append(dst, id...)
	dst = append(dst, `,"result":false,"error":[`...)
	dst = strconv.AppendInt(dst, int64(code), 10)
	dst = append(dst, `,"`...)
	for _, c := range []byte(text[:min(len(text), maxText)]) {
		if c >= 0x20 && c <= 0x7e && c != '"' && c != '\\' {
			dst = append(dst, c)
		}
	}
	return append(dst, "\",null]}\n"...)
}

// maxText is how much of a middleware's text is said to a miner, in bytes.
const maxText = 128

// shareReply is what a miner is told about its share.
func shareReply(v mining.Verdict) reply {
	switch v {
	case mining.Accepted, mining.Unpaid:
		return reply{}
	case mining.Stale:
		return failure(sv1.CodeStale, textStale)
	case mining.JobNotFound:
		return failure(sv1.CodeStale, textJobNotFound)
	case mining.Duplicate:
		return failure(sv1.CodeDuplicate, textDuplicate)
	case mining.LowDifficulty:
		return failure(sv1.CodeLowDifficulty, textLowDifficulty)
	case mining.Unauthorized:
		return failure(sv1.CodeUnauthorized, textUnauthorized)
	case mining.Unanswered:
		return failure(sv1.CodeOther, textUnanswered)
	case mining.Invalid, mining.Pending:
	}
	return failure(sv1.CodeOther, textInvalid)
}

// authorizeReply is what a miner is told about its login. Only what is
// refused for good is called unauthorized: firmware gives a pool up for
// minutes after that.
func authorizeReply(v mining.Verdict) reply {
	switch v {
	case mining.Accepted:
		return reply{kind: replyGranted}
	case mining.Unanswered:
		return reply{kind: replyRefusal, code: sv1.CodeOther, text: textUnanswered}
	default:
		return reply{kind: replyRefusal, code: sv1.CodeUnauthorized, text: textUnauthorized}
	}
}

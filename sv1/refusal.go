package sv1

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// Error is why a request was refused, as the other side said it.
type Error struct {
	// Code is 0 when none was given, or one beyond 32 bits.
	Code int
	// Text aliases the line unless it held an escape; nil when none was given.
	Text []byte
}

// AppendError appends the line of a refusal: result null, error
// [code,"text",null]. Old cgminer shows only that form.
func AppendError(dst, id []byte, code int, text string) []byte {
	dst = append(appendReply(dst, id), `null,"error":[`...)
	dst = strconv.AppendInt(dst, int64(code), 10)
	dst = appendString(append(dst, ','), []byte(text))
	return append(dst, ",null]}\n"...)
}

// DecodeError reads an error member: an array [code, text, …], an object with
// code and message (miningcore), a string, a number or true. ok is false when
// it is no error: absent, null, false, 0 or empty, as pools write success.
func DecodeError(raw []byte) (e Error, ok bool) {
	v, ok := parseValue(raw)
	if !ok {
		return Error{}, true // not JSON: certainly no success
	}
	switch v.kind {
	case kindArray:
		l := newList(v.raw, 0, ']')
		ok = l.more()
		e.Code = l.next().code()
		e.Text, _ = l.next().optionalText()
		return e, ok
	case kindObject:
		return decodeErrorObject(v.raw)
	case kindString:
		e.Text = unescape(v.raw)
		return e, len(v.raw) > 0
	case kindNumber:
		e.Code = v.code()
		return e, string(v.raw) != "0"
	case kindBool:
		return e, v.raw[0] == 't'
	case kindAbsent, kindNull:
	}
	return e, false
}

func decodeErrorObject(raw []byte) (e Error, ok bool) {
	for m := newMembers(raw); ; ok = true {
		key, v, more := m.next()
		if !more {
			return e, ok
		}
		switch string(key) {
		case "code":
			e.Code = v.code()
		case "message":
			e.Text, _ = v.optionalText()
		}
	}
}

// code reads an error code, 0 for what is none.
func (v value) code() int {
	raw, _ := v.optionalText()
	digits := bytes.TrimPrefix(raw, []byte("-"))
	u, ok := decimal(digits, math.MaxInt32)
	switch {
	case !ok:
		return 0
	case len(digits) < len(raw):
		return -int(u) //nolint:gosec // at most 31 bits
	}
	return int(u) //nolint:gosec // at most 31 bits
}

// Refusal is the reason that m, a reply that was not [Accepted], gives: its
// error, or else its reject-reason, or else a result that is a text (ckpool
// says "Initialising" that way).
func Refusal(m *Message) Error {
	e, ok := DecodeError(m.Error)
	if ok && (e.Code != 0 || e.Text != nil) {
		return e
	}
	if text, ok := Text(m.RejectReason); ok {
		return Error{Text: text}
	}
	if text, ok := Text(m.Result); ok {
		return Error{Text: text}
	}
	return e
}

// Class is [Classify] of the error.
func (e Error) Class() Class { return Classify(e.Code, string(e.Text)) }

// Class is what a refusal means.
type Class uint8

// The classes of refusal.
const (
	ClassOther Class = iota
	ClassStale
	ClassDuplicate
	ClassLowDifficulty
	ClassJobNotFound
	ClassUnauthorized
)

// String is the class in one word.
func (c Class) String() string {
	switch c {
	case ClassOther:
		return "other"
	case ClassStale:
		return "stale"
	case ClassDuplicate:
		return "duplicate"
	case ClassLowDifficulty:
		return "low_difficulty"
	case ClassJobNotFound:
		return "job_not_found"
	case ClassUnauthorized:
		return "unauthorized"
	}
	return "unknown"
}

// Classify tells what a refusal means: by code where pools agree on it (21 to
// 24), and by what its text contains, whatever the case, where they do not.
// Code 21 is both stale and job not found; the text says which.
func Classify(code int, text string) Class {
	lower := strings.ToLower(text)
	has := func(words ...string) bool {
		for _, word := range words {
			if strings.Contains(lower, word) {
				return true
			}
		}
		return false
	}
	noJob := has("job not found", "invalid job", "unknown-work") && !has("stale")
	switch {
	case code == CodeStale && noJob:
		return ClassJobNotFound
	case code == CodeStale, code == 36, code == 37: // btcpool's two more for 21
		return ClassStale
	case code == CodeDuplicate:
		return ClassDuplicate
	case code == CodeLowDifficulty:
		return ClassLowDifficulty
	case code == CodeUnauthorized:
		return ClassUnauthorized
	case noJob:
		return ClassJobNotFound
	case has("stale"):
		return ClassStale
	case has("dup"):
		return ClassDuplicate
	case has("low diff", "above target", "high-hash", "too low", "h-not"):
		return ClassLowDifficulty
	case has("auth"):
		return ClassUnauthorized
	}
	return ClassOther
}

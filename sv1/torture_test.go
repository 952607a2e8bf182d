package sv1

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// react says what this package makes of a line: the typed error of Scan, or
// the kind of message and what its decoder says.
func react(line string) string {
	var m Message
	if err := m.Scan([]byte(line)); err != nil {
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			return "untyped: " + err.Error()
		}
		return fmt.Sprintf("%v, id %s", syntax.Kind, m.ID)
	}
	switch m.Kind() {
	case KindUnknown:
		return "unknown"
	case KindResponse:
		e := Refusal(&m)
		return fmt.Sprintf("response %s accepted %v granted %v [%d %q]", m.ID, Accepted(&m), Granted(&m), e.Code, e.Text)
	case KindRequest, KindNotification:
	}
	reply := "no reply"
	if m.HasID() {
		reply = "reply to " + string(m.ID)
	}
	what, err := decodeAny(&m)
	if err != nil {
		return reply + ", " + err.Error()
	}
	return reply + ", " + what
}

// decodeAny decodes whatever method m has and prints it.
func decodeAny(m *Message) (string, error) {
	switch method := ParseMethod(m.Method); method {
	case MethodSubscribe:
		var s Subscribe
		err := s.Decode(m.Params)
		return "subscribe " + text(s.UserAgent), err
	case MethodAuthorize:
		var a Authorize
		err := a.Decode(m.Params)
		return fmt.Sprintf("authorize %s %s", text(a.User), text(a.Password)), err
	case MethodSubmit:
		var s Submit
		err := s.Decode(m.Params)
		return "submit " + printSubmit(&s), err
	case MethodConfigure:
		var c Configure
		err := c.Decode(m.Params)
		return fmt.Sprintf("configure %v %v %d %v", c.VersionRolling, c.VersionMask, c.MinBitCount, c.MinimumDifficulty), err
	case MethodSuggestDifficulty:
		var s SuggestDifficulty
		err := s.DecodeMessage(m)
		return fmt.Sprintf("suggest %v", s.Difficulty), err
	case MethodSuggestTarget:
		var s SuggestTarget
		err := s.Decode(m.Params)
		return "suggest target", err
	case MethodSetDifficulty:
		var s SetDifficulty
		err := s.Decode(m.Params)
		return fmt.Sprintf("difficulty %g", float64(s.Difficulty)), err
	case MethodNotify:
		var n Notify
		err := n.Decode(m.Params)
		return fmt.Sprintf("notify %v %d %v %v", n.Version, len(n.Branches), n.Clean, n.CleanKnown), err
	default:
		return method.String(), nil
	}
}

// TestTortureFromMiners is the list of lines that miners, and those who are
// none, send to a mining port.
func TestTortureFromMiners(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{`{"id":1,"method":"mining.subscribe"}`, `reply to 1, subscribe -`},
		{`{"id":1,"method":"mining.subscribe","params":null}`, `reply to 1, subscribe -`},
		{`{"id":"auth","method":"mining.authorize","params":["u"]}`, `reply to "auth", authorize "u" -`},
		{`{"id":null,"method":"mining.suggest_target","params":["0000"]}`, `no reply, suggest target`},
		{`{"id":1.0,"method":"mining.subscribe","params":[]}`, `reply to 1.0, subscribe -`},
		{`{"params":["u","1","00000000","504e86ed","2"],"id":9,"method":"mining.submit"}`, `reply to 9, submit u 1 00000000 504e86ed 00000002 00000000 false`},
		{" \t" + `{"id":2,"method":"mining.authorize","params":["u","x"]} ` + "\r", `reply to 2, authorize "u" "x"`},
		{`{"id":3,"method":"mining.submit","params":["u","1","0000","504E86ED","B2957C02",null]}`, `reply to 3, submit u 1 0000 504e86ed b2957c02 00000000 false`},
		{`{"id":4,"method":"mining.submit","params":["u",1,"00000000",1347323629,2996139010]}`, `reply to 4, submit u 1 00000000 504e86ed b2957402 00000000 false`},
		{`{"id":5,"method":"mining.submit","params":{"0":"u"}}`, `reply to 5, mining.submit: params of the wrong type`},
		{`{"id":5,"method":5,"params":[]}`, `method not a string, id 5`},
		{`[{"id":1,"method":"mining.subscribe"}]`, `not a JSON object, id `},
		{`{"id":1,"id":2,"method":"mining.subscribe"}`, `duplicate key, id `},
		{`{"id":1,"\u0069d":2,"method":"mining.subscribe"}`, `known key written with an escape, id `},
		{`{"id":6,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"zz"}]}`, `reply to 6, configure true 00000000 0 false`},
		{`{"id":6,"method":"mining.configure","params":[["minimum-difficulty"]]}`, `reply to 6, configure false 00000000 0 true`},
		{`{"id":6,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"ffffffff","version-rolling.min-bit-count":"02"}]}`, `reply to 6, configure true ffffffff 2 false`},
		{`{"id":7,"method":"pong","params":[]}`, `response 7 accepted false granted true [0 ""]`},
		{`{"id":-1,"method":"pong","params":[]}`, `response -1 accepted false granted true [0 ""]`},
		{`{"id":8,"result":"cgminer/4.11.1","error":null}`, `response 8 accepted true granted true [0 "cgminer/4.11.1"]`},
		{`{"id":9,"method":"mining.suggest_difficulty(1024)","params":[]}`, `reply to 9, suggest 1024`},
		{`{"id":9,"method":"mining.suggest_difficulty","params":[NaN]}`, `malformed JSON, id `},
		{`{"id":9,"method":"mining.suggest_difficulty","params":[Infinity]}`, `malformed JSON, id `},
		{`{"id":9,"method":"mining.suggest_difficulty","params":[1e999]}`, `reply to 9, mining.suggest_difficulty: difficulty out of range`},
		{`{"id":9,"method":"mining.suggest_difficulty","params":[-0]}`, `reply to 9, mining.suggest_difficulty: difficulty out of range`},
		{strings.Repeat("[", 10_000), `not a JSON object, id `},
		{`{"id":1,"params":` + strings.Repeat("[", 10_000), `JSON nested too deep, id `},
		{`{"id":1,"params":` + strings.Repeat(`{"a":`, 10_000), `JSON nested too deep, id `},
		{"{\"id\":1,\"method\":\"mining.\x00subscribe\"}", `malformed JSON, id `},
		{`{"id":1,"method":"mining.authorize","params":["\ud800"]}`, `lone surrogate in a string, id `},
		{"GET / HTTP/1.1", `not a JSON object, id `},
		{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", `not a JSON object, id `},
		{"PROXY TCP4 192.0.2.1 192.0.2.2 5 6", `not a JSON object, id `},
	} {
		if got := react(tt.line); got != tt.want {
			t.Errorf("%.120q:\n got %s\nwant %s", tt.line, got, tt.want)
		}
	}
}

// The two lines of the list that are the Reader's: a line with no end, and a
// zero byte.
func TestTortureForReader(t *testing.T) {
	r := NewReader(strings.NewReader(strings.Repeat("x", 1<<20)), 16<<10)
	if _, err := r.ReadLine(); !errors.Is(err, ErrLineTooLong) {
		t.Errorf("1 MiB without LF: %v", err)
	}
	if len(r.buf) > 16<<10+2 {
		t.Errorf("it took a buffer of %d", len(r.buf))
	}
	r = NewReader(strings.NewReader("{\"id\":\x001}\n"), 16<<10)
	if _, err := r.ReadLine(); !errors.Is(err, ErrNUL) {
		t.Errorf("zero byte: %v", err)
	}
}

// TestTortureFromPools is the list of what pools send.
func TestTortureFromPools(t *testing.T) {
	difficulty := func(v string) string { return `{"id":null,"method":"mining.set_difficulty","params":[` + v + `]}` }
	const (
		hash   = `"4d16b6f85af6e2198f44ae2a6de67f78487ae5611b77c6c0440b921e00000000"`
		words  = `"20000000","1c2ac4af","504e86b9"`
		failed = `no reply, mining.notify: `
	)
	notify := func(rest string) string {
		return `{"id":null,"method":"mining.notify","params":["bf",` + rest + `]}`
	}
	for _, tt := range []struct{ line, want string }{
		{difficulty(`"1024"`), `no reply, difficulty 1024`},
		{difficulty(`0`), `no reply, mining.set_difficulty: difficulty out of range`},
		{difficulty(`-1`), `no reply, mining.set_difficulty: difficulty out of range`},
		{difficulty(`1e-5`), `no reply, difficulty 1e-05`},
		{difficulty(`1.7976931348623157e308`), `no reply, difficulty 1.7976931348623157e+308`},
		{difficulty(``), `no reply, mining.set_difficulty: difficulty missing`},
		{difficulty(`NaN`), `malformed JSON, id `},
		{notify(hash + `,"01","02",[],` + words), `no reply, notify 20000000 0 false false`},
		{notify(hash + `,"01","02",[],` + words + `,true,1`), `no reply, notify 20000000 0 true true`},
		{notify(hash + `,"01","02",[],` + words + `,"true"`), `no reply, notify 20000000 0 true true`},
		{notify(hash + `,"01","02",[],` + words + `,1`), `no reply, notify 20000000 0 true true`},
		{notify(hash + `,"01","02",[],` + words + `,null`), `no reply, notify 20000000 0 false false`},
		{notify(hash + `,"01","02",null,` + words + `,true`), `no reply, notify 20000000 0 true true`},
		{notify(hash + `,"01","020",[],` + words + `,true`), failed + `coinb2 malformed`},
		{notify(hash + `,"01","02",[` + strings.Repeat(hash+",", 32) + hash + `],` + words + `,true`), failed + `branches out of range`},
		{notify(hash[:64] + `","01","02",[],` + words + `,true`), failed + `prevhash malformed`},
		{notify(strings.ToUpper(hash) + `,"0A","0B",[` + strings.ToUpper(hash) + `],"20000000","1C2AC4AF","504E86B9",true`), `no reply, notify 20000000 1 true true`},
		{notify(hash + `,"01","02",[],"2","1c2ac4af","504e86b9",true`), `no reply, notify 00000002 0 true true`},
		{`{"id":"4","result":true,"error":null}`, `response "4" accepted true granted true [0 ""]`},
		{`{"id":4,"error":[]}`, `response 4 accepted false granted true [0 ""]`},
		{`{"id":4,"error":{}}`, `response 4 accepted false granted true [0 ""]`},
		{`{"id":4,"result":true,"error":[]}`, `response 4 accepted true granted true [0 ""]`},
		{`{"id":4,"result":null,"error":null}`, `response 4 accepted false granted true [0 ""]`},
		{`{"id":4,"result":"Initialising","error":null}`, `response 4 accepted true granted true [0 "Initialising"]`},
		{`{"id":1,"result":{,"minimum-difficulty":false},"error":null}`, `malformed JSON, id `},
	} {
		if got := react(tt.line); got != tt.want {
			t.Errorf("%.120q:\n got %s\nwant %s", tt.line, got, tt.want)
		}
	}
	// Subscribe results of the list: see TestSubscribeReplyDecode. A reply that
	// comes twice, or to an unknown id, is the session's to judge; the string
	// "4" for the number 4 is the same id here.
	if id, ok := ParseID(scan(t, []byte(`{"id":"4","result":true}`)).ID); !ok || id != 4 {
		t.Error(`the id "4" is not 4`)
	}
}

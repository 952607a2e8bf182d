package sv1

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestScanCaptures(t *testing.T) {
	for _, line := range captures(t) {
		m := scan(t, line)
		if m.Kind() == KindUnknown {
			t.Errorf("%s: no kind", line)
		}
		if m.Method != nil && ParseMethod(m.Method) == MethodUnknown {
			t.Errorf("%s: method not known", line)
		}
	}
}

func TestScanMembers(t *testing.T) {
	tests := map[string]struct {
		line string
		want Message
		kind Kind
	}{
		"all in any order": {
			`{"reject-reason":"r","error":[1],"result":{"a":1},"params":[2],"id":3}`,
			Message{ID: []byte("3"), Params: []byte("[2]"), Result: []byte(`{"a":1}`), Error: []byte("[1]"), RejectReason: []byte(`"r"`)},
			KindResponse,
		},
		"white space": {
			" \t\r\n{ \"id\" :\t1 , \"method\"\r:\n\"m\" , \"params\" : [ 1 , 2 ] } \r\n",
			Message{ID: []byte("1"), Method: []byte("m"), Params: []byte("[ 1 , 2 ]")},
			KindRequest,
		},
		"other members are ignored": {
			`{"jsonrpc":"2.0","id":"a","ID":5,"Method":"x","PARAMS":[],"method":"m","extra":{"id":[{"method":1}]}}`,
			Message{ID: []byte(`"a"`), Method: []byte("m")},
			KindRequest,
		},
		"null id":             {`{"id":null,"method":"m"}`, Message{ID: []byte("null"), Method: []byte("m")}, KindNotification},
		"no id":               {`{"method":"m"}`, Message{Method: []byte("m")}, KindNotification},
		"null method":         {`{"id":1,"method":null,"result":true}`, Message{ID: []byte("1"), Result: []byte("true")}, KindResponse},
		"error only":          {`{"id":1,"error":null}`, Message{ID: []byte("1"), Error: []byte("null")}, KindResponse},
		"notification, error": {`{"method":"m","error":null}`, Message{Method: []byte("m"), Error: []byte("null")}, KindNotification},
		"request, result":     {`{"id":1,"method":"m","result":null}`, Message{ID: []byte("1"), Method: []byte("m"), Result: []byte("null")}, KindRequest},
		"reply with method":   {`{"id":1,"method":"m","result":true}`, Message{ID: []byte("1"), Method: []byte("m"), Result: []byte("true")}, KindResponse},
		"pong":                {`{"id":1,"method":"pong","params":[]}`, Message{ID: []byte("1"), Method: []byte("pong"), Params: []byte("[]")}, KindResponse},
		"nothing":             {`{}`, Message{}, KindUnknown},
		"id only":             {`{"id":1}`, Message{ID: []byte("1")}, KindUnknown},
		"escape in method":    {`{"id":1,"method":"mining.\u0073ubmit"}`, Message{ID: []byte("1"), Method: []byte(`mining.\u0073ubmit`)}, KindRequest},
		"escape in other key": {`{"\u0069dx":1,"id":2}`, Message{ID: []byte("2")}, KindUnknown},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := *scan(t, []byte(tt.line))
			for _, f := range []struct {
				name      string
				got, want []byte
			}{
				{"id", got.ID, tt.want.ID},
				{"method", got.Method, tt.want.Method},
				{"params", got.Params, tt.want.Params},
				{"result", got.Result, tt.want.Result},
				{"error", got.Error, tt.want.Error},
				{"reject-reason", got.RejectReason, tt.want.RejectReason},
			} {
				if !bytes.Equal(f.got, f.want) || (f.got == nil) != (f.want == nil) {
					t.Errorf("%s is %q, want %q", f.name, f.got, f.want)
				}
			}
			if got.Kind() != tt.kind {
				t.Errorf("kind is %v, want %v", got.Kind(), tt.kind)
			}
			if ParseMethod(got.Method) != MethodUnknown && string(got.Method) != "pong" {
				t.Errorf("method %q is known", got.Method)
			}
		})
	}
}

func TestScanIDs(t *testing.T) {
	for _, id := range []string{
		"0", "1", "-1", "1.0", "1e0", "-0", "9007199254740993", "123456789012345678901234567890",
		`"auth"`, `""`, `"\u0000"`, `"\ud83d\ude00"`, `"é"`, "null",
	} {
		m := scan(t, []byte(`{"id":`+id+`,"method":"m"}`))
		if string(m.ID) != id {
			t.Errorf("id is %s, want %s", m.ID, id)
		}
		if m.HasID() != (id != "null") {
			t.Errorf("%s: HasID is %v", id, m.HasID())
		}
	}
}

func TestScanErrors(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	tests := []struct {
		line   string
		kind   SyntaxKind
		offset int
	}{
		{"", Empty, 0},
		{" \t\r", Empty, 3},
		{"[]", NotObject, 0},
		{` "x"`, NotObject, 1},
		{"GET / HTTP/1.1", NotObject, 0},
		{"{", Malformed, 1},
		{"{,}", Malformed, 1},
		{`{"id"}`, Malformed, 5},
		{`{"id":}`, Malformed, 6},
		{`{"id":1,}`, Malformed, 8},
		{`{"id":1`, Malformed, 7},
		{`{"id":1 "method":"m"}`, Malformed, 8},
		{`{id:1}`, Malformed, 1},
		{`{"id":01}`, Malformed, 6},
		{`{"id":1.}`, Malformed, 8},
		{`{"id":1e}`, Malformed, 8},
		{`{"id":.5}`, Malformed, 6},
		{`{"id":+1}`, Malformed, 6},
		{`{"id":-}`, Malformed, 7},
		{`{"id":NaN}`, Malformed, 6},
		{`{"id":Infinity}`, Malformed, 6},
		{`{"id":-Infinity}`, Malformed, 7},
		{`{"id":nul}`, Malformed, 6},
		{`{"id":truE}`, Malformed, 6},
		{`{"params":[1,]}`, Malformed, 13},
		{`{"params":[,1]}`, Malformed, 11},
		{`{"params":[1 2]}`, Malformed, 13},
		{`{"params":[1}`, Malformed, 12},
		{`{"params":{"a":1,}}`, Malformed, 17},
		{`{"params":{,"a":1}}`, Malformed, 11},
		{`{"params":{"a"}}`, Malformed, 14},
		{`{"params":{"a":1]}`, Malformed, 16},
		{`{"a":"` + "\x01" + `"}`, Malformed, 6},
		{`{"a":"` + "\x00" + `"}`, Malformed, 6},
		{`{"a":"abcdefgh` + "\n" + `"}`, Malformed, 14},
		{`{"a":"\x"}`, Malformed, 6},
		{`{"a":"\u12g4"}`, Malformed, 6},
		{`{"a":"\`, Malformed, 6},
		{`{"a":"unfinished`, Malformed, 16},
		{`{} {}`, TrailingData, 3},
		{`{"id":1}x`, TrailingData, 8},
		{`{"params":` + deep(8) + `}`, TooDeep, 17},
		{`{"a":` + strings.Repeat(`{"a":`, 7) + `{}` + strings.Repeat("}", 8), TooDeep, 40},
		{"{\"a\":\"\xff\"}", BadUTF8, 6},
		{"{\"a\":\"\xc0\xaf\"}", BadUTF8, 6},
		{"{\"a\":\"\xed\xa0\x80\"}", BadUTF8, 6},
		{"{\"\xf8\":1}", BadUTF8, 2},
		{`{"a":"\ud800"}`, LoneSurrogate, 6},
		{`{"a":"\udc00\ud800"}`, LoneSurrogate, 6},
		{`{"a":"\ud800\u0041"}`, LoneSurrogate, 6},
		{`{"a":"\ud800\n"}`, LoneSurrogate, 6},
		{`{"id":1,"id":2}`, DuplicateKey, 8},
		{`{"id":1,"id" :2}`, DuplicateKey, 8},
		{`{"method":"a","x":1,"method":"b"}`, DuplicateKey, 20},
		{`{"reject-reason":1,"reject-reason":1}`, DuplicateKey, 19},
		{`{"\u0069d":1}`, EscapedKey, 1},
		{`{"id":1,"\u0069d":2}`, EscapedKey, 8},
		{`{"\u0072\u0065\u006a\u0065\u0063\u0074\u002d\u0072\u0065\u0061\u0073\u006f\u006e":1}`, EscapedKey, 1},
		{`{"id":true}`, BadID, 6},
		{`{"id":[1],"method":"m"}`, BadID, 6},
		{`{"id":{}}`, BadID, 6},
		{`{"id":1,"method":5}`, BadMethod, 17},
		{`{"id":1,"method":["m"]}`, BadMethod, 17},
		{`{"method":5,"id":[]}`, BadMethod, 10},
	}
	for _, tt := range tests {
		var m Message
		err := m.Scan([]byte(tt.line))
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%q: error is %v", tt.line, err)
			continue
		}
		if syntax.Kind != tt.kind || syntax.Offset != tt.offset {
			t.Errorf("%q: %v, want %v at byte %d", tt.line, syntax, tt.kind, tt.offset)
		}
		keeps := tt.kind == BadID || tt.kind == BadMethod
		if empty := m.ID == nil && m.Method == nil && m.Params == nil && m.Result == nil; !empty && !keeps {
			t.Errorf("%q: fields are set: %+v", tt.line, m)
		}
	}
}

// A request whose method is no string still gets its answer by its id.
func TestScanBadMethodKeepsID(t *testing.T) {
	var m Message
	if err := m.Scan([]byte(`{"method":5,"params":[],"id":"x"}`)); err == nil {
		t.Fatal("taken")
	}
	if string(m.ID) != `"x"` || string(m.Params) != "[]" {
		t.Errorf("fields are %+v", m)
	}
}

func TestScanDepth(t *testing.T) {
	line := `{"params":` + strings.Repeat("[", MaxDepth-1) + strings.Repeat("]", MaxDepth-1) + `}`
	scan(t, []byte(line))
	line = `{"x":` + strings.Repeat(`{"a":`, MaxDepth-1) + "1" + strings.Repeat("}", MaxDepth)
	scan(t, []byte(line))
}

// Every string up to the width of a word and beyond, with every byte at every
// place, is judged as encoding/json and utf8 do.
func TestScanEveryByte(t *testing.T) {
	for length := range 40 {
		for at := range length {
			for c := range 256 {
				line := []byte(`{"a":"` + strings.Repeat("x", length) + `"}`)
				line[6+at] = byte(c)
				var m Message
				got := m.Scan(line) == nil
				if want := json.Valid(line) && utf8.Valid(line); got != want {
					t.Fatalf("%q: taken is %v, want %v", line, got, want)
				}
			}
		}
	}
}

// checkScan holds a Scan against encoding/json and utf8.
func checkScan(t *testing.T, line []byte) {
	t.Helper()
	var m Message
	err := m.Scan(line)
	valid := json.Valid(line)
	if err == nil {
		if !valid || !utf8.Valid(line) {
			t.Fatalf("%q: taken", line)
		}
		checkMembers(t, &m, line)
		return
	}
	var syntax *SyntaxError
	if !errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(line) || syntax.Error() == "" {
		t.Fatalf("%q: error is %#v", line, err)
	}
	object := bytes.HasPrefix(bytes.TrimLeft(line, " \t\r\n"), []byte("{"))
	switch syntax.Kind {
	case TooDeep, LoneSurrogate, DuplicateKey, EscapedKey:
	case BadUTF8:
		if utf8.Valid(line) {
			t.Fatalf("%q: %v, but it is UTF-8", line, err)
		}
	case BadID, BadMethod:
		if !valid {
			t.Fatalf("%q: %v, but it is not even JSON", line, err)
		}
	default:
		if valid && object {
			t.Fatalf("%q: %v, but it is a JSON object", line, err)
		}
	}
}

func checkMembers(t *testing.T, m *Message, line []byte) {
	t.Helper()
	var want map[string]json.RawMessage
	if err := json.Unmarshal(line, &want); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	for key, got := range map[string][]byte{
		"id": m.ID, "params": m.Params, "result": m.Result, "error": m.Error, "reject-reason": m.RejectReason,
	} {
		if !bytes.Equal(got, want[key]) {
			t.Fatalf("%q: %s is %q, want %q", line, key, got, want[key])
		}
	}
	method := want["method"]
	if m.Method != nil {
		if `"`+string(m.Method)+`"` != string(method) {
			t.Fatalf("%q: method is %q", line, m.Method)
		}
	} else if method != nil && string(method) != "null" {
		t.Fatalf("%q: no method", line)
	}
}

func FuzzScan(f *testing.F) {
	for _, line := range captures(f) {
		f.Add(line)
	}
	for _, line := range []string{
		`{"\u0069d":1}`, `{"id":1,"id":2}`, `{"a":"\ud800"}`, `{"a":"\ud83d\ude00"}`, "{\"a\":\"\xff\"}", `{"id":-1.5e+30}`,
		`{"params":[[[[[[[[1]]]]]]]]}`, ` {"id" : null } ` + "\r\n", `{"id":1}{`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(checkScan)
}

func FuzzText(f *testing.F) {
	for _, raw := range []string{`"x"`, `"\"\\\/\b\f\n\r\t"`, `"\u00e9\ud83d\ude00"`, `"é"`, `5`, `""`, `"\u0000"`} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, ok := Text(raw)
		var want string
		err := json.Unmarshal(raw, &want)
		if ok && (err != nil || string(got) != want) {
			t.Fatalf("%q is %q, want %q (%v)", raw, got, want, err)
		}
		if !ok && err == nil && inJSON(raw) && raw[0] == '"' {
			t.Fatalf("%q: refused", raw)
		}
		if ok {
			again, ok := Text(appendString(nil, got))
			if !ok || !bytes.Equal(again, got) {
				t.Fatalf("%q written and read is %q", got, again)
			}
		}
	})
}

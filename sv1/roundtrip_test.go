package sv1

import (
	"bytes"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/loka/stratum/work"
)

// Generators of what messages hold. Texts are any UTF-8.
func genText() *rapid.Generator[[]byte] {
	return rapid.Custom(func(t *rapid.T) []byte { return []byte(rapid.String().Draw(t, "text")) })
}

func genOptional() *rapid.Generator[[]byte] {
	return rapid.Custom(func(t *rapid.T) []byte {
		if rapid.Bool().Draw(t, "absent") {
			return nil
		}
		return genText().Draw(t, "text")
	})
}

func genExtranonce() *rapid.Generator[work.Extranonce] {
	return rapid.Custom(func(t *rapid.T) work.Extranonce {
		e, _ := work.MakeExtranonce(rapid.SliceOfN(rapid.Byte(), 0, work.MaxExtranonce).Draw(t, "extranonce"))
		return e
	})
}

func genHash() *rapid.Generator[work.Hash] {
	return rapid.Custom(func(t *rapid.T) work.Hash {
		return work.Hash(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))
	})
}

func genDifficulty() *rapid.Generator[work.Difficulty] {
	return rapid.Custom(func(t *rapid.T) work.Difficulty {
		return work.Difficulty(rapid.OneOf(
			rapid.Float64Range(math.SmallestNonzeroFloat64, math.MaxFloat64),
			rapid.Custom(func(t *rapid.T) float64 { return float64(rapid.Int64Range(1, 1<<53).Draw(t, "n")) }),
		).Draw(t, "difficulty"))
	})
}

// genID is any id as a raw token; nil is null.
func genID() *rapid.Generator[[]byte] {
	return rapid.Custom(func(t *rapid.T) []byte {
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			return nil
		case 1:
			return appendString(nil, genText().Draw(t, "id"))
		case 2:
			return []byte(rapid.StringMatching(`-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,4})?([eE][+-]?[0-9]{1,3})?`).Draw(t, "id"))
		}
		return AppendID(nil, rapid.Uint64().Draw(t, "id"))
	})
}

// message is what every type is to these tests.
type message interface{ Decode(src []byte) error }

// request checks that a request's line has its id and method and reads back.
func request(t *rapid.T, method Method, line func(id []byte) []byte, sent, got message) {
	id := genID().Draw(t, "id")
	m := oneLine(t, line(id))
	if want := string(appendID(nil, id)); string(m.ID) != want || ParseMethod(m.Method) != method {
		t.Fatalf("id %s, method %s; want %s, %v", m.ID, m.Method, want, method)
	}
	same(t, m.Params, sent, got)
}

// notification is request for a message without an id.
func notification(t *rapid.T, method Method, line []byte, sent, got message) {
	m := oneLine(t, line)
	if m.Kind() != KindNotification || ParseMethod(m.Method) != method {
		t.Fatalf("%v %s", m.Kind(), m.Method)
	}
	same(t, m.Params, sent, got)
}

// reply is request for a reply.
func reply(t *rapid.T, line func(id []byte) []byte, sent, got message) {
	id := genID().Draw(t, "id")
	m := oneLine(t, line(id))
	if m.Kind() != KindResponse || string(m.ID) != string(appendID(nil, id)) || !Accepted(m) {
		t.Fatalf("%v %s", m.Kind(), m.ID)
	}
	same(t, m.Result, sent, got)
}

// oneLine scans a line that must be one line.
func oneLine(t *rapid.T, line []byte) *Message {
	var m Message
	if err := m.Scan(line); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	if bytes.IndexByte(line, '\n') != len(line)-1 || bytes.ContainsAny(line, "\r\x00") {
		t.Fatalf("%q is not one line", line)
	}
	return &m
}

func same(t *rapid.T, src []byte, sent, got message) {
	if err := got.Decode(src); err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	exported := cmp.Comparer(func(a, b work.Extranonce) bool { return a == b })
	if diff := cmp.Diff(sent, got, exported); diff != "" {
		t.Fatalf("%s: %s", src, diff)
	}
}

func TestRequestsReadBack(t *testing.T) {
	for name, check := range map[string]func(t *rapid.T){
		"subscribe": func(t *rapid.T) {
			s := &Subscribe{UserAgent: genOptional().Draw(t, "ua"), Session: genOptional().Draw(t, "session"), Host: genOptional().Draw(t, "host")}
			request(t, MethodSubscribe, func(id []byte) []byte { return s.Append(nil, id) }, s, &Subscribe{})
		},
		"authorize": func(t *rapid.T) {
			a := &Authorize{User: genText().Draw(t, "user"), Password: genText().Draw(t, "password")}
			request(t, MethodAuthorize, func(id []byte) []byte { return a.Append(nil, id) }, a, &Authorize{User: []byte("old")})
		},
		"submit": func(t *rapid.T) {
			s := &Submit{
				Worker: genText().Draw(t, "worker"), JobID: genText().Draw(t, "job"), Extranonce2: genExtranonce().Draw(t, "en2"),
				NTime: work.NTime(rapid.Uint32().Draw(t, "ntime")), Nonce: work.Nonce(rapid.Uint32().Draw(t, "nonce")),
			}
			if s.HasVersionBits = rapid.Bool().Draw(t, "rolls"); s.HasVersionBits {
				s.VersionBits = work.VersionMask(rapid.Uint32().Draw(t, "bits"))
			}
			request(t, MethodSubmit, func(id []byte) []byte { return s.Append(nil, id) }, s, &Submit{HasVersionBits: true})
		},
		"configure": func(t *rapid.T) {
			c := genConfigure(t)
			request(t, MethodConfigure, func(id []byte) []byte { return c.Append(nil, id) }, c, &Configure{Unknown: [][]byte{}})
		},
		"suggest difficulty": func(t *rapid.T) {
			s := &SuggestDifficulty{genDifficulty().Draw(t, "d")}
			request(t, MethodSuggestDifficulty, func(id []byte) []byte { return s.Append(nil, id) }, s, &SuggestDifficulty{})
		},
		"suggest target": func(t *rapid.T) {
			s := &SuggestTarget{work.Target{rapid.Uint64().Draw(t, "a"), rapid.Uint64().Draw(t, "b"), rapid.Uint64().Draw(t, "c"), rapid.Uint64().Draw(t, "d")}}
			request(t, MethodSuggestTarget, func(id []byte) []byte { return s.Append(nil, id) }, s, &SuggestTarget{})
		},
		"get transactions": func(t *rapid.T) {
			g := &GetTransactions{genText().Draw(t, "job")}
			request(t, MethodGetTransactions, func(id []byte) []byte { return g.Append(nil, id) }, g, &GetTransactions{})
		},
		"without fields": func(t *rapid.T) {
			request(t, MethodExtranonceSubscribe, func(id []byte) []byte { return ExtranonceSubscribe{}.Append(nil, id) }, ExtranonceSubscribe{}, ExtranonceSubscribe{})
			request(t, MethodPing, func(id []byte) []byte { return Ping{}.Append(nil, id) }, Ping{}, Ping{})
			request(t, MethodGetVersion, func(id []byte) []byte { return GetVersion{}.Append(nil, id) }, GetVersion{}, GetVersion{})
		},
	} {
		t.Run(name, func(t *testing.T) { rapid.Check(t, check) })
	}
}

func genConfigure(t *rapid.T) *Configure {
	c := &Configure{
		VersionRolling: rapid.Bool().Draw(t, "rolling"), MinimumDifficulty: rapid.Bool().Draw(t, "minimum"),
		SubscribeExtranonce: rapid.Bool().Draw(t, "xnsub"), Info: rapid.Bool().Draw(t, "info"), Unknown: [][]byte{},
	}
	if c.VersionRolling {
		c.VersionMask = work.VersionMask(rapid.Uint32().Draw(t, "mask"))
		c.MinBitCount = rapid.IntRange(0, 32).Draw(t, "bits")
	}
	if c.MinimumDifficulty && rapid.Bool().Draw(t, "value") {
		c.MinDifficulty = genDifficulty().Draw(t, "difficulty")
	}
	names := rapid.SliceOfNDistinct(rapid.StringMatching("x-.{0,9}"), 0, MaxExtensions, rapid.ID[string]).Draw(t, "unknown")
	for _, name := range names {
		c.Unknown = append(c.Unknown, []byte(name))
	}
	return c
}

func TestNotificationsReadBack(t *testing.T) {
	for name, check := range map[string]func(t *rapid.T){
		"notify": func(t *rapid.T) {
			n := &Notify{
				JobID: genText().Draw(t, "job"), PrevHash: genHash().Draw(t, "prev"),
				Coinb1:   rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "coinb1"),
				Coinb2:   rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "coinb2"),
				Branches: rapid.SliceOfN(genHash(), 0, MaxBranches).Draw(t, "branches"),
				Version:  work.Version(rapid.Uint32().Draw(t, "version")), NBits: work.NBits(rapid.Uint32().Draw(t, "nbits")),
				NTime: work.NTime(rapid.Uint32().Draw(t, "ntime")), Clean: rapid.Bool().Draw(t, "clean"), CleanKnown: true,
			}
			used := &Notify{Coinb1: make([]byte, 7, 500), Coinb2: make([]byte, 5, 9), Branches: make([]work.Hash, 3, 5), Clean: true}
			notification(t, MethodNotify, n.Append(nil), n, used)
		},
		"set difficulty": func(t *rapid.T) {
			s := &SetDifficulty{genDifficulty().Draw(t, "d")}
			notification(t, MethodSetDifficulty, s.Append(nil), s, &SetDifficulty{})
		},
		"set extranonce": func(t *rapid.T) {
			s := &SetExtranonce{Extranonce1: genExtranonce().Draw(t, "en1"), HasSize: rapid.Bool().Draw(t, "sized")}
			if s.HasSize {
				s.Extranonce2Size = rapid.IntRange(0, 255).Draw(t, "size")
			}
			notification(t, MethodSetExtranonce, s.Append(nil), s, &SetExtranonce{HasSize: true, Extranonce2Size: 3})
		},
		"set version mask": func(t *rapid.T) {
			s := &SetVersionMask{work.VersionMask(rapid.Uint32().Draw(t, "mask"))}
			notification(t, MethodSetVersionMask, s.Append(nil), s, &SetVersionMask{})
		},
		"reconnect": func(t *rapid.T) {
			r := &Reconnect{Host: genOptional().Draw(t, "host")}
			if r.Host != nil {
				r.Port, r.Wait = rapid.IntRange(0, math.MaxUint16).Draw(t, "port"), rapid.IntRange(0, math.MaxInt32).Draw(t, "wait")
			}
			notification(t, MethodReconnect, r.Append(nil), r, &Reconnect{Port: 1})
		},
		"show message": func(t *rapid.T) {
			s := &ShowMessage{genText().Draw(t, "text")}
			notification(t, MethodShowMessage, s.Append(nil), s, &ShowMessage{})
		},
	} {
		t.Run(name, func(t *testing.T) { rapid.Check(t, check) })
	}
}

func TestRepliesReadBack(t *testing.T) {
	grant := rapid.SampledFrom([]Grant{GrantAbsent, GrantYes, GrantNo})
	for name, check := range map[string]func(t *rapid.T){
		"subscribe": func(t *rapid.T) {
			s := &SubscribeReply{Session: genText().Draw(t, "session"), Extranonce1: genExtranonce().Draw(t, "en1"), Extranonce2Size: rapid.IntRange(0, 255).Draw(t, "size")}
			reply(t, func(id []byte) []byte { return s.Append(nil, id) }, s, &SubscribeReply{Session: []byte("old")})
		},
		"configure": func(t *rapid.T) {
			c := &ConfigureReply{VersionRolling: grant.Draw(t, "rolling"), MinimumDifficulty: grant.Draw(t, "min"), SubscribeExtranonce: grant.Draw(t, "xnsub"), Info: grant.Draw(t, "info")}
			if c.VersionRolling == GrantYes {
				c.VersionMask = work.VersionMask(rapid.Uint32().Draw(t, "mask"))
			}
			reply(t, func(id []byte) []byte { return c.Append(nil, id) }, c, &ConfigureReply{VersionMask: 5})
		},
		"error": func(t *rapid.T) {
			want := Error{Code: rapid.IntRange(-math.MaxInt32, math.MaxInt32).Draw(t, "code"), Text: genText().Draw(t, "text")}
			m := oneLine(t, AppendError(nil, genID().Draw(t, "id"), want.Code, string(want.Text)))
			if got, ok := DecodeError(m.Error); !ok || got.Code != want.Code || !bytes.Equal(got.Text, want.Text) || Accepted(m) || Granted(m) {
				t.Fatalf("%v, want %v", got, want)
			}
		},
		"text": func(t *rapid.T) {
			want := genText().Draw(t, "text")
			m := oneLine(t, AppendText(nil, genID().Draw(t, "id"), string(want)))
			if got, ok := Text(m.Result); !ok || !bytes.Equal(got, want) {
				t.Fatalf("%q, want %q", got, want)
			}
		},
	} {
		t.Run(name, func(t *testing.T) { rapid.Check(t, check) })
	}
}

// The canonical lines, byte for byte, as strict peers need them.
func TestCanonicalLines(t *testing.T) {
	en, _ := work.MakeExtranonce([]byte{8, 0, 0, 2})
	id := []byte("1")
	for want, got := range map[string][]byte{
		`{"id":1,"method":"mining.subscribe","params":[]}`:                                       (&Subscribe{}).Append(nil, id),
		`{"id":1,"method":"mining.subscribe","params":["loka"]}`:                                 (&Subscribe{UserAgent: []byte("loka")}).Append(nil, id),
		`{"id":1,"method":"mining.subscribe","params":["b",null,"h:1"]}`:                         (&Subscribe{UserAgent: []byte("b"), Host: []byte("h:1")}).Append(nil, id),
		`{"id":"auth","method":"mining.authorize","params":["a\"b\\\u0001\n",""]}`:               (&Authorize{User: []byte("a\"b\\\x01\n")}).Append(nil, []byte(`"auth"`)),
		`{"id":null,"method":"mining.authorize","params":["` + "\ufffd" + `","\t\r"]}`:           (&Authorize{User: []byte("\xff"), Password: []byte("\t\r")}).Append(nil, nil),
		`{"id":1,"method":"mining.submit","params":["u","bf","08000002","504e86ed","b2957c02"]}`: (&Submit{Worker: []byte("u"), JobID: []byte("bf"), Extranonce2: en, NTime: 0x504e86ed, Nonce: 0xb2957c02}).Append(nil, id),
		`{"id":1,"method":"mining.submit","params":["u","bf","","00000000","00000001","00002000"]}`: (&Submit{
			Worker: []byte("u"), JobID: []byte("bf"), Nonce: 1, VersionBits: 0x2000, HasVersionBits: true,
		}).Append(nil, id),
		`{"id":1,"method":"mining.configure","params":[["version-rolling","minimum-difficulty","subscribe-extranonce","info","x"],{"version-rolling.mask":"1fffe000","version-rolling.min-bit-count":2,"minimum-difficulty.value":1024}]}`: (&Configure{
			VersionRolling: true, VersionMask: work.MaskBIP320, MinBitCount: 2, MinimumDifficulty: true, MinDifficulty: 1024, SubscribeExtranonce: true, Info: true, Unknown: [][]byte{[]byte("x")},
		}).Append(nil, id),
		`{"id":1,"method":"mining.configure","params":[[],{}]}`:                                     (&Configure{}).Append(nil, id),
		`{"id":1,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null}`: (&ConfigureReply{VersionRolling: GrantYes, VersionMask: work.MaskBIP320}).Append(nil, id),
		`{"id":1,"result":{"minimum-difficulty":true},"error":null}`:                                (&ConfigureReply{MinimumDifficulty: GrantYes}).Append(nil, id),
		`{"id":1,"result":{"version-rolling":false,"x":false},"error":null}`:                        (&ConfigureReply{VersionRolling: GrantNo, Unknown: [][]byte{[]byte("x")}}).Append(nil, id),
		`{"id":1,"result":{},"error":null}`:                                                         (&ConfigureReply{}).Append(nil, id),
		`{"id":1,"result":[[["mining.set_difficulty","s"],["mining.notify","s"]],"08000002",4],"error":null}`: (&SubscribeReply{
			Session: []byte("s"), Extranonce1: en, Extranonce2Size: 4,
		}).Append(nil, id),
		`{"id":null,"method":"mining.set_difficulty","params":[65536]}`:        (&SetDifficulty{65536}).Append(nil),
		`{"id":null,"method":"mining.set_difficulty","params":[0.00015]}`:      (&SetDifficulty{0.00015}).Append(nil),
		`{"id":null,"method":"mining.set_extranonce","params":["08000002",4]}`: (&SetExtranonce{en, 4, true}).Append(nil),
		`{"id":null,"method":"mining.set_version_mask","params":["00c00000"]}`: (&SetVersionMask{0x00c00000}).Append(nil),
		`{"id":null,"method":"client.reconnect","params":[]}`:                  (&Reconnect{}).Append(nil),
		`{"id":null,"method":"client.reconnect","params":["h",3333,0]}`:        (&Reconnect{Host: []byte("h"), Port: 3333}).Append(nil),
		`{"id":1,"result":true,"error":null}`:                                  AppendTrue(nil, id),
		`{"id":1,"result":[],"error":null}`:                                    AppendResult(nil, id, []byte("[]")),
		`{"id":1,"result":"pong","error":null}`:                                AppendPong(nil, id),
		`{"id":null,"result":null,"error":[20,"Unsupported method",null]}`:     AppendError(nil, nil, CodeOther, "Unsupported method"),
	} {
		if string(got) != want+"\n" {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
	}
}

// The slush documentation's job is written as it was read.
func TestNotifyAppendAsCaptured(t *testing.T) {
	seen := 0
	for _, line := range captures(t) {
		if m := scan(t, line); ParseMethod(m.Method) == MethodNotify {
			var n Notify
			if err := n.Decode(m.Params); err != nil {
				t.Fatal(err)
			}
			if got := bytes.TrimSpace(n.Append(nil)); !bytes.Equal(got, line) {
				t.Errorf("\n got %s\nwant %s", got, line)
			}
			seen++
		}
	}
	if seen < 4 {
		t.Errorf("only %d jobs", seen)
	}
}

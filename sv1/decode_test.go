package sv1

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/loka/stratum/work"
)

// decoding is one row of a decoder's table: what params decode to, printed,
// or the fault.
type decoding struct {
	params string
	want   string
	field  string
	kind   FieldKind
}

// runDecodings decodes each row's params with a fresh message.
func runDecodings(t *testing.T, rows []decoding, decode func(params []byte) (string, error)) {
	t.Helper()
	for _, row := range rows {
		var params []byte
		if row.params != "" {
			params = scan(t, []byte(`{"params":`+row.params+`}`)).Params
		}
		got, err := decode(params)
		if row.kind == 0 {
			if err != nil || got != row.want {
				t.Errorf("%s: %s, %v; want %s", row.params, got, err, row.want)
			}
			continue
		}
		var field *FieldError
		if !errors.As(err, &field) || field.Kind != row.kind || field.Field != row.field || field.Error() == "" {
			t.Errorf("%s: %s, error %v; want %s %v", row.params, got, err, row.field, row.kind)
		}
	}
}

// text prints an optional text: nil is -.
func text(b []byte) string {
	if b == nil {
		return "-"
	}
	return fmt.Sprintf("%q", b)
}

func TestSubscribeDecode(t *testing.T) {
	runDecodings(t, []decoding{
		{params: "", want: "- - -"},
		{params: "null", want: "- - -"},
		{params: "[]", want: "- - -"},
		{params: "[ ]", want: "- - -"},
		{params: `["cgminer/4.11.1"]`, want: `"cgminer/4.11.1" - -`},
		{params: `["bmminer/2.0.0","deadbeef"]`, want: `"bmminer/2.0.0" "deadbeef" -`},
		{params: `["ua",null]`, want: `"ua" - -`},
		{params: `[null,null]`, want: `- - -`},
		{params: `["bosminer",null,"stratum.example.com:3333",null]`, want: `"bosminer" - "stratum.example.com:3333"`},
		{params: `["NiceHash/1.0.0","1662637786319","3e74"]`, want: `"NiceHash/1.0.0" "1662637786319" "3e74"`},
		{params: `["StratumSwitcher/0.1","fe0000c3",3232235777]`, want: `"StratumSwitcher/0.1" "fe0000c3" -`},
		{params: `[5,1662637786319]`, want: `"5" "1662637786319" -`},
		{params: `["a\u0062\n\ud83d\ude00","\\"]`, want: `"ab\n😀" "\\" -`},
		{params: `["é"]`, want: `"é" - -`},
		{params: `[""]`, want: `"" - -`},
		{params: `{"0":"u"}`, field: "params", kind: FieldType},
		{params: `"ua"`, field: "params", kind: FieldType},
		{params: `[["ua"]]`, field: "user agent", kind: FieldType},
		{params: `["ua",true]`, field: "session", kind: FieldType},
	}, func(params []byte) (string, error) {
		var s Subscribe
		err := s.Decode(params)
		return text(s.UserAgent) + " " + text(s.Session) + " " + text(s.Host), err
	})
}

func TestAuthorizeDecode(t *testing.T) {
	runDecodings(t, []decoding{
		{params: `["user.worker","x"]`, want: `"user.worker" "x"`},
		{params: `["u"]`, want: `"u" -`},
		{params: `["u",null]`, want: `"u" -`},
		{params: `["u",""]`, want: `"u" ""`},
		{params: `["u",123,"more",{}]`, want: `"u" "123"`},
		{params: `[42,"x"]`, want: `"42" "x"`},
		{params: `["a\"b","x"]`, want: `"a\"b" "x"`},
		{params: "", field: "user", kind: FieldMissing},
		{params: "[]", field: "user", kind: FieldMissing},
		{params: "[null]", field: "user", kind: FieldMissing},
		{params: "[true]", field: "user", kind: FieldType},
		{params: `["u",["x"]]`, field: "password", kind: FieldType},
		{params: `{"user":"u"}`, field: "params", kind: FieldType},
	}, func(params []byte) (string, error) {
		var a Authorize
		err := a.Decode(params)
		return text(a.User) + " " + text(a.Password), err
	})
}

func printSubmit(s *Submit) string {
	return fmt.Sprintf("%s %s %v %v %v %v %v", s.Worker, s.JobID, s.Extranonce2, s.NTime, s.Nonce, s.VersionBits, s.HasVersionBits)
}

func TestSubmitDecode(t *testing.T) {
	long := strings.Repeat("ab", work.MaxExtranonce)
	runDecodings(t, []decoding{
		{params: `["slush.miner1","bf","00000001","504e86ed","b2957c02"]`, want: "slush.miner1 bf 00000001 504e86ed b2957c02 00000000 false"},
		{params: `["u","1","0a0B","504E86ED","B2957C02","1FFFE000"]`, want: "u 1 0a0b 504e86ed b2957c02 1fffe000 true"},
		{params: `["u","1","147a3f0000000000","6436eddf","41d5deb0","00000000"]`, want: "u 1 147a3f0000000000 6436eddf 41d5deb0 00000000 true"},
		{params: `["u","1","147a3f0000000001","6436eddf","41d5deb0"]`, want: "u 1 147a3f0000000001 6436eddf 41d5deb0 00000000 false"},
		{params: ` [ "u" , "1" , "00000001" , "2" , "0x3" , "4" , "extra" , 8 ] `, want: "u 1 00000001 00000002 00000003 00000004 true"},
		{params: `["u","1","00000001","504e86ed","2",null]`, want: "u 1 00000001 504e86ed 00000002 00000000 false"},
		{params: `["u","1","00000001","504e86ed","2",""]`, want: "u 1 00000001 504e86ed 00000002 00000000 false"},
		{params: `["u",1,"00000000",1347323629,2996139010,536862720]`, want: "u 1 00000000 504e86ed b2957402 1fffe000 true"},
		{params: `["u","1","0x00000001","0","0"]`, want: "u 1 00000001 00000000 00000000 00000000 false"},
		{params: `["u","1","","0","0"]`, want: "u 1  00000000 00000000 00000000 false"},
		{params: `["u","1","` + long + `","0","0"]`, want: "u 1 " + long + " 00000000 00000000 00000000 false"},
		{params: `["","","00","0","0"]`, want: "  00 00000000 00000000 00000000 false"},
		{params: `["\u0075\"","\u0031","00000001","504e86ed","b2957c02"]`, want: `u" 1 00000001 504e86ed b2957c02 00000000 false`},
		{params: `{"0":"u"}`, field: "params", kind: FieldType},
		{params: `[]`, field: "worker", kind: FieldMissing},
		{params: `[null,"1","00","0","0"]`, field: "worker", kind: FieldMissing},
		{params: `[{},"1","00","0","0"]`, field: "worker", kind: FieldType},
		{params: `["u"]`, field: "job id", kind: FieldMissing},
		{params: `["u",false,"00","0","0"]`, field: "job id", kind: FieldType},
		{params: `["u","1"]`, field: "extranonce2", kind: FieldMissing},
		{params: `["u","1",1,"0","0"]`, field: "extranonce2", kind: FieldType},
		{params: `["u","1","000","0","0"]`, field: "extranonce2", kind: FieldFormat},
		{params: `["u","1","0g","0","0"]`, field: "extranonce2", kind: FieldFormat},
		{params: `["u","1","0000000g","00000000","00000000"]`, field: "extranonce2", kind: FieldFormat},
		{params: `["u","1","0000000000000g00","00000000","00000000"]`, field: "extranonce2", kind: FieldFormat},
		{params: `["u","1","0000000000000000","0000g000","00000000","00000000"]`, field: "ntime", kind: FieldFormat},
		{params: `["u","1","` + long + `00","0","0"]`, field: "extranonce2", kind: FieldRange},
		{params: `["u","1","00"]`, field: "ntime", kind: FieldMissing},
		{params: `["u","1","00","","0"]`, field: "ntime", kind: FieldFormat},
		{params: `["u","1","00","123456789","0"]`, field: "ntime", kind: FieldFormat},
		{params: `["u","1","00000000","0000000g","00000000"]`, field: "ntime", kind: FieldFormat},
		{params: `["u","1","00",[],"0"]`, field: "ntime", kind: FieldType},
		{params: `["u","1","00","0"]`, field: "nonce", kind: FieldMissing},
		{params: `["u","1","00","0",null]`, field: "nonce", kind: FieldMissing},
		{params: `["u","1","00","0",4294967296]`, field: "nonce", kind: FieldRange},
		{params: `["u","1","00","0",-1]`, field: "nonce", kind: FieldRange},
		{params: `["u","1","00","0",1.5]`, field: "nonce", kind: FieldRange},
		{params: `["u","1","00","0","-1"]`, field: "nonce", kind: FieldFormat},
		{params: `["u","1","00","0","\u0030"]`, field: "nonce", kind: FieldFormat},
		{params: `["u","1","00","0","0","xyz"]`, field: "version bits", kind: FieldFormat},
		{params: `["u","1","00000000","00000000","00000000","0000000g"]`, field: "version bits", kind: FieldFormat},
		{params: `["u","1","00","0","0",true]`, field: "version bits", kind: FieldType},
	}, func(params []byte) (string, error) {
		var s Submit
		err := s.Decode(params)
		return printSubmit(&s), err
	})
}

// A message that was used before keeps nothing of its past.
func TestSubmitDecodeResets(t *testing.T) {
	var s, fresh Submit
	full := []byte(`["u","1","aabbccddeeff","504e86ed","b2957c02","00002000"]`)
	for _, params := range []string{
		`["u","1","00000001","504e86ed","b2957c02"]`, `["u","1","0001","504e86ed","b2957c02"]`, `["u","1","00000001","504e86ed","2",null]`,
	} {
		if s.Decode(full) != nil || s.Decode([]byte(params)) != nil {
			t.Fatal("refused")
		}
		fresh = Submit{}
		if fresh.Decode([]byte(params)) != nil || printSubmit(&s) != printSubmit(&fresh) || s.Extranonce2 != fresh.Extranonce2 {
			t.Errorf("%s after another is %s", params, printSubmit(&s))
		}
	}
}

func TestConfigureDecode(t *testing.T) {
	runDecodings(t, []decoding{
		{params: `[["version-rolling"],{"version-rolling.mask":"ffffffff"}]`, want: "roll ffffffff/0 []"},
		{params: `[["version-rolling"],{"version-rolling.mask":"00c00000","version-rolling.min-bit-count":2}]`, want: "roll 00c00000/2 []"},
		{params: `[["version-rolling"],{"version-rolling.mask":"1fffe000","version-rolling.min-bit-count":"02"}]`, want: "roll 1fffe000/2 []"},
		{params: `[["version-rolling"],{"version-rolling.mask":"1fffe000","version-rolling.bit-count":2}]`, want: "roll 1fffe000/2 []"},
		{params: `[["version-rolling"],{"version-rolling.mask":"1fffe000","version-rolling.min-bit-count":"garbage"}]`, want: "roll 1fffe000/0 []"},
		{params: `[["version-rolling"],{"version-rolling.mask":"1fffe000","version-rolling.min-bit-count":99}]`, want: "roll 1fffe000/0 []"},
		{params: `[["version-rolling"],{"version-rolling.mask":"1FFFE"}]`, want: "roll 0001fffe/0 []"},
		{params: `[["version-rolling"],{"version-rolling.mask":"0x1fffe000"}]`, want: "roll 1fffe000/0 []"},
		{params: `[["version-rolling"],{"version-rolling.mask":536862720}]`, want: "roll 1fffe000/0 []"},
		{params: `[["version-rolling"],{}]`, want: "roll ffffffff/0 []"},
		{params: `[["version-rolling"],{"version-rolling.mask":null}]`, want: "roll ffffffff/0 []"},
		{params: `[["version-rolling"]]`, want: "roll ffffffff/0 []"},
		{params: `[["version-rolling"],null]`, want: "roll ffffffff/0 []"},
		{params: `[["version-rolling"],{"version-rolling.mask":"zz"}]`, want: "roll 00000000/0 []"},
		{params: `[["version-rolling"],{"version-rolling.mask":""}]`, want: "roll 00000000/0 []"},
		{params: `[["version-rolling"],{"version-rolling.mask":["1"]}]`, want: "roll 00000000/0 []"},
		{params: `[["version-rolling","minimum-difficulty","subscribe-extranonce"],{"minimum-difficulty.value":2048,"version-rolling.mask":"1fffe000"}]`, want: "roll 1fffe000/0 min 2048 xnsub []"},
		{params: `[["minimum-difficulty"]]`, want: "min 0 []"},
		{params: `[["minimum-difficulty"],{"minimum-difficulty.value":"0.5"}]`, want: "min 0.5 []"},
		{params: `[["minimum-difficulty"],{"minimum-difficulty.value":-1}]`, want: "min 0 []"},
		{params: `[["info"],{"info.connection-url":"u","info.hw-version":"s9","version-rolling.mask":"1"}]`, want: "info []"},
		{params: `[["a","info","b","a","\u0062"],{}]`, want: `info ["a" "b"]`},
		{params: `[[]]`, want: "[]"},
		{params: `[["version-rolling"],{"version-rolling\u002emask":"1"}]`, want: "roll 00000001/0 []"},
		{params: `[["version-rolling"],{"Version-Rolling.Mask":"1"}]`, want: "roll ffffffff/0 []"},
		{params: ``, field: "extensions", kind: FieldMissing},
		{params: `[null,{}]`, field: "extensions", kind: FieldMissing},
		{params: `["version-rolling"]`, field: "extensions", kind: FieldType},
		{params: `[[["version-rolling"]]]`, field: "extensions", kind: FieldType},
		{params: `[[null]]`, field: "extensions", kind: FieldMissing},
		{params: `[["version-rolling"],[]]`, field: "options", kind: FieldType},
		{params: `[["info"],{"version-rolling.mask":"1","version-rolling.mask":"2"}]`, field: "options", kind: FieldDuplicate},
		{params: `[["info"],{"version-rolling.mask":"1","version-rolling.\u006dask":"2"}]`, field: "options", kind: FieldDuplicate},
		{params: `[["a0","a1","a2","a3","a4","a5","a6","a7","a8","a9","b0","b1","b2","b3","b4","b5","b6"]]`, field: "extensions", kind: FieldRange},
	}, func(params []byte) (string, error) {
		var c Configure
		err := c.Decode(params)
		var s strings.Builder
		if c.VersionRolling {
			fmt.Fprintf(&s, "roll %v/%d ", c.VersionMask, c.MinBitCount)
		}
		if c.MinimumDifficulty {
			fmt.Fprintf(&s, "min %v ", c.MinDifficulty)
		}
		if c.SubscribeExtranonce {
			s.WriteString("xnsub ")
		}
		if c.Info {
			s.WriteString("info ")
		}
		fmt.Fprintf(&s, "%q", c.Unknown)
		return s.String(), err
	})
}

func TestConfigureReplyDecode(t *testing.T) {
	runDecodings(t, []decoding{
		{params: `{"version-rolling":true,"version-rolling.mask":"1fffe000"}`, want: "1 1fffe000 0 0 0"},
		{params: `{"version-rolling.mask":"1fffe000","version-rolling":true,"minimum-difficulty":true,"subscribe-extranonce":true,"info":true}`, want: "1 1fffe000 1 1 1"},
		{params: `{"version-rolling":false}`, want: "2 00000000 0 0 0"},
		{params: `{"version-rolling":"error text","info":false,"x":1}`, want: "2 00000000 0 0 2"},
		{params: `{"version-rolling":true}`, want: "1 00000000 0 0 0"},
		{params: `{}`, want: "0 00000000 0 0 0"},
		{params: ``, field: "result", kind: FieldMissing},
		{params: `null`, field: "result", kind: FieldMissing},
		{params: `true`, field: "result", kind: FieldType},
		{params: `[]`, field: "result", kind: FieldType},
	}, func(result []byte) (string, error) {
		var c ConfigureReply
		err := c.Decode(result)
		return fmt.Sprint(c.VersionRolling, c.VersionMask, c.MinimumDifficulty, c.SubscribeExtranonce, c.Info), err
	})
}

func TestDifficultyDecode(t *testing.T) {
	rows := []decoding{
		{params: `[16384]`, want: "16384"},
		{params: `[1024.0]`, want: "1024"},
		{params: `[0.001]`, want: "0.001"},
		{params: `[1e-05]`, want: "1e-05"},
		{params: `[1E3]`, want: "1000"},
		{params: `["1024"]`, want: "1024"},
		{params: `["1e-5"]`, want: "1e-05"},
		{params: `[281474976710656]`, want: "2.81474976710656e+14"},
		{params: `[9007199254740993]`, want: "9.007199254740992e+15"},
		{params: `[18446744073709551616]`, want: "1.8446744073709552e+19"},
		{params: `[1.7976931348623157e308]`, want: "1.7976931348623157e+308"},
		{params: `[5e-324, "more"]`, want: "5e-324"},
		{params: `[0]`, field: "difficulty", kind: FieldRange},
		{params: `[0.0]`, field: "difficulty", kind: FieldRange},
		{params: `[-0]`, field: "difficulty", kind: FieldRange},
		{params: `[-1]`, field: "difficulty", kind: FieldRange},
		{params: `["-1"]`, field: "difficulty", kind: FieldRange},
		{params: `[1e999]`, field: "difficulty", kind: FieldRange},
		{params: `["1e999"]`, field: "difficulty", kind: FieldRange},
		{params: `[1e-999]`, field: "difficulty", kind: FieldRange},
		{params: `[1` + strings.Repeat("0", 600) + `]`, field: "difficulty", kind: FieldRange},
		{params: `[]`, field: "difficulty", kind: FieldMissing},
		{params: `[null]`, field: "difficulty", kind: FieldMissing},
		{params: ``, field: "difficulty", kind: FieldMissing},
		{params: `[true]`, field: "difficulty", kind: FieldType},
		{params: `[[1]]`, field: "difficulty", kind: FieldType},
		{params: `["NaN"]`, field: "difficulty", kind: FieldFormat},
		{params: `["Infinity"]`, field: "difficulty", kind: FieldFormat},
		{params: `["0x10"]`, field: "difficulty", kind: FieldFormat},
		{params: `[""]`, field: "difficulty", kind: FieldFormat},
		{params: `1024`, field: "params", kind: FieldType},
	}
	runDecodings(t, rows, func(params []byte) (string, error) {
		var s SetDifficulty
		err := s.Decode(params)
		return fmt.Sprint(float64(s.Difficulty)), err
	})
	runDecodings(t, rows, func(params []byte) (string, error) {
		var s SuggestDifficulty
		err := s.DecodeMessage(&Message{Method: []byte("mining.suggest_difficulty"), Params: params})
		return fmt.Sprint(float64(s.Difficulty)), err
	})
}

func TestSuggestDifficultyInMethod(t *testing.T) {
	for method, want := range map[string]work.Difficulty{
		"mining.suggest_difficulty(1024)":    1024,
		"mining.suggest_difficulty(0.00015)": 0.00015,
	} {
		var s SuggestDifficulty
		m := Message{Method: []byte(method), Params: []byte("[7]")}
		if err := s.DecodeMessage(&m); err != nil || s.Difficulty != want || ParseMethod(m.Method) != MethodSuggestDifficulty {
			t.Errorf("%s: %v, %v", method, s.Difficulty, err)
		}
	}
	for _, method := range []string{"mining.suggest_difficulty(", "mining.suggest_difficulty()", "mining.suggest_difficulty(x)", "mining.suggest_difficulty(1", "mining.suggest_difficulty(-1)"} {
		var s SuggestDifficulty
		if err := s.DecodeMessage(&Message{Method: []byte(method)}); err == nil {
			t.Errorf("%s: taken", method)
		}
	}
}

func TestSuggestTargetDecode(t *testing.T) {
	diff1 := "00000000ffff" + strings.Repeat("0", 52)
	runDecodings(t, []decoding{
		{params: `["` + diff1 + `"]`, want: diff1},
		{params: `["0x` + strings.ToUpper(diff1) + `"]`, want: diff1},
		{params: `["ff"]`, want: strings.Repeat("0", 62) + "ff"},
		{params: `["00"]`, want: strings.Repeat("0", 64)},
		{params: `[""]`, field: "target", kind: FieldFormat},
		{params: `["xyz"]`, field: "target", kind: FieldFormat},
		{params: `["0` + diff1 + `"]`, field: "target", kind: FieldFormat},
		{params: `[]`, field: "target", kind: FieldMissing},
		{params: `[{}]`, field: "target", kind: FieldType},
	}, func(params []byte) (string, error) {
		var s SuggestTarget
		err := s.Decode(params)
		return s.Target.String(), err
	})
}

func TestSetExtranonceDecode(t *testing.T) {
	runDecodings(t, []decoding{
		{params: `["08000002",4]`, want: "08000002 4 true"},
		{params: `["08000002","4"]`, want: "08000002 4 true"},
		{params: `["08",0]`, want: "08 0 true"},
		{params: `["08000002"]`, want: "08000002 0 false"},
		{params: `["08000002",null]`, want: "08000002 0 false"},
		{params: `["",8]`, want: " 8 true"},
		{params: `[]`, field: "extranonce1", kind: FieldMissing},
		{params: `[null,null]`, field: "extranonce1", kind: FieldMissing},
		{params: `["080"]`, field: "extranonce1", kind: FieldFormat},
		{params: `["` + strings.Repeat("0", 66) + `"]`, field: "extranonce1", kind: FieldRange},
		{params: `["08",256]`, field: "extranonce2 size", kind: FieldRange},
		{params: `["08",-1]`, field: "extranonce2 size", kind: FieldRange},
		{params: `["08","x"]`, field: "extranonce2 size", kind: FieldFormat},
		{params: `["08",true]`, field: "extranonce2 size", kind: FieldType},
	}, func(params []byte) (string, error) {
		var s SetExtranonce
		err := s.Decode(params)
		return fmt.Sprintf("%v %d %v", s.Extranonce1, s.Extranonce2Size, s.HasSize), err
	})
}

func TestSetVersionMaskDecode(t *testing.T) {
	runDecodings(t, []decoding{
		{params: `["1fffe000"]`, want: "1fffe000"},
		{params: `["1FFFE000"]`, want: "1fffe000"},
		{params: `["0"]`, want: "00000000"},
		{params: `[536862720]`, want: "1fffe000"},
		{params: `[]`, field: "mask", kind: FieldMissing},
		{params: `["zz"]`, field: "mask", kind: FieldFormat},
		{params: `[[]]`, field: "mask", kind: FieldType},
	}, func(params []byte) (string, error) {
		var s SetVersionMask
		err := s.Decode(params)
		return s.Mask.String(), err
	})
}

func TestReconnectDecode(t *testing.T) {
	runDecodings(t, []decoding{
		{params: `[]`, want: "- 0 0"},
		{params: ``, want: "- 0 0"},
		{params: `["pool.example.com",3333,5]`, want: `"pool.example.com" 3333 5`},
		{params: `["pool.example.com","3333","5"]`, want: `"pool.example.com" 3333 5`},
		{params: `["h"]`, want: `"h" 0 0`},
		{params: `[null,null,null]`, want: `- 0 0`},
		{params: `["h",65536]`, field: "port", kind: FieldRange},
		{params: `["h","65536"]`, field: "port", kind: FieldRange},
		{params: `["h","x"]`, field: "port", kind: FieldFormat},
		{params: `["h",1,-1]`, field: "wait", kind: FieldRange},
		{params: `[{}]`, field: "host", kind: FieldType},
	}, func(params []byte) (string, error) {
		var r Reconnect
		err := r.Decode(params)
		return fmt.Sprintf("%s %d %d", text(r.Host), r.Port, r.Wait), err
	})
}

func TestTextDecode(t *testing.T) {
	rows := []decoding{
		{params: `["bf"]`, want: `"bf"`},
		{params: `[12]`, want: `"12"`},
		{params: `[[]]`, kind: FieldType},
		{params: `[]`, kind: FieldMissing},
	}
	for i := range rows {
		rows[i].field = "job id"
	}
	runDecodings(t, rows, func(params []byte) (string, error) {
		var g GetTransactions
		err := g.Decode(params)
		return text(g.JobID), err
	})
	for i := range rows {
		rows[i].field = "text"
	}
	runDecodings(t, rows, func(params []byte) (string, error) {
		var s ShowMessage
		err := s.Decode(params)
		return text(s.Text), err
	})
}

func TestSubscribeReplyDecode(t *testing.T) {
	runDecodings(t, []decoding{
		{params: `[[["mining.set_difficulty","b4b6"],["mining.notify","ae68"]],"08000002",4]`, want: `"ae68" 08000002 4`},
		{params: `[[["mining.notify","ae68"],["mining.set_difficulty","b4b6"]],"08000002",4]`, want: `"ae68" 08000002 4`},
		{params: `[[["mining.notify","66d5a1b0"]],"66d5a1b000000000",8]`, want: `"66d5a1b0" 66d5a1b000000000 8`},
		{params: `[["mining.notify","ae68"],"",8]`, want: `"ae68"  8`},
		{params: `[[],"6c6f010000000c",4]`, want: `- 6c6f010000000c 4`},
		{params: `[null,"08",4]`, want: `- 08 4`},
		{params: `["sid","08",4]`, want: `- 08 4`},
		{params: `[[["mining.set_difficulty","b4b6"],[],[1],"x",null],"08",4]`, want: `"b4b6" 08 4`},
		{params: `[[["mining.notify",12]],"08",4]`, want: `"12" 08 4`},
		{params: `[[],"08","8"]`, want: `- 08 8`},
		{params: `[[],"08",0]`, want: `- 08 0`},
		{params: `[[],"08",17,"more"]`, want: `- 08 17`},
		{params: `[[],"0X0A",4]`, want: `- 0a 4`},
		{params: `"Initialising"`, field: "result", kind: FieldType},
		{params: `{"extranonce1":"08"}`, field: "result", kind: FieldType},
		{params: `true`, field: "result", kind: FieldType},
		{params: `null`, field: "result", kind: FieldMissing},
		{params: ``, field: "result", kind: FieldMissing},
		{params: `[]`, field: "extranonce1", kind: FieldMissing},
		{params: `[[],null,4]`, field: "extranonce1", kind: FieldMissing},
		{params: `[[],8,4]`, field: "extranonce1", kind: FieldType},
		{params: `[[],"080",4]`, field: "extranonce1", kind: FieldFormat},
		{params: `[[],"` + strings.Repeat("00", 33) + `",4]`, field: "extranonce1", kind: FieldRange},
		{params: `[[],"08"]`, field: "extranonce2 size", kind: FieldMissing},
		{params: `[[],"08",256]`, field: "extranonce2 size", kind: FieldRange},
		{params: `[[],"08",-1]`, field: "extranonce2 size", kind: FieldRange},
		{params: `[[],"08","x"]`, field: "extranonce2 size", kind: FieldFormat},
		{params: `[[],"08",[]]`, field: "extranonce2 size", kind: FieldType},
	}, func(result []byte) (string, error) {
		var s SubscribeReply
		err := s.Decode(result)
		return fmt.Sprintf("%s %v %d", text(s.Session), s.Extranonce1, s.Extranonce2Size), err
	})
}

func TestNotifyDecode(t *testing.T) {
	const (
		prev   = `"4d16b6f85af6e2198f44ae2a6de67f78487ae5611b77c6c0440b921e00000000"`
		branch = `"21af451ddb51e887ff1feb5592b87290098565035eb8500031aedcc776d4e72a"`
	)
	head := `["bf",` + prev + `,"0100","072F",`
	tail := `,"00000002","1c2ac4af","504e86b9"`
	usual := "bf 00000000440b921e1b77c6c0487ae5616de67f788f44ae2a5af6e2194d16b6f8 0100 072f 0 00000002 1c2ac4af 504e86b9"
	manyBranches := "[" + strings.Repeat(branch+",", 31) + branch + "]"
	runDecodings(t, []decoding{
		{params: head + `[]` + tail + `,false]`, want: usual + " false true"},
		{params: head + `[]` + tail + `,true]`, want: usual + " true true"},
		{params: head + `null` + tail + `,true]`, want: usual + " true true"},
		{params: head + `[]` + tail + `]`, want: usual + " false false"},
		{params: head + `[]` + tail + `,null]`, want: usual + " false false"},
		{params: head + `[]` + tail + `,"true"]`, want: usual + " true true"},
		{params: head + `[]` + tail + `,"false"]`, want: usual + " false true"},
		{params: head + `[]` + tail + `,1]`, want: usual + " true true"},
		{params: head + `[]` + tail + `,0]`, want: usual + " false true"},
		{params: head + `[]` + tail + `,[]]`, want: usual + " false false"},
		{params: head + `[]` + tail + `,true,"ignored"]`, want: usual + " true true"},
		{params: head + ` [ ] ,"2","1C2AC4AF",1347323577 , true ] `, want: usual + " true true"},
		{params: head + manyBranches + tail + `,true]`, want: strings.Replace(usual, " 0 ", " 32 ", 1) + " true true"},
		{params: `["bf",` + strings.ToUpper(prev) + `,"0100","072F",[` + strings.ToUpper(branch) + `]` + tail + `,true]`, want: strings.Replace(usual, " 0 ", " 1 ", 1) + " true true"},
		{params: strings.Replace(head, "bf", `\u0062f`, 1) + `[]` + tail + `,true]`, want: usual + " true true"},
		{params: strings.Replace(head, `"bf"`, `12`, 1) + `[]` + tail + `,true]`, want: "12" + usual[2:] + " true true"},
		{params: `[]`, field: "job id", kind: FieldMissing},
		{params: `{}`, field: "params", kind: FieldType},
		{params: `["bf"]`, field: "prevhash", kind: FieldMissing},
		{params: `["bf",` + prev[:64] + `"]`, field: "prevhash", kind: FieldFormat},
		{params: `["bf",` + prev[:65] + `00"]`, field: "prevhash", kind: FieldFormat},
		{params: `["bf",` + prev[:64] + `g"]`, field: "prevhash", kind: FieldFormat},
		{params: `["bf",1]`, field: "prevhash", kind: FieldType},
		{params: `["bf",` + prev + `]`, field: "coinb1", kind: FieldMissing},
		{params: `["bf",` + prev + `,"010"]`, field: "coinb1", kind: FieldFormat},
		{params: `["bf",` + prev + `,"",5]`, field: "coinb2", kind: FieldType},
		{params: `["bf",` + prev + `,"","zz"]`, field: "coinb2", kind: FieldFormat},
		{params: `["bf",` + prev + `,"",""]`, field: "branches", kind: FieldMissing},
		{params: head + `{}` + tail + `]`, field: "branches", kind: FieldType},
		{params: head + `[5]` + tail + `]`, field: "branches", kind: FieldType},
		{params: head + `[null]` + tail + `]`, field: "branches", kind: FieldMissing},
		{params: head + `["00"]` + tail + `]`, field: "branches", kind: FieldFormat},
		{params: head + manyBranches[:len(manyBranches)-1] + "," + branch + "]" + tail + `,true]`, field: "branches", kind: FieldRange},
		{params: head + `[]]`, field: "version", kind: FieldMissing},
		{params: head + `[],"","1","1"]`, field: "version", kind: FieldFormat},
		{params: head + `[],"1",null,"1"]`, field: "nbits", kind: FieldMissing},
		{params: head + `[],"1","1",[]]`, field: "ntime", kind: FieldType},
		{params: head + `[],"1","1",-5]`, field: "ntime", kind: FieldRange},
	}, func(params []byte) (string, error) {
		n := Notify{Coinb1: []byte("old"), Branches: make([]work.Hash, 3)}
		err := n.Decode(params)
		return fmt.Sprintf("%s %v %x %x %d %v %v %v %v %v", n.JobID, n.PrevHash, n.Coinb1, n.Coinb2, len(n.Branches), n.Version, n.NBits, n.NTime, n.Clean, n.CleanKnown), err
	})
}

// The branches of a real job are those of its line, in order.
func TestNotifyBranches(t *testing.T) {
	for _, line := range captures(t) {
		m := scan(t, line)
		if ParseMethod(m.Method) != MethodNotify {
			continue
		}
		var n Notify
		if err := n.Decode(m.Params); err != nil {
			t.Fatal(err)
		}
		all, _ := elements(m.Params)
		wire, _ := all[4].([]any)
		if len(wire) != len(n.Branches) {
			t.Fatalf("%d branches, want %d", len(n.Branches), len(wire))
		}
		for i, b := range n.Branches {
			if got := string(b.AppendWire(nil)); got != wire[i] {
				t.Errorf("branch %d is %s, want %s", i, got, wire[i])
			}
		}
		if got := string(n.PrevHash.AppendPrevHash(nil)); got != all[1] {
			t.Errorf("prevhash is %s, want %s", got, all[1])
		}
	}
}

func TestParseID(t *testing.T) {
	for raw, want := range map[string]uint64{"4": 4, `"4"`: 4, "4.0": 4, "4.000": 4, "0": 0, "9223372036854775807": math.MaxInt64} {
		if got, ok := ParseID([]byte(raw)); !ok || got != want {
			t.Errorf("%s is %d, %v", raw, got, ok)
		}
	}
	for _, raw := range []string{"", "null", "-1", "4.5", "4.", `"x"`, `""`, "9223372036854775808", "99999999999999999999", "4e0", `"`} {
		if got, ok := ParseID([]byte(raw)); ok {
			t.Errorf("%s is %d", raw, got)
		}
	}
	if got := string(AppendID([]byte("x"), 42)); got != "x42" {
		t.Errorf("id is %s", got)
	}
}

func TestMethodNames(t *testing.T) {
	for m := MethodUnknown + 1; int(m) < len(methodNames); m++ {
		if m.String() == "" || ParseMethod([]byte(m.String())) != m {
			t.Errorf("method %d is %q, which is method %d", m, m, ParseMethod([]byte(m.String())))
		}
	}
	for _, name := range []string{"", "unknown", "Mining.Submit", "mining.submit ", "eth_submitLogin", "login", "mining.suggest_difficulty_x"} {
		if m := ParseMethod([]byte(name)); m != MethodUnknown {
			t.Errorf("%q is %v", name, m)
		}
	}
	if got := Method(200).String(); got != "unknown" {
		t.Errorf("a method beyond all is %q", got)
	}
}

package sv1

import "testing"

func TestDecodeError(t *testing.T) {
	for raw, want := range map[string]struct {
		code int
		text string
		ok   bool
	}{
		``: {}, `null`: {}, `""`: {}, `[]`: {}, `{}`: {}, `false`: {}, `0`: {}, `[ ]`: {},
		`[21,"Job not found",null]`:    {21, "Job not found", true},
		`[-3,"Method not found",null]`: {-3, "Method not found", true},
		`["21","x"]`:                   {21, "x", true},
		`[21]`:                         {21, "", true},
		`[null,"x"]`:                   {0, "x", true},
		`["x","y"]`:                    {0, "y", true},
		`[21,["x"]]`:                   {21, "", true},
		`[1e9,"x"]`:                    {0, "x", true},
		`[2147483648,"x"]`:             {0, "x", true},
		`{"code":22,"message":"duplicate share","data":null}`: {22, "duplicate share", true},
		`{"message":"x"}`:   {0, "x", true},
		`{"other":1}`:       {0, "", true},
		`{"code":-32601}`:   {-32601, "", true},
		`"Stale"`:           {0, "Stale", true},
		`"a\u0062"`:         {0, "ab", true},
		`-1`:                {-1, "", true},
		`true`:              {0, "", true},
		`[`:                 {0, "", true},
		`{"code":22,"code"`: {0, "", true},
	} {
		got, ok := DecodeError([]byte(raw))
		if got.Code != want.code || string(got.Text) != want.text || ok != want.ok {
			t.Errorf("%s: %d %q %v, want %v", raw, got.Code, got.Text, ok, want)
		}
	}
}

func TestAccepted(t *testing.T) {
	for line, want := range map[string]struct{ accepted, granted bool }{
		`{"id":1,"result":true,"error":null}`:                                  {true, true},
		`{"error":null,"id":1,"result":true}`:                                  {true, true},
		`{"id":1,"result":true}`:                                               {true, true},
		`{"id":4,"result":"OK","error":null}`:                                  {true, true},
		`{"id":4,"result":{"status":"OK"}}`:                                    {true, true},
		`{"id":4,"result":true,"error":[]}`:                                    {true, true},
		`{"id":4,"result":true,"error":{}}`:                                    {true, true},
		`{"id":4,"result":true,"error":""}`:                                    {true, true},
		`{"id":4,"result":true,"error":false}`:                                 {true, true},
		`{"id":4,"result":null,"error":null}`:                                  {false, true}, // p2pool's authorize
		`{"id":4,"error":[]}`:                                                  {false, true},
		`{"id":4,"error":{}}`:                                                  {false, true},
		`{"id":4,"error":null}`:                                                {false, true},
		`{"id":4,"result":false,"error":null}`:                                 {false, false},
		`{"id":4,"result":null,"error":[21,"Job not found",null]}`:             {false, false},
		`{"id":33,"result":false,"error":[21,"Job not found (=stale)",null]}`:  {false, false},
		`{"id":4,"error":{"code":22,"message":"duplicate share","data":null}}`: {false, false},
		`{"id":4,"result":false,"error":"Stale"}`:                              {false, false},
		`{"reject-reason":"Above target","result":false,"error":null,"id":5}`:  {false, false},
		`{"reject-reason":"Above target","result":null,"error":null,"id":5}`:   {false, false},
		`{"reject-reason":null,"result":null,"error":null,"id":5}`:             {false, true},
		`{"id":null,"result":[],"error":true}`:                                 {false, false},
		`{"id":4,"result":true,"error":[20,"x",null]}`:                         {false, false},
	} {
		m := scan(t, []byte(line))
		if Accepted(m) != want.accepted || Granted(m) != want.granted {
			t.Errorf("%s: accepted %v, granted %v", line, Accepted(m), Granted(m))
		}
	}
}

func TestRefusal(t *testing.T) {
	for line, want := range map[string]struct {
		code  int
		text  string
		class Class
	}{
		`{"id":4,"result":null,"error":[21,"Job not found",null]}`:             {21, "Job not found", ClassJobNotFound},
		`{"id":4,"result":false,"error":"Stale"}`:                              {0, "Stale", ClassStale},
		`{"reject-reason":"Above target","result":false,"error":null,"id":5}`:  {0, "Above target", ClassLowDifficulty},
		`{"reject-reason":"Duplicate","result":false,"error":true,"id":5}`:     {0, "Duplicate", ClassDuplicate},
		`{"result":"Initialising","id":1,"error":null}`:                        {0, "Initialising", ClassOther},
		`{"result":false,"id":1,"error":null}`:                                 {0, "", ClassOther},
		`{"result":null,"id":1,"error":[24,"Unauthorized worker",null]}`:       {24, "Unauthorized worker", ClassUnauthorized},
		`{"id":4,"error":{"code":22,"message":"duplicate share","data":null}}`: {22, "duplicate share", ClassDuplicate},
	} {
		e := Refusal(scan(t, []byte(line)))
		if e.Code != want.code || string(e.Text) != want.text || e.Class() != want.class {
			t.Errorf("%s: %d %q %v", line, e.Code, e.Text, e.Class())
		}
	}
}

// The strings are those that pools were seen to send.
func TestClassify(t *testing.T) {
	for _, tt := range []struct {
		code int
		text string
		want Class
	}{
		{20, "Other/Unknown", ClassOther},
		{20, "Not supported.", ClassOther},
		{20, "unknown-work", ClassJobNotFound}, // DATUM, eloipool
		{20, "Malformed", ClassOther},
		{21, "Job not found", ClassJobNotFound},
		{21, "Invalid JobID", ClassJobNotFound},
		{21, "Job not found (=stale)", ClassStale},
		{21, "stale-work", ClassStale},
		{21, "stale-prevblk", ClassStale},
		{21, "time-too-old", ClassStale},
		{21, "", ClassStale},
		{22, "Duplicate share", ClassDuplicate},
		{22, "", ClassDuplicate},
		{23, "Low difficulty share", ClassLowDifficulty},
		{23, "bad-version", ClassLowDifficulty}, // DATUM; the code counts
		{24, "Unauthorized worker", ClassUnauthorized},
		{25, "Not subscribed", ClassOther},
		{36, "x", ClassStale},
		{37, "x", ClassStale},
		{31, "Time too old", ClassOther}, // btcpool
		{29, "Invalid username", ClassOther},
		{-3, "Method not found", ClassOther},
		{0, "STALE", ClassStale},
		{0, "duplicate", ClassDuplicate},
		{0, "Above target", ClassLowDifficulty},
		{0, "high-hash", ClassLowDifficulty},
		{0, "H-not-zero", ClassLowDifficulty},
		{0, "Difficulty too low", ClassLowDifficulty},
		{0, "low difficulty share of 0.5", ClassLowDifficulty},
		{100, "Not authorized", ClassUnauthorized},
		{0, "", ClassOther},
	} {
		if got := Classify(tt.code, tt.text); got != tt.want {
			t.Errorf("%d %q is %v, want %v", tt.code, tt.text, got, tt.want)
		}
	}
	if Class(99).String() != "unknown" {
		t.Error("a class beyond all has a name")
	}
}

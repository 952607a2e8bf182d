package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// divided is a file with a split of three pools, and a pool of another route.
const divided = `
[[pool]]
name = "main"
url = "main.example.com:3333"
username = "acct"
[[pool]]
name = "a"
url = "a.example.com:3333"
username = "acct"
[[pool]]
name = "b"
url = "b.example.com:3333"
username = "acct"
[[pool]]
name = "elsewhere"
url = "elsewhere.example.com:3333"
username = "acct"
[[route]]
name = "farm"
split = [{ pool = "main", weight = 70 }, { pools = ["a", "b"], weight = 30 }]
[route.match]
worker = "farm.*"
[[route]]
name = "rest"
pools = ["elsewhere"]
`

func loadDivided(tb testing.TB) (*Config, Route) {
	tb.Helper()
	c, problems := Load([]byte(divided), "f", Options{})
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	r, ok := c.Route("farm")
	if _, none := c.Route("fram"); !ok || none {
		tb.Fatalf("a route: %t, one that is not there: %t", ok, none)
	}
	return c, r
}

func TestParseSplit(t *testing.T) {
	t.Parallel()
	c, r := loadDivided(t)
	for text, want := range map[string][]SplitPart{
		`{"split":[{"pool":"main","weight":70},{"pools":["a","b"],"hashrate":"500TH/s"}]}`: {
			{Pool: "main", Weight: 70}, {Pools: []string{"a", "b"}, Hashrate: 500e12},
		},
		`{"split":[{"pool":"b","weight":0.5}]}`:                                          {{Pool: "b", Weight: 0.5}},
		`{"split":[{"pool":"b","worker":"vip.*"},{"pool":"a","weight":1,"worker":"?"}]}`: {{Pool: "b", Worker: "vip.*"}, {Pool: "a", Weight: 1, Worker: "?"}},
		`{"split":[{"pool":"b","weight":1,"when":"* 0-5 * * *","time_zone":"Europe/Prague"},{"pool":"a","weight":1,"when":"* 6 * * 1"}]}`: {
			{Pool: "b", Weight: 1, When: "* 0-5 * * *", TimeZone: "Europe/Prague"}, {Pool: "a", Weight: 1, When: "* 6 * * 1"},
		},
		`{"split":[{"pool":"b","weight":1,"on_dead":"a"},{"pools":["main","a"],"weight":1,"on_dead":"others"}]}`: {
			{Pool: "b", Weight: 1, OnDead: "a"}, {Pools: []string{"main", "a"}, Weight: 1, OnDead: "others"},
		},
		`{"split":[{"pool":"b","worker":"vip.*"},{"pool":"a","worker":"*"}]}`: {{Pool: "b", Worker: "vip.*"}, {Pool: "a", Worker: "*"}},
	} {
		got, problems := ParseSplit([]byte(text), c, r)
		if len(problems) > 0 || !cmp.Equal(got, want) {
			t.Errorf("%s: %v, %v", text, got, problems)
		}
	}
	if len(r.Split) != 2 || r.Split[0].Weight != 70 {
		t.Errorf("the route's own split is %v now", r.Split)
	}
	rest, _ := c.Route("rest")
	if got, problems := ParseSplit([]byte(`{"split":[{"pool":"elsewhere","weight":1}]}`), c, rest); len(problems) > 0 || len(got) != 1 || len(rest.Split) != 0 {
		t.Errorf("a route in order: %v, %v", got, problems)
	}
}

// Every mistake is named with what would be right, as it is in a file.
func TestParseSplitProblems(t *testing.T) {
	t.Parallel()
	c, r := loadDivided(t)
	const none = `split: no part given; write them as in {"split":[{"pool":"main","weight":70},{"pools":["a","b"],"weight":30}]}`
	for text, want := range map[string][]string{
		``:                     {`want {"split":[…]}, got no such JSON: unexpected end of JSON input`},
		`[]`:                   {`want {"split":[…]}, got no such JSON: json: cannot unmarshal array into Go value of type map[string]interface {}`},
		`null`:                 {none},
		`{}`:                   {none},
		`{"split":[]}`:         {none},
		`{"split":null}`:       {`split: want tables such as [{ … }, { … }], got null`},
		`{"split":{"main":1}}`: {`split: want tables such as [{ … }, { … }], got a table`},
		`{"spilt":[{"pool":"main","wieght":1}]}`: {
			`spilt: unknown key "spilt", did you mean "split"?`, `spilt[0].wieght: unknown key "wieght", did you mean "weight"?`,
		},
		`{"split":[{"pool":"main","weight":1}],"mode":"shared"}`: {`mode: unknown key "mode"; known here: split`},
		`{"split":[1]}`: {`split[0]: want a table, got the number 1`},
		`{"split":[{}]}`: {
			`split[0]: a part of a split names either pool = "…" or pools = ["…", "…"]`,
		},
		`{"split":[{"pool":"main"}]}`:                               {`split[0]: a part of a split has weight = 70, hashrate = "500TH/s" or worker = "vip.*"`},
		`{"split":[{"pool":"main","weight":1,"hashrate":"1TH/s"}]}`: {`split[0]: a part of a split has either weight = 70 or hashrate = "500TH/s"`},
		`{"split":[{"pool":"main","worker":1}]}`:                    {`split[0].worker: want a text such as "…", got the number 1`},
		`{"split":[{"pool":"main","weight":1,"time_zone":"UTC"}]}`: {
			`split[0].time_zone: no window that it is for; write when = "* 22-23,0-5 * * *", or leave it out`,
		},
		`{"split":[{"pool":"main","weight":1,"when":"* * * * *","time_zone":"Europe/Prag"}]}`: {
			`split[0].time_zone: "Europe/Prag" is no time zone; write a name such as "Europe/Prague" or "UTC"`,
		},
		`{"split":[{"pool":"main","weight":1,"when":"* * * * *","time_zone":"../../../etc/passwd"}]}`: {
			`split[0].time_zone: "../../../etc/passwd" is no time zone; write a name such as "Europe/Prague" or "UTC"`,
		},
		`{"split":[{"pool":"main","weight":1,"when":"* 22-5 * * *"}]}`: {
			`split[0].when: "* 22-5 * * *" is no window: beginning of range (22) beyond end of range (5): 22-5; ` +
				`write minute, hour, day, month and weekday as cron has them, such as "* 22-23,0-5 * * mon-fri"`,
		},
		`{"split":[{"pool":"main","weight":1,"when":"TZ=UTC"}]}`: {
			`split[0].when: "TZ=UTC" is no window: want five fields; ` +
				`write minute, hour, day, month and weekday as cron has them, such as "* 22-23,0-5 * * mon-fri"`,
		},
		`{"split":[{"pools":["main","a"],"weight":1,"on_dead":"a"},{"pool":"b","weight":1,"on_dead":"elsewhere"}]}`: {
			`split[0].on_dead: "a" is no pool of another part; write one that has its share while its own are away, or "others"`,
			`split[1].on_dead: "elsewhere" is no pool of another part; write one that has its share while its own are away, or "others"`,
		},
		`{"split":[{"pool":"main","worker":"vip.*"}]}`: {
			`split: no part is for miners whose worker no part names; give one a weight or a hashrate, or worker = "*"`,
		},
		`{"split":[{"pool":"main","worker":"*"},{"pool":"a","worker":"vip.*"}]}`: {
			`split[1].worker: no worker is left for it: part 0 has those of "*", and the first part that matches has a miner`,
		},
		`{"split":[{"pool":"main","worker":"x"},{"pool":"a","weight":1},{"pool":"b","worker":"x"}]}`: {
			`split[2].worker: no worker is left for it: part 0 has those of "x", and the first part that matches has a miner`,
		},
		`{"split":[{"pool":"main","pools":["a"],"weight":1}]}`: {`split[0]: a part of a split names either pool = "…" or pools = ["…", "…"]`},
		`{"split":[{"pool":"main","weight":-1}]}`:              {`split[0].weight: -1 is out of range; write a number above 0, at most 1e9`},
		`{"split":[{"pool":"main","weight":"70"}]}`:            {`split[0].weight: want a number such as 6.0, got the text "70"`},
		`{"split":[{"pool":"main","hashrate":500}]}`:           {`split[0].hashrate: want a hashrate such as "500TH/s", got the number 500`},
		`{"split":[{"pool":"main","hashrate":"500"}]}`:         {`split[0].hashrate: not a hashrate: "500"; write it like "500TH/s" or "1.5PH/s"`},
		`{"split":[{"pool":"mian","weight":1}]}`:               {`split[0].pool: no pool has the name "mian", did you mean "main"?`},
		`{"split":[{"pool":"${X}","weight":1}]}`:               {`split[0].pool: no pool has the name "${X}"; pools are "main", "a", "b", "elsewhere"`},
		`{"split":[{"pools":["a","elsewhere"],"weight":1}]}`: {
			`split[0].pools[1]: pool "elsewhere" is none of route "farm", whose pools are "main", "a", "b"; name it in the file's route first`,
		},
		`{"split":[{"pool":"elsewhere","weight":1}]}`: {
			`split[0].pool: pool "elsewhere" is none of route "farm", whose pools are "main", "a", "b"; name it in the file's route first`,
		},
		`{"split":[{"pool":"main","weight":1},{"pools":["main"],"weight":1}]}`: {
			`split[1]: pool "main" is in part 0 already; a pool is in one part of a split`,
		},
		`{"split":[{"pool":"main","weight":-1},{"pool":null,"hashrate":"1TH/s"}]}`: {
			`split[0].weight: -1 is out of range; write a number above 0, at most 1e9`, `split[1].pool: want a text such as "…", got null`,
		},
	} {
		parts, problems := ParseSplit([]byte(text), c, r)
		got := strings.Split(problems.Error(), "\n")
		if parts != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v\n%s", text, parts, cmp.Diff(want, got))
		}
	}
}

// Whatever the text is, it does not panic, and is a split that the file could
// have or has a mistake that is named.
func FuzzParseSplit(f *testing.F) {
	f.Add([]byte(`{"split":[{"pool":"main","weight":70},{"pools":["a","b"],"hashrate":"500TH/s"}]}`))
	f.Add([]byte(`{"split":[{"pool":"b","when":"* 0-5 * * *","time_zone":"Europe/Prague","worker":"*"}]}`))
	f.Add([]byte(`{"spilt":[{"pool":null},1],"":[{}]}`))
	f.Add([]byte(`{"split":[{"pools":["a","a",1],"weight":1e308}]}`))
	c, r := loadDivided(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		parts, problems := ParseSplit(data, c, r)
		if (len(parts) == 0) != (len(problems) > 0) {
			t.Fatalf("parts %v and problems %v", parts, problems)
		}
		for _, p := range problems {
			if p.Text == "" || p.Origin != "" {
				t.Fatalf("a problem without a text, or of a file: %#v", p)
			}
		}
		if len(problems) > 0 {
			return
		}
		filed := *c
		filed.Routes = slices.Clone(c.Routes)
		filed.Routes[0].Split = parts
		if again := Validate(&filed); len(again) > 0 {
			t.Fatalf("valid by itself, not in a file: %v", again)
		}
	})
}

package cli

import (
	"net/http"
	"strings"
	"testing"
)

func TestRouteAsks(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][2]string{
		"split farm main=70,a/b=30": {
			`PUT /api/v1/routes/farm/split application/json {"split":[{"pools":["main"],"weight":70},{"pools":["a","b"],"weight":30}]}`,
			"route farm is split: main=70,a/b=30\n",
		},
		"split farm buyer=500TH/s,main=0.5": {
			`PUT /api/v1/routes/farm/split application/json {"split":[{"hashrate":"500TH/s","pools":["buyer"]},{"pools":["main"],"weight":0.5}]}`,
			"route farm is split: buyer=500TH/s,main=0.5\n",
		},
		"split farm main=1 vip;worker=vip.* x/y=2;worker=z": {
			`PUT /api/v1/routes/farm/split application/json {"split":[{"pools":["main"],"weight":1},{"pools":["vip"],"worker":"vip.*"},{"pools":["x","y"],"weight":2,"worker":"z"}]}`,
			"route farm is split: main=1 vip;worker=vip.* x/y=2;worker=z\n",
		},
		"split farm main=1 night=1;when=*\u00a00,1\u00a0*\u00a0*\u00a0*;time_zone=Europe/Prague": {
			`PUT /api/v1/routes/farm/split application/json {"split":[{"pools":["main"],"weight":1},{"pools":["night"],"time_zone":"Europe/Prague","weight":1,"when":"* 0,1 * * *"}]}`,
			"route farm is split: main=1 night=1;when=* 0,1 * * *;time_zone=Europe/Prague\n",
		},
		"split farm main=1 b;weight=2;worker=b.*": {
			`PUT /api/v1/routes/farm/split application/json {"split":[{"pools":["main"],"weight":1},{"pools":["b"],"weight":2,"worker":"b.*"}]}`,
			"route farm is split: main=1 b;weight=2;worker=b.*\n",
		},
		"unsplit a/b": {"DELETE /api/v1/routes/a%2Fb/split", "route a/b has its pools as the file says\n"},
	} {
		addr, asked := ordered(t, http.StatusNoContent, "", "")
		b := newBench()
		args := strings.Split(strings.ReplaceAll(strings.ReplaceAll(line, " ", "\n"), "\u00a0", " "), "\n")
		code := b.run(append(append([]string{"route"}, args...), "--http", addr, "--token", "s3cret")...)
		if code != exitOK || *asked != want[0] || b.stdout.String() != want[1] {
			t.Errorf("%s: exit code %d, asked %q, said %q%q", line, code, *asked, b.stdout, b.stderr)
		}
	}
}

func TestRouteFailures(t *testing.T) {
	t.Parallel()
	addr, _ := ordered(t, http.StatusConflict, "application/problem+json", `{"detail":"the day is over"}`)
	b := newBench()
	code := b.run("route", "split", "farm", "main=1", "--http", addr, "--token", "s3cret")
	if got := b.stderr.String(); code != exitFailed || got != "loka: the day is over\n" || b.stdout.String() != "" {
		t.Errorf("exit code %d, said %q", code, got)
	}
	for _, c := range []struct {
		args   []string
		stderr string
	}{
		{nil, "expected one of"},
		{[]string{"split", "farm"}, "expected \"<parts> ...\"; see `loka route split --help`"},
		{[]string{"split", "farm", ""}, `"" is no part of a split; write POOL=WEIGHT`},
		{[]string{"split", "farm", "main=70,b"}, `"b" is no part of a split`},
		{[]string{"split", "farm", "main=70,=30"}, `"=30" is no part of a split`},
		{[]string{"split", "farm", "main=0"}, "0 is no weight; write a number above 0"},
		{[]string{"split", "farm", "main=-1"}, "-1 is no weight"},
		{[]string{"split", "farm", "main=nan"}, "nan is no weight"},
		{[]string{"split", "farm", "main=inf"}, "inf is no weight"},
		{[]string{"split", "farm", "b;weight=inf"}, "inf is no weight"},
		{[]string{"split", "farm", "b;weight=5TH/s"}, "5TH/s is no weight"},
		{[]string{"split", "farm", "vip;worker"}, `"worker" says nothing of a part; write KEY=VALUE`},
		{[]string{"split", "farm", "vip;worker=a;worker=b"}, `"worker=b" says nothing of a part`},
		{[]string{"split", "farm", ";worker=a"}, `"" is no part of a split`},
		{[]string{"split", "farm", "main=1,vip=;worker=a"}, `"main=1,vip=" is no part of a split`},
		{[]string{"split", "..", "main=1"}, `".." is no name`},
		{[]string{"unsplit", ""}, `"" is no name`},
	} {
		b := newBench()
		if code := b.run(append([]string{"route"}, c.args...)...); code != exitUsage || !strings.Contains(b.stderr.String(), c.stderr) {
			t.Errorf("%q: exit code %d, said %s", c.args, code, b.stderr)
		}
	}
}

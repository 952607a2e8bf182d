package events

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestQuery(t *testing.T) {
	l := New(Config{}, noon, nil)
	for _, e := range []Event{
		{At: at(1), Kind: Pool, What: Entered, Pool: "main", To: "down", Severity: Critical, Message: "1"},
		{At: at(2), Kind: Connection, What: Closed, Worker: "alice.rig1", Route: "farm", Pool: "main", Remote: "192.0.2.1:5", Message: "2"},
		{At: at(3), Kind: Switch, What: Moved, Pool: "backup", From: "main", To: "backup", Route: "farm", Message: "3"},
		{At: at(4), Kind: Alert, What: Firing, Severity: Warning, Reason: "pool_down", Message: "4"},
		{At: at(5), Kind: Act, What: Done, Who: "ops", Message: "5"},
	} {
		l.Publish(e)
	}
	l.Finish() // the switch, which so has the last id
	for name, c := range map[string]struct {
		f    Filter
		want string
	}{
		"all":      {Filter{}, "3 5 4 2 1"},
		"kinds":    {Filter{Kinds: []Kind{Act, Pool}}, "5 1"},
		"severity": {Filter{Severity: Warning}, "4 1"},
		"pool":     {Filter{Pool: "main"}, "3 2 1"},
		"other":    {Filter{Pool: "backup"}, "3"},
		"route":    {Filter{Route: "farm"}, "3 2"},
		"worker":   {Filter{Worker: "alice.rig1"}, "2"},
		"text":     {Filter{Text: "RIG1"}, "2"},
		"address":  {Filter{Text: "192.0.2"}, "2"},
		"who":      {Filter{Text: "ops"}, "5"},
		"since":    {Filter{Since: at(4)}, "5 4"},
		"until":    {Filter{Until: at(2)}, "1"},
		"limit":    {Filter{Limit: 2}, "3 5"},
		"none":     {Filter{Text: "nothing"}, ""},
	} {
		got := make([]string, 0, 5)
		for _, e := range l.Query(c.f).Events {
			got = append(got, e.Message)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// Page by page there is each event once.
func TestPages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := New(Config{Kept: 20, Passing: 20}, noon, nil)
		for i := range rapid.IntRange(0, 60).Draw(t, "events") {
			k := rapid.SampledFrom([]Kind{Act, Pool, Connection}).Draw(t, "kind")
			l.Publish(Event{At: at(float64(i)), Kind: k, What: "x", Worker: "a"})
		}
		want := l.Query(Filter{Limit: MaxPage}).Events
		got := []Event{}
		f := Filter{Limit: rapid.IntRange(1, 25).Draw(t, "limit")}
		for {
			p := l.Query(f)
			got = append(got, p.Events...)
			if p.Before == 0 {
				break
			}
			f.Before = p.Before
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// short is a timeline in short.
func short(tl *Timeline) string {
	parts := make([]string, 0, len(tl.Intervals))
	for _, i := range tl.Intervals {
		parts = append(parts, i.State+" "+i.To.Sub(i.From).String())
	}
	return strings.Join(parts, ", ")
}

func TestTimeline(t *testing.T) {
	l := New(Config{}, noon, nil)
	for _, e := range []Event{
		{At: at(10), Kind: Proxy, What: Started},
		{At: at(11), Kind: Pool, What: Entered, Pool: "main", To: "connecting"},
		{At: at(11), Kind: Pool, What: Entered, Pool: "backup", To: "standby"},
		{At: at(20), Kind: Pool, What: Entered, Pool: "main", From: "connecting", To: "active", Reason: "serving"},
		{At: at(30), Kind: Switch, What: Moved, Pool: "backup", From: "main", To: "backup", Count: 5},
		{At: at(30), Kind: Pool, What: Entered, Pool: "main", From: "active", To: "down", Reason: "dial_failed", Detail: "refused"},
		{At: at(40), Kind: Proxy, What: Ended},
		{At: at(50), Kind: Proxy, What: Started},
		{At: at(60), Kind: Pool, What: Entered, Pool: "main", To: "active"},
	} {
		l.Publish(e)
	}
	l.Finish()
	for _, c := range []struct {
		from, to float64
		want     string
		switches int
	}{
		{0, 70, "unknown 10s, connecting 10s, active 10s, down 10s, not_running 10s, unknown 10s, active 10s", 1},
		{25, 35, "active 5s, down 5s", 1},
		{31, 32, "down 1s", 0},
		{-10, 5, "unknown 15s", 0},
		{100, 101, "active 1s", 0},
	} {
		tl := l.Timeline("main", at(c.from), at(c.to))
		if got := short(&tl); got != c.want || len(tl.Switches) != c.switches {
			t.Errorf("%v to %v: %s with %d switches, want %s with %d", c.from, c.to, got, len(tl.Switches), c.want, c.switches)
		}
	}
	tl := l.Timeline("main", at(31), at(32))
	if diff := cmp.Diff([]Interval{{State: "down", Reason: "dial_failed", Error: "refused", From: at(31), To: at(32), Seconds: 1}}, tl.Intervals); diff != "" {
		t.Error(diff)
	}
	if tl := l.Timeline("backup", at(0), at(70)); len(tl.Switches) != 1 {
		t.Errorf("the pool that miners went to has %d switches", len(tl.Switches))
	}
}

// Whatever happened, the intervals are without gaps and end to end.
func TestTimelineIsWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := New(Config{Kept: 30}, noon, nil)
		when := 0.0
		for range rapid.IntRange(0, 50).Draw(t, "events") {
			when += rapid.Float64Range(0, 20).Draw(t, "after")
			e := rapid.SampledFrom([]Event{
				{Kind: Proxy, What: Started},
				{Kind: Proxy, What: Stopping},
				{Kind: Proxy, What: Ended},
				{Kind: Pool, What: Entered, Pool: "main", To: "active"},
				{Kind: Pool, What: Entered, Pool: "main", To: "down"},
				{Kind: Pool, What: Entered, Pool: "other", To: "down"},
			}).Draw(t, "event")
			e.At = at(when)
			l.Publish(e)
		}
		from := rapid.Float64Range(-50, 500).Draw(t, "from")
		tl := l.Timeline("main", at(from), at(from+rapid.Float64Range(0.001, 500).Draw(t, "length")))
		begin := tl.From
		for _, i := range tl.Intervals {
			if !i.From.Equal(begin) || !i.From.Before(i.To) {
				t.Fatalf("%s: an interval from %v to %v after %v", short(&tl), i.From, i.To, begin)
			}
			begin = i.To
		}
		if !begin.Equal(tl.To) {
			t.Fatalf("%s: it ends at %v, not %v", short(&tl), begin, tl.To)
		}
	})
}

func TestKinds(t *testing.T) {
	for _, k := range Kinds() {
		if got, ok := KindOf(string(k)); !ok || got != k {
			t.Errorf("%q is %q, %t", k, got, ok)
		}
	}
	if _, ok := KindOf("nothing"); ok {
		t.Error("an unknown kind is one")
	}
	Nobody{}.Publish(Event{At: time.Now()})
}

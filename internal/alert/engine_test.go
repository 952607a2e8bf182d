package alert

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// one makes an engine of one rule: a pool's reject rate above a half.
func one(tb testing.TB, change func(*Rule), cfg Config) *Engine {
	tb.Helper()
	r := Rule{Name: "r", On: OnPool, Severity: Warning, Expr: "pool.reject_rate > 0.5", Value: "pool.reject_rate", Message: "{{.pool.name}} {{percent .value}}"}
	if change != nil {
		change(&r)
	}
	p, err := NewCompiler().Compile(r)
	if err != nil {
		tb.Fatal(err)
	}
	cfg.Rules = []*Program{p}
	return New(cfg)
}

func pools(rates ...float64) *Facts {
	f := &Facts{}
	for i, r := range rates {
		f.Pools = append(f.Pools, Pool{Name: fmt.Sprint("p", i), Rates: Rates{RejectRate: r}})
	}
	return f
}

func told(s Step) string {
	all := make([]string, 0, len(s.Tell))
	for _, n := range s.Tell {
		text := string(n.State) + " " + n.ID
		if n.Again {
			text = "again " + text
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// TestSteps walks one alert through its life: at each second what its figure is, and
// what is told then.
func TestSteps(t *testing.T) {
	type step struct {
		at   int // seconds
		rate float64
		tell string
		is   State
	}
	for name, c := range map[string]struct {
		rule  func(*Rule)
		cfg   Config
		steps []step
	}{
		"at once": {nil, Config{}, []step{{0, 0, "", ""}, {5, 1, "firing r/p0", Firing}, {10, 1, "", Firing}, {15, 0, "resolved r/p0", Resolved}, {20, 0, "", Resolved}}},
		"it has to last": {func(r *Rule) { r.For = 10 * time.Second }, Config{}, []step{
			{0, 1, "", Pending}, {5, 1, "", Pending}, {10, 1, "firing r/p0", Firing}, {15, 0, "resolved r/p0", Resolved},
		}},
		"it did not last": {func(r *Rule) { r.For = 10 * time.Second }, Config{}, []step{{0, 1, "", Pending}, {5, 0, "", ""}, {9, 1, "", Pending}, {18, 1, "", Pending}, {19, 1, "firing r/p0", Firing}}},
		"cooldown": {func(r *Rule) { r.Cooldown = time.Minute }, Config{}, []step{
			{0, 1, "firing r/p0", Firing}, {5, 0, "resolved r/p0", Resolved}, {10, 1, "", Firing}, {15, 0, "", Resolved}, // nobody was told
			{20, 1, "", Firing}, {74, 1, "", Firing}, {75, 1, "firing r/p0", Firing}, // and it goes on
		}},
		"again": {nil, Config{Repeat: time.Minute}, []step{{0, 1, "firing r/p0", Firing}, {59, 1, "", Firing}, {60, 1, "again firing r/p0", Firing}, {119, 1, "", Firing}, {121, 0, "resolved r/p0", Resolved}}},
		"again and again": {nil, Config{}, []step{
			{0, 1, "firing r/p0", Firing},
			{1, 0, "resolved r/p0", Resolved},
			{2, 1, "firing r/p0", Firing},
			{3, 0, "resolved r/p0", Resolved},
			{4, 1, "firing r/p0", Firing},
			{5, 0, "resolved r/p0", Resolved},
			{6, 1, "firing r/p0", Firing},
			{7, 0, "", Firing},
			{8, 1, "", Firing},
			{9, 0, "", Firing},
			{908, 0, "", Firing},
			{909, 0, "resolved r/p0", Resolved}, // calm for 15 minutes
		}},
		"forgotten":           {nil, Config{}, []step{{0, 1, "firing r/p0", Firing}, {1, 0, "resolved r/p0", Resolved}, {900, 0, "", Resolved}, {901, 0, "", ""}, {3700, 1, "firing r/p0", Firing}}},
		"the clock goes back": {func(r *Rule) { r.For = 10 * time.Second }, Config{}, []step{{100, 1, "", Pending}, {0, 1, "", Pending}, {110, 1, "firing r/p0", Firing}}},
	} {
		t.Run(name, func(t *testing.T) {
			e := one(t, c.rule, c.cfg)
			for _, s := range c.steps {
				got := e.Step(epoch.Add(time.Duration(s.at)*time.Second), pools(s.rate))
				var is State
				if all := e.Alerts(Pending, Firing, Resolved); len(all) > 0 {
					is = all[0].State
				}
				if told(got) != s.tell || is != s.is {
					t.Errorf("at %d s: told %q, is %q; want %q, %q", s.at, told(got), is, s.tell, s.is)
				}
			}
		})
	}
}

// What is over is shown as it was, whether it nearly fired since or not.
func TestOverIsShownAsItWas(t *testing.T) {
	e := one(t, func(r *Rule) { r.For = 10 * time.Second }, Config{})
	for _, s := range []struct{ at, percent int }{{0, 90}, {10, 90}, {20, 10}} {
		e.Step(epoch.Add(time.Duration(s.at)*time.Second), pools(float64(s.percent)/100))
	}
	over := e.Alerts(Resolved)
	e.Step(epoch.Add(30*time.Second), pools(0.8))
	if len(e.Alerts(Resolved)) != 0 || !e.Alerts(Pending)[0].Since.Equal(epoch.Add(30*time.Second)) {
		t.Errorf("pending again: %+v", e.Alerts(Resolved, Pending))
	}
	e.Step(epoch.Add(35*time.Second), pools(0))
	if got := e.Alerts(Resolved); !reflect.DeepEqual(got, over) || !got[0].Since.Equal(epoch) || !got[0].Fired.Equal(epoch.Add(10*time.Second)) || got[0].Message != "p0 90.0 %" {
		t.Errorf("it was %+v, is %+v", over, got)
	}
}

// An alert whose subject or rule is gone is over; one whose rule is changed goes on by
// that.
func TestGone(t *testing.T) {
	e := one(t, nil, Config{})
	e.Step(epoch, pools(1, 1))
	if got := told(e.Step(epoch.Add(time.Second), pools(1))); got != "resolved r/p1" {
		t.Errorf("a pool is gone: told %q", got)
	}
	other := one(t, func(r *Rule) { r.Expr = "pool.reject_rate > 0.9"; r.Severity = Critical }, Config{})
	e.Reconfigure(other.cfg)
	if got := e.Step(epoch.Add(2*time.Second), pools(1)); told(got) != "" || e.Alerts(Firing)[0].Severity != Critical {
		t.Errorf("the rule is changed: told %q, %v", told(got), e.Alerts(Firing))
	}
	e.Reconfigure(Config{})
	if got := told(e.Step(epoch.Add(3*time.Second), pools(1))); got != "resolved r/p0" {
		t.Errorf("the rule is gone: told %q", got)
	}
}

// What cannot be evaluated is said, and changes nothing.
func TestEvaluationFails(t *testing.T) {
	e := one(t, func(r *Rule) { r.Expr = `pool.signals["x"] > 1.0` }, Config{})
	facts := pools(0)
	facts.Pools[0].Signals = map[string]float64{"x": 2}
	e.Step(epoch, facts)
	facts.Pools[0].Signals = nil
	if got := e.Step(epoch.Add(time.Second), facts); told(got) != "" || len(e.Alerts(Firing)) != 1 {
		t.Errorf("told %q, fires %v", told(got), e.Alerts(Firing))
	}
	if got := e.Rules()[0]; !strings.Contains(got.Error, "p0: no such key: x") || got.Firing != 1 {
		t.Errorf("%+v", got)
	}
}

// An expression whose cost hangs on the facts is stopped.
func TestCostIsBounded(t *testing.T) {
	e := one(t, func(r *Rule) {
		r.Expr = `pool.signals.all(a, pool.signals.all(b, pool.signals.all(c, a + b + c != "x")))`
	}, Config{})
	facts := pools(0)
	facts.Pools[0].Signals = map[string]float64{}
	for i := range 100 {
		facts.Pools[0].Signals[strconv.Itoa(i)] = 1
	}
	e.Step(epoch, facts)
	if got := e.Rules()[0].Error; !strings.Contains(got, "cost limit exceeded") {
		t.Errorf("error %q", got)
	}
}

// A silence keeps an alert from being told, and not from firing; once it is over it is
// told. Who was told of it is told of its end.
func TestSilence(t *testing.T) {
	e := one(t, func(r *Rule) { r.Labels = []Label{{"team", "night"}} }, Config{})
	s, err := e.AddSilence(Silence{Matchers: []Matcher{{"pool", "p0"}, {"team", "n*"}}, Until: epoch.Add(time.Minute)}, epoch)
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Step(epoch, pools(1, 1)); told(got) != "firing r/p1" || len(got.Began) != 2 || !slices.Equal(got.Began[0].SilencedBy, []string{s.ID}) {
		t.Errorf("told %q, began %v", told(got), got.Began)
	}
	if got := told(e.Step(epoch.Add(time.Minute), pools(1, 1))); got != "firing r/p0" {
		t.Errorf("it is over: told %q", got)
	}
	if _, err := e.AddSilence(Silence{Matchers: []Matcher{{"name", "*"}}, Until: epoch.Add(time.Hour)}, epoch.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if got := told(e.Step(epoch.Add(2*time.Minute), pools(0, 1))); got != "resolved r/p0" {
		t.Errorf("silenced after it was told: told %q", got)
	}
}

// There is a bound to what is followed, and what is left out is counted.
func TestMost(t *testing.T) {
	e := one(t, nil, Config{Most: 3})
	e.Step(epoch, pools(1, 1, 1, 1, 1))
	if len(e.Alerts(Firing)) != 3 || e.Overflow() != 2 {
		t.Errorf("%d fire, %d are left out", len(e.Alerts(Firing)), e.Overflow())
	}
	e.Step(epoch.Add(time.Second), pools(0, 0, 0, 1, 1))
	if got := e.Step(epoch.Add(2*time.Second), pools(0, 0, 0, 1, 1)); len(e.Alerts(Firing)) != 2 || e.Overflow() != 0 {
		t.Errorf("%d fire, %d are left out; told %s", len(e.Alerts(Firing)), e.Overflow(), told(got))
	}
}

// Whatever facts and silences do, beginnings and ends are told by turns, and no more
// often than is bounded.
func TestToldByTurns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Rule{
			Name: "r", On: OnPool, Severity: Warning, Expr: "pool.reject_rate > 0.5", Message: "x",
			For:      time.Duration(rapid.IntRange(0, 3).Draw(t, "for")) * 10 * time.Second,
			Cooldown: time.Duration(rapid.IntRange(0, 3).Draw(t, "cooldown")) * time.Minute,
		}
		p, err := NewCompiler().Compile(r)
		if err != nil {
			t.Fatal(err)
		}
		e := New(Config{Rules: []*Program{p}})
		now := epoch
		steps := rapid.IntRange(1, 300).Draw(t, "steps")
		at := make([]time.Time, 0, steps)
		on, fires := false, false
		for range steps {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{1, 5, 60, 1000}).Draw(t, "seconds")) * time.Second)
			if rapid.IntRange(0, 30).Draw(t, "silence") == 0 {
				_, _ = e.AddSilence(Silence{Matchers: []Matcher{{"name", "r"}}, Until: now.Add(time.Minute)}, now)
			}
			step := e.Step(now, pools(float64(rapid.IntRange(0, 1).Draw(t, "rate"))))
			for range step.Began {
				if fires {
					t.Fatal("it began twice")
				}
				fires = true
			}
			for range step.Ended {
				if !fires {
					t.Fatal("it ended twice")
				}
				fires = false
			}
			for _, n := range step.Tell {
				if begins := n.State == Firing; begins == on {
					t.Fatalf("told %s twice", n.State)
				}
				on = n.State == Firing
				at = append(at, now)
			}
			hour := 0
			for _, t := range at {
				if now.Sub(t) < time.Hour {
					hour++
				}
			}
			if hour > 2*(flapsAt+5) {
				t.Fatalf("told %d times within an hour", hour)
			}
		}
	})
}

// Rules over ten thousand workers.
func BenchmarkStep(b *testing.B) {
	c := NewCompiler()
	defaults := Defaults(Runbooks)
	rules := make([]*Program, 0, len(defaults))
	for _, r := range defaults {
		p, err := c.Compile(r)
		if err != nil {
			b.Fatal(err)
		}
		rules = append(rules, p)
	}
	e := New(Config{Rules: rules})
	facts := &Facts{Farm: Farm{Rates: Rates{Ratio: 1}}}
	for i := range 10_000 {
		facts.Workers = append(facts.Workers, Worker{Name: fmt.Sprint("w", i), Miners: 1, ShareInterval: 10, LastShareAge: 5, Rates: Rates{Ratio: 1, Shares10m: 60}})
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		e.Step(epoch.Add(time.Duration(i)*time.Second), facts)
	}
}

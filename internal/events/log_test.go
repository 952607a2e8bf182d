package events

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time { return noon.Add(time.Duration(seconds * float64(time.Second))) }

// told are the events of a log, the oldest first, in short.
func told(l *Log) []string {
	p := l.Query(Filter{Limit: MaxPage})
	slices.Reverse(p.Events)
	all := make([]string, 0, len(p.Events))
	for _, e := range p.Events {
		all = append(all, e.Message)
	}
	return all
}

func follow(t *testing.T, l *Log, o Follow) *Follower {
	t.Helper()
	if o.Kinds == nil {
		o.Kinds = Kinds()
	}
	f, err := l.Follow(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

func TestSentences(t *testing.T) {
	for _, c := range []struct {
		e    Event
		want string
	}{
		{Event{Kind: Proxy, What: Started}, "loka was started"},
		{Event{Kind: Proxy, What: Ended}, "loka ended without saying so: it was killed, or the machine went down"},
		{Event{Kind: Connection, What: Opened, Worker: "a.b"}, "a.b logged in"},
		{Event{Kind: Connection, What: Closed, Worker: "a.b", Reason: "idle_timeout"}, "a.b disconnected (idle timeout)"},
		{Event{Kind: Connection, What: Closed, Remote: "192.0.2.1:5", Reason: "not_stratum"}, "a connection from 192.0.2.1:5 that never logged in ended (not stratum)"},
		{Event{Kind: Pool, What: Entered, Pool: "main", From: "active", To: "down", Reason: "dial_failed", Detail: "no route to host"}, "pool main is down: no route to host"},
		{Event{Kind: Pool, What: Entered, Pool: "main", To: "active", Reason: "serving"}, "pool main is active (serving)"},
		{Event{Kind: Job, What: NewBlock, Pool: "main"}, "pool main works on a new block"},
		{Event{Kind: Job, What: Work, Pool: "main"}, "one job of pool main"},
		{Event{Kind: Share, What: "low_difficulty", Worker: "a", Count: 7}, "7 shares like this: low difficulty, of worker a"},
		{Event{Kind: Block, What: Found, Worker: "a", Pool: "main"}, "worker a found a block for pool main"},
		{Event{Kind: Reload, What: Applied}, "reload applied"},
		{Event{Kind: Ban, What: Added, Message: "as it was\ngiven"}, "as it was given"},
	} {
		l := New(Config{}, noon, nil)
		c.e.At = noon
		l.Publish(c.e)
		if got := told(l); len(got) != 1 || got[0] != c.want {
			t.Errorf("%+v: %q, want %q", c.e, got, c.want)
		}
	}
}

// What others call themselves is bounded and stays on its line.
func TestTextsAreBounded(t *testing.T) {
	l := New(Config{}, noon, nil)
	l.Publish(Event{At: noon, Kind: Connection, What: Opened, Worker: strings.Repeat("\xffé\n", 500), Detail: strings.Repeat("x", 5000)})
	e := l.Query(Filter{}).Events[0]
	if len(e.Worker) > 3*maxText || strings.Contains(e.Worker, "\n") || !utf8.ValidString(e.Worker) || len(e.Message) > 5*maxText || len(e.Detail) > maxMessage+3 {
		t.Errorf("%d %d %d: %q", len(e.Worker), len(e.Message), len(e.Detail), e.Worker)
	}
}

// What happens too often is counted in one event, and what matters is told all the same.
func TestWhatHappensTooOftenIsCounted(t *testing.T) {
	l := New(Config{}, noon, nil)
	for i := range 100 {
		reason := "not_stratum"
		if i%4 == 0 {
			reason = "handshake_timeout"
		}
		l.Publish(Event{At: at(0.5), Kind: Connection, What: Closed, Remote: "192.0.2.1:1", Reason: reason})
		l.Publish(Event{At: at(0.5), Kind: Pool, What: Entered, Pool: "main", To: "down"})
	}
	l.Publish(Event{At: at(0.9), Kind: Connection, What: Closed, Worker: "a", Reason: "idle_timeout"})
	l.Tick(at(0.95))
	if n := len(l.Query(Filter{Kinds: []Kind{Connection}, Limit: MaxPage}).Events); n != perSecond+1 {
		t.Errorf("%d connections were told of one by one", n)
	}
	if n := len(l.Query(Filter{Kinds: []Kind{Pool}, Limit: MaxPage}).Events); n != 100 {
		t.Errorf("%d states of pools", n)
	}
	l.Tick(at(1.2))
	e := l.Query(Filter{}).Events[0]
	if e.Count != 80 || e.Reason != "not_stratum" || e.Message != "80 more connections within a second: disconnected (not stratum)" {
		t.Errorf("%+v", e)
	}
	l.Tick(at(5))
	if again := l.Query(Filter{}).Events[0]; again.ID != e.ID {
		t.Errorf("told twice: %+v", again)
	}
	if n := len(l.limits); n != 0 {
		t.Errorf("%d limits are left", n)
	}
}

// Miners that go the same way are one event; those whom a split moves one a minute, which is not kept.
func TestSwitchesAreGathered(t *testing.T) {
	l := New(Config{}, noon, nil)
	move := func(when float64, what, to, reason string, n uint64) {
		l.Publish(Event{At: at(when), Kind: Switch, What: what, Route: "farm", Pool: to, From: "main", To: to, Reason: reason, Count: n, Worker: "a"})
	}
	move(0, Moved, "backup", "connection_lost", 300)
	move(0.5, Moved, "backup", "connection_lost", 200)
	move(0.5, Moved, "third", "pinned", 0)
	move(0.5, Balanced, "third", "split", 3)
	if l.Tick(at(0.9)); len(told(l)) != 0 {
		t.Errorf("too early: %q", told(l))
	}
	l.Tick(at(1.6))
	got := told(l)
	slices.Sort(got)
	if diff := cmp.Diff([]string{"500 miners of route farm moved from pool main to backup (connection lost)", "a of route farm moved from pool main to third (pinned)"}, got); diff != "" {
		t.Error(diff)
	}
	move(59, Balanced, "third", "split", 4)
	l.Tick(at(60.5))
	e := l.Query(Filter{}).Events[0]
	if e.Count != 7 || e.Kept() {
		t.Errorf("%+v", e)
	}
	move(70, Moved, "backup", "connection_lost", 1)
	l.Finish()
	if e := l.Query(Filter{}).Events[0]; e.Count != 1 {
		t.Errorf("the end does not tell of what is left: %+v", e)
	}
}

func TestSwitchesAreBounded(t *testing.T) {
	l := New(Config{}, noon, nil)
	for i := range 2 * maxGathered {
		l.Publish(Event{At: noon, Kind: Switch, What: Moved, From: "main", To: strconv.Itoa(i), Count: 2})
	}
	if len(l.switches) > maxGathered+1 {
		t.Errorf("%d are gathered", len(l.switches))
	}
	l.Tick(at(2))
	sum := uint64(0)
	for _, e := range l.Query(Filter{Limit: MaxPage}).Events {
		sum += e.Count
	}
	if sum != 4*maxGathered {
		t.Errorf("%d miners of %d are told of", sum, 4*maxGathered)
	}
}

// Ids grow over restarts, whatever the clock says.
func TestIdsGrowOverRestarts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now, last := noon, uint64(0)
		kept := make([]Event, 0, 100)
		for range rapid.IntRange(1, 5).Draw(t, "restarts") {
			now = now.Add(time.Duration(rapid.Int64Range(-int64(time.Hour), int64(time.Hour)).Draw(t, "clock")))
			l := New(Config{}, now, kept)
			for range rapid.IntRange(1, 20).Draw(t, "events") {
				l.Publish(Event{At: now, Kind: Act, What: Done})
				if id := l.Latest(); id <= last || id >= maxID {
					t.Fatalf("id %d after %d", id, last)
				}
				last = l.Latest()
			}
			all, _ := l.Unkept()
			kept = append(kept, all...)
		}
		if got := New(Config{}, now, kept).Query(Filter{Limit: MaxPage}).Events; len(got) != len(kept) || got[0].ID != last {
			t.Fatalf("%d of %d are remembered", len(got), len(kept))
		}
	})
}

// A file that somebody has written in brings nothing into disorder.
func TestKeptEventsAreChecked(t *testing.T) {
	l := New(Config{Kept: 3}, noon, []Event{{ID: 5}, {ID: 4}, {ID: 5}, {ID: maxID}, {ID: 1 << 60}, {ID: 7}, {ID: 8}, {ID: 9}})
	ids := make([]uint64, 0, 3)
	for _, e := range l.Query(Filter{}).Events {
		ids = append(ids, e.ID)
	}
	if diff := cmp.Diff([]uint64{9, 8, 7}, ids); diff != "" {
		t.Error(diff)
	}
}

// What waits to be kept is bounded, and given once; what could not be written is given again.
func TestUnkept(t *testing.T) {
	l := New(Config{}, noon, nil)
	for range maxUnkept + 5 {
		l.Publish(Event{At: noon, Kind: Act, What: Done})
		l.Publish(Event{At: noon, Kind: Connection, What: Opened, Worker: "a"})
	}
	all, lost := l.Unkept()
	if len(all) != maxUnkept || lost != 5 {
		t.Fatalf("%d, %d lost", len(all), lost)
	}
	l.Publish(Event{At: noon, Kind: Act, What: Done})
	l.Return(all)
	again, lost := l.Unkept()
	if len(again) != maxUnkept || lost != 1 || again[0].ID != all[1].ID || !slices.IsSortedFunc(again, func(a, b Event) int { return int(a.ID) - int(b.ID) }) {
		t.Errorf("%d, %d lost", len(again), lost)
	}
	if all, lost := l.Unkept(); len(all) != 0 || lost != 0 {
		t.Errorf("%d, %d lost", len(all), lost)
	}
}

// Who follows is given what it wants as it happens, and what it missed.
func TestFollow(t *testing.T) {
	l := New(Config{}, noon, nil)
	publish := func(kinds ...Kind) (last uint64) {
		for _, k := range kinds {
			l.Publish(Event{At: noon, Kind: k, What: "x", Worker: "a"})
		}
		return l.Latest()
	}
	seen := publish(Act, Connection)
	publish(Act, Connection, Act)
	f := follow(t, l, Follow{Kinds: []Kind{Act}, Resume: true, After: seen})
	if len(f.Missed) != 2 || f.Gap != nil || f.Latest != l.Latest() {
		t.Errorf("missed %v, gap %v", f.Missed, f.Gap)
	}
	last := publish(Connection, Act)
	if e := <-f.C(); e.Kind != Act || e.ID != last {
		t.Errorf("%+v", e)
	}
	if again := follow(t, l, Follow{Kinds: []Kind{Act}, Resume: true, After: last}); len(again.Missed) != 0 || again.Gap != nil {
		t.Errorf("missed %v, gap %v", again.Missed, again.Gap)
	}
	if fresh := follow(t, l, Follow{}); len(fresh.Missed) != 0 || fresh.Gap != nil {
		t.Errorf("who does not resume is given %v", fresh.Missed)
	}
}

// What is forgotten, or was of another log, is a gap.
func TestGap(t *testing.T) {
	l := New(Config{Kept: 4, Passing: 4}, noon, nil)
	before := l.Latest()
	if f := follow(t, l, Follow{Resume: true, After: before}); f.Gap != nil {
		t.Errorf("nothing is missing, and the gap is %+v", f.Gap)
	}
	for range 10 {
		l.Publish(Event{At: noon, Kind: Act, What: Done})
	}
	f := follow(t, l, Follow{Resume: true, After: before})
	if f.Gap == nil || len(f.Missed) != 4 || f.Gap.Oldest != f.Missed[0].ID || f.Gap.After != before {
		t.Errorf("gap %+v, missed %d", f.Gap, len(f.Missed))
	}
	if f := follow(t, l, Follow{Resume: true, After: l.Latest() + 100}); f.Gap == nil || f.Missed != nil {
		t.Errorf("an id of the future: %+v, %v", f.Gap, f.Missed)
	}
	// Over a restart what is not kept is missing, and only who wants it is told so.
	all, _ := l.Unkept()
	next := New(Config{}, noon.Add(time.Hour), all)
	after := all[len(all)-2].ID
	if f := follow(t, next, Follow{Kinds: []Kind{Act}, Resume: true, After: after}); f.Gap != nil || len(f.Missed) != 1 {
		t.Errorf("gap %+v, missed %v", f.Gap, f.Missed)
	}
	if f := follow(t, next, Follow{Kinds: []Kind{Connection}, Resume: true, After: after}); f.Gap == nil {
		t.Error("connections of before the restart are not missing")
	}
}

// A long absence is bounded.
func TestBacklogIsBounded(t *testing.T) {
	l := New(Config{}, noon, nil)
	before := l.Latest()
	for range maxBacklog + 10 {
		l.Publish(Event{At: noon, Kind: Act, What: Done})
	}
	f := follow(t, l, Follow{Resume: true, After: before})
	if len(f.Missed) != maxBacklog || f.Gap == nil || f.Gap.Oldest != f.Missed[0].ID {
		t.Errorf("missed %d, gap %+v", len(f.Missed), f.Gap)
	}
}

// Who is too slow is let go, and holds up nobody.
func TestSlowFollower(t *testing.T) {
	l := New(Config{Queue: 3, Followers: 2}, noon, nil)
	slow := follow(t, l, Follow{})
	quick := follow(t, l, Follow{})
	if _, err := l.Follow(Follow{}); err == nil {
		t.Error("more follow than may")
	}
	for range 5 {
		l.Publish(Event{At: noon, Kind: Act, What: Done})
		<-quick.C()
	}
	n := 0
	for range slow.C() {
		n++
	}
	if n != 3 || l.Followers() != 1 {
		t.Errorf("the slow one was given %d, %d follow", n, l.Followers())
	}
	slow.Close() // is nothing
	if l.Publish(Event{At: noon, Kind: Act, What: Done}); len(quick.C()) != 1 {
		t.Error("the other one is not given what happens")
	}
}

func TestShares(t *testing.T) {
	l := New(Config{}, noon, nil)
	if l.Shares() {
		t.Error("nobody follows")
	}
	f := follow(t, l, Follow{Kinds: []Kind{Share}})
	if !l.Shares() {
		t.Error("shares are followed")
	}
	f.Close()
	f.Close()
	if l.Shares() {
		t.Error("shares are not followed any more")
	}
}

// All of it at once, for the race detector.
func TestTogether(t *testing.T) {
	l := New(Config{Queue: 8}, noon, nil)
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			for i := range 200 {
				l.Publish(Event{At: at(float64(i)), Kind: Kinds()[(i+n)%len(Kinds())], What: "x", Worker: "a", Pool: "main", From: "other", To: "main"})
				l.Tick(at(float64(i)))
			}
		})
		wg.Go(func() {
			for range 20 {
				f, err := l.Follow(Follow{Kinds: Kinds(), Resume: true, After: 1})
				if err != nil {
					t.Error(err)
					return
				}
				select {
				case <-f.C():
				default:
				}
				l.Query(Filter{Text: "x"})
				l.Timeline("main", noon, at(300))
				l.Unkept()
				f.Close()
			}
		})
	}
	wg.Wait()
	if l.Followers() != 0 {
		t.Errorf("%d follow", l.Followers())
	}
}

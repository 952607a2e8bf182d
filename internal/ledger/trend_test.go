package ledger

import (
	"testing"
	"time"
)

// A steady worker shows a steady trend whatever the ledger's age, and the steps follow
// one another.
func TestTrendOfASteadyWorker(t *testing.T) {
	for _, c := range []struct {
		seconds int
		window  Window
		least   int // steps
	}{{3, TenMinutes, 0}, {40, TenMinutes, 1}, {600, TenMinutes, 18}, {1300, Hour, 6}, {7300, Day, 3}} {
		l := New(Config{}, epoch)
		w, p := l.Worker("w", "", epoch), l.Pool("p", epoch)
		now := mine(l, w, p, epoch, c.seconds)
		got := l.WorkerTrends([]string{"w", "nobody"}, now)
		if got.Window != c.window || len(got.Ends) < c.least || len(got.Rates) != 2 || len(got.Rates[0]) != len(got.Ends) || got.Rates[1] != nil {
			t.Errorf("after %d s: window %v, %d steps, %d rates of %d accounts", c.seconds, got.Window, len(got.Ends), len(got.Rates[0]), len(got.Rates))
			continue
		}
		from := got.From
		for i, end := range got.Ends {
			if !end.After(from) {
				t.Errorf("after %d s: step %d ends at %v and begins at %v", c.seconds, i, end, from)
			}
			if !closeTo(got.Rates[0][i], 10, 10) { // a share more or less
				t.Errorf("after %d s: step %d of %v shows %v shares of 1 a second", c.seconds, i, end.Sub(from), got.Rates[0][i]/(1<<32))
			}
			from = end
		}
	}
}

// One that stopped shows that it did, and one that is not known nothing.
func TestTrendShowsAnEnd(t *testing.T) {
	l := New(Config{}, epoch)
	w, p := l.Worker("w", "", epoch), l.Pool("p", epoch)
	now := idle(l, mine(l, w, p, epoch, 300), 5*time.Minute)
	got := l.WorkerTrends([]string{"w"}, now).Rates[0]
	if len(got) < 10 || got[1] == 0 || got[len(got)-1] != 0 {
		t.Errorf("%v", got)
	}
}

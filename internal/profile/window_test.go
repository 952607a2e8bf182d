package profile_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/loka/stratum/internal/profile"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// What a window has is what was counted in it, and nothing of before, whatever was; its
// figures are as exact as those of all.
func TestAWindowHasWhatCameInIt(t *testing.T) {
	p := profile.New(profile.Config{})
	h := p.Of(profile.ShareJudge)
	rng := rand.New(rand.NewPCG(1, 2))
	now, counted := start, map[int]int{} // by ticks
	for tick := range 100 {
		p.Note(now)
		for range rng.IntN(50) {
			h.Observe(1e-6 * float64(1+tick)) // each tick's are longer than those before
			counted[tick]++
		}
		now = now.Add(profile.NoteEvery)
		for length, grain := range map[time.Duration]time.Duration{time.Minute: profile.NoteEvery, 10 * time.Minute: time.Minute} {
			w := p.Since(length, now)
			from, ok := w.From()
			if age := now.Sub(from); !ok || age > length || tick > 70 && age <= length-grain {
				t.Fatalf("after %d ticks a window of %v begins %v ago (%t)", tick, length, age, ok)
			}
			want := 0
			for one := int(from.Sub(start) / profile.NoteEvery); one <= tick; one++ {
				want += counted[one]
			}
			took := w.Of(profile.ShareJudge)
			if took.Count != uint64(want) {
				t.Fatalf("after %d ticks %d are in %v, want %d", tick, took.Count, now.Sub(from), want)
			}
			if want == 0 {
				continue
			}
			longest, shortest := 1e-6*float64(1+tick), 1e-6*float64(1+int(from.Sub(start)/profile.NoteEvery))
			if took.Max > longest*1.03 || took.Quantile(0) < shortest/1.03 || took.Mean() > took.Max*1.001 || math.IsNaN(took.Mean()) {
				t.Fatalf("after %d ticks: from %v to %v, mean %v", tick, took.Quantile(0), took.Max, took.Mean())
			}
		}
	}
}

// Before the first note, and where the clock was set back past all of them, a window is
// all that was counted; an empty one has no longest.
func TestAWindowOfNothing(t *testing.T) {
	p := profile.New(profile.Config{})
	p.Of(profile.JobRead).Observe(1)
	if _, ok := p.Since(time.Minute, start).From(); ok {
		t.Error("it begins with a note that nobody made")
	}
	if took := p.Since(time.Minute, start).Of(profile.JobRead); took.Count != 1 {
		t.Errorf("%d are in it", took.Count)
	}
	p.Note(start)
	took := p.Since(time.Minute, start.Add(time.Second)).Of(profile.JobRead)
	if took.Count != 0 || took.Max != 0 || took.Sum != 0 || took.Mean() != 0 || took.Quantile(0.5) != 0 {
		t.Errorf("an empty window has %d, at most %v", took.Count, took.Max)
	}
	if all := p.All().Of(profile.JobRead); all.Count != 1 || all.Max != 1 {
		t.Errorf("all are %d, at most %v", all.Count, all.Max)
	}
	back := start.Add(-time.Hour)
	if _, ok := p.Since(time.Minute, back).From(); ok {
		t.Error("it begins in the future")
	}
	p.Note(back)
	if at, ok := p.Since(time.Minute, back.Add(time.Second)).From(); !ok || !at.Equal(back) {
		t.Errorf("it begins at %v", at)
	}
}

// Who notes and who reads wait for nobody who counts.
func TestWindowsAreReadWhileOthersCount(t *testing.T) {
	p := profile.New(profile.Config{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 2000 {
			p.Of(profile.ShareRead).Observe(float64(i) * 1e-6)
		}
	}()
	for i := range 50 {
		now := start.Add(time.Duration(i) * profile.NoteEvery)
		p.Note(now)
		if took := p.Since(time.Minute, now).Of(profile.ShareRead); took.Count > 2000 {
			t.Fatalf("%d of 2000", took.Count)
		}
	}
	<-done
	if n := p.All().Of(profile.ShareRead).Count; n != 2000 {
		t.Errorf("%d of 2000 were counted", n)
	}
}

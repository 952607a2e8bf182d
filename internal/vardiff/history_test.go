package vardiff_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/vardiff"
	"github.com/loka/stratum/work"
)

// hashOf makes the hash that just meets a difficulty.
func hashOf(d work.Difficulty) (h work.Hash) {
	for i, limb := range d.Target() {
		for j := range 8 {
			h[8*i+j] = byte(limb >> (8 * j))
		}
	}
	return h
}

// permitted lists the permits, highest first, by asking for the hashes that
// just meet each of the candidates.
func permitted(p vardiff.Permits, candidates []work.Difficulty) (of []work.Difficulty) {
	slices.Sort(candidates)
	for _, d := range slices.Backward(slices.Compact(candidates)) {
		if got, ok := p.Met(hashOf(d)); ok && got == d {
			of = append(of, d)
		}
	}
	return of
}

// set is one change: from which job on, to what, and when in seconds.
type set struct {
	from mining.JobID
	d    work.Difficulty
	at   int
}

func second(n int) time.Time { return start().Add(time.Duration(n) * time.Second) }

// TestPermit is the rule for shares about a change, by example.
func TestPermit(t *testing.T) {
	raise := []set{{10, 1000, 0}, {20, 4000, 300}}
	lower := []set{{10, 4000, 0}, {20, 1000, 300}}
	ramp := []set{{10, 500, 0}, {11, 2000, 300}, {12, 8000, 310}}
	wrap := []set{{0xfffffff0, 1000, 0}, {5, 4000, 300}}
	for _, c := range []struct {
		name string
		sets []set
		job  mining.JobID
		at   int
		want []work.Difficulty
	}{
		{"nothing set", nil, 10, 0, nil},
		{"one for all", raise[:1], 10, 9000, []work.Difficulty{1000}},
		{"one for a job before it", raise[:1], 9, 9000, []work.Difficulty{1000}},
		{"raised: a job before", raise, 19, 301, []work.Difficulty{4000, 1000}},
		{"raised: a job before, after grace", raise, 19, 400, []work.Difficulty{4000, 1000}},
		{"raised: a job after, within grace", raise, 20, 360, []work.Difficulty{4000, 1000}},
		{"raised: a job after, after grace", raise, 20, 361, []work.Difficulty{4000}},
		{"lowered: a job before", lower, 19, 301, []work.Difficulty{4000, 1000}},
		{"lowered: a job after, within grace", lower, 20, 301, []work.Difficulty{4000, 1000}},
		{"lowered: a job after, after grace", lower, 20, 361, []work.Difficulty{1000}},
		{"ramp: the last job, within grace of both", ramp, 12, 355, []work.Difficulty{8000, 2000, 500}},
		{"ramp: the last job, within grace of one", ramp, 12, 365, []work.Difficulty{8000, 2000}},
		{"ramp: the last job, after grace", ramp, 12, 371, []work.Difficulty{8000}},
		{"ramp: the middle job, after grace", ramp, 11, 371, []work.Difficulty{8000, 2000}},
		{"ramp: the first job", ramp, 10, 371, []work.Difficulty{8000, 2000, 500}},
		{"a replaced difficulty is forgotten", ramp, 10, 905, []work.Difficulty{8000, 2000}},
		{"the last one never is", ramp, 10, 100_000, []work.Difficulty{8000}},
		{"ids wrap: before", wrap, 4, 400, []work.Difficulty{4000, 1000}},
		{"ids wrap: at", wrap, 5, 400, []work.Difficulty{4000}},
		{"ids wrap: old id", wrap, 0xffffffff, 400, []work.Difficulty{4000, 1000}},
		{"half the ids later", wrap, 5 + 1<<31, 100_000, []work.Difficulty{4000}},
		{"two changes before a job", []set{{10, 1, 0}, {20, 2, 300}, {20, 3, 300}}, 20, 400, []work.Difficulty{3}},
		{"there and back", []set{{10, 1, 0}, {20, 2, 300}, {30, 1, 310}}, 15, 320, []work.Difficulty{2, 1}},
		{"the same again", []set{{10, 5, 0}, {20, 5, 300}}, 10, 310, []work.Difficulty{5}},
		{"no difficulty", []set{{10, 5, 0}, {20, 0, 300}, {20, -1, 300}}, 30, 310, []work.Difficulty{5}},
	} {
		var h vardiff.History
		all := []work.Difficulty{1, 2, 3, 5, 500, 1000, 2000, 4000, 8000}
		for _, s := range c.sets {
			h.Set(s.from, s.d, second(s.at))
		}
		p := h.Permit(c.job, second(c.at))
		if got := permitted(p, all); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestMet: a share is credited with the highest difficulty that it meets.
func TestMet(t *testing.T) {
	var h vardiff.History
	h.Set(1, 1000, second(0))
	h.Set(2, 4000, second(300))
	p := h.Permit(2, second(310))
	for _, c := range []struct {
		hash, credited work.Difficulty
		ok             bool
	}{{999, 0, false}, {1000, 1000, true}, {3999, 1000, true}, {4000, 4000, true}, {1e12, 4000, true}} {
		if d, ok := p.Met(hashOf(c.hash)); d != c.credited || ok != c.ok {
			t.Errorf("a share of %s: %s, %t", c.hash, d, ok)
		}
	}
}

// model is the rule read out over everything that was ever set.
type model []set

func (m model) permit(job mining.JobID, at int) (of []work.Difficulty) {
	known := m[max(0, len(m)-6):]
	for i := range known {
		replaced := 0
		if i+1 < len(known) {
			replaced = at - known[i+1].at
		}
		later := true // no change after this one is at or before the job
		for _, s := range known[i+1:] {
			later = later && int32(s.from-job) > 0
		}
		if replaced <= 600 && (later || replaced <= 60) {
			of = append(of, known[i].d)
		}
	}
	slices.Sort(of)
	of = slices.Compact(of)
	slices.Reverse(of)
	return of
}

func TestHistoryIsItsModel(t *testing.T) {
	difficulties := []work.Difficulty{0.25, 1, 2, 3, 100, 1000, 65536}
	rapid.Check(t, func(t *rapid.T) {
		var h vardiff.History
		var m model
		id, at := mining.JobID(rapid.Uint32().Draw(t, "first job")), 0
		for range rapid.IntRange(1, 15).Draw(t, "changes") {
			id += mining.JobID(rapid.Uint32Range(0, 5).Draw(t, "jobs"))
			at += rapid.IntRange(0, 90).Draw(t, "seconds")
			if rapid.IntRange(0, 9).Draw(t, "pause") == 0 {
				at += 700
			}
			d := rapid.SampledFrom(difficulties).Draw(t, "difficulty")
			h.Set(id, d, second(at))
			if len(m) == 0 || m[len(m)-1].d != d {
				m = append(m, set{id, d, at})
			}
			job := id + mining.JobID(rapid.Uint32Range(0, 20).Draw(t, "asked")) - 15
			asked := at + rapid.IntRange(0, 200).Draw(t, "asked after")
			got, want := permitted(h.Permit(job, second(asked)), slices.Clone(difficulties)), m.permit(job, asked)
			if !slices.Equal(got, want) {
				t.Fatalf("job %s at %d of %v: %v, want %v", job, asked, m, got, want)
			}
		}
	})
}

func TestHistoryDoesNotAlloc(t *testing.T) {
	var h vardiff.History
	now, hash := start(), hashOf(500)
	job, d := mining.JobID(1), work.Difficulty(0.001)
	n := testing.AllocsPerRun(1000, func() {
		now = now.Add(7 * time.Second)
		job, d = job+1, d*1.01
		h.Set(job, d, now)
		p := h.Permit(job-2, now)
		_, _ = p.Met(hash)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPermitMet(b *testing.B) {
	var h vardiff.History
	h.Set(1, 1000, start())
	h.Set(2, 4000, start().Add(time.Hour))
	now, hash := start().Add(2*time.Hour), hashOf(5000)
	for b.Loop() {
		p := h.Permit(3, now)
		_, _ = p.Met(hash)
	}
}

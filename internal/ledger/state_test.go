package ledger

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

func TestSaveAndLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	l := New(Config{}, epoch)
	w, p := l.Worker("alice.rig1", "farm", epoch), l.Pool("main", epoch)
	now := mine(l, w, p, epoch, 7200)
	l.Record(Entry{Worker: w, Pool: p, Verdict: mining.Stale, PoolVerdict: mining.Unanswered, ShareDifficulty: 99, At: now})
	l.Record(Entry{Verdict: mining.Unauthorized, At: now})
	before := l.Snapshot(now)
	if err := l.Save(path, now); err != nil {
		t.Fatal(err)
	}

	again := New(Config{}, now)
	if err := again.Load(path, now); err != nil {
		t.Fatal(err)
	}
	after := again.Snapshot(now.Add(time.Minute))
	if diff := cmp.Diff(before.Total, after.Total); diff != "" {
		t.Errorf("totals (-before +after):\n%s", diff)
	}
	for i := range before.Workers {
		b, a := before.Workers[i], after.Workers[i]
		b.Hashrate, a.Hashrate = Rates{}, Rates{}
		if diff := cmp.Diff(b, a); diff != "" {
			t.Errorf("worker (-before +after):\n%s", diff)
		}
	}
	if after.Workers[0].Name != UnknownWorker || after.Pools[0].Name != NoPool {
		t.Errorf("the shares without worker and pool are gone: %v", after)
	}
	if rates := after.Hashrate; rates[Minute] != 0 || rates[Hour] != 0 {
		t.Errorf("a window that began at the start shows what was before: %v", rates)
	}
	for _, got := range []float64{after.Hashrate[Day], after.Workers[1].Hashrate[Day], after.Pools[1].Hashrate[Day] / 2} {
		if !closeTo(got, 72000.0/7260, 0.1) {
			t.Errorf("the day shows %v a second, want what was before, too", got/(1<<32))
		}
	}
	checkSums(t, &after)
	if left, _ := filepath.Glob(path + ".tmp-*"); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v, %v", info.Mode(), err)
	}
}

// TestDayExpiresOverARestart stops for so long that only a part of the work,
// and then none, is younger than a day.
func TestDayExpiresOverARestart(t *testing.T) {
	for _, c := range []struct {
		down time.Duration
		want float64 // work a second
	}{
		{time.Hour, 10.0 * 7200 / (3 * 3600)},
		{20 * time.Hour, 10.0 * 7200 / (22 * 3600)},
		{23 * time.Hour, 10.0 * 3600 / (24 * 3600)}, // within an hour's samples
		{26 * time.Hour, 0},
		{100 * 24 * time.Hour, 0},
	} {
		path := filepath.Join(t.TempDir(), "state.json")
		l := New(Config{}, epoch)
		now := mine(l, l.Worker("w", "", epoch), l.Pool("p", epoch), epoch, 7200)
		if err := l.Save(path, now); err != nil {
			t.Fatal(err)
		}
		now = now.Add(c.down)
		again := New(Config{}, now)
		if err := again.Load(path, now); err != nil {
			t.Fatal(err)
		}
		s := again.Snapshot(now)
		percent := 5.0
		if c.down == 23*time.Hour {
			percent = 100 // an hour of two lies at the window's edge
		}
		if !closeTo(s.Hashrate[Day], c.want, percent) || !closeTo(s.Workers[0].Hashrate[Day], c.want, percent) {
			t.Errorf("after %v without running the day shows %v, want %v", c.down, s.Hashrate[Day]/(1<<32), c.want)
		}
		for range 3 { // a second life saves what the first one left
			if err := again.Save(path, now); err != nil {
				t.Fatal(err)
			}
		}
		third := New(Config{}, now)
		if err := third.Load(path, now); err != nil {
			t.Fatal(err)
		}
		if got, want := third.Snapshot(now).Hashrate[Day], s.Hashrate[Day]; percent == 5 && !closeTo(got, want/(1<<32), 5) {
			t.Errorf("after %v and another restart the day shows %v, before %v", c.down, got, want)
		}
	}
}

func TestLoadNothing(t *testing.T) {
	l := New(Config{}, epoch)
	if err := l.Load(filepath.Join(t.TempDir(), "state.json"), epoch); err != nil {
		t.Errorf("no file is no error: %v", err)
	}
}

func TestLoadWithALowerCap(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	l := New(Config{}, epoch)
	p := l.Pool("p", epoch)
	for _, name := range []string{"a", "b", "c", "d"} {
		mine(l, l.Worker(name, "", epoch), p, epoch, 10)
	}
	now := epoch.Add(time.Minute)
	if err := l.Save(path, now); err != nil {
		t.Fatal(err)
	}
	again := New(Config{MaxWorkers: 2}, now)
	if err := again.Load(path, now); err != nil {
		t.Fatal(err)
	}
	s := again.Snapshot(now)
	if len(s.Workers) != 3 || s.Workers[0].Name != OtherWorker || s.Workers[0].Tally.Ours.Accepted() != 20 || s.Workers[0].Hashrate[Minute] != 0 {
		t.Errorf("got %+v", s.Workers)
	}
	checkSums(t, &s)
}

func TestLoadRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		kind    StateKind
	}{
		"empty":           {"", StateCorrupt},
		"half":            {`{"version":1,"workers":[{"na`, StateCorrupt},
		"other json":      {`[1,2]`, StateCorrupt},
		"no version":      {`{}`, StateCorrupt},
		"version 0":       {`{"version":0}`, StateCorrupt},
		"newer":           {`{"version":2,"workers":"in another shape"}`, StateNewer},
		"negative count":  {`{"version":1,"workers":[{"name":"a","shares":{"accepted":-1}}]}`, StateCorrupt},
		"negative work":   {`{"version":1,"workers":[{"name":"a","work_accepted":-1}]}`, StateCorrupt},
		"twice":           {`{"version":1,"workers":[{"name":"a"},{"name":"a"}]}`, StateCorrupt},
		"pool twice":      {`{"version":1,"pools":[{"name":"a"},{"name":"a"}]}`, StateCorrupt},
		"nameless":        {`{"version":1,"workers":[{"name":""}]}`, StateCorrupt},
		"stray day":       {`{"version":1,"workers":[{"name":"a","day":[1]}]}`, StateCorrupt},
		"total stray day": {`{"version":1,"day":[1]}`, StateCorrupt},
		"many samples":    {`{"version":1,"samples":["2026-01-02T03:04:05Z"` + strings.Repeat(`,"2026-01-02T03:04:05Z"`, 40) + `]}`, StateCorrupt},
	} {
		path := filepath.Join(t.TempDir(), "state.json")
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		l := New(Config{}, epoch)
		err := l.Load(path, epoch)
		var bad *StateError
		if !errors.As(err, &bad) || bad.Kind != c.kind || bad.Path != path || !strings.Contains(err.Error(), bad.Advice()) || bad.Advice() == "" {
			t.Errorf("%s: got %v, want a StateError %s with path and advice", name, err, c.kind)
		}
		if s := l.Snapshot(epoch); len(s.Workers) != 0 || len(s.Pools) != 0 {
			t.Errorf("%s: something was loaded", name)
		}
		if got, _ := os.ReadFile(path); string(got) != c.content {
			t.Errorf("%s: the file was touched", name)
		}
	}
	l := New(Config{}, epoch)
	var bad *StateError
	if err := l.Load(t.TempDir(), epoch); !errors.As(err, &bad) || bad.Kind != StateUnreadable || errors.Unwrap(err) == nil {
		t.Errorf("a directory: %v", err)
	}
}

func TestSetAside(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state.json")
	for _, want := range []string{"state.json.bad", "state.json.bad.1", "state.json.bad.2"} {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		aside, err := SetAside(path)
		if err != nil || filepath.Base(aside) != want {
			t.Fatalf("got %s, %v, want %s", aside, err, want)
		}
		if got, _ := os.ReadFile(aside); string(got) != want {
			t.Errorf("%s holds %q", aside, got)
		}
	}
	if _, err := SetAside(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing to set aside: %v", err)
	}
}

func TestSaveIsAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "no", "state.json")
	l := New(Config{}, epoch)
	if err := l.Save(path, epoch); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("saving into no directory: %v", err)
	}
	// The target is a directory that is not empty: the rename fails at the end.
	target := filepath.Join(dir, "state.json")
	if err := os.MkdirAll(filepath.Join(target, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := l.Save(target, epoch); err == nil {
		t.Error("a directory was replaced by a file")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.tmp-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestStateRoundTrip: whatever was booked survives, name by name.
func TestStateRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := New(Config{}, epoch)
		now := epoch
		for range rapid.IntRange(0, 30).Draw(t, "events") {
			now = now.Add(time.Duration(rapid.IntRange(0, 7200).Draw(t, "seconds")) * time.Second)
			l.Record(Entry{
				Worker:         l.Worker(rapid.StringMatching(`[a-zé"\\]{1,3}`).Draw(t, "worker"), "r", now),
				Pool:           l.Pool(rapid.SampledFrom([]string{"p", "q"}).Draw(t, "pool"), now),
				Verdict:        rapid.SampledFrom(mining.Verdicts()).Draw(t, "verdict"),
				PoolVerdict:    rapid.SampledFrom(mining.Verdicts()).Draw(t, "pool verdict"),
				Difficulty:     work.Difficulty(rapid.Float64Range(1e-9, 1e15).Draw(t, "difficulty")),
				PoolDifficulty: 3, ShareDifficulty: 5, At: now,
			})
			l.Tick(now)
		}
		data, err := l.encode(now)
		if err != nil {
			t.Fatal(err)
		}
		s, err := decode(data)
		if err != nil {
			t.Fatal(err)
		}
		again := New(Config{}, now)
		again.restore(s, now)
		before, after := l.Snapshot(now), again.Snapshot(now)
		for i := range before.Workers {
			if before.Workers[i].Tally != after.Workers[i].Tally || before.Workers[i].Name != after.Workers[i].Name {
				t.Fatalf("worker was %+v, is %+v", before.Workers[i], after.Workers[i])
			}
		}
		for i := range before.Pools {
			b, a := before.Pools[i].Tally, after.Pools[i].Tally
			if b.Ours != a.Ours || b.Pools != a.Pools || !near(b.WorkAccepted, a.WorkAccepted) {
				t.Fatalf("pool was %+v, is %+v", b, a)
			}
		}
	})
}

func FuzzDecodeState(f *testing.F) {
	l := New(Config{}, epoch)
	data, err := l.encode(mine(l, l.Worker("w", "r", epoch), l.Pool("p", epoch), epoch, 4000))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"version":1,"saved_at":"2026-01-02T03:04:05Z","samples":["2026-01-02T03:04:05Z"],"workers":[{"name":"(other)","day":[1e30]}],"pools":[{"name":"(none)"}]}`))
	f.Add([]byte(`{"version":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := decode(data)
		if err != nil {
			if _, ok := errors.AsType[*StateError](err); !ok {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		l := New(Config{}, epoch)
		l.restore(s, epoch)
		l.Snapshot(epoch.Add(time.Hour))
		if _, err := l.encode(epoch.Add(time.Hour)); err != nil {
			t.Fatalf("what was loaded cannot be saved: %v", err)
		}
	})
}

package downstream_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loka/stratum/internal/downstream"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

func setDifficulty(d string) string {
	return `{"id":null,"method":"mining.set_difficulty","params":[` + d + `]}`
}

func TestRenderNotify(t *testing.T) {
	w := someWork(0xab)
	w.Clean = true
	w.NTime++ // refreshed: not the job's own
	want := `{"id":null,"method":"mining.notify","params":["000000ab",` +
		`"0000000000000000000000000000000000000000000000000000000000000000","0102","ffff",` +
		`["0100000000000000000000000000000000000000000000000000000000000000",` +
		`"0200000000000000000000000000000000000000000000000000000000000000"],` +
		`"20000000","1d00ffff","504e86ba",true]}` + "\n"
	if got := string(downstream.RenderNotify([]byte("x"), w)); got != "x"+want {
		t.Errorf("notify = %s\nwant     x%s", got, want)
	}
	// A block of the coinbase alone: an empty list, never null.
	w.Job.Branches = nil
	if got := string(downstream.RenderNotify(nil, w)); !strings.Contains(got, `"ffff",[],"20000000"`) {
		t.Errorf("without branches: %s", got)
	}
}

// The difficulty goes directly before the job, and only when it changes.
func TestDifficultyBeforeTheJob(t *testing.T) {
	m := miningMiner(t)
	steps := []struct {
		difficulty work.Difficulty
		want       string
	}{
		{1024, ""}, // the first job told it
		{2048, "2048"},
		{2048, ""},
		{0.00015, "0.00015"},
		{1e15, "1000000000000000"},
		{0, ""}, // never sent
		{-1, ""},
		{work.Difficulty(math.NaN()), ""},
		{work.Difficulty(math.Inf(1)), ""},
		{1e15, ""},
		{1, "1"},
	}
	for i, step := range steps {
		w := someWork(mining.JobID(10 + i))
		m.give(at(w, step.difficulty))
		if step.want == "" {
			m.expect(notify(w))
		} else {
			m.expect(setDifficulty(step.want), notify(w))
		}
	}
}

// Nothing is sent before the subscribe reply, and of what was held only the
// newest.
func TestWorkIsHeldUntilSubscribed(t *testing.T) {
	m := newMiner(t)
	m.work = nil
	m.give(assigned(cleaned(someWork(7))))
	last := someWork(8)
	m.give(assigned(last))
	m.read(`{"id":1,"method":"mining.authorize","params":["u"]}`)
	m.expect(ok("1"))
	m.read(`{"id":2,"method":"mining.subscribe"}`)
	// Clean, because the one it replaced was.
	m.expect(`{"id":2,`+subscribed, difficulty, notify(cleaned(last)))
}

// While the house thinks about an authorize, work waits, and so it does
// while the authorize's reply waits behind a share.
func TestWorkWaitsForTheReply(t *testing.T) {
	m := miningMiner(t)
	m.later = true
	m.read(share(1))
	m.read(`{"id":2,"method":"mining.authorize","params":["v"]}`)
	if !m.s.Blocked() {
		t.Fatal("not blocked")
	}
	m.give(assigned(someWork(5)))
	m.answer(1)
	if m.s.Blocked() {
		t.Fatal("blocked")
	}
	last := someWork(6)
	m.give(assigned(last))
	m.read(`{"id":3,"method":"mining.subscribe"}`, `{"id":4,"method":"mining.ping"}`)
	m.flush()
	m.expect()
	m.answer(0)
	m.expect(ok("1"), ok("2"), `{"id":3,`+subscribed, `{"id":4,"result":"pong","error":null}`)
	m.flush()
	m.expect(notify(last))
}

// Replies that we make ourselves hold work back like the house's.
func TestWorkWaitsForOurOwnReply(t *testing.T) {
	for _, line := range []string{
		`{"id":2,"method":"mining.authorize","params":["u"]}`,
		`{"id":2,"method":"mining.authorize","params":[]}`,
		`{"id":2,"method":"mining.subscribe"}`,
		`{"id":2,"method":"mining.configure","params":[["info"]]}`,
	} {
		m := miningMiner(t)
		m.later = true
		m.read(share(1), line)
		w := someWork(5)
		m.give(assigned(w))
		m.expect()
		m.answer(0)
		if n := len(m.take()); n != 2 {
			t.Errorf("%s: %d replies", line, n)
		}
		m.flush()
		m.expect(notify(w))
	}
}

// A driver that hands in a line while blocked has a fault.
func TestLineWhileBlocked(t *testing.T) {
	m := newMiner(t)
	m.later = true
	m.read(`{"id":2,"method":"mining.authorize","params":["v"]}`)
	_, err := m.s.Line([]byte(`{"id":2,"method":"mining.ping"}`), m.now, &m.out)
	wantReason(t, err, mining.InternalError)
}

// The same job is never sent twice.
func TestWorkIsNotRepeated(t *testing.T) {
	m := miningMiner(t)
	second := someWork(2)
	m.give(assigned(second))
	m.give(assigned(second))
	m.give(assigned(m.work))
	m.flush()
	m.expect(notify(second))
}

func TestClasses(t *testing.T) {
	m := miningMiner(t)
	w := someWork(2)
	w.VersionMask = 0x00c00000
	m.read(
		`{"id":1,"method":"mining.extranonce.subscribe"}`,
		`{"id":2,"method":"mining.configure","params":[["version-rolling"]]}`,
	)
	m.give(at(w, 1))
	en1, _ := work.MakeExtranonce([]byte{9, 9, 9, 9})
	m.s.SetExtranonce(en1, 4)
	m.give(assigned(someWork(3)))
	m.give(assigned(cleaned(someWork(4))))
	type kind struct {
		Class downstream.Class
		Key   uint8
	}
	got := make([]kind, 0, len(m.frames))
	for _, f := range m.frames {
		got = append(got, kind{f.Class, f.Key})
	}
	want := []kind{
		{downstream.Reply, 0},
		{downstream.Gate, 0},
		{downstream.Setting, downstream.KeyVersionMask},
		{downstream.Setting, downstream.KeyDifficulty},
		{downstream.Job, 0},
		{downstream.Setting, downstream.KeyExtranonce},
		{downstream.Setting, downstream.KeyVersionMask},
		{downstream.Setting, downstream.KeyDifficulty},
		{downstream.CleanJob, 0},
		{downstream.CleanJob, 0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSetExtranonce(t *testing.T) {
	const set = `{"id":null,"method":"mining.set_extranonce","params":["09090909",4]}`
	moved, _ := work.MakeExtranonce([]byte{9, 9, 9, 9})
	old, _ := work.MakeExtranonce([]byte{8, 0, 0, 2})
	asks := map[string]string{
		"xnsub":     `{"id":1,"method":"mining.extranonce.subscribe","params":[]}`,
		"configure": `{"id":1,"method":"mining.configure","params":[["subscribe-extranonce"],{}]}`,
	}
	for name, ask := range asks {
		t.Run(name, func(t *testing.T) {
			m := miningMiner(t)
			m.read(ask)
			m.take()
			stale := someWork(2)
			m.s.Work(assigned(stale)) // made for the extranonce before
			if !m.s.SetExtranonce(moved, 4) {
				t.Fatal("cannot follow")
			}
			m.flush()
			m.expect()
			next := someWork(3)
			m.give(assigned(next))
			m.expect(set, notify(cleaned(next)))
			if got := m.s.Info().Extranonce1; got != moved {
				t.Errorf("told %v", got)
			}
			m.read(`{"id":2,"method":"mining.subscribe"}`)
			m.expect(strings.Replace(`{"id":2,`+subscribed, "08000002", "09090909", 1))
			if !m.s.SetExtranonce(moved, 4) {
				t.Error("cannot follow to where it is")
			}
			after := someWork(4)
			m.give(assigned(after))
			m.expect(notify(after))
		})
	}
	t.Run("not asked for", func(t *testing.T) {
		m := miningMiner(t)
		if m.s.SetExtranonce(moved, 4) {
			t.Error("can follow")
		}
		if !m.s.SetExtranonce(old, 4) {
			t.Error("cannot stay")
		}
	})
	t.Run("another size", func(t *testing.T) {
		m := miningMiner(t)
		m.read(asks["xnsub"])
		if m.s.SetExtranonce(moved, 5) || m.s.SetExtranonce(old, 5) {
			t.Error("can follow")
		}
	})
	t.Run("before subscribe", func(t *testing.T) {
		m := newMiner(t)
		if !m.s.SetExtranonce(moved, 9) {
			t.Error("cannot follow, though nothing was told")
		}
		m.read(`{"id":1,"method":"mining.subscribe"}`)
		m.expect(`{"id":1,`+subscribed, difficulty, notify(m.work))
	})
	t.Run("there and back", func(t *testing.T) {
		m := miningMiner(t)
		m.read(asks["xnsub"])
		m.take()
		m.s.SetExtranonce(moved, 4)
		m.s.SetExtranonce(old, 4)
		w := someWork(2)
		m.give(assigned(w))
		m.expect(notify(w))
	})
}

// The house may change its mind between its answer to an open and the
// moment the session hears it.
func TestExtranonceChangesWhileOpening(t *testing.T) {
	moved, _ := work.MakeExtranonce([]byte{9, 9})
	m := newMiner(t)
	m.later = true
	m.read(`{"id":1,"method":"mining.subscribe"}`)
	if !m.s.SetExtranonce(moved, 2) {
		t.Fatal("cannot follow, though nothing was told")
	}
	m.answer(0)
	m.flush()
	want := strings.NewReplacer("08000002", "0909", ",4]", ",2]").Replace(`{"id":1,` + subscribed)
	m.expect(want, difficulty, notify(m.work))
}

// Work for the extranonce in between is not work for the one before.
func TestExtranonceThereAndBackDropsTheWorkBetween(t *testing.T) {
	moved, _ := work.MakeExtranonce([]byte{9, 9, 9, 9})
	old, _ := work.MakeExtranonce([]byte{8, 0, 0, 2})
	m := miningMiner(t)
	m.read(`{"id":1,"method":"mining.extranonce.subscribe","params":[]}`)
	m.take()
	m.s.SetExtranonce(moved, 4)
	m.s.Work(assigned(someWork(2)))
	m.s.SetExtranonce(old, 4)
	m.flush()
	m.expect()
	w := someWork(3)
	m.give(assigned(w))
	m.expect(notify(w))
}

// A long-lived Out does not keep what one burst needed.
func TestOutReset(t *testing.T) {
	m := miningMiner(t)
	w := someWork(2)
	w.Prefix = make([]byte, 100<<10)
	m.s.Work(assigned(w))
	m.s.Flush(&m.out)
	if n := len(m.out.Frames()); n != 1 {
		t.Fatalf("%d frames", n)
	}
	m.out.Reset()
	if n := len(m.out.Frames()); n != 0 {
		t.Errorf("%d frames after Reset", n)
	}
	m.give(assigned(someWork(3)))
	m.expect(notify(someWork(3)))
}

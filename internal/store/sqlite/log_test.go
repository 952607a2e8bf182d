package sqlite_test

import (
	"bytes"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
	"github.com/loka/stratum/internal/store/sqlite"
)

// frame is a made-up frame.
func frame(number uint64, size int) store.Frame {
	return store.Frame{Number: number, Shares: size % 7, Data: bytes.Repeat([]byte{byte(number)}, size)}
}

// sameFrame compares.
func sameFrame(a, b store.Frame) bool {
	return a.Number == b.Number && a.Shares == b.Shares && bytes.Equal(a.Data, b.Data)
}

// state is what a log holds.
func state(tb testing.TB, l store.Log) store.LogState {
	tb.Helper()
	s, err := l.State(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func TestLog(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "loka.db")
	s := openAt(t, path)
	if got := state(t, s); got != (store.LogState{}) {
		t.Errorf("a new log holds %+v", got)
	}
	if err := s.Append(ctx, frame(2, 10)); !errors.Is(err, store.ErrGap) {
		t.Errorf("a first frame that is not 1: %v", err)
	}
	frames := []store.Frame{frame(1, 10), frame(2, 0), frame(3, 5000), frame(4, 10)}
	for _, err := range []error{s.Append(ctx, frames[:2]...), s.Append(ctx), s.Append(ctx, frames[2:]...)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, wrong := range [][]store.Frame{{frame(4, 1)}, {frame(6, 1)}, {frame(5, 1), frame(7, 1)}} {
		if err := s.Append(ctx, wrong...); !errors.Is(err, store.ErrGap) {
			t.Errorf("frame %d after 4: %v", wrong[0].Number, err)
		}
	}
	want := store.LogState{Last: 4, Bytes: 5020, Shares: 3 + 0 + 2 + 3}
	if got := state(t, s); got != want {
		t.Errorf("it holds %+v, want %+v", got, want)
	}
	for _, c := range []struct {
		after uint64
		bytes int
		want  []store.Frame
	}{{0, 1 << 20, frames}, {0, 1, frames[:1]}, {0, 11, frames[:3]}, {1, 0, frames[1:2]}, {3, 1000, frames[3:]}, {4, 1000, nil}, {99, 1, nil}} {
		got, err := s.Read(ctx, c.after, c.bytes)
		if err != nil || cmp.Diff(c.want, got) != "" {
			t.Errorf("%d bytes after %d: %v, %v", c.bytes, c.after, got, err)
		}
	}
	frames[2] = store.Frame{Number: 3, Data: []byte("less")}
	if err := s.Replace(ctx, frames[2]); err != nil {
		t.Fatal(err)
	}
	if err := s.Replace(ctx, frame(5, 1)); err == nil {
		t.Error("a frame that is not there was replaced")
	}
	want.Bytes, want.Shares = 24, 6
	again := openAt(t, path) // the first one is still open, as after a crash
	for _, s := range []*sqlite.Store{s, again} {
		got, err := s.Read(ctx, 0, 1<<20)
		if err != nil || cmp.Diff(frames, got) != "" || state(t, s) != want {
			t.Errorf("%v, %v, %+v", got, err, state(t, s))
		}
	}
	if s.ID() == "" || s.ID() != again.ID() || s.ID() == open(t).ID() {
		t.Errorf("the ids are %q, %q again, and another log's is the same", s.ID(), again.ID())
	}
}

func TestSettle(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "loka.db")
	s := openAt(t, path)
	if err := s.Append(ctx, frame(1, 10), frame(2, 20), frame(3, 30)); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 1000, time.UTC)
	key := store.Key{Worker: "u.\xffw", Pool: "p", Route: "r", Side: store.Ours, Verdict: mining.Accepted}
	other := key
	other.Side = store.Pools
	total := func(k store.Key, last time.Time, best float64) store.Total {
		return store.Total{Key: k, Last: last, Cell: store.Cell{Shares: 2, Work: 1.5, Value: mining.Amount{Sat: 1, Pico: 600_000_000_000}, Blocks: 1e-9, Best: best}}
	}
	if err := s.Settle(ctx, 4, nil); !errors.Is(err, store.ErrGap) {
		t.Errorf("settling what was not appended: %v", err)
	}
	for range 2 { // the second time nothing is added
		if err := s.Settle(ctx, 1, []store.Total{total(key, at, 7), total(other, time.Time{}, 0)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Settle(ctx, 3, []store.Total{total(key, at.Add(-time.Hour), 9), total(other, at, 0)}); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(ctx, frame(4, 1)); err != nil {
		t.Fatal(err)
	}
	want := map[store.Key]store.Total{key: total(key, at, 9), other: total(other, at, 0)}
	for k, w := range want {
		w.Shares, w.Work, w.Value, w.Blocks = 4, 3, mining.Amount{Sat: 3, Pico: 200_000_000_000}, 2e-9
		want[k] = w
	}
	for _, s := range []*sqlite.Store{s, openAt(t, path)} {
		if got := state(t, s); got != (store.LogState{Settled: 3, Counted: 3, Last: 4, Bytes: 1, Shares: 1}) {
			t.Errorf("it holds %+v", got)
		}
		got := map[store.Key]store.Total{}
		err := s.Totals(ctx, func(t *store.Total) error {
			got[t.Key] = *t
			return nil
		})
		if err != nil || cmp.Diff(want, got) != "" {
			t.Errorf("%v (-want +got):\n%s", err, cmp.Diff(want, got))
		}
	}
	stop := errors.New("enough")
	if err := s.Totals(ctx, func(*store.Total) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("a walk that its caller ends: %v", err)
	}
}

func TestLocal(t *testing.T) {
	ctx := t.Context()
	s := open(t)
	if data, err := s.Load(ctx, "vardiff"); data != nil || err != nil {
		t.Errorf("what was never kept: %v, %v", data, err)
	}
	for _, data := range [][]byte{[]byte("one"), {}, []byte("two\x00")} {
		if err := s.Save(ctx, "vardiff", data); err != nil {
			t.Fatal(err)
		}
		got, err := s.Load(ctx, "vardiff")
		if err != nil || got == nil || !bytes.Equal(got, data) {
			t.Errorf("kept %q, got %q, %v", data, got, err)
		}
	}
}

// TestLogModel does random things to a log and to a few lines of memory.
func TestLogModel(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	run := 0
	rapid.Check(t, func(r *rapid.T) {
		run++
		path := filepath.Join(dir, strconv.Itoa(run))
		s, err := sqlite.Open(ctx, path)
		if err != nil {
			r.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		frames := map[uint64]store.Frame{}
		var settled, last, sums, counted, offered uint64
		r.Repeat(map[string]func(*rapid.T){
			"append": func(r *rapid.T) {
				n := rapid.IntRange(1, 4).Draw(r, "frames")
				some := make([]store.Frame, 0, n)
				for range n {
					last++
					frames[last] = frame(last, rapid.IntRange(0, 300).Draw(r, "size"))
					some = append(some, frames[last])
				}
				if err := s.Append(ctx, some...); err != nil {
					r.Fatal(err)
				}
			},
			"replace": func(r *rapid.T) {
				if len(frames) == 0 {
					r.Skip("nothing to replace")
				}
				n := rapid.SampledFrom(slices.Sorted(maps.Keys(frames))).Draw(r, "number")
				f := frame(n, rapid.IntRange(0, 300).Draw(r, "size"))
				if err := s.Replace(ctx, f); err != nil {
					r.Fatal(err)
				}
				frames[n] = f
			},
			"settle": func(r *rapid.T) {
				to := rapid.Uint64Range(0, last).Draw(r, "to")
				settled = max(settled, to)
				if to > counted {
					counted = to
					sums++
				}
				if err := s.Settle(ctx, to, []store.Total{{Cell: store.Cell{Shares: 1}}}); err != nil {
					r.Fatal(err)
				}
				maps.DeleteFunc(frames, func(n uint64, _ store.Frame) bool { return n <= settled })
			},
			"count": func(r *rapid.T) {
				to := rapid.Uint64Range(0, last).Draw(r, "to")
				if to > counted {
					counted = to
					sums++
				}
				if err := s.Count(ctx, to, []store.Total{{Cell: store.Cell{Shares: 1}}}); err != nil {
					r.Fatal(err)
				}
			},
			"offer": func(r *rapid.T) {
				to := rapid.Uint64Range(0, last).Draw(r, "to")
				offered = max(offered, to)
				if err := s.Offer(ctx, to); err != nil {
					r.Fatal(err)
				}
			},
			"reopen": func(r *rapid.T) {
				if rapid.IntRange(0, 9).Draw(r, "seldom") > 0 {
					return
				}
				if rapid.Bool().Draw(r, "closed") {
					if err := s.Close(); err != nil {
						r.Fatal(err)
					}
				} else {
					old := s
					defer func() { _ = old.Close() }()
				}
				if s, err = sqlite.Open(ctx, path); err != nil {
					r.Fatal(err)
				}
			},
			"": func(r *rapid.T) {
				want := store.LogState{Settled: settled, Counted: counted, Offered: offered, Last: last}
				all := make([]store.Frame, 0, len(frames))
				for _, n := range slices.Sorted(maps.Keys(frames)) {
					all = append(all, frames[n])
					want.Bytes += int64(len(frames[n].Data))
					want.Shares += int64(frames[n].Shares)
				}
				got, err := s.Read(ctx, 0, 1<<30)
				if err != nil || !slices.EqualFunc(all, got, sameFrame) || state(t, s) != want {
					r.Fatalf("it holds %+v, want %+v; %v", state(t, s), want, err)
				}
				var sum uint64
				err = s.Totals(ctx, func(t *store.Total) error { sum += t.Shares; return nil })
				if err != nil || sum != sums {
					r.Fatalf("%d was counted, want %d; %v", sum, sums, err)
				}
			},
		})
	})
}

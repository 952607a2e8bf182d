package extranonce_test

import (
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/extranonce"
	"github.com/loka/stratum/work"
)

func noon() time.Time { return time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC) }

// take takes a slot that must be there.
func take(t *testing.T, s *extranonce.Space, now time.Time) work.Extranonce {
	t.Helper()
	slot, ok := s.Take(now, nil)
	if !ok {
		t.Fatalf("no slot left with %d of %d in use", s.Used(), s.Capacity())
	}
	return slot
}

// TestSlotsRiseFromTheStart and wrap around.
func TestSlotsRiseFromTheStart(t *testing.T) {
	for _, c := range []struct {
		size     int
		start    uint32
		want     []string
		capacity uint64
	}{
		{1, 0x123456fe, []string{"fe", "ff", "00", "01"}, 1 << 8},
		{2, 0x1234fffe, []string{"fffe", "ffff", "0000", "0001"}, 1 << 16},
		{3, 0x12ffffff, []string{"ffffff", "000000", "000001"}, 1 << 24},
		{4, 0xffffffff, []string{"ffffffff", "00000000", "00000001"}, 1 << 32},
		{4, 0x01020304, []string{"01020304", "01020305"}, 1 << 32},
		{0, 0x01020304, []string{"04"}, 1 << 8},
		{5, 0x01020304, []string{"01020304"}, 1 << 32},
	} {
		s := extranonce.NewSpace(c.size, c.start)
		for _, want := range c.want {
			if got := take(t, s, noon()); got.String() != want {
				t.Errorf("size %d: %s, want %s", c.size, got, want)
			}
		}
		if s.Used() != len(c.want) || s.Capacity() != c.capacity {
			t.Errorf("size %d: %d of %d", c.size, s.Used(), s.Capacity())
		}
	}
}

// fill takes all slots of a space of one byte.
func fill(t *testing.T, s *extranonce.Space, now time.Time) (all []work.Extranonce) {
	t.Helper()
	for range s.Capacity() {
		all = append(all, take(t, s, now))
	}
	if slot, ok := s.Take(now, nil); ok {
		t.Fatalf("%s is one too many", slot)
	}
	return all
}

func TestQuarantine(t *testing.T) {
	s, now := extranonce.NewSpace(1, 7), noon()
	all := fill(t, s, now)
	s.Free(all[5], now)
	s.Free(all[3], now.Add(time.Second))
	now = now.Add(extranonce.Quarantine)
	if slot, ok := s.Take(now.Add(-1), nil); ok {
		t.Errorf("%s has not rested", slot)
	}
	if got := take(t, s, now); got != all[5] {
		t.Errorf("%s, want %s", got, all[5])
	}
	if slot, ok := s.Take(now, nil); ok {
		t.Errorf("%s has not rested", slot)
	}
	if got := take(t, s, now.Add(time.Second)); got != all[3] {
		t.Errorf("%s, want %s", got, all[3])
	}
}

// TestLiveWork: a slot whose last miner may have searched work that counts
// rests on, and nobody asks about work where it does not matter.
func TestLiveWork(t *testing.T) {
	s, now := extranonce.NewSpace(1, 7), noon()
	asked := 0
	oldest := now
	live := func() time.Time { asked++; return oldest }
	all := make([]work.Extranonce, 0, s.Capacity())
	for range s.Capacity() {
		slot, _ := s.Take(now, live)
		all = append(all, slot)
	}
	s.Free(all[0], now)
	if _, ok := s.Take(now.Add(extranonce.Quarantine-1), live); ok || asked != 0 {
		t.Errorf("given %t, asked %d times", ok, asked)
	}
	later := now.Add(time.Hour)
	if _, ok := s.Take(later, live); ok || asked != 1 {
		t.Errorf("given %t, asked %d times", ok, asked)
	}
	oldest = now.Add(1)
	if slot, ok := s.Take(later, live); !ok || slot != all[0] || asked != 2 {
		t.Errorf("%s, %t, asked %d times", slot, ok, asked)
	}
}

func TestFreeOfNobodysSlot(t *testing.T) {
	s, now := extranonce.NewSpace(1, 7), noon()
	slot := take(t, s, now)
	wide, _ := work.MakeExtranonce([]byte{0, 7})
	never, _ := work.MakeExtranonce([]byte{200})
	for _, e := range []work.Extranonce{wide, never, {}, slot, slot} {
		s.Free(e, now)
	}
	if s.Used() != 0 {
		t.Errorf("%d in use", s.Used())
	}
	now = now.Add(time.Hour)
	if seen := fill(t, s, now); len(seen) != 256 {
		t.Errorf("%d slots", len(seen))
	}
}

// slots is a space of one byte as its documentation says it.
type slots struct {
	used  map[work.Extranonce]bool
	freed map[work.Extranonce]time.Time
}

// may says whether a slot may be given.
func (m *slots) may(e work.Extranonce, now, live time.Time) bool {
	at, was := m.freed[e]
	return !m.used[e] && (!was || now.Sub(at) >= extranonce.Quarantine && at.Before(live))
}

func TestSpaceIsItsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := extranonce.NewSpace(1, rapid.Uint32().Draw(t, "start"))
		m := slots{make(map[work.Extranonce]bool), make(map[work.Extranonce]time.Time)}
		now := noon()
		for range rapid.IntRange(1, 20).Draw(t, "phases") {
			now = now.Add(time.Duration(rapid.IntRange(0, 200).Draw(t, "seconds")) * time.Second)
			live := now.Add(-time.Duration(rapid.IntRange(0, 300).Draw(t, "oldest job")) * time.Second)
			for range rapid.IntRange(0, 200).Draw(t, "takes") {
				slot, ok := s.Take(now, func() time.Time { return live })
				if ok != anyOf(&m, now, live) || ok && !m.may(slot, now, live) {
					t.Fatalf("%s, %t", slot, ok)
				}
				if ok {
					m.used[slot] = true
				}
			}
			for range rapid.IntRange(0, 200).Draw(t, "frees") {
				slot, _ := work.MakeExtranonce([]byte{rapid.Byte().Draw(t, "slot")})
				s.Free(slot, now)
				if m.used[slot] {
					delete(m.used, slot)
					m.freed[slot] = now
				}
			}
			if s.Used() != len(m.used) {
				t.Fatalf("%d in use, want %d", s.Used(), len(m.used))
			}
		}
	})
}

func anyOf(m *slots, now, live time.Time) bool {
	for i := range 256 {
		if e, _ := work.MakeExtranonce([]byte{byte(i)}); m.may(e, now, live) {
			return true
		}
	}
	return false
}

// TestWideSpaceDoesNotRepeat: with more slots freed than are remembered, the
// next ones are still new.
func TestWideSpaceDoesNotRepeat(t *testing.T) {
	s, seen := extranonce.NewSpace(3, 0xfffff0), make(map[work.Extranonce]bool)
	for range 1<<16 + 1000 {
		slot := take(t, s, noon())
		if seen[slot] {
			t.Fatalf("%s again", slot)
		}
		seen[slot] = true
		s.Free(slot, noon())
	}
}

func TestSpaceIsSafe(t *testing.T) {
	s := extranonce.NewSpace(1, 7)
	var mu sync.Mutex
	var all sync.WaitGroup
	seen := make(map[work.Extranonce]bool)
	for range 8 {
		all.Go(func() {
			for range 32 {
				slot, ok := s.Take(noon(), nil)
				mu.Lock()
				if !ok || seen[slot] {
					t.Errorf("%s, %t", slot, ok)
				}
				seen[slot] = true
				mu.Unlock()
			}
		})
	}
	all.Wait()
	for slot := range seen {
		all.Go(func() { s.Free(slot, noon()) })
	}
	all.Wait()
	if s.Used() != 0 {
		t.Errorf("%d in use", s.Used())
	}
}

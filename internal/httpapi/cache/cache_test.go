package cache_test

import (
	"crypto/rand"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/loka/stratum/internal/httpapi/cache"
)

func newCache(t *testing.T, room uint64) *cache.Cache {
	t.Helper()
	c, err := cache.New(room, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// An answer is given until its time is over, and put anew has a new time.
func TestTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, 1<<20)
		want := func(key, data string) {
			t.Helper()
			got, ok := c.Get(key)
			if string(got) != data || ok != (data != "") {
				t.Errorf("%s: got %q %t, want %q", key, got, ok, data)
			}
		}
		want("a", "")
		c.Put("a", []byte("one"), 10*time.Second)
		c.Put("b", []byte("two"), 10*time.Minute)
		c.Put("never", []byte("three"), 0)
		time.Sleep(9 * time.Second)
		want("a", "one")
		want("a", "one")
		want("never", "")
		time.Sleep(time.Second + time.Millisecond)
		want("a", "")
		want("b", "two")
		c.Put("b", []byte("four"), time.Second)
		want("b", "four")
		time.Sleep(2 * time.Second)
		want("b", "")
		if c.Hits() != 4 || c.Misses() != 4 {
			t.Errorf("%d hits, %d misses", c.Hits(), c.Misses())
		}
	})
	goleak.VerifyNone(t, goleak.IgnoreCurrent())
}

// What is got is a copy, and what was put may change.
func TestCopies(t *testing.T) {
	t.Parallel()
	c := newCache(t, 1<<20)
	data := []byte("answer")
	c.Put("a", data, time.Hour)
	data[0] = 'X'
	got, _ := c.Get("a")
	got[1] = 'X'
	if again, ok := c.Get("a"); !ok || string(again) != "answer" {
		t.Errorf("got %q", again)
	}
}

// Whatever is put, the room is not exceeded; what cannot be packed counts in full.
func TestRoom(t *testing.T) {
	t.Parallel()
	const room = 64 << 10
	c := newCache(t, room)
	much := make([]byte, 20<<10)
	_, _ = rand.Read(much)
	noise := much[:4<<10]
	for i := range 200 {
		c.Put(strconv.Itoa(i), noise, time.Hour)
		if got := c.Bytes(); got > room {
			t.Fatalf("%d bytes are kept", got)
		}
	}
	if got := c.Bytes(); got < room/2 {
		t.Errorf("only %d bytes are kept", got)
	}
	c.Put("large", much, time.Hour)
	if _, ok := c.Get("large"); ok {
		t.Error("an answer of a third of the room is kept")
	}
	c.Put("long", []byte(strings.Repeat(`{"time":"2026-01-02T03:04:05Z"},`, 10_000)), time.Hour)
	if _, ok := c.Get("long"); !ok {
		t.Error("an answer that is small when packed is not kept")
	}
	c.Put("long", much, time.Hour)
	if _, ok := c.Get("long"); ok {
		t.Error("an answer is given in whose place another was put")
	}
	none := newCache(t, 0)
	none.Put("a", []byte("b"), time.Hour)
	if _, ok := none.Get("a"); ok {
		t.Error("a cache without room keeps something")
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	c := newCache(t, 16<<10)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 500 {
				key := strconv.Itoa((n*7 + i) % 50)
				if got, ok := c.Get(key); ok && string(got) != strings.Repeat(key, 100) {
					t.Errorf("%s: got %q", key, got)
				}
				c.Put(key, []byte(strings.Repeat(key, 100)), time.Minute)
			}
		})
	}
	all.Wait()
}

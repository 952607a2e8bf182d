package cli

import (
	"runtime"
	"testing"
)

// A machine of few processors has a spare one, however often that is asked for, unless
// their number was said.
func TestSpareProcessor(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	runtime.SetDefaultGOMAXPROCS()
	usual := runtime.GOMAXPROCS(0)
	want := usual
	if usual <= fewProcessors {
		want++
	}
	for range 2 {
		spareProcessor(func(string) (string, bool) { return "", false })
		if n := runtime.GOMAXPROCS(0); n != want {
			t.Errorf("%d processors of %d, want %d", n, usual, want)
		}
	}
	runtime.GOMAXPROCS(7)
	spareProcessor(func(string) (string, bool) { return "7", true })
	if n := runtime.GOMAXPROCS(0); n != 7 {
		t.Errorf("%d processors, though 7 was said", n)
	}
}

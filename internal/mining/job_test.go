package mining_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/mining"
)

func TestJobIDReadsWhatItPrints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := mining.JobID(rapid.Uint32().Draw(t, "id"))
		text, err := id.AppendText([]byte("dst"))
		if want := fmt.Sprintf("%08x", uint32(id)); err != nil || id.String() != want || string(text) != "dst"+want {
			t.Fatalf("prints %s and %s, %v; want %s", id, text, err, want)
		}
		for _, form := range []string{id.String(), strings.ToUpper(id.String())} {
			if got, ok := mining.ParseJobID([]byte(form)); !ok || got != id {
				t.Fatalf("%s reads as %s, %t", form, got, ok)
			}
		}
	})
}

func TestParseJobIDRefuses(t *testing.T) {
	for _, text := range []string{
		"", "0", "1234567", "123456789", "0x123456", "1234567g", "-1234567", "+1234567", " 1234567", "1234567 ", "1234_567", "0000000\x00", "ｆfffff",
	} {
		if id, ok := mining.ParseJobID([]byte(text)); ok || id != 0 {
			t.Errorf("%q: %s", text, id)
		}
	}
}

// TestJobIDOrder: ids are in the order in which they are counted up, past the
// largest one too.
func TestJobIDOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := mining.JobID(rapid.Uint32().Draw(t, "id"))
		later := id + mining.JobID(rapid.Uint32Range(1, 1<<31-1).Draw(t, "steps"))
		if !id.Before(later) || later.Before(id) || id.Before(id) {
			t.Fatalf("%s and %s: %t, %t; itself %t", id, later, id.Before(later), later.Before(id), id.Before(id))
		}
	})
}

func TestJobIDDoesNotAllocate(t *testing.T) {
	scratch, text := make([]byte, 0, 16), []byte("875b4b7f")
	allocs := testing.AllocsPerRun(100, func() {
		id, _ := mining.ParseJobID(text)
		_, _ = id.AppendText(scratch)
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func FuzzParseJobID(f *testing.F) {
	for _, s := range []string{"00000000", "FFFFFFFF", "deadbeef", "0x000001", "1234567"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		legal := len(b) == 8 && strings.Trim(string(b), "0123456789abcdefABCDEF") == ""
		id, ok := mining.ParseJobID(b)
		if ok != legal || ok && id.String() != strings.ToLower(string(b)) || !ok && id != 0 {
			t.Fatalf("%q: %s, %t", b, id, ok)
		}
	})
}

func TestConnectionIDsPrintInDecimal(t *testing.T) {
	if s := mining.MinerID(18446744073709551615).String(); s != "18446744073709551615" {
		t.Error(s)
	}
	if s := mining.LinkID(7).String(); s != "7" {
		t.Error(s)
	}
}

// TestJobWorth: a share earns its part of the block, nothing where the job does
// not say what that pays or how hard it is to find.
func TestJobWorth(t *testing.T) {
	job := mining.Job{Reward: 312_500_000, Network: 1000}
	if got := job.Worth(1); got != (mining.Amount{Sat: 312_500}) {
		t.Errorf("a thousandth of a block is worth %v", got)
	}
	if got := job.Worth(5000); got != (mining.Amount{Sat: 312_500_000}) {
		t.Errorf("more than a block is worth %v", got)
	}
	for _, unknown := range []mining.Job{{Reward: 1}, {Network: 1}, {}} {
		if got := unknown.Worth(1); !got.Zero() {
			t.Errorf("%+v: %v", unknown, got)
		}
	}
}

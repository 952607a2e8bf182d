package bench

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden file anew")

// found is a result in round figures.
func found() *Result {
	few, many := sample(), sample()
	many.Miners, many.ShareCPU, many.Fanout = 6000, 90e-6, 5.5e-6
	side := func(n int) Side {
		return Side{
			Miners: n, Storm: float64(n), Written: Span{2.5, 4.9, 5, 5.1}, Verdict: Span{0.1, 0.5, 2, 9}, Rate: 600,
			Paced: 90.04, Closed: 20, ClosedRate: 40_000, Idle: 8100, Resident: 9900, Worked: 14_600,
		}
	}
	r := &Result{
		Version: "1.2.3", Took: 61.4, Machine: Machine{2, 4 << 30, 20_000, 100_000, 4000}, Farm: Farm{6000, 6, 30},
		Note: "measured with 6000 miners in place of 7000: for a test", Few: side(1000), Many: side(6000),
		Bare:    Side{Miners: 6000, Written: Span{2, 4, 4, 4}, Verdict: Span{0.05, 0.25, 1, 2}, Rate: 600, Paced: 45.02, Closed: 10, Idle: 8100},
		FromFew: few, FromMany: many,
	}
	r.conclude()
	return r
}

func TestWrite(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := found().Write(&b); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "result.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Error(diff)
	}
	for line := range strings.Lines(b.String()) {
		if len([]rune(line)) > 120 {
			t.Errorf("a line of %d: %s", len(line), line)
		}
	}
}

// What limits it is said with what to do, and nothing is said that was not tried.
func TestWriteLimits(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Result){
		"about 19,800 miners":                                       func(*Result) {},
		"More than 6,000 miners were":                               func(*Result) {},
		"open files. A process may have 20,000: raise LimitNOFILE=": func(*Result) {},
		"fan-out of a new block. Give it more or faster processors": func(r *Result) { r.FromMany.Fanout = 1 },
		"memory. Give it more":                                      func(r *Result) { r.FromMany.MinerMemory = 1e9 },
		"processors. Give":                                          func(r *Result) { r.FromMany.ShareCPU = 1 },
		"Other work on this machine used 0.7 processors":            func(r *Result) { r.Others = 0.7 },
		"about 3 miners":                                            func(r *Result) { r.Machine.MaxConnections = 3 },
	} {
		r := found()
		change(r)
		r.conclude()
		var b strings.Builder
		if err := r.Write(&b); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, b.String())
		}
	}
}

// All that people are told is in the JSON, too.
func TestJSON(t *testing.T) {
	t.Parallel()
	r := found()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back Result
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, &back); diff != "" {
		t.Error(diff)
	}
}

package bench

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// sample is in round figures of which the sums are easily seen.
func sample() Coefficients {
	return Coefficients{
		Miners: 1000, BaseCPU: 0.01, MinerCPU: 5e-6, ShareCPU: 100e-6, JobCPU: 10e-6,
		BaseMemory: 20e6, MinerMemory: 10e3, KernelMemory: 5e3, Fanout: 5e-6, FanoutBase: 1e-3,
		ShareUp: 100, ShareDown: 40, JobDown: 1500,
	}
}

func TestPredict(t *testing.T) {
	t.Parallel()
	c := sample()
	got := c.Predict(Farm{Miners: 10_000, SharesPerMinute: 6, JobEvery: 20})
	// 1,000 shares and 500 jobs for a miner a second.
	want := Demand{
		Processors: 0.01 + 0.05 + 0.1 + 0.005,
		Memory:     2*(20e6+100e6) + 50e6,
		Fanout:     0.051,
		Up:         100e3,
		Down:       40e3 + 750e3,
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(1e-9, 0)); diff != "" {
		t.Error(diff)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	c := sample()
	f := Farm{Miners: 1000, SharesPerMinute: 6, JobEvery: 20}
	for name, tt := range map[string]struct {
		machine Machine
		want    []Limit
	}{
		"all": {
			Machine{Processors: 2, Memory: 1e9, Files: 20_000, MaxConnections: 30_000},
			// 0.99 processors of 15.5 µs a second each, 710 MB of 25 kB, 249 ms of 5 µs.
			[]Limit{{OpenFiles, 19_872}, {Memory, 28_400}, {Connections, 30_000}, {Fanout, 49_800}, {Processors, 63_870}},
		},
		"nothing is known": {Machine{}, []Limit{{Fanout, 49_800}}},
		"no room":          {Machine{Memory: 1e6}, []Limit{{Memory, 0}, {Fanout, 49_800}}},
	} {
		if diff := cmp.Diff(tt.want, c.Limits(f, tt.machine)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// As many miners as a limit allows demand no more than it, and one in a hundred more do.
func TestLimitsAreWhatIsPredicted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		few := func(name string, least, most float64) float64 { return rapid.Float64Range(least, most).Draw(t, name) }
		c := Coefficients{
			BaseCPU: few("base", 0, 0.1), MinerCPU: few("miner", 1e-7, 1e-4), ShareCPU: few("share", 1e-6, 1e-3), JobCPU: few("job", 1e-6, 1e-4),
			BaseMemory: few("base memory", 0, 1e8), MinerMemory: few("miner memory", 1e3, 1e5), Fanout: few("fanout", 1e-7, 1e-4), FanoutBase: few("fanout base", 0, 0.1),
		}
		f := Farm{SharesPerMinute: few("shares", 0.1, 60), JobEvery: few("every", 5, 60)}
		m := Machine{Processors: rapid.IntRange(1, 64).Draw(t, "processors"), Memory: few("memory", 1e9, 1e12)}
		for _, l := range c.Limits(f, m) {
			used := func(n int) float64 {
				f.Miners = n
				d := c.Predict(f)
				return map[What]float64{
					Processors: d.Processors / cpuPart / float64(m.Processors),
					Memory:     d.Memory / memoryPart / m.Memory,
					Fanout:     d.Fanout / fanoutMost.Seconds(),
				}[l.What]
			}
			if got := used(l.Miners); got > 1+1e-9 {
				t.Fatalf("%s allows %d miners, which take %g of it", l.What, l.Miners, got)
			}
			if got := used(l.Miners + 1 + l.Miners/100); l.Miners < 1e9 && got < 1 {
				t.Fatalf("%s allows %d miners, and more take %g of it", l.What, l.Miners, got)
			}
		}
	})
}

func TestInstances(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ miners, each, instances, minersEach int }{
		{1_000_000, 19_800, 51, 19_608}, {100, 100, 1, 100}, {101, 100, 2, 51}, {0, 100, 0, 0}, {5, 0, 0, 0},
	} {
		if n, each := Instances(tt.miners, tt.each); n != tt.instances || each != tt.minersEach {
			t.Errorf("%d miners, %d each: %d of %d", tt.miners, tt.each, n, each)
		}
	}
}

func TestSpan(t *testing.T) {
	t.Parallel()
	times := make([]time.Duration, 2000)
	for i := range times {
		times[i] = time.Duration(i+1) * time.Millisecond
	}
	if got, want := spanOf(times), (Span{1000, 1980, 1998, 2000}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := spanOf(times[4:5]), (Span{5, 5, 5, 5}); got != want {
		t.Errorf("of one: got %v, want %v", got, want)
	}
}

func TestRounded(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{0: 0, 7: 7, 999: 999, 1009: 1000, 19_872: 19_800, 1_239_999: 1_230_000} {
		if got := rounded(n); got != want {
			t.Errorf("%d: %d", n, got)
		}
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		wanted, possible int
		machine          Machine
		n                int
		note             string
	}{
		"the default":     {0, 1e6, Machine{}, 18_000, ""},
		"fewer":           {500, 1e6, Machine{MaxConnections: 500}, 500, ""},
		"descriptors":     {0, 600, Machine{Files: 1000}, 600, "measured with 600 miners in place of 18000: this process may have 1000 open files"},
		"memory":          {0, 1e6, Machine{Memory: 128 << 20}, 1024, "measured with 1024 miners in place of 18000: half of the memory has room for no more, with both ends on this machine"},
		"a configuration": {900, 1e6, Machine{MaxConnections: 800}, 800, "measured with 800 miners in place of 900: server.max_connections is 800"},
	} {
		c := Config{Miners: tt.wanted, Machine: tt.machine}
		if n, note := c.size(tt.possible); n != tt.n || note != tt.note {
			t.Errorf("%s: %d, %q", name, n, note)
		}
	}
}

// Each limit has words of its own.
func TestWords(t *testing.T) {
	t.Parallel()
	m := Machine{Processors: 2, Memory: 1 << 30, Files: 1024}
	said := map[string]What{}
	for _, w := range []What{OpenFiles, Connections, Processors, Memory, Fanout} {
		for _, text := range []string{w.bound(&m), w.advice(&m)} {
			if other, ok := said[text]; ok || text == "" {
				t.Errorf("%q is said of %s and of %s", text, other, w)
			}
			said[text] = w
		}
	}
}

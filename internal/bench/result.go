package bench

import (
	"context"
	"fmt"
	"time"
)

// Proxy is the one that is measured. It runs in this process.
type Proxy interface {
	// Addr is where miners connect.
	Addr() string
	// Ready says that they would have work.
	Ready() bool
	// Stop ends it.
	Stop() error
}

// Deps are what a run is given from outside.
type Deps struct {
	// Start starts the proxy before a pool, with miners at a difficulty that the load
	// can do.
	Start func(ctx context.Context, pool string) (Proxy, error)
	// Child is a command line of this program by which it calls [Load].
	Child []string
	// Tell is told what is done now; it may be nil.
	Tell func(what string)
}

// Config says what is measured.
type Config struct {
	// Duration is about how long it takes.
	Duration time.Duration
	// Miners is the larger number of miners; 0 is as many as the machine allows, at
	// most 18,000.
	Miners int
	// SharesPerMinute is what a miner sends.
	SharesPerMinute float64
	Machine         Machine
}

// MostMiners is what one load may have: it has four addresses with their ports.
const MostMiners = 100_000

const (
	defaultMiners = 18_000
	// fewPart is how many times fewer miners there are in the smaller farm.
	fewPart = 6
	// jobEvery is what a farm is reckoned with: pools send a job about so often, in
	// seconds, and miners without one are given theirs again.
	jobEvery = 30
	// childMemory is what a miner may take here, by both processes and the kernel, in
	// bytes: no more are measured than half of the memory has room for.
	childMemory = 64 << 10
)

// Span is how long something takes, in milliseconds: half of them, 99 of 100, 999 of
// 1,000, and the last.
type Span struct {
	P50  float64 `json:"p50_ms"`
	P99  float64 `json:"p99_ms"`
	P999 float64 `json:"p999_ms"`
	Last float64 `json:"last_ms"`
}

// spanOf is of times in their order, at least one.
func spanOf(sorted []time.Duration) Span {
	at := func(thousandths int) float64 {
		i := (len(sorted)*thousandths + 999) / 1000
		return sorted[max(i-1, 0)].Seconds() * 1e3
	}
	return Span{at(500), at(990), at(999), at(1000)}
}

// Side is one server before some miners. What was not measured is 0.
type Side struct {
	Miners int `json:"miners"`
	// Storm is until all have work that connect at once, in milliseconds.
	Storm float64 `json:"storm_ms"`
	// Written is until the kernel has a new block's work for each miner.
	Written Span `json:"written"`
	// Verdict is how long a share waits for its answer at Rate shares a second.
	Verdict Span    `json:"verdict"`
	Rate    float64 `json:"shares_per_second"`
	// Paced is the processor time of a share at that rate, with all that becomes of it,
	// Closed that of one after the other on each connection, in microseconds; ClosedRate
	// is how many there are then in a second. Neither has what is done without shares.
	Paced      float64 `json:"paced_cpu_us"`
	Closed     float64 `json:"closed_cpu_us"`
	ClosedRate float64 `json:"closed_shares_per_second"`
	// Idle is heap and stacks of a silent miner, Resident what the process's resident
	// memory has grown by for each since there were none, Worked heap and stacks once
	// each has had shares, in bytes.
	Idle     float64 `json:"idle_bytes"`
	Resident float64 `json:"resident_bytes"`
	Worked   float64 `json:"worked_bytes"`
}

// Compared is a prediction beside what was measured.
type Compared struct {
	Predicted Demand `json:"predicted"`
	Measured  Demand `json:"measured"`
}

// Result is all that was found.
type Result struct {
	Version string  `json:"version"`
	Took    float64 `json:"took_seconds"`
	Machine Machine `json:"machine"`
	Farm    Farm    `json:"farm"`
	// Others is how many processors other work on this machine has used meanwhile.
	Others float64 `json:"other_processors"`
	// Note says why there were fewer miners than were wanted, or nothing.
	Note string `json:"note,omitempty"`
	// Few and Many are the proxy with the two numbers of miners, Bare is the server
	// that does nothing but answer, with many.
	Few  Side `json:"few"`
	Many Side `json:"many"`
	Bare Side `json:"bare"`
	// FromFew and FromMany are the two models, Compared is what the first says of many.
	FromFew  Coefficients `json:"coefficients_few"`
	FromMany Coefficients `json:"coefficients_many"`
	Compared Compared     `json:"compared"`
	// Carries is how many miners the machine carries, Limits are why.
	Carries int     `json:"carries"`
	Limits  []Limit `json:"limits"`
}

// conclude makes of the models what follows from them.
func (r *Result) conclude() {
	r.Compared = Compared{r.FromFew.Predict(r.Farm), r.FromMany.Predict(r.Farm)}
	r.Limits = r.FromMany.Limits(r.Farm, r.Machine)
	r.Carries = r.Limits[0].Miners
}

// size is how many miners there are to be, and why they are fewer than was wanted.
func (c *Config) size(possible int) (n int, note string) {
	n = c.Miners
	if n == 0 {
		n = defaultMiners
	}
	wanted := n
	less := func(most int, why string) {
		if n > most {
			n, note = most, fmt.Sprintf("measured with %d miners in place of %d: %s", most, wanted, why)
		}
	}
	if most := c.Machine.MaxConnections; most > 0 {
		less(most, fmt.Sprintf("server.max_connections is %d", most))
	}
	if c.Machine.Memory > 0 {
		less(max(1, int(c.Machine.Memory/2/childMemory)), "half of the memory has room for no more, with both ends on this machine")
	}
	less(possible, fmt.Sprintf("this process may have %d open files", c.Machine.Files))
	return n, note
}

package profile

// DefaultOneIn is the part of miners' reads that is timed where nothing else is said:
// the clock is asked some ten times for each, which is then a few ten nanoseconds a
// share.
const DefaultOneIn = 16

// Config says how much is timed.
type Config struct {
	// OneIn is of how many reads of a miner's connection one is timed; 0 is
	// [DefaultOneIn].
	OneIn int
	// Batch is of how many miners that are given a job one is timed; 0 is 1.
	Batch int
}

// Profile has a histogram for each step. Make it with [New].
type Profile struct {
	// Static after construction.
	cfg Config

	// steps may be used by any number of goroutines, as may past.
	steps [numSteps]Histogram
	past  notes
}

// New makes an empty profile.
func New(cfg Config) *Profile {
	if cfg.OneIn <= 0 {
		cfg.OneIn = DefaultOneIn
	}
	cfg.Batch = max(cfg.Batch, 1)
	return &Profile{cfg: cfg}
}

// Of returns the histogram of a step.
func (p *Profile) Of(s Step) *Histogram { return &p.steps[s] }

// OneIn is of how many one is timed.
func (p *Profile) OneIn(s Step) int {
	switch s.Facts().Sampling {
	case ByRead:
		return p.cfg.OneIn
	case ByBatch:
		return p.cfg.Batch
	case Always:
	}
	return 1
}

package config

import "time"

// Threat is the [threat] table: what misbehaviour of a connection leads to.
type Threat struct {
	Enabled bool `toml:"enabled"`
	// Slow, Refuse and Close are scores; 0 is never.
	Slow     float64       `toml:"slow"`
	Refuse   float64       `toml:"refuse"`
	Close    float64       `toml:"close"`
	HalfLife time.Duration `toml:"half_life"`
	Grace    time.Duration `toml:"grace"`
	Weights  ThreatWeights `toml:"weights"`
}

// ThreatWeights is the [threat.weights] table.
type ThreatWeights struct {
	Malformed     float64 `toml:"malformed"`
	Unsupported   float64 `toml:"unsupported"`
	Login         float64 `toml:"login"`
	Stranger      float64 `toml:"stranger"`
	Invalid       float64 `toml:"invalid"`
	Duplicate     float64 `toml:"duplicate"`
	JobNotFound   float64 `toml:"job_not_found"`
	LowDifficulty float64 `toml:"low_difficulty"`
	Excess        float64 `toml:"excess"`
	Good          float64 `toml:"good"`
}

// defaultThreat is what holds where nothing is set.
func defaultThreat() Threat {
	return Threat{
		Enabled: true, Slow: 50, Refuse: 100, Close: 200, HalfLife: 10 * time.Minute, Grace: 2 * time.Minute,
		Weights: ThreatWeights{
			Malformed: 5, Unsupported: 2, Login: 5, Stranger: 1,
			Invalid: 2, Duplicate: 1, JobNotFound: 1, LowDifficulty: 0.5, Excess: 0.1, Good: 1,
		},
	}
}

// Bounds of scores.
const (
	maxThreshold = 1_000_000
	maxOffence   = 10_000
)

// checkThreat checks the [threat] table.
func (l *loader) checkThreat(c Threat) {
	last, lastKey := 0.0, ""
	for _, one := range []struct {
		key   string
		value float64
	}{{"slow", c.Slow}, {"refuse", c.Refuse}, {"close", c.Close}} {
		at := join("threat", one.key)
		switch {
		case one.value < 0 || one.value > maxThreshold:
			l.add(at, "%s is out of range; write a score from 0, which is never, to %d", formatFloat(one.value), maxThreshold)
		case one.value > 0 && one.value <= last:
			l.add(at, "%s is not above %s, which is %s; answers grow with the score", formatFloat(one.value), lastKey, formatFloat(last))
		case one.value > 0:
			last, lastKey = one.value, one.key
		}
	}
	l.checkTimeout("threat.half_life", c.HalfLife, 24*time.Hour)
	if c.Grace < 0 || c.Grace > time.Hour {
		l.add("threat.grace", `%s is out of range; write a duration from "0s" to "1h"`, l.quote("threat.grace", c.Grace))
	}
	for _, one := range c.Weights.all() {
		if one.value < 0 || one.value > maxOffence {
			l.add(join("threat.weights", one.key), "%s is out of range; write a number from 0 to %d", formatFloat(one.value), maxOffence)
		}
	}
}

// weight is one of the weights with its key and what it is of.
type weight struct {
	key   string
	value float64
	of    string
}

// all lists the weights.
func (w ThreatWeights) all() []weight {
	return []weight{
		{"malformed", w.Malformed, "a line that cannot be read"},
		{"unsupported", w.Unsupported, "an unknown method of a connection without a worker"},
		{"login", w.Login, "a refused login"},
		{"stranger", w.Stranger, "a share of nobody that is logged in"},
		{"invalid", w.Invalid, "an invalid share"},
		{"duplicate", w.Duplicate, "a duplicate share"},
		{"job_not_found", w.JobNotFound, "a share of a job that was never given"},
		{"low_difficulty", w.LowDifficulty, "a share below its difficulty"},
		{"excess", w.Excess, "a second in which `[limits]` held the connection"},
	}
}

// threatMeanings is the documentation of the [threat] table.
func threatMeanings() map[string]meaning {
	m := map[string]meaning{
		"threat.enabled":      {"Whether connections have a score, and are answered by it. See [misbehaviour](#misbehaviour).", ""},
		"threat.slow":         {"From this score on the connection is slowed down; 0 is never.", ""},
		"threat.refuse":       {"From this score on its shares are refused, but for blocks; 0 is never.", ""},
		"threat.close":        {"At this score the connection ends; 0 is never.", ""},
		"threat.half_life":    {"How long a score takes to halve.", ""},
		"threat.grace":        {"How long after it came a connection may hand in shares of the one before, and after a change of its difficulty shares of the one before: they count a tenth.", ""},
		"threat.weights.good": {"What an accepted share takes off the score.", ""},
	}
	for _, one := range (ThreatWeights{}).all() {
		m["threat.weights."+one.key] = meaning{"What " + one.of + " adds to the score.", ""}
	}
	return m
}

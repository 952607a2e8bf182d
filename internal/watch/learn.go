package watch

import (
	"slices"
	"strings"
	"time"

	"github.com/loka/stratum/work"
)

const (
	// maxKnown is how many different things are remembered as right; the oldest
	// is forgotten first.
	maxKnown = 8
	// variesAfter is how many times something has to change while it is learnt to
	// be called varying.
	variesAfter = 3
	// learnBlocks is over how many blocks something must stay the same: a pool may
	// have another address for each.
	learnBlocks = 2
)

// How something that was learnt, and accepted by an operator, is marked where it is
// kept.
const (
	markLearnt   = '='
	markAccepted = '+'
)

// learner learns what is always the same.
type learner struct {
	// known are what was found right, each with its mark before it.
	known []string

	// What is the same since when, over how many jobs and blocks.
	same   string
	since  time.Time
	jobs   int
	blocks int
	tip    work.Hash
	// changes counts what was not the same as before.
	changes int
}

// recall is a learner that knows what an earlier one did; see keep.
func recall(kept string) (l learner) {
	for text := range strings.SplitSeq(kept, "\n") {
		if len(text) > 1 && (text[0] == markLearnt || text[0] == markAccepted) && len(l.known) < maxKnown {
			l.known = append(l.known, text)
		}
	}
	return l
}

// keep is what recall takes.
func (l *learner) keep() string { return strings.Join(l.known, "\n") }

// knows says whether a text is known; accepted asks for those that an operator has
// accepted only.
func (l *learner) knows(text string, accepted bool) bool {
	return slices.ContainsFunc(l.known, func(k string) bool { return k[1:] == text && (!accepted || k[0] == markAccepted) })
}

// good are the texts that are known, those alone that an operator has accepted if
// accepted.
func (l *learner) good(accepted bool) (texts []string) {
	for _, k := range l.known {
		if !accepted || k[0] == markAccepted {
			texts = append(texts, k[1:])
		}
	}
	return texts
}

// accept takes a text as right from now on.
func (l *learner) accept(text string) {
	l.known = slices.DeleteFunc(l.known, func(k string) bool { return k[1:] == text })
	l.know(string(markAccepted) + text)
}

func (l *learner) know(marked string) {
	if len(l.known) == maxKnown {
		l.known = slices.Delete(l.known, 0, 1)
	}
	l.known = append(l.known, marked)
}

// learn looks at a job's. Where nothing is known yet, what stays the same for long
// enough is. An empty text is none that can be learnt.
func (l *learner) learn(text string, tip work.Hash, cfg *Config, now time.Time) {
	switch {
	case len(l.known) > 0 || cfg.LearnJobs <= 0:
		return
	case text == "" || text != l.same:
		if l.same != "" {
			l.changes++
		}
		l.same, l.since, l.jobs, l.blocks, l.tip = text, now, 0, 0, work.Hash{}
	}
	if text == "" {
		l.changes = min(l.changes+1, variesAfter)
		return
	}
	l.jobs++
	if l.tip != tip {
		l.tip = tip
		l.blocks++
	}
	if l.jobs >= cfg.LearnJobs && l.blocks >= learnBlocks && now.Sub(l.since) >= cfg.LearnFor {
		l.know(string(markLearnt) + text)
	}
}

// Mode is how it is known what a pool should do, as the API spells it.
type Mode string

// The modes.
const (
	// Off: nobody wants to know.
	Off Mode = "off"
	// Configured: the operator says.
	Configured Mode = "configured"
	// Learning: it is not known yet.
	Learning Mode = "learning"
	// Fixed: it was learnt, or accepted by an operator, to be always the same.
	Fixed Mode = "fixed"
	// Varies: it is another one again and again.
	Varies Mode = "varies"
)

func (l *learner) mode() Mode {
	switch {
	case len(l.known) > 0:
		return Fixed
	case l.changes >= variesAfter:
		return Varies
	}
	return Learning
}

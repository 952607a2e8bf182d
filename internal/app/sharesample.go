package app

import (
	"sync"
	"time"

	"github.com/loka/stratum/internal/events"
	"github.com/loka/stratum/internal/journal"
	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
)

// samples is how many shares are told of at a time, of those that were accepted and of
// the others each.
const samples = 8

// shareSample picks some of the shares that are booked, while somebody follows them. It
// stands where shares are booked, off their path: it takes no time of a miner's, and
// where it is being read it looks at none.
type shareSample struct {
	log *events.Log

	// mu guards what follows: of each class the latest shares that were picked, and how
	// many there were.
	mu      sync.Mutex
	picked  [2][samples]store.Share
	held    [2]int
	counted [2]uint64
}

// take looks at what was booked; the events are not its own.
func (s *shareSample) take(booked []ledger.Event) {
	if !s.log.Shares() || !s.mu.TryLock() {
		return
	}
	defer s.mu.Unlock()
	for i := range booked {
		v := booked[i].Verdict()
		if v == mining.Pending {
			continue
		}
		class := 0
		if v != mining.Accepted {
			class = 1
		}
		at := s.counted[class]
		s.counted[class]++
		place := int(at % samples)
		switch {
		case at < samples: // the first few
		case at%64 != 0:
			continue
		default: // and then each 64th
			place = int(at / 64 % samples)
		}
		share, ok := booked[i].Share()
		if !ok {
			s.counted[class]--
			continue
		}
		s.picked[class][place] = share
		s.held[class] = min(s.held[class]+1, samples)
	}
}

// tell publishes what was picked since it was called last.
func (s *shareSample) tell(time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for class := range s.picked {
		n, all := s.held[class], s.counted[class]
		for i := range n {
			share := &s.picked[class][i]
			count := all / uint64(n)
			if i == 0 {
				count += all % uint64(n)
			}
			s.log.Publish(events.Event{
				At: share.At, Kind: events.Share, What: share.Verdict.String(), Worker: share.Worker, Pool: share.Pool, Route: share.Route,
				Count: count, Value: share.Reached,
			})
			*share = store.Share{}
		}
		s.held[class], s.counted[class] = 0, 0
	}
}

// tapped is a journal, and who looks at what it is given.
type tapped struct {
	*journal.Journal

	shares *shareSample
}

// tap has what is booked looked at on its way to the journal.
func (h *happened) tap(j *journal.Journal) ledger.Sink { return tapped{j, h.shares} }

// Take implements [ledger.Sink].
func (t tapped) Take(booked []ledger.Event) {
	t.Journal.Take(booked)
	t.shares.take(booked)
}

// TakeBlock implements [ledger.BlockSink].
func (t tapped) TakeBlock(b store.Block) {
	t.Journal.TakeBlock(b)
	e := events.Event{
		At: b.At, Kind: events.Block, What: events.Found, Worker: b.Worker, Pool: b.Pool, Route: b.Route, Value: b.Difficulty, Detail: b.Hash,
	}
	if b.Verdict != mining.Pending {
		e.Reason = b.Verdict.String()
		e.Message = "pool " + b.Pool + " says of the block that worker " + b.Worker + " found: " + b.Verdict.String()
	}
	t.shares.log.Publish(e)
}

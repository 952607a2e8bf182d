package watch

import (
	"sync/atomic"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

const (
	// fullAfter is how long after the first job on a block jobs should have
	// transactions.
	fullAfter = time.Minute
	// earningFor is for how long a connection must have been earning for its
	// difficulty to be settled, and idleAfter when it is not earning any more.
	earningFor, idleAfter = 10 * time.Minute, time.Minute
)

// Role is what a connection is for.
type Role uint8

// The roles.
const (
	// Probe is the one connection that is kept all the time: it says on which
	// block the pool is.
	Probe Role = iota
	// Shared is one of many miners.
	Shared
	// Own is one of a single miner, of which there may be very many: only what it
	// pays is looked at.
	Own
)

// Stream watches one connection to a pool. Its methods but Answered are for one
// goroutine.
type Stream struct {
	pool *Pool
	role Role
	// same says that what this connection's jobs pay should be what others' do.
	same bool

	// answers counts the shares that the pool has answered.
	answers atomic.Uint64
	// counted is how many they were at the latest job that came after a new one, which
	// came at answered; earning is since when there are some again and again.
	counted           uint64
	answered, earning time.Time

	jobs, extras window
	difficulty   work.Difficulty

	block  work.Hash
	first  time.Time // job on that block
	late   bool      // there was a late empty one
	full   bool      // there was one with transactions
	streak int
}

// Stream watches another connection. same is false where what is paid may hang on who
// has the connection.
func (p *Pool) Stream(role Role, same bool) *Stream { return &Stream{pool: p, role: role, same: same} }

// Answered notes that the pool has answered a share. It takes no lock, looks at no
// clock, and any goroutine may call it.
func (s *Stream) Answered() { s.answers.Add(1) }

// Unasked notes that the pool has answered what was not asked.
func (s *Stream) Unasked(now time.Time) { s.pool.Unasked(now) }

// Extranonce notes that the pool has changed the extranonce.
func (s *Stream) Extranonce(now time.Time) {
	p := s.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	p.extra.see(float64(s.extras.add(1, hour, now)), tenMinutes, now)
}

// Job looks at a job.
func (s *Stream) Job(job *mining.Job, now time.Time) {
	p := s.pool
	var paid payment
	if s.same {
		paid = read(job) // not under the lock, which all connections to the pool share
	} else if s.role == Own {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.same {
		p.pays(job, paid, now)
	}
	if s.role == Probe {
		p.moved(job, now)
	}
	if s.role == Own {
		return
	}
	p.flood.see(float64(s.jobs.add(1, minute, now)), minute, now)
	p.empty.see(float64(s.empty(job, now)), 2*tenMinutes, now)
	if rise := s.rise(job, now); rise > 1 {
		p.jump.see(rise, tenMinutes, now)
	}
}

// empty is on how many blocks in a row jobs had no transactions when they should.
func (s *Stream) empty(job *mining.Job, now time.Time) int {
	if job.PrevHash != s.block || s.first.IsZero() {
		if s.full && !s.late { // not every pool gives a job when nothing is new
			s.streak = 0
		}
		s.block, s.first, s.late, s.full = job.PrevHash, now, false, false
	}
	s.full = s.full || len(job.Branches) > 0
	switch due := now.Sub(s.first) >= fullAfter; {
	case len(job.Branches) > 0 && due:
		s.streak = 0
	case len(job.Branches) == 0 && due && !s.late:
		s.late = true
		s.streak++
	}
	return s.streak
}

// rise is by which factor the difficulty has risen since the job before, 0 where that
// says nothing: a connection that has just begun to earn finds its difficulty by leaps.
func (s *Stream) rise(job *mining.Job, now time.Time) float64 {
	was := s.difficulty
	s.difficulty = job.Difficulty
	if n := s.answers.Load(); n != s.counted {
		s.counted, s.answered = n, now
	}
	switch {
	case s.counted == 0 || now.Sub(s.answered) > idleAfter:
		s.earning = time.Time{}
		return 0
	case s.earning.IsZero():
		s.earning = now
	}
	if was <= 0 || now.Sub(s.earning) < earningFor {
		return 0
	}
	return float64(job.Difficulty / was)
}

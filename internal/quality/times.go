package quality

import (
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// fine is how many buckets, as a power of two, each doubling of a time has:
	// what is read is off by a sixteenth at the most.
	fine = 3
	// octaves is how many doublings of a microsecond there are: up to 67 s, more
	// than a share may be on its way.
	octaves = 26
	buckets = octaves << fine
)

// times counts times in buckets. Add takes no lock.
type times [buckets]atomic.Uint32

func (t *times) add(d time.Duration) {
	us := uint64(max(d.Microseconds(), 1))
	t[min(bucketOf(us), buckets-1)].Add(1)
}

// bucketOf is where a time in microseconds, at least 1, is counted.
func bucketOf(us uint64) int {
	octave := bits.Len64(us) - 1
	within := us << fine >> octave & (1<<fine - 1)
	return octave<<fine | int(within)
}

// middle is the time that stands for a bucket.
func middle(bucket int) time.Duration {
	low := float64(uint64(1) << (bucket >> fine))
	part := (float64(bucket&(1<<fine-1)) + 0.5) / (1 << fine)
	return time.Duration(low * (1 + part) * float64(time.Microsecond))
}

// quantiles are the times below which a part of all is, for each part, of the
// times of several counts together; 0 where nothing was counted.
func quantiles(of []*times, parts ...float64) []time.Duration {
	var sum [buckets]uint64
	all := uint64(0)
	for _, t := range of {
		for i := range t {
			n := uint64(t[i].Load())
			sum[i] += n
			all += n
		}
	}
	found := make([]time.Duration, len(parts))
	if all == 0 {
		return found
	}
	for i, part := range parts {
		below, want := uint64(0), max(uint64(part*float64(all)+0.5), 1)
		for bucket, n := range sum {
			if below += n; below >= want {
				found[i] = middle(bucket)
				break
			}
		}
	}
	return found
}

// keep is how many of the latest are kept of what is seldom.
const keep = 16

// latest keeps the latest few times of what is seldom.
type latest struct {
	mu   sync.Mutex
	ring [keep]time.Duration
	n    int
}

func (l *latest) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring[l.n%keep] = d
	l.n++
}

// all are those that are kept, the shortest first.
func (l *latest) all() []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := slices.Clone(l.ring[:min(l.n, keep)])
	slices.Sort(all)
	return all
}

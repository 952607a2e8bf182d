package ratelimit

import (
	"math"
	"sync/atomic"
	"time"
)

// Rate is a token bucket's: so many tokens a second, and so many at once. A zero
// PerSecond is no limit.
type Rate struct {
	PerSecond float64
	Burst     int
}

// limit is a Rate as it is worked with: the time that a token takes, and how much
// of that may be owed.
type limit struct{ each, slack int64 } // ns

// off says that there is no limit.
func (l limit) off() bool { return l.each == 0 }

// limitOf is that of n times a rate.
func limitOf(r Rate, n int) limit {
	if r.PerSecond <= 0 {
		return limit{}
	}
	scale := float64(max(n, 1))
	each := math.Ceil(float64(time.Second) / (r.PerSecond * scale)) // up: never more than the rate
	each = min(max(each, 1), float64(time.Hour))
	burst := max(float64(r.Burst)*scale, 1)
	slack := min((burst-1)*each, float64(24*time.Hour))
	return limit{each: int64(each), slack: int64(slack)}
}

// bucket is one token bucket: when it will be full again, in nanoseconds (the
// generic cell rate algorithm's theoretical arrival time). The zero bucket is
// full.
type bucket struct{ full int64 }

// take takes a token and returns how long to wait for it, at most most; what is
// owed beyond that is forgiven.
func (b *bucket) take(l limit, now int64, most time.Duration) time.Duration {
	var wait time.Duration
	b.full, wait = next(b.full, l, now, most)
	return wait
}

// next is when a bucket will be full after one more token, and the wait for that.
func next(full int64, l limit, now int64, most time.Duration) (int64, time.Duration) {
	full = max(full, now) + l.each
	full = min(full, now+l.slack+l.each+int64(most))
	return full, time.Duration(max(full-l.each-l.slack-now, 0))
}

// shared is a bucket that several connections take from.
type shared struct {
	full atomic.Int64
	// users is how many have it; the [table]'s lock guards it.
	users int
}

// take is [bucket.take].
func (b *shared) take(l limit, now int64, most time.Duration) time.Duration {
	for {
		before := b.full.Load()
		full, wait := next(before, l, now, most)
		if b.full.CompareAndSwap(before, full) {
			return wait
		}
	}
}

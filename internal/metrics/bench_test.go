package metrics

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loka/stratum/internal/profile"
	"github.com/loka/stratum/internal/testkit/turns"
)

// BenchmarkMetrics is one event on the share path: an increment of a counter that is
// kept in several places, an addition to it, a time in a histogram of such places, and
// one in a step's histogram. The events are made by one goroutine and by several at
// one time.
//
//	ns/op         is an event's time on a processor,
//	x_one         is that as a multiple of what it is for one goroutine in the same run,
//	x_atomic      and of an addition to one number that all goroutines share,
//	x_prometheus  is how many times as long client_golang's counter or histogram takes.
func BenchmarkMetrics(b *testing.B) {
	ours, theirs := newPair()
	h, plain := newHistograms()
	step := new(profile.Histogram)
	for _, event := range []struct {
		name         string
		ours, theirs func(n int)
	}{
		{"event", func(n int) {
			for range n {
				ours.Inc()
			}
		}, func(n int) {
			for range n {
				theirs.Inc()
			}
		}},
		{"adder", func(n int) {
			for range n {
				ours.Add(80)
			}
		}, func(n int) {
			for range n {
				theirs.Add(80)
			}
		}},
		{"histogram", func(n int) {
			for range n {
				h.Observe(0.0002)
			}
		}, func(n int) {
			for range n {
				plain.Observe(0.0002)
			}
		}},
		{"step", func(n int) {
			for range n {
				step.Observe(0.0002)
			}
		}, func(n int) {
			for range n {
				plain.Observe(0.0002)
			}
		}},
	} {
		for _, goroutines := range []int{1, 2, 4, 8} {
			b.Run(fmt.Sprintf("%s/goroutines=%d", event.name, goroutines), func(b *testing.B) {
				benchEvent(b, goroutines, event.ours, event.theirs)
			})
		}
	}
}

func benchEvent(b *testing.B, goroutines int, ours, theirs func(n int)) {
	b.Helper()
	var number atomic.Uint64
	add := func(n int) {
		for range n {
			number.Add(1)
		}
	}
	var took, toOne, toAtomic, toTheirs []float64
	for b.Loop() {
		many := together(goroutines, ours)
		took = append(took, many)
		toOne = append(toOne, many/together(1, ours))
		toAtomic = append(toAtomic, many/together(goroutines, add))
		toTheirs = append(toTheirs, together(goroutines, theirs)/many)
	}
	b.ReportMetric(turns.Median(took), "ns/op")
	b.ReportMetric(turns.Median(toOne), "x_one")
	b.ReportMetric(turns.Median(toAtomic), "x_atomic")
	b.ReportMetric(turns.Median(toTheirs), "x_prometheus")
}

// together is the nanoseconds of a processor that a thing takes which so many
// goroutines do at one time, each of them so often that it does not matter when which
// of them was woken. They begin when all are there.
func together(goroutines int, do func(n int)) float64 {
	const each = 1_000_000
	var arrived atomic.Int64
	var done sync.WaitGroup
	var start time.Time
	for range goroutines {
		done.Go(func() {
			if arrived.Add(1) == int64(goroutines) {
				start = time.Now()
				arrived.Add(1)
			}
			for arrived.Load() <= int64(goroutines) {
				runtime.Gosched()
			}
			do(each)
		})
	}
	done.Wait()
	processors := min(goroutines, runtime.GOMAXPROCS(0))
	return float64(time.Since(start).Nanoseconds()) * float64(processors) / float64(goroutines*each)
}

package metrics

import (
	"math"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loka/stratum/internal/atomics"
)

// buckets is the number of a histogram's buckets, that above all bounds aside.
const buckets = 19

// bounds are the upper ends of the buckets, in seconds.
func bounds() [buckets]float64 {
	return [buckets]float64{
		25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3,
		50e-3, 100e-3, 250e-3, 500e-3, 1, 2.5, 5, 10, 30,
	}
}

// ShardedHistogram counts times by bucket, in several places that are added
// up when somebody scrapes. It is a [prometheus.Collector] of one series. Make
// it with [NewShardedHistogram].
type ShardedHistogram struct {
	// Static after construction.
	desc   *prometheus.Desc
	bounds [buckets]float64

	places [shards]bucketShard
}

// bucketShard is one place: 168 bytes and what keeps the next one away.
type bucketShard struct {
	sum    atomics.Float64
	counts [buckets + 1]atomic.Uint64
	_      [2*padded - 8*(buckets+2)]byte
}

// NewShardedHistogram makes a histogram of times from 25 µs to 30 s.
func NewShardedHistogram(opts prometheus.HistogramOpts) *ShardedHistogram {
	name := prometheus.BuildFQName(opts.Namespace, opts.Subsystem, opts.Name)
	return &ShardedHistogram{desc: prometheus.NewDesc(name, opts.Help, nil, opts.ConstLabels), bounds: bounds()}
}

// Observe counts a time in seconds; what is no number is left out.
func (h *ShardedHistogram) Observe(v float64) {
	if math.IsNaN(v) {
		return
	}
	i := 0
	for i < buckets && v > h.bounds[i] {
		i++
	}
	place := &h.places[shard()]
	place.counts[i].Add(1)
	place.sum.Add(v)
}

// Describe implements [prometheus.Collector].
func (h *ShardedHistogram) Describe(out chan<- *prometheus.Desc) { out <- h.desc }

// Collect implements [prometheus.Collector]. The count is that of the buckets,
// so the two always agree; the sum may be a few observations ahead or behind.
func (h *ShardedHistogram) Collect(out chan<- prometheus.Metric) {
	var counts [buckets + 1]uint64
	var total float64
	for i := range h.places {
		place := &h.places[i]
		for b := range counts {
			counts[b] += place.counts[b].Load()
		}
		total += place.sum.Load()
	}
	upTo := make(map[float64]uint64, buckets)
	var count uint64
	for b, bound := range h.bounds {
		count += counts[b]
		upTo[bound] = count
	}
	count += counts[buckets]
	out <- prometheus.MustNewConstHistogram(h.desc, count, total, upTo)
}

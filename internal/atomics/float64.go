// Package atomics has what package sync/atomic leaves out.
package atomics

import (
	"math"
	"sync/atomic"
)

// Float64 is a float64 that any number of goroutines may use. Its zero value is
// 0. It must not be copied once it is used.
type Float64 struct{ bits atomic.Uint64 }

// Load returns the number.
func (f *Float64) Load() float64 { return math.Float64frombits(f.bits.Load()) }

// Store replaces the number.
func (f *Float64) Store(v float64) { f.bits.Store(math.Float64bits(v)) }

// Swap replaces the number and returns the one before.
func (f *Float64) Swap(v float64) float64 {
	return math.Float64frombits(f.bits.Swap(math.Float64bits(v)))
}

// Add adds to the number.
func (f *Float64) Add(v float64) {
	for {
		old := f.bits.Load()
		if f.bits.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+v)) {
			return
		}
	}
}

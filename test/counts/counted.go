package main

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// counted is a line of a test that counts: an operation, done two numbers of times.
type counted struct {
	Counted string
	// Counts are what it took, seen from within.
	Counts []struct{ N, Mallocs, Bytes, Writes uint64 }
	// Calls are what it took over loopback, system calls by name.
	Calls []struct {
		N, Mallocs uint64
		By         map[string]uint64
	}
}

// parseCounted finds the lines of operations in what a test printed.
func parseCounted(out []byte) ([]counted, error) {
	var all []counted
	for line := range bytes.Lines(out) {
		if !bytes.HasPrefix(line, []byte(`{"Counted":`)) {
			continue
		}
		var c counted
		if err := json.Unmarshal(line, &c); err != nil {
			return nil, fmt.Errorf("%s: %w", bytes.TrimSpace(line), err)
		}
		if n := max(len(c.Counts), len(c.Calls)); n != 2 {
			return nil, fmt.Errorf("%s: done %d numbers of times and not 2", c.Counted, n)
		}
		all = append(all, c)
	}
	return all, nil
}

// each is a count by the time that an operation is done once more.
func each(few, many, n, m uint64) float64 {
	return (float64(many) - float64(few)) / (float64(m) - float64(n))
}

// seen are the counts of an operation done in memory.
func (c *counted) seen() []row {
	a, b := c.Counts[0], c.Counts[1]
	rows := []row{
		{Name: c.Counted, Unit: allocations, Count: each(a.Mallocs, b.Mallocs, a.N, b.N)},
		{Name: c.Counted, Unit: allocated, Count: each(a.Bytes, b.Bytes, a.N, b.N)},
	}
	if b.Writes > 0 {
		rows = append(rows, row{Name: c.Counted, Unit: writes, Count: each(a.Writes, b.Writes, a.N, b.N)})
	}
	return rows
}

// called are the counts of an operation done over loopback.
func (c *counted) called() []row {
	a, b := c.Calls[0], c.Calls[1]
	names := systemCalls()
	rows := make([]row, 0, 1+len(names))
	rows = append(rows, row{Name: c.Counted, Unit: allocations, Count: each(a.Mallocs, b.Mallocs, a.N, b.N)})
	for _, name := range names {
		rows = append(rows, row{Name: c.Counted, Unit: calls(name), Count: each(a.By[name], b.By[name], a.N, b.N)})
	}
	return rows
}

// instructed are the instructions of operations in the order in which they were done,
// from the parts of the profile: for each of them what came before, the first number of
// times, what came between, and the second.
func instructed(all []counted, parts []profile) ([]row, error) {
	if len(parts) < 4*len(all) {
		return nil, fmt.Errorf("%d parts of a profile of %d operations", len(parts), len(all))
	}
	var rows []row
	for i, c := range all {
		few, many, n, m := parts[4*i+1], parts[4*i+3], c.Counts[0].N, c.Counts[1].N
		rows = append(rows, row{Name: c.Counted, Unit: instructions, Count: each(few.rest, many.rest, n, m)})
		if many.hashing > 0 {
			rows = append(rows, row{Name: c.Counted, Unit: hashing, Count: each(few.hashing, many.hashing, n, m)})
		}
	}
	return rows, nil
}

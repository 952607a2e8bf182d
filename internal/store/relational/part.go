package relational

import "github.com/loka/stratum/internal/store"

// progress is how far a log was taken: chunks up to a frame, and of the one that follows,
// whose last frame is partly, so many records (0 and 0: nothing).
type progress struct{ last, partly, done uint64 }

// next is the piece of a chunk that follows, of at most so many records (0: all), and how
// far the log is taken with it. Sums come first, then workers, and single shares last,
// which may be kept no more when the rest of the chunk is given.
func (p progress) next(c *store.Chunk, most int) (*store.Chunk, progress) {
	skip := int(min(p.done, uint64(len(c.Rollups)+len(c.Workers)+len(c.Shares)))) //nolint:gosec // not more than a length
	room := most
	if most <= 0 {
		room = len(c.Rollups) + len(c.Workers) + len(c.Shares)
	}
	to := progress{last: p.last, partly: c.Last, done: uint64(skip)}
	piece := *c
	piece.Rollups = cut(c.Rollups, &skip, &room)
	piece.Workers = cut(c.Workers, &skip, &room)
	piece.Shares = cut(c.Shares, &skip, &room)
	if p.done > 0 {
		piece.Blocks = nil // they went with the first
	}
	to.done += uint64(len(piece.Rollups) + len(piece.Workers) + len(piece.Shares))
	if to.done == uint64(len(c.Rollups)+len(c.Workers)+len(c.Shares)) {
		to = progress{last: c.Last}
	}
	return &piece, to
}

// cut is what is left of records after so many are skipped, of which there is room for so
// many; both are less by what was skipped and by what is returned.
func cut[T any](records []T, skip, room *int) []T {
	n := min(*skip, len(records))
	*skip -= n
	records = records[n:]
	n = min(*room, len(records))
	*room -= n
	return records[:n:n]
}

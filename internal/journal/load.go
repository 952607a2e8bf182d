package journal

import (
	"context"
	"slices"

	"github.com/loka/stratum/internal/store"
)

// load is what some frames in a row have.
type load struct {
	first, last uint64
	frames      int
	bytes       int // that they take
	sums        *counts
	blocks      []store.Block
	// single is how many single shares the frames have; where those are kept they are in
	// shares, and at says where by their ids.
	single int
	shares []store.Share
	at     map[uint64]int
}

// extent is how much is read at a time.
type extent uint8

const (
	fitting extent = iota // what there is room for, but at least one frame
	whole                 // all, which there was room for once
)

// load reads frames after a number, up to another; nil is no frame. moving is held, or
// nothing runs yet.
func (j *Journal) load(ctx context.Context, after, until uint64, e extent) (*load, error) {
	l := &load{last: after, sums: newCounts(), at: make(map[uint64]int)}
	for more := true; more && l.last < until; {
		frames, err := j.read(ctx, l.last, until)
		if err != nil {
			return nil, err
		}
		more = len(frames) > 0
		for i := range frames {
			if more = l.frames == 0 || e == whole || j.fits(l, &frames[i]); !more {
				break
			}
			if err := j.add(ctx, l, &frames[i]); err != nil {
				return nil, err
			}
		}
	}
	if l.frames == 0 {
		return nil, nil //nolint:nilnil // there is none, which is no error
	}
	return l, nil
}

// read reads some frames after a number, up to another.
func (j *Journal) read(ctx context.Context, after, until uint64) ([]store.Frame, error) {
	frames, err := j.deps.Disk.Read(ctx, after, min(readBytes, j.room*shareBytes))
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(frames, func(f store.Frame) bool { return f.Number > until }); i >= 0 {
		frames = frames[:i]
	}
	return frames, nil
}

// fits says whether there is room for one more frame: for its single shares, and for sums
// and bytes where there is some left. What is offered the warehouse is not squeezed any
// more, so it is little of what the log may have.
func (j *Journal) fits(l *load, f *store.Frame) bool {
	bytes := loadBytes
	if j.cfg.MaxDisk > 0 {
		bytes = int(min(loadBytes, logPart/2*float64(j.cfg.MaxDisk)))
	}
	return l.single+f.Shares <= j.room && len(l.sums.rows) <= sumsToShares*j.room && l.bytes <= bytes && l.frames < loadFrames
}

// add adds a frame.
func (j *Journal) add(ctx context.Context, l *load, f *store.Frame) error {
	content, err := j.contentIn(ctx, f)
	if err != nil {
		return err
	}
	if l.frames == 0 {
		l.first = f.Number
	}
	l.last, l.frames, l.bytes, l.single = f.Number, l.frames+1, l.bytes+len(f.Data), l.single+f.Shares
	content.addTo(l.sums)
	l.blocks = append(l.blocks, content.Blocks...)
	if j.cfg.KeepShares == 0 {
		return nil
	}
	for k := range content.Shares {
		l.shares = join(l.shares, l.at, content.share(k))
	}
	return nil
}

// chunk is the load as a warehouse takes it, but for its place in the log.
func (l *load) chunk(instance string) *store.Chunk {
	return &store.Chunk{Instance: instance, Shares: l.shares, Blocks: l.blocks, Rollups: l.sums.rollups(), Workers: l.sums.workers()}
}

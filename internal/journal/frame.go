package journal

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/loka/stratum/internal/ledger"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/store"
)

// frameVersion is what a frame begins with, of the form that is written here.
const frameVersion = 1

// maxFrame bounds what a frame may be once it is unpacked, in bytes.
const maxFrame = 1 << 30

// content is what is in a frame: a gob, compressed. Names are kept once and
// known by their place in Names.
type content struct {
	Names  []string
	Shares []shareRow
	Step   store.Step
	Counts []countRow
	Blocks []store.Block
}

type shareRow struct {
	ID                                  uint64
	At                                  int64 // Unix microseconds
	Worker, Pool, Route                 int
	Verdict, PoolVerdict                mining.Verdict
	Sent                                bool
	Difficulty, Reached, PoolDifficulty float64
	Sat, Pico, PoolSat, PoolPico        int64
}

type countRow struct {
	Worker, Pool, Route int
	Side                store.Side
	Verdict             mining.Verdict
	At, First, Last     int64 // Unix microseconds; At seconds
	Shares              uint64
	Work, Blocks, Best  float64
	Sat, Pico           int64
}

// codec makes frames of events and reads them. Any number of goroutines may use it.
type codec struct {
	pack   *zstd.Encoder
	unpack *zstd.Decoder
}

func newCodec() (*codec, error) {
	pack, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<18))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	unpack, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxFrame))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	return &codec{pack, unpack}, nil
}

func (c *codec) encode(in *content) ([]byte, error) {
	var plain bytes.Buffer
	if err := gob.NewEncoder(&plain).Encode(in); err != nil {
		return nil, fmt.Errorf("encode a frame: %w", err)
	}
	return c.pack.EncodeAll(plain.Bytes(), []byte{frameVersion}), nil
}

// emptyFrame is a frame with nothing in it.
func emptyFrame() []byte { return []byte{frameVersion} }

// errNewerFrame is a frame that a later version wrote.
var errNewerFrame = errors.New("a later version of loka wrote it")

func (c *codec) decode(data []byte) (*content, error) {
	if len(data) == 0 {
		return nil, errors.New("it is empty")
	}
	if data[0] != frameVersion {
		return nil, fmt.Errorf("version %d: %w", data[0], errNewerFrame)
	}
	if len(data) == len(emptyFrame()) {
		return new(content), nil
	}
	plain, err := c.unpack.DecodeAll(data[1:], nil)
	if err != nil {
		return nil, fmt.Errorf("unpack it: %w", err)
	}
	out := new(content)
	if err := gob.NewDecoder(bytes.NewReader(plain)).Decode(out); err != nil {
		return nil, fmt.Errorf("decode it: %w", err)
	}
	return out, out.check()
}

// check looks at what the rest relies on.
func (c *content) check() error {
	known := func(of ...int) bool {
		for _, n := range of {
			if n < 0 || n >= len(c.Names) {
				return false
			}
		}
		return true
	}
	if c.Step > store.Day {
		return errors.New("its step is not known")
	}
	for i := range c.Shares {
		if s := &c.Shares[i]; !known(s.Worker, s.Pool, s.Route) {
			return errors.New("a share has a name that is not there")
		}
	}
	for i := range c.Counts {
		if r := &c.Counts[i]; !known(r.Worker, r.Pool, r.Route) {
			return errors.New("a count has a name that is not there")
		}
	}
	return nil
}

// names numbers names as they come.
type names struct {
	numbers map[string]int
	list    []string
}

func (n *names) of(name string) int {
	i, ok := n.numbers[name]
	if !ok {
		if n.numbers == nil {
			n.numbers = make(map[string]int)
		}
		i = len(n.list)
		n.numbers[name] = i
		n.list = append(n.list, name)
	}
	return i
}

// contentOf puts events, what else was counted and blocks into a frame's form; of events
// the single shares too, if they are kept.
func contentOf(events []ledger.Event, sums *counts, blocks []store.Block, keep bool) *content {
	var n names
	out := &content{Blocks: blocks}
	if keep {
		out.Shares = make([]shareRow, 0, len(events))
	}
	for i := range events {
		sums.event(&events[i])
		s, ok := events[i].Share()
		if !ok || !keep {
			continue
		}
		out.Shares = append(out.Shares, shareRow{
			ID: s.ID, At: s.At.UnixMicro(), Worker: n.of(s.Worker), Pool: n.of(s.Pool), Route: n.of(s.Route),
			Verdict: s.Verdict, PoolVerdict: s.PoolVerdict, Sent: s.Sent,
			Difficulty: s.Difficulty, Reached: s.Reached, PoolDifficulty: s.PoolDifficulty,
			Sat: s.Value.Sat, Pico: s.Value.Pico, PoolSat: s.PoolValue.Sat, PoolPico: s.PoolValue.Pico,
		})
	}
	out.setCounts(sums, &n)
	out.Names = n.list
	return out
}

func (c *content) setCounts(sums *counts, n *names) {
	c.Step = sums.step
	c.Counts = make([]countRow, 0, len(sums.rows))
	for _, r := range sums.rows {
		k := &r.key
		c.Counts = append(c.Counts, countRow{
			Worker: n.of(k.Worker), Pool: n.of(k.Pool), Route: n.of(k.Route), Side: k.Side, Verdict: k.Verdict,
			At: k.at, First: r.first.UnixMicro(), Last: r.last.UnixMicro(), Shares: r.Shares,
			Work: r.Work, Blocks: r.Blocks, Best: r.Best, Sat: r.Value.Sat, Pico: r.Value.Pico,
		})
	}
}

// addTo adds the frame's counts to others, by steps that are as long as theirs or the
// frame's own.
func (c *content) addTo(sums *counts) {
	for i := range c.Counts {
		in := &c.Counts[i]
		sums.add(store.Key{
			Worker: c.Names[in.Worker], Pool: c.Names[in.Pool], Route: c.Names[in.Route], Side: in.Side, Verdict: in.Verdict,
		}, time.Unix(in.At, 0), &row{
			Cell: store.Cell{
				Shares: in.Shares, Work: in.Work, Value: mining.Amount{Sat: in.Sat, Pico: in.Pico}, Blocks: in.Blocks, Best: in.Best,
			},
			first: time.UnixMicro(in.First).UTC(), last: time.UnixMicro(in.Last).UTC(),
		})
	}
}

// share is the i-th of the frame's shares.
func (c *content) share(i int) store.Share {
	in := &c.Shares[i]
	return store.Share{
		ID: in.ID, At: time.UnixMicro(in.At).UTC(), Worker: c.Names[in.Worker], Pool: c.Names[in.Pool], Route: c.Names[in.Route],
		Verdict: in.Verdict, PoolVerdict: in.PoolVerdict, Sent: in.Sent,
		Difficulty: in.Difficulty, Reached: in.Reached, PoolDifficulty: in.PoolDifficulty,
		Value: mining.Amount{Sat: in.Sat, Pico: in.Pico}, PoolValue: mining.Amount{Sat: in.PoolSat, Pico: in.PoolPico},
	}
}

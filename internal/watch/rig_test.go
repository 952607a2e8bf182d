package watch_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/watch"
	"github.com/loka/stratum/work"
)

var start = time.Unix(1_700_000_000, 0)

// The scripts that made-up coinbases pay.
var (
	alice = p2wpkh(1)
	bob   = p2wpkh(2)
	carol = p2wpkh(3)
)

func p2wpkh(n byte) []byte {
	script := append([]byte{0, 20}, make([]byte, 20)...)
	script[2] = n
	return script
}

// pay is one output.
type pay struct {
	script []byte
	value  uint64
}

// coin is a made-up coinbase around an extranonce of eight bytes.
type coin struct {
	height uint32
	tag    string
	pays   []pay
}

func (c coin) halves() (prefix, suffix []byte) {
	script := append([]byte{3, byte(c.height), byte(c.height >> 8), byte(c.height >> 16), byte(len(c.tag))}, c.tag...)
	prefix = append([]byte{1, 0, 0, 0, 1}, make([]byte, 32)...)
	prefix = append(prefix, 0xff, 0xff, 0xff, 0xff, byte(len(script)+8))
	prefix = append(prefix, script...)
	suffix = []byte{0xff, 0xff, 0xff, 0xff, byte(len(c.pays))}
	for _, p := range c.pays {
		suffix = binary.LittleEndian.AppendUint64(suffix, p.value)
		suffix = append(suffix, byte(len(p.script)))
		suffix = append(suffix, p.script...)
	}
	return prefix, append(suffix, 0, 0, 0, 0)
}

// jobOf is a job on a block, that pays some scripts the same amount each.
func jobOf(block byte, scripts ...[]byte) *mining.Job {
	c := coin{height: 840_000 + uint32(block), tag: "/test pool/"}
	for _, s := range scripts {
		c.pays = append(c.pays, pay{s, 100})
	}
	return c.job(block)
}

func (c coin) job(block byte) *mining.Job {
	prefix, suffix := c.halves()
	en1, _ := work.MakeExtranonce([]byte{0xde, 0xad, 0xbe, 0xef})
	return &mining.Job{
		PrevHash: work.Hash{block}, NBits: 0x1703a30c, CoinbasePrefix: prefix, CoinbaseSuffix: suffix, Branches: []work.Hash{{1}},
		Extranonce1: en1, Extranonce2Size: 4, Difficulty: 1024, Height: c.height,
	}
}

// rig is a pool that is watched, and its clock.
type rig struct {
	t     *testing.T
	pool  *watch.Pool
	probe *watch.Stream
	now   time.Time
	// log are the signals that began (+) and ended (-).
	log []string
}

func newRig(t *testing.T, change func(*watch.Config), own watch.PoolConfig) *rig {
	t.Helper()
	cfg := watch.Defaults()
	if change != nil {
		change(&cfg)
	}
	p := watch.NewPool(cfg, own, watch.Known{})
	return &rig{t: t, pool: p, probe: p.Stream(watch.Probe, true), now: start}
}

// pass lets time pass, by ticks of a second, or of ten where it is long.
func (r *rig) pass(d time.Duration, books *watch.Books) {
	step := time.Second
	if d >= 10*time.Minute {
		step = 10 * time.Second
	}
	for end := r.now.Add(d); r.now.Before(end); {
		r.now = r.now.Add(step)
		r.tick(books)
	}
}

func (r *rig) tick(books *watch.Books) {
	for _, c := range r.pool.Tick(books, r.now) {
		sign := "-"
		if c.Begun {
			sign = "+"
		}
		r.log = append(r.log, sign+string(c.Kind))
	}
}

// jobs gives a job every half minute for a while.
func (r *rig) jobs(d time.Duration, job func() *mining.Job) {
	for end := r.now.Add(d); r.now.Before(end); {
		r.probe.Job(job(), r.now)
		r.pass(30*time.Second, nil)
	}
}

// expect compares the signals that are on.
func (r *rig) expect(what string, want ...watch.Kind) {
	r.t.Helper()
	signals := r.pool.Report().Signals
	got := make([]watch.Kind, 0, len(signals))
	for i := range signals {
		got = append(got, signals[i].Kind)
	}
	if len(got) != len(want) {
		r.t.Errorf("%s: signals %v, want %v", what, got, want)
		return
	}
	for i := range want {
		if got[i] != want[i] {
			r.t.Errorf("%s: signals %v, want %v", what, got, want)
		}
	}
}

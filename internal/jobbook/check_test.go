package jobbook_test

import (
	"testing"
	"time"

	"github.com/loka/stratum/internal/jobbook"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/vardiff"
	"github.com/loka/stratum/work"
)

// easy is met by one hash of four.
const easy work.Difficulty = 1.0 / (1 << 30)

// bench is a book, a miner and its newest work.
type bench struct {
	t     *testing.T
	book  *jobbook.Book
	work  *mining.Work
	told  vardiff.History
	mask  work.VersionMask
	now   time.Time
	tried work.Nonce
	en1   work.Extranonce
	// stranger: nobody that was let in hands shares in.
	stranger bool
}

// newBench has a job of the usual kind, whose pool's difficulty is 8 times the
// miner's.
func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, book: jobbook.New(jobbook.Config{MaxShares: 1 << 12}), mask: work.MaskBIP320, now: start()}
	b.en1, _ = work.ParseExtranonce([]byte("a1b2c3d4"))
	b.give(1, nil)
	b.told.Set(1, easy, b.now)
	return b
}

// give gives the next work.
func (b *bench) give(id mining.JobID, change func(w *mining.Work)) {
	w := &mining.Work{
		ID: id, Prefix: []byte("coinbase one E1"), NTime: 1_700_000_000, VersionMask: work.MaskBIP320,
		Job: &mining.Job{
			Version: 0x20000000, NBits: 0x1703a30c, NTime: 1_700_000_000, Difficulty: 8 * easy,
			CoinbaseSuffix: []byte("two"), Branches: []work.Hash{{1}, {2}},
		},
	}
	if change != nil {
		change(w)
	}
	b.work = w
	b.book.Add(w, b.now)
}

// share finds one of the newest work whose hash's difficulty is within bounds,
// with the version that the miner hashes.
func (b *bench) share(least, below work.Difficulty, change func(s *mining.Share) work.Version) mining.Share {
	b.t.Helper()
	en2, _ := work.ParseExtranonce([]byte("00000001"))
	s := mining.Share{Job: b.work.ID, Known: true, Extranonce2: en2, NTime: b.work.NTime}
	version := b.work.Job.Version
	if change != nil {
		version = change(&s)
	}
	low, high := least.Target(), below.Target()
	coinbase := work.AppendCoinbase(nil, b.work.Prefix, b.en1, s.Extranonce2, b.work.Job.CoinbaseSuffix)
	root := work.MerkleRoot(work.DoubleSHA256(coinbase), b.work.Job.Branches)
	for range 1 << 22 {
		b.tried++
		s.Nonce = b.tried
		hash := work.Header{Version: version, PrevHash: b.work.Job.PrevHash, MerkleRoot: root, NTime: s.NTime, NBits: b.work.Job.NBits, Nonce: s.Nonce}.Hash()
		if low.Met(hash) && !high.Met(hash) {
			return s
		}
	}
	b.t.Fatal("no share was found")
	return s
}

const impossible work.Difficulty = 1 << 40

// any is a share that meets the miner's difficulty.
func (b *bench) any() mining.Share { return b.share(easy, impossible, nil) }

func (b *bench) check(s mining.Share) jobbook.Finding {
	return b.book.Check(&jobbook.Claim{Share: &s, Extranonce1: b.en1, Mask: b.mask, Told: &b.told, Stranger: b.stranger}, b.now)
}

// expect checks a share and what is found of it.
func (b *bench) expect(name string, s mining.Share, want mining.Verdict, text string, forward bool) jobbook.Finding {
	b.t.Helper()
	f := b.check(s)
	if f.Verdict != want || f.Text != text || f.Forward != forward || (f.Work == nil) != (want == mining.JobNotFound) {
		b.t.Errorf("%s: %v %q, forward %t; want %v %q, %t", name, f.Verdict, f.Text, f.Forward, want, text, forward)
	}
	return f
}

func TestCheckJobs(t *testing.T) {
	b := newBench(t)
	s := b.share(easy, 8*easy, nil)
	strange := s
	strange.Job = 9
	b.expect("invented", strange, mining.JobNotFound, "", false)
	strange = s
	strange.Known = false
	b.expect("not one of ours", strange, mining.JobNotFound, "", false)
	b.stranger = true
	if f := b.check(strange); f != (jobbook.Finding{Verdict: mining.Unauthorized}) {
		t.Errorf("a stranger's: %+v", f)
	}
	b.expect("a stranger's", s, mining.Unauthorized, "", false)
	b.stranger = false
	b.now = b.now.Add(time.Minute)
	b.give(2, nil)
	late := b.share(easy, 8*easy, nil)
	b.expect("of the job before", s, mining.Accepted, "", false)
	b.give(3, func(w *mining.Work) { w.Clean = true })
	late2 := late
	late2.Job = 2
	b.expect("after a clean one", late2, mining.Stale, "", false)
	b.book.Retire()
	b.expect("after the end", b.any(), mining.Stale, "", false)
	b.give(4, nil)
	b.expect("of the next link", b.share(easy, 8*easy, nil), mining.Accepted, "", false)
	b.now = b.now.Add(jobbook.DefaultRetention + time.Second)
	b.give(5, nil)
	late.Job = 3
	b.expect("after the retention", late, mining.JobNotFound, "", false)
}

func TestCheckNTime(t *testing.T) {
	const job = 1_700_000_000
	for _, c := range []struct {
		name  string
		given work.NTime // of the work, where it was refreshed
		share work.NTime
		ok    bool
	}{
		{"the job's", job, job, true},
		{"before it", job, job - 1, false},
		{"1", job, 1, false},
		{"rolled to the end", job, job + 600, true},
		{"past the end", job, job + 601, false},
		{"the most there is", job, 0xffffffff, false},
		{"refreshed, the job's own", job + 90, job, true},
		{"refreshed, before it", job + 90, job - 1, false},
		{"refreshed, rolled to the end", job + 90, job + 690, true},
		{"refreshed, past the end", job + 90, job + 691, false},
	} {
		b := newBench(t)
		b.give(2, func(w *mining.Work) { w.NTime = c.given })
		s := b.share(easy, 8*easy, func(s *mining.Share) work.Version {
			s.NTime = c.share
			return b.work.Job.Version
		})
		want, text := mining.Accepted, ""
		if !c.ok {
			want, text = mining.Invalid, "Ntime out of range"
		}
		b.expect(c.name, s, want, text, false)
	}
	// Near the end of time nothing wraps around.
	b := newBench(t)
	b.give(2, func(w *mining.Work) { w.NTime, w.Job.NTime = 0xfffffff0, 0xfffffff0 })
	b.expect("wrapped", b.share(easy, 8*easy, func(s *mining.Share) work.Version {
		s.NTime = 5
		return b.work.Job.Version
	}), mining.Invalid, "Ntime out of range", false)
}

func TestCheckVersionBits(t *testing.T) {
	for _, c := range []struct {
		name    string
		job     work.Version
		mask    work.VersionMask
		bits    work.VersionMask
		has     bool
		hashed  work.Version
		want    mining.Verdict
		text    string
		version work.Version
	}{
		{"not rolled", 0x20000000, 0x1fffe000, 0, false, 0x20000000, mining.Accepted, "", 0x20000000},
		{"rolled", 0x20000000, 0x1fffe000, 0x00b44000, true, 0x20b44000, mining.Accepted, "", 0x20b44000},
		{"zero bits", 0x20000000, 0x1fffe000, 0, true, 0x20000000, mining.Accepted, "", 0x20000000},
		{"outside of the mask", 0x20000000, 0x1fffe000, 0x00001000, true, 0x20001000, mining.Invalid, "Invalid version bits", 0x20001000},
		{"outside of a narrow mask", 0x20000000, 0x00ffe000, 0x10002000, true, 0x30002000, mining.Invalid, "Invalid version bits", 0x30002000},
		{"no mask, zero bits", 0x20000000, 0, 0, true, 0x20000000, mining.Accepted, "", 0x20000000},
		{"no mask, rolled all the same", 0x20000000, 0, 0x00002000, true, 0x20002000, mining.Invalid, "Invalid version bits", 0x20002000},
		// The job has a bit of the mask itself: three readings.
		{"replaced", 0x20800000, 0x1fffe000, 0x00c00000, true, 0x20c00000, mining.Accepted, "", 0x20c00000},
		{"replaced without the job's", 0x20800000, 0x1fffe000, 0x00400000, true, 0x20400000, mining.Accepted, "", 0x20400000},
		{"set or flipped, as by an S17e", 0x20800000, 0x1fffe000, 0x00400000, true, 0x20c00000, mining.Accepted, "", 0x20c00000},
		{"set", 0x20800000, 0x1fffe000, 0x00c00000, true, 0x20c00000, mining.Accepted, "", 0x20c00000},
		{"flipped", 0x20800000, 0x1fffe000, 0x00c00000, true, 0x20400000, mining.Accepted, "", 0x20400000},
		{"five parameters keep the job's", 0x20800000, 0x1fffe000, 0, false, 0x20800000, mining.Accepted, "", 0x20800000},
		{"zero bits keep the job's", 0x20800000, 0x1fffe000, 0, true, 0x20800000, mining.Accepted, "", 0x20800000},
		{"zero bits replace the job's", 0x20800000, 0x1fffe000, 0, true, 0x20000000, mining.Accepted, "", 0x20000000},
		{"none of them", 0x20800000, 0x1fffe000, 0x00400000, true, 0x20002000, mining.LowDifficulty, "", 0x20c00000},
	} {
		b := newBench(t)
		b.mask = c.mask
		b.give(2, nil)
		const hard = 1 << 12 // so that another reading does not meet it by chance
		b.told.Set(2, hard*easy, b.now)
		b.now = b.now.Add(vardiff.Grace + time.Second)
		b.give(3, func(w *mining.Work) {
			w.Job.Version, w.Job.Difficulty = c.job, 1
			w.VersionMask &^= work.VersionMask(c.job) // the job's own bits are not offered
		})
		f := b.expect(c.name, b.share(hard*easy, impossible, func(s *mining.Share) work.Version {
			s.VersionBits, s.HasVersionBits = c.bits, c.has
			return c.hashed
		}), c.want, c.text, false)
		if f.Version != c.version || f.Rolled != (c.has || c.mask != 0) {
			t.Errorf("%s: version %v, rolled %t; want %v", c.name, f.Version, f.Rolled, c.version)
		}
	}
}

// What a work does not offer, because its pool grants less than another did
// that the miner came from, may not be rolled in it.
func TestCheckOfferedBits(t *testing.T) {
	b := newBench(t)
	b.give(2, func(w *mining.Work) { w.VersionMask = 0x00ffe000 })
	for _, c := range []struct {
		bits work.VersionMask
		want mining.Verdict
		text string
	}{{0x00800000, mining.Accepted, ""}, {0x10000000, mining.Invalid, "Invalid version bits"}} {
		b.expect(c.bits.String(), b.share(easy, 8*easy, func(s *mining.Share) work.Version {
			s.VersionBits, s.HasVersionBits = c.bits, true
			return work.Version(c.bits) | 0x20000000
		}), c.want, c.text, false)
	}
}

// btcpool's agent leaves the ntime out where it is the job's own.
func TestCheckWithoutNTime(t *testing.T) {
	b := newBench(t)
	b.give(2, func(w *mining.Work) { w.NTime += 90 })
	s := b.share(easy, 8*easy, nil)
	s.NTime = 0
	b.expect("left out", s, mining.Accepted, "", false)
	s.NTime = b.work.NTime
	b.expect("the same, said", s, mining.Duplicate, "", false)
}

func TestCheckDifficulty(t *testing.T) {
	b := newBench(t)
	b.expect("below the miner's", b.share(0.9e-10, easy, nil), mining.LowDifficulty, "", false)
	if f := b.expect("the miner's", b.share(easy, 8*easy, nil), mining.Accepted, "", false); f.Credited != easy || f.Reached < easy {
		t.Errorf("credited with %v, reached %v", f.Credited, f.Reached)
	}
	if f := b.expect("the pool's", b.share(8*easy, impossible, nil), mining.Accepted, "", true); f.Credited != easy || f.Reached < 8*easy {
		t.Errorf("credited with %v, reached %v", f.Credited, f.Reached)
	}
	// A raise: for a while shares of the new job may still be of the old
	// difficulty, and count as such.
	b.give(2, nil)
	b.told.Set(2, 4*easy, b.now)
	for _, c := range []struct {
		after time.Duration
		want  mining.Verdict
	}{{0, mining.Accepted}, {vardiff.Grace, mining.Accepted}, {vardiff.Grace + time.Second, mining.LowDifficulty}} {
		b.now = start().Add(c.after)
		if f := b.expect("after a raise", b.share(easy, 4*easy, nil), c.want, "", false); f.Credited > easy {
			t.Errorf("%v after a raise: credited with %v", c.after, f.Credited)
		}
		if f := b.expect("after a raise", b.share(4*easy, 8*easy, nil), mining.Accepted, "", false); f.Credited != 4*easy {
			t.Errorf("%v after a raise: credited with %v, want the highest", c.after, f.Credited)
		}
	}
	// A lower one: of the new and of the old job.
	old := b.work
	b.give(3, nil)
	b.told.Set(3, 2*easy, b.now)
	fresh := b.work
	b.work = old
	if f := b.expect("after a lower one, of the old job", b.share(2*easy, 4*easy, nil), mining.Accepted, "", false); f.Credited != 2*easy {
		t.Errorf("credited with %v", f.Credited)
	}
	b.work = fresh
	if f := b.expect("after a lower one", b.share(4*easy, 8*easy, nil), mining.Accepted, "", false); f.Credited != 4*easy {
		t.Errorf("credited with %v, want what it was told within the grace", f.Credited)
	}
	b.now = b.now.Add(vardiff.Grace + time.Second)
	if f := b.expect("long after a lower one", b.share(4*easy, 8*easy, nil), mining.Accepted, "", false); f.Credited != 2*easy {
		t.Errorf("credited with %v, want what it is told", f.Credited)
	}
}

func TestCheckDuplicates(t *testing.T) {
	b := newBench(t)
	s := b.share(8*easy, impossible, nil)
	b.expect("first", s, mining.Accepted, "", true)
	b.expect("again", s, mining.Duplicate, "", false)
	low := b.share(0.9e-10, easy, nil)
	b.expect("low", low, mining.LowDifficulty, "", false)
	b.expect("low again", low, mining.LowDifficulty, "", false)
	// The same header by another job id or written otherwise is the same share.
	b.give(2, nil)
	other := s
	other.Job = 2
	b.expect("the same header of another work", other, mining.Duplicate, "", false)
	other = s
	other.VersionBits, other.HasVersionBits = 0, true
	b.expect("the same header with six parameters", other, mining.Duplicate, "", false)
	rolled := b.share(easy, 8*easy, func(s *mining.Share) work.Version {
		s.VersionBits, s.HasVersionBits = 0x2000, true
		return 0x20002000
	})
	b.expect("another version", rolled, mining.Accepted, "", false)
	// What is stale can be no duplicate. A pool may send the same job again as
	// a clean one, or on its next connection: the header is the same.
	b.give(3, func(w *mining.Work) { w.Clean = true })
	b.expect("stale", s, mining.Stale, "", false)
	s.Job = 3
	b.expect("the same header after a clean work", s, mining.Duplicate, "", false)
	b.book.Retire()
	b.give(4, nil)
	s.Job = 4
	b.expect("after the link's end", s, mining.Duplicate, "", false)
	// A new block makes room.
	b.give(5, func(w *mining.Work) { w.Clean, w.Job.PrevHash = true, work.Hash{1} })
	b.give(6, func(w *mining.Work) { w.Clean = true })
	s.Job = 6
	b.expect("two blocks later", s, mining.Accepted, "", true)
}

func TestCheckAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector makes sync.Pool forget: run without -race")
	}
	b := newBench(t)
	s, low := b.any(), b.share(0.9e-10, easy, nil)
	strange := s
	strange.Job = 99
	for range 64 { // room in the set
		_ = b.check(b.any())
	}
	c := &jobbook.Claim{Extranonce1: b.en1, Mask: b.mask, Told: &b.told}
	allocs := testing.AllocsPerRun(1000, func() {
		for _, share := range []*mining.Share{&s, &low, &strange} {
			c.Share = share
			_ = b.book.Check(c, b.now)
			share.Nonce++
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

package jobbook_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/extranonce"
	"github.com/loka/stratum/internal/jobbook"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/upstream"
	"github.com/loka/stratum/internal/vardiff"
	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// dealt is a pool's side of a conversation: what it said, and the session that
// heard it.
type dealt struct {
	session *upstream.V1
	notify  sv1.Notify
	en1     work.Extranonce
	size    int
	mask    work.VersionMask
	reading work.VersionReading
	job     *mining.Job
}

func bytesOf(t *rapid.T, name string, least, most int) []byte {
	return rapid.SliceOfN(rapid.Byte(), least, most).Draw(t, name)
}

// deal draws a pool and its job, and says them to a session.
func deal(t *rapid.T) *dealt {
	d := &dealt{
		size:    rapid.IntRange(extranonce.MinPoolSize, extranonce.MaxPoolSize).Draw(t, "en2 size"),
		mask:    work.VersionMask(rapid.SampledFrom([]uint32{0, 0x1fffe000, 0x00ffe000, 0x1fffffe0}).Draw(t, "mask")),
		reading: work.VersionReading(rapid.IntRange(0, 2).Draw(t, "reading")),
		session: upstream.NewV1(upstream.Config{Pool: "p", UserAgent: "loka", VersionMask: work.MaskBIP323}),
	}
	d.en1, _ = work.MakeExtranonce(bytesOf(t, "en1", 0, work.MaxExtranonce))
	d.notify = sv1.Notify{
		JobID: []byte("j"), Coinb1: bytesOf(t, "coinb1", 1, 60), Coinb2: bytesOf(t, "coinb2", 1, 60),
		Version: work.Version(0x20000000 | rapid.Uint32Range(0, 1<<29-1).Draw(t, "version")&rapid.SampledFrom([]uint32{0, 0x00800000, 0x1fffe000}).Draw(t, "of it")),
		NBits:   0x1703a30c, NTime: work.NTime(rapid.Uint32Range(0, 0xffff0000).Draw(t, "ntime")), CleanKnown: true,
	}
	copy(d.notify.PrevHash[:], bytesOf(t, "prevhash", 32, 32))
	for range rapid.IntRange(0, 3).Draw(t, "branches") {
		var branch work.Hash
		copy(branch[:], bytesOf(t, "branch", 32, 32))
		d.notify.Branches = append(d.notify.Branches, branch)
	}
	d.session.Start(start(), nil)
	reply := sv1.ConfigureReply{VersionRolling: sv1.GrantYes, VersionMask: d.mask}
	subscribed := sv1.SubscribeReply{Session: []byte("1"), Extranonce1: d.en1, Extranonce2Size: d.size}
	for _, line := range [][]byte{
		reply.Append(nil, []byte("1")), subscribed.Append(nil, []byte("2")), d.notify.Append(nil),
	} {
		events, _, err := d.session.Line(line[:len(line)-1], start(), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, ev := range events {
			if ev.Kind == upstream.Job {
				d.job = ev.Job
			}
		}
	}
	if d.job == nil {
		t.Fatal("the session heard no job")
	}
	return d
}

// header is what the pool builds of a submit as it came by the wire.
func (d *dealt) header(t *rapid.T, line []byte) work.Header {
	var m sv1.Message
	var s sv1.Submit
	if err := m.Scan(line[:len(line)-1]); err != nil {
		t.Fatal(err)
	}
	if err := s.Decode(m.Params); err != nil || s.Extranonce2.Len() != d.size {
		t.Fatalf("%s: %v", line, err)
	}
	version := d.notify.Version
	if s.HasVersionBits {
		version = d.reading.Apply(version, s.VersionBits, d.mask)
	}
	coinbase := work.AppendCoinbase(nil, d.notify.Coinb1, d.en1, s.Extranonce2, d.notify.Coinb2)
	return work.Header{
		Version: version, PrevHash: d.notify.PrevHash, NTime: s.NTime, NBits: d.notify.NBits, Nonce: s.Nonce,
		MerkleRoot: work.MerkleRoot(work.DoubleSHA256(coinbase), d.notify.Branches),
	}
}

// The header that is judged here is the one that the pool builds of what it is
// sent, whatever the sizes are and however it reads version bits.
func TestJudgedHeaderIsThePools(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := deal(t)
		layout, err := extranonce.Plan(d.size, rapid.IntRange(0, extranonce.MaxFloor).Draw(t, "floor"))
		if err != nil {
			t.Fatal(err)
		}
		pad := layout.Head(rapid.Uint64().Draw(t, "pad"))
		slot, _ := work.MakeExtranonce(bytesOf(t, "slot", layout.Slot, layout.Slot))
		en2, _ := work.MakeExtranonce(bytesOf(t, "en2", layout.Miner, layout.Miner))
		w := &mining.Work{ID: 5, Job: d.job, NTime: d.job.NTime, VersionMask: d.mask, Prefix: layout.AppendPrefix(nil, d.job.CoinbasePrefix, d.job.Extranonce1, pad)}
		s := mining.Share{
			Job: 5, Known: true, Extranonce2: en2, Nonce: work.Nonce(rapid.Uint32().Draw(t, "nonce")),
			NTime: d.job.NTime + work.NTime(rapid.Uint32Range(0, 600).Draw(t, "rolled for")),
		}
		if s.HasVersionBits = rapid.Bool().Draw(t, "six parameters"); s.HasVersionBits {
			s.VersionBits = d.mask & work.VersionMask(rapid.Uint32().Draw(t, "bits"))
		}
		var told vardiff.History
		const every work.Difficulty = 1e-10 // each hash meets it
		told.Set(5, every, start())
		book := jobbook.New(jobbook.Config{MaxShares: 1})
		book.Add(w, start())
		claim := jobbook.Claim{Share: &s, Extranonce1: layout.Told(d.en1, slot), Mask: d.mask, Told: &told}
		f := book.Check(&claim, start())
		if f.Verdict != mining.Accepted {
			t.Fatalf("%v %q", f.Verdict, f.Text)
		}
		upper, ok := en2, true
		if !layout.PassThrough {
			upper, ok = layout.Upstream(pad, slot, en2)
		}
		if !ok {
			t.Fatalf("no extranonce2 for the pool in %+v", layout)
		}
		line := d.session.Submit(upstream.Submit{
			Job: d.job, Worker: "w", Extranonce2: upper, NTime: s.NTime, Nonce: s.Nonce,
			Version: f.Version, HasVersion: f.Rolled, Reading: d.reading, Tag: 1,
		}, start().Add(time.Second), nil)
		if _, possible := d.reading.Bits(d.job.Version, f.Version, d.mask); !possible {
			return // a pool that ors cannot come to it: the job's offer keeps miners from it
		}
		header := d.header(t, line)
		if hash := header.Hash(); header.Version != f.Version || hash.Difficulty() != f.Reached {
			t.Errorf("the pool builds %+v of %v, judged was version %v of %v", header, hash.Difficulty(), f.Version, f.Reached)
		}
	})
}

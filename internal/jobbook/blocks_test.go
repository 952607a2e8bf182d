package jobbook_test

import (
	"testing"

	"github.com/loka/stratum/internal/jobbook"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/vardiff"
	"github.com/loka/stratum/work"
)

func TestCheckBlocks(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(b *bench, s *mining.Share) // of a block that is right
		want   mining.Verdict
		text   string
	}{
		{"right", func(*bench, *mining.Share) {}, mining.Accepted, ""},
		{"stale", func(b *bench, _ *mining.Share) { b.book.Retire() }, mining.Stale, ""},
		{"low difficulty", func(b *bench, _ *mining.Share) {
			b.told = vardiff.History{}
			b.told.Set(1, 1, b.now)
		}, mining.LowDifficulty, ""},
		{"bits that were not granted", func(b *bench, s *mining.Share) {
			b.mask, s.HasVersionBits, s.VersionBits = 0, true, 0x2000
		}, mining.Invalid, "Invalid version bits"},
		{"ntime", func(b *bench, _ *mining.Share) { b.work.Job.NTime++ }, mining.Invalid, "Ntime out of range"},
		{"a stranger's", func(b *bench, _ *mining.Share) { b.stranger = true }, mining.Unauthorized, ""},
		{"a stranger's, stale", func(b *bench, _ *mining.Share) { b.stranger = true; b.book.Retire() }, mining.Unauthorized, ""},
	} {
		b := newBench(t)
		b.give(1<<8, func(w *mining.Work) { w.Job.NBits = 0x207fffff }) // every other hash is a block
		s := b.share(8*easy, impossible, func(*mining.Share) work.Version {
			if c.text == "Invalid version bits" {
				return 0x20002000
			}
			return 0x20000000
		})
		c.change(b, &s)
		f := b.expect(c.name, s, c.want, c.text, true)
		if !f.Block || f.Reached < 8*easy {
			t.Errorf("%s: block %t, reached %v", c.name, f.Block, f.Reached)
		}
		if want := jobbook.Hash(b.work, b.en1, &s, f.Version); f.Hash != want || f.Hash.Difficulty() != f.Reached {
			t.Errorf("%s: block %v, want %v", c.name, f.Hash, want)
		}
		if c.want == mining.Accepted || c.want == mining.LowDifficulty {
			if f := b.expect(c.name+", again", s, mining.Duplicate, "", false); !f.Block {
				t.Errorf("%s, again: no block", c.name)
			}
		} else {
			b.expect(c.name+", again", s, c.want, c.text, false) // once is enough
		}
	}
	b := newBench(t)
	b.give(2, func(w *mining.Work) { w.Job.NBits = 0 })
	if f := b.expect("nbits of no target", b.share(easy, 8*easy, nil), mining.Accepted, "", false); f.Block {
		t.Error("a block of no target")
	}
}

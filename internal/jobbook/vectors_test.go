package jobbook_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/loka/stratum/internal/jobbook"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/vardiff"
	"github.com/loka/stratum/work"
)

// vector is a share that was really worked: see work/testdata/README.md, which
// names the sources.
type vector struct {
	Name        string
	Extranonce1 string
	Notify      []json.RawMessage
	Submit      []string
	Mask        string
	Header      string
	Difficulty  work.Difficulty `json:"diff"`
	MeetsNBits  bool            `json:"meets_nbits"`
}

// must returns the parser's value and fails the test on its error.
func must[T any](tb testing.TB) func(v T, err error) T {
	tb.Helper()
	return func(v T, err error) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

func loadVectors(tb testing.TB) []vector {
	tb.Helper()
	raw := must[[]byte](tb)(os.ReadFile("../../work/testdata/sv1_shares.json"))
	var all []vector
	if err := json.Unmarshal(raw, &all); err != nil {
		tb.Fatal(err)
	}
	if len(all) != 4 {
		tb.Fatalf("%d vectors, want 4", len(all))
	}
	return all
}

// made is what was said of a share: a job and a claim.
type made struct {
	work  *mining.Work
	share mining.Share
	claim jobbook.Claim
	told  vardiff.History
}

const vectorJob mining.JobID = 77

// make parses a vector; its miner was told a difficulty.
func (v *vector) make(tb testing.TB, d work.Difficulty) *made {
	tb.Helper()
	text := func(i int) []byte {
		var s string
		if err := json.Unmarshal(v.Notify[i], &s); err != nil {
			tb.Fatal(err)
		}
		return []byte(s)
	}
	raw := func(i int) []byte { return must[[]byte](tb)(hex.DecodeString(string(text(i)))) }
	job := &mining.Job{
		PrevHash:       must[work.Hash](tb)(work.PrevHashFromWire(text(1))),
		CoinbasePrefix: raw(2), CoinbaseSuffix: raw(3),
		Version:    must[work.Version](tb)(work.ParseVersion(text(5))),
		NBits:      must[work.NBits](tb)(work.ParseNBits(text(6))),
		NTime:      must[work.NTime](tb)(work.ParseNTime(text(7))),
		Difficulty: 1,
	}
	var branches []string
	if err := json.Unmarshal(v.Notify[4], &branches); err != nil {
		tb.Fatal(err)
	}
	for _, b := range branches {
		job.Branches = append(job.Branches, must[work.Hash](tb)(work.HashFromWire([]byte(b))))
	}
	m := &made{
		work: &mining.Work{ID: vectorJob, Job: job, Prefix: job.CoinbasePrefix, NTime: job.NTime, Clean: true},
		share: mining.Share{
			Job: vectorJob, Known: true,
			Extranonce2: must[work.Extranonce](tb)(work.ParseExtranonce([]byte(v.Submit[2]))),
			NTime:       must[work.NTime](tb)(work.ParseNTime([]byte(v.Submit[3]))),
			Nonce:       must[work.Nonce](tb)(work.ParseNonce([]byte(v.Submit[4]))),
		},
	}
	if len(v.Submit) > 5 {
		m.share.VersionBits = must[work.VersionMask](tb)(work.ParseVersionMask([]byte(v.Submit[5])))
		m.share.HasVersionBits = true
	}
	m.told.Set(vectorJob, d, start())
	m.claim = jobbook.Claim{
		Share:       &m.share,
		Extranonce1: must[work.Extranonce](tb)(work.ParseExtranonce([]byte(v.Extranonce1))),
		Mask:        must[work.VersionMask](tb)(work.ParseVersionMask([]byte(v.Mask))),
		Told:        &m.told,
	}
	m.work.VersionMask = m.claim.Mask
	return m
}

// check enters the work in a book of its own and checks the share.
func (m *made) check() jobbook.Finding {
	b := jobbook.New(jobbook.Config{MaxShares: 1})
	b.Add(m.work, start())
	return b.Check(&m.claim, start())
}

func TestRealSharesAreAccepted(t *testing.T) {
	for _, v := range loadVectors(t) {
		m := v.make(t, 1)
		f := m.check()
		if f.Verdict != mining.Accepted || f.Text != "" || f.Work != m.work || !f.Forward || f.Block != v.MeetsNBits {
			t.Errorf("%s: %+v", v.Name, f)
		}
		if f.Credited != 1 || f.Reached != v.Difficulty {
			t.Errorf("%s: credited with %v, reached %v, want 1 and %v", v.Name, f.Credited, f.Reached, v.Difficulty)
		}
		if f.Hash != work.DoubleSHA256(must[[]byte](t)(hex.DecodeString(v.Header))) {
			t.Errorf("%s: hash %s", v.Name, f.Hash)
		}
		header := must[[]byte](t)(hex.DecodeString(v.Header))
		if want := must[work.Header](t)(work.ParseHeader(header)).Version; f.Version != want {
			t.Errorf("%s: version %v, want %v", v.Name, f.Version, want)
		}
		if f := v.make(t, v.Difficulty*(1-1e-12)).check(); f.Verdict != mining.Accepted {
			t.Errorf("%s at its own difficulty: %v", v.Name, f.Verdict)
		}
		f = v.make(t, v.Difficulty*(1+1e-12)).check()
		if f.Verdict != mining.LowDifficulty || f.Forward != v.MeetsNBits {
			t.Errorf("%s just above its difficulty: %v, forward %t", v.Name, f.Verdict, f.Forward)
		}
		m = v.make(t, 1)
		m.work.Job.Difficulty = v.Difficulty * (1 + 1e-12)
		if f := m.check(); f.Verdict != mining.Accepted || f.Forward != v.MeetsNBits {
			t.Errorf("%s below the pool's difficulty: %v, forward %t", v.Name, f.Verdict, f.Forward)
		}
	}
}

func reversed(h work.Hash) work.Hash {
	slices.Reverse(h[:])
	return h
}

func swapped(v uint32) uint32 { return v>>24 | v>>8&0xff00 | v<<8&0xff0000 | v<<24 }

// Each mistake in the assembly is one that software in the field has made: a
// check that makes it, too, would take the share.
func TestWronglyAssembledSharesMiss(t *testing.T) {
	all := []int{0, 1, 2, 3}
	vectors := loadVectors(t)
	for _, c := range []struct {
		name    string
		applies []int // the vectors in which it shows
		change  func(t *testing.T, v *vector, m *made)
	}{
		{"prevhash not word-swapped", all, func(t *testing.T, v *vector, m *made) {
			t.Helper()
			m.work.Job.PrevHash = must[work.Hash](t)(work.HashFromWire(v.Notify[1][1 : 1+64]))
		}},
		{"prevhash wholly reversed", all, func(t *testing.T, v *vector, m *made) {
			t.Helper()
			m.work.Job.PrevHash = reversed(must[work.Hash](t)(work.HashFromWire(v.Notify[1][1 : 1+64])))
		}},
		{"branches byte-reversed", []int{0, 1}, func(_ *testing.T, _ *vector, m *made) {
			for i, b := range m.work.Job.Branches {
				m.work.Job.Branches[i] = reversed(b)
			}
		}},
		{"branch order reversed", []int{0, 1}, func(_ *testing.T, _ *vector, m *made) { slices.Reverse(m.work.Job.Branches) }},
		{"version big-endian", all, func(_ *testing.T, _ *vector, m *made) {
			m.work.Job.Version = work.Version(swapped(uint32(m.work.Job.Version)))
		}},
		{"extranonce2 before extranonce1", all, func(_ *testing.T, _ *vector, m *made) {
			m.claim.Extranonce1, m.share.Extranonce2 = m.share.Extranonce2, m.claim.Extranonce1
		}},
		{"ntime of the job", []int{3}, func(_ *testing.T, _ *vector, m *made) { m.share.NTime = m.work.Job.NTime }},
		{"rolled bits not applied", []int{0, 1}, func(_ *testing.T, _ *vector, m *made) { m.share.HasVersionBits = false }},
		{"nonce byte-swapped", all, func(_ *testing.T, _ *vector, m *made) {
			m.share.Nonce = work.Nonce(swapped(uint32(m.share.Nonce)))
		}},
		{"nbits of difficulty 1", all, func(_ *testing.T, _ *vector, m *made) { m.work.Job.NBits = 0x1d00ffff }},
		{"prefix of the pool without a pad", all, func(_ *testing.T, _ *vector, m *made) { m.work.Prefix = append(m.work.Prefix, 0) }},
	} {
		for i := range vectors {
			v := &vectors[i]
			m := v.make(t, 1)
			c.change(t, v, m)
			want := mining.Accepted
			if slices.Contains(c.applies, i) {
				want = mining.LowDifficulty
			}
			if f := m.check(); f.Verdict != want || f.Forward != (want == mining.Accepted) {
				t.Errorf("%s, %s: %v, forward %t; want %v", c.name, v.Name, f.Verdict, f.Forward, want)
			}
		}
	}
}

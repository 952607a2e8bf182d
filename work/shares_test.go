package work_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loka/stratum/work"
)

// shareVector is one share of testdata/sv1_shares.json as it stands there.
type shareVector struct {
	Name        string            `json:"name"`
	Extranonce1 string            `json:"extranonce1"`
	Extranonce2 string            `json:"extranonce2"`
	Notify      []json.RawMessage `json:"notify"`
	Submit      []string          `json:"submit"`
	Mask        string            `json:"mask"`
	Coinbase    string            `json:"coinbase"`
	TxID        string            `json:"coinbase_txid_raw"`
	MerkleRoot  string            `json:"merkle_root_raw"`
	Version     string            `json:"version"`
	Header      string            `json:"header"`
	Hash        string            `json:"hash_display"`
	Difficulty  float64           `json:"diff"`
	MeetsNBits  bool              `json:"meets_nbits"`
}

// share is a share with its job, every field parsed.
type share struct {
	prefix, suffix []byte
	en1, en2       work.Extranonce
	prevHash       work.Hash
	branches       []work.Hash
	jobVersion     work.Version
	mask, bits     work.VersionMask
	nbits          work.NBits
	jobNTime       work.NTime
	ntime          work.NTime
	nonce          work.Nonce
}

func loadShares(tb testing.TB) []shareVector {
	tb.Helper()
	raw, err := os.ReadFile("testdata/sv1_shares.json")
	if err != nil {
		tb.Fatal(err)
	}
	var vectors []shareVector
	if err := json.Unmarshal(raw, &vectors); err != nil {
		tb.Fatal(err)
	}
	if len(vectors) != 4 {
		tb.Fatalf("%d vectors, want 4", len(vectors))
	}
	return vectors
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

func (v *shareVector) text(tb testing.TB, i int) []byte {
	tb.Helper()
	var s string
	if err := json.Unmarshal(v.Notify[i], &s); err != nil {
		tb.Fatal(err)
	}
	return []byte(s)
}

func (v *shareVector) parse(tb testing.TB) share {
	tb.Helper()
	var branches []string
	if err := json.Unmarshal(v.Notify[4], &branches); err != nil {
		tb.Fatal(err)
	}
	s := share{
		prefix:     must[[]byte](tb)(hex.DecodeString(string(v.text(tb, 2)))),
		suffix:     must[[]byte](tb)(hex.DecodeString(string(v.text(tb, 3)))),
		en1:        must[work.Extranonce](tb)(work.ParseExtranonce([]byte(v.Extranonce1))),
		en2:        must[work.Extranonce](tb)(work.ParseExtranonce([]byte(v.Submit[2]))),
		prevHash:   must[work.Hash](tb)(work.PrevHashFromWire(v.text(tb, 1))),
		jobVersion: must[work.Version](tb)(work.ParseVersion(v.text(tb, 5))),
		nbits:      must[work.NBits](tb)(work.ParseNBits(v.text(tb, 6))),
		jobNTime:   must[work.NTime](tb)(work.ParseNTime(v.text(tb, 7))),
		ntime:      must[work.NTime](tb)(work.ParseNTime([]byte(v.Submit[3]))),
		nonce:      must[work.Nonce](tb)(work.ParseNonce([]byte(v.Submit[4]))),
		mask:       must[work.VersionMask](tb)(work.ParseVersionMask([]byte(v.Mask))),
	}
	if len(v.Submit) > 5 {
		s.bits = must[work.VersionMask](tb)(work.ParseVersionMask([]byte(v.Submit[5])))
	}
	for _, b := range branches {
		s.branches = append(s.branches, must[work.Hash](tb)(work.HashFromWire([]byte(b))))
	}
	return s
}

// header assembles the share as the API is meant to be used.
func (s *share) header(scratch []byte) work.Header {
	coinbase := work.AppendCoinbase(scratch[:0], s.prefix, s.en1, s.en2, s.suffix)
	return work.Header{
		Version:    s.version(),
		PrevHash:   s.prevHash,
		MerkleRoot: work.MerkleRoot(work.DoubleSHA256(coinbase), s.branches),
		NTime:      s.ntime,
		NBits:      s.nbits,
		Nonce:      s.nonce,
	}
}

func (s *share) version() work.Version {
	if s.bits == 0 {
		return s.jobVersion
	}
	return s.mask.Replace(s.jobVersion, s.bits)
}

func TestSharesReproduceEveryStep(t *testing.T) {
	for _, v := range loadShares(t) {
		t.Run(v.Name, func(t *testing.T) {
			s := v.parse(t)
			equal(t, "extranonce2", s.en2.String(), v.Extranonce2)
			coinbase := work.AppendCoinbase(nil, s.prefix, s.en1, s.en2, s.suffix)
			equal(t, "coinbase", hex.EncodeToString(coinbase), v.Coinbase)
			txid := work.DoubleSHA256(coinbase)
			equal(t, "txid", string(txid.AppendWire(nil)), v.TxID)
			root := work.MerkleRoot(txid, s.branches)
			equal(t, "merkle root", string(root.AppendWire(nil)), v.MerkleRoot)
			equal(t, "version", s.version().String(), v.Version)
			header := s.header(nil)
			equal(t, "header", hex.EncodeToString(header.Append(nil)), v.Header)
			hash := header.Hash()
			equal(t, "hash", hash.String(), v.Hash)
			equal(t, "difficulty", float64(hash.Difficulty()), v.Difficulty)
			network := must[work.Target](t)(s.nbits.Target())
			equal(t, "meets nbits", network.Met(hash), v.MeetsNBits)
			// The share meets what it is worth and nothing above it.
			equal(t, "meets its difficulty", target(v.Difficulty*(1-1e-12)).Met(hash), true)
			equal(t, "meets more", target(v.Difficulty*(1+1e-12)).Met(hash), false)
		})
	}
}

// TestSharesRollTheSameByEveryRule: no vector's template has a bit of its
// mask, so that the three rules agree.
func TestSharesRollTheSameByEveryRule(t *testing.T) {
	for _, v := range loadShares(t) {
		s := v.parse(t)
		equal(t, v.Name+" or", s.mask.Or(s.jobVersion, s.bits), s.version())
		equal(t, v.Name+" xor", s.mask.Xor(s.jobVersion, s.bits), s.version())
	}
}

func target(d float64) work.Target { return work.Difficulty(d).Target() }

func equal[T any](tb testing.TB, what string, got, want T) {
	tb.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		tb.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func reversed(h work.Hash) work.Hash {
	slices.Reverse(h[:])
	return h
}

func swap32(v uint32) uint32 { return v>>24 | v>>8&0xff00 | v<<8&0xff0000 | v<<24 }

// TestWrongAssembliesMiss builds each share wrongly in one way. The hash must
// then differ and miss difficulty 1, which every vector's own hash meets.
// applies lists the vectors, in file order, that the mistake shows in.
func TestWrongAssembliesMiss(t *testing.T) {
	all := []int{0, 1, 2, 3}
	mistakes := []struct {
		name    string
		applies []int
		header  func(tb testing.TB, v *shareVector, s share) work.Header
	}{
		{"prevhash not word-swapped", all, func(tb testing.TB, v *shareVector, s share) work.Header {
			tb.Helper()
			s.prevHash = must[work.Hash](tb)(work.HashFromWire(v.text(tb, 1)))
			return s.header(nil)
		}},
		{"prevhash wholly reversed", all, func(tb testing.TB, v *shareVector, s share) work.Header {
			tb.Helper()
			s.prevHash = must[work.Hash](tb)(work.ParseHash(string(v.text(tb, 1))))
			return s.header(nil)
		}},
		{"merkle root reversed", all, func(_ testing.TB, _ *shareVector, s share) work.Header {
			h := s.header(nil)
			h.MerkleRoot = reversed(h.MerkleRoot)
			return h
		}},
		{"version big-endian", all, func(_ testing.TB, _ *shareVector, s share) work.Header {
			h := s.header(nil)
			h.Version = work.Version(swap32(uint32(h.Version)))
			return h
		}},
		{"extranonce2 before extranonce1", all, func(_ testing.TB, _ *shareVector, s share) work.Header {
			s.en1, s.en2 = s.en2, s.en1
			return s.header(nil)
		}},
		{"branch order reversed", []int{0, 1}, func(_ testing.TB, _ *shareVector, s share) work.Header {
			slices.Reverse(s.branches)
			return s.header(nil)
		}},
		{"coinbase on the right", []int{0, 1}, func(_ testing.TB, _ *shareVector, s share) work.Header {
			h := s.header(nil)
			root := work.DoubleSHA256(work.AppendCoinbase(nil, s.prefix, s.en1, s.en2, s.suffix))
			for _, b := range s.branches {
				root = work.DoubleSHA256(append(b[:], root[:]...))
			}
			h.MerkleRoot = root
			return h
		}},
		{"ntime of the job", []int{3}, func(_ testing.TB, _ *shareVector, s share) work.Header {
			s.ntime = s.jobNTime
			return s.header(nil)
		}},
		{"rolled bits not applied", []int{0, 1}, func(_ testing.TB, _ *shareVector, s share) work.Header {
			s.bits = 0
			return s.header(nil)
		}},
		{"rolled bits taken for the version", []int{0, 1}, func(_ testing.TB, _ *shareVector, s share) work.Header {
			h := s.header(nil)
			if s.bits != 0 {
				h.Version = work.Version(s.bits)
			}
			return h
		}},
		{"nonce byte-swapped", all, func(_ testing.TB, _ *shareVector, s share) work.Header {
			s.nonce = work.Nonce(swap32(uint32(s.nonce)))
			return s.header(nil)
		}},
		{"ntime byte-swapped", all, func(_ testing.TB, _ *shareVector, s share) work.Header {
			s.ntime = work.NTime(swap32(uint32(s.ntime)))
			return s.header(nil)
		}},
	}
	vectors := loadShares(t)
	diff1 := target(1)
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			for i := range vectors {
				v := &vectors[i]
				s := v.parse(t)
				right := s.header(nil)
				if !diff1.Met(right.Hash()) {
					t.Fatalf("%s: the right assembly misses", v.Name)
				}
				wrong := m.header(t, v, v.parse(t))
				if shows := wrong != right; shows != slices.Contains(m.applies, i) {
					t.Errorf("%s: mistake shows: %t", v.Name, shows)
				} else if shows && (diff1.Met(wrong.Hash()) || wrong.Hash() == right.Hash()) {
					t.Errorf("%s: wrong assembly passes", v.Name)
				}
			}
		})
	}
}

func TestShareCheckDoesNotAllocate(t *testing.T) {
	for _, v := range loadShares(t) {
		s := v.parse(t)
		scratch := make([]byte, 0, 512)
		goal := target(1)
		met, difficulty := false, work.Difficulty(0)
		allocs := testing.AllocsPerRun(100, func() {
			hash := s.headerHash(scratch)
			met = goal.Met(hash)
			difficulty = hash.Difficulty()
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations", v.Name, allocs)
		}
		if !met || float64(difficulty) != v.Difficulty {
			t.Errorf("%s: met %t, difficulty %v", v.Name, met, difficulty)
		}
	}
}

func (s *share) headerHash(scratch []byte) work.Hash { return s.header(scratch).Hash() }

func TestParsersDoNotAllocate(t *testing.T) {
	prev := []byte("6b6455fd6db962c101f2d4fc0d67f4a3bc96391d000152960000000000000000")
	number, en := []byte("20b44000"), []byte("4128064f")
	scratch := make([]byte, 0, 128)
	allocs := testing.AllocsPerRun(100, func() {
		h, _ := work.PrevHashFromWire(prev)
		b, _ := work.HashFromWire(prev)
		n, _ := work.ParseNonce(number)
		e, _ := work.ParseExtranonce(en)
		_ = h.AppendPrevHash(scratch)
		_ = b.AppendWire(scratch)
		_ = n.AppendHex(scratch)
		_ = e.AppendHex(scratch)
		_ = work.Difficulty(0.001).Target()
		_ = work.Difficulty(0.001).AppendJSON(scratch)
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

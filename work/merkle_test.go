package work_test

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/loka/stratum/work"
)

// naiveRoot is Bitcoin's merkle root of all transaction ids, level by level.
func naiveRoot(level []work.Hash) work.Hash {
	for len(level) > 1 {
		if len(level)%2 != 0 {
			level = append(level, level[len(level)-1])
		}
		var next []work.Hash
		for pair := range slices.Chunk(level, 2) {
			next = append(next, work.DoubleSHA256(slices.Concat(pair[0][:], pair[1][:])))
		}
		level = next
	}
	return level[0]
}

func txids(n int) []work.Hash {
	ids := make([]work.Hash, n)
	for i := range ids {
		ids[i] = work.DoubleSHA256(binary.BigEndian.AppendUint32(nil, uint32(i)))
	}
	return ids
}

func TestMerkleBranchesOfEverySmallBlock(t *testing.T) {
	for n := 1; n <= 70; n++ {
		ids := txids(n)
		before := slices.Clone(ids)
		branches := work.MerkleBranches(ids[1:])
		equal(t, "ids unchanged", ids, before)
		equal(t, "number of branches", len(branches), bits.Len(uint(n-1)))
		equal(t, "root", work.MerkleRoot(ids[0], branches), naiveRoot(ids))
	}
}

func TestMerkleBranchesDoNotDependOnTheCoinbase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfN(anyHash(), 0, 40).Draw(t, "others")
		branches := work.MerkleBranches(ids)
		for range 2 {
			coinbase := anyHash().Draw(t, "coinbase")
			if got, want := work.MerkleRoot(coinbase, branches), naiveRoot(append([]work.Hash{coinbase}, ids...)); got != want {
				t.Fatalf("%d others: %s, want %s", len(ids), got, want)
			}
		}
	})
}

// TestMerkleRootOfARealBlock is block 100000 of mainnet.
func TestMerkleRootOfARealBlock(t *testing.T) {
	ids := make([]work.Hash, 0, 4)
	for _, s := range []string{
		"8c14f0db3df150123e6f3dbbf30f8b955a8249b62ac1d1ff16284aefa3d06d87",
		"fff2525b8931402dd09222c50775608f75787bd2b87e56995a7bdd30f79702c4",
		"6359f0868171b1d194cbee1af2f16ea598ae8fad666d9b012c8ed2b79a236ec4",
		"e9a66845e05d5abc0ad04ec80f774a7e585c6e8db975962d069a522137b80c1d",
	} {
		ids = append(ids, must[work.Hash](t)(work.ParseHash(s)))
	}
	root := work.MerkleRoot(ids[0], work.MerkleBranches(ids[1:]))
	equal(t, "root", root.String(), "f3e94742aca4b5ef85488dc37c06c3282295ffec960994b2c0d5ac2a25a95766")
}

func TestMerkleRootWithoutBranches(t *testing.T) {
	coinbase := work.DoubleSHA256(nil)
	equal(t, "root", work.MerkleRoot(coinbase, nil), coinbase)
	equal(t, "branches", len(work.MerkleBranches(nil)), 0)
}

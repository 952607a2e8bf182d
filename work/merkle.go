package work

import "crypto/sha256"

// MerkleRoot returns the merkle root of a block from the coinbase's id and the
// branches of mining.notify, the coinbase always on the left. Without a branch
// the coinbase is the block's only transaction and the root is its id. It
// does not allocate.
func MerkleRoot(coinbase Hash, branches []Hash) Hash {
	// What is hashed next stands where it is hashed from: on the share path each copy
	// of a hash is one too many.
	var pair [64]byte
	copy(pair[:32], coinbase[:])
	for i := range branches {
		copy(pair[32:], branches[i][:]) //gcassert:bce
		first := sha256.Sum256(pair[:])
		root := sha256.Sum256(first[:])
		copy(pair[:32], root[:])
	}
	return Hash(pair[:32])
}

// MerkleBranches returns the branches with which [MerkleRoot] makes a block's
// root from its coinbase, given the ids of all other transactions in the
// block's order. There are ceil(log2(1+len(txids))) of them. txids is not
// changed.
func MerkleBranches(txids []Hash) []Hash {
	var branches []Hash
	// level is a row of the tree without its leftmost node, which depends on
	// the coinbase.
	level := append([]Hash(nil), txids...)
	for len(level) > 0 {
		branches = append(branches, level[0])
		rest := level[1:]
		if len(rest)%2 != 0 {
			rest = append(rest, rest[len(rest)-1])
		}
		for i := 0; i < len(rest); i += 2 {
			level[i/2] = hashPair(&rest[i], &rest[i+1])
		}
		level = level[:len(rest)/2]
	}
	return branches
}

func hashPair(left, right *Hash) Hash {
	var pair [64]byte
	copy(pair[:32], left[:])
	copy(pair[32:], right[:])
	return DoubleSHA256(pair[:])
}

package work_test

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/loka/stratum/work"
)

// The classic example of the Stratum documentation: a job, a submit, and the
// check of the share.
func Example() {
	// From mining.notify and the reply to mining.subscribe.
	coinb1, _ := hex.DecodeString("01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff20020862062f503253482f04b8864e5008")
	coinb2, _ := hex.DecodeString("072f736c7573682f000000000100f2052a010000001976a914d23fcdf86f7e756a64a7a9688ef9903327048ed988ac00000000")
	prevHash, _ := work.PrevHashFromWire([]byte("4d16b6f85af6e2198f44ae2a6de67f78487ae5611b77c6c0440b921e00000000"))
	version, _ := work.ParseVersion([]byte("00000002"))
	nbits, _ := work.ParseNBits([]byte("1c2ac4af"))
	en1, _ := work.ParseExtranonce([]byte("08000002"))
	// From mining.submit.
	en2, _ := work.ParseExtranonce([]byte("00000001"))
	ntime, _ := work.ParseNTime([]byte("504e86ed"))
	nonce, _ := work.ParseNonce([]byte("b2957c02"))

	coinbase := work.AppendCoinbase(nil, coinb1, en1, en2, coinb2)
	hash := work.Header{
		Version:    version,
		PrevHash:   prevHash,
		MerkleRoot: work.MerkleRoot(work.DoubleSHA256(coinbase), nil),
		NTime:      ntime,
		NBits:      nbits,
		Nonce:      nonce,
	}.Hash()

	network, _ := nbits.Target()
	fmt.Println(hash)
	fmt.Println("difficulty 1:", work.Difficulty(1).Target().Met(hash))
	fmt.Println("a block:", network.Met(hash))
	fmt.Printf("worth %.6f\n", hash.Difficulty())
	// Output:
	// 000000002076870fe65a2b6eeed84fa892c0db924f1482243a6247d931dcab32
	// difficulty 1: true
	// a block: true
	// worth 7.885781
}

func ExampleDifficulty_Target() {
	d, err := work.ParseDifficulty([]byte("0.001"))
	fmt.Println(d, err)
	fmt.Println(d.Target())
	// Output:
	// 0.001 <nil>
	// 000003e7fc180000000000000000000000000000000000000000000000000000
}

func ExampleNBits_Target() {
	bits, _ := work.ParseNBits([]byte("1d00ffff"))
	target, err := bits.Target()
	fmt.Println(target, err)
	fmt.Println("difficulty", target.Difficulty())
	// Output:
	// 00000000ffff0000000000000000000000000000000000000000000000000000 <nil>
	// difficulty 1
}

func ExamplePrevHashFromWire() {
	h, _ := work.PrevHashFromWire([]byte("4d16b6f85af6e2198f44ae2a6de67f78487ae5611b77c6c0440b921e00000000"))
	fmt.Println(h)
	fmt.Printf("%s\n", h.AppendPrevHash(nil))
	// Output:
	// 00000000440b921e1b77c6c0487ae5616de67f788f44ae2a5af6e2194d16b6f8
	// 4d16b6f85af6e2198f44ae2a6de67f78487ae5611b77c6c0440b921e00000000
}

// A miner whose job has a bit of its mask set shows how the rules part.
func ExampleVersionMask_Replace() {
	const mask work.VersionMask = 0x00c00000
	fmt.Println("BIP 310:", mask.Replace(0x20800000, 0x00400000))
	fmt.Println("or:     ", mask.Or(0x20800000, 0x00400000))
	fmt.Println("xor:    ", mask.Xor(0x20800000, 0x00400000))
	// Output:
	// BIP 310: 20400000
	// or:      20c00000
	// xor:     20c00000
}

func ExampleMerkleBranches() {
	coinbase := work.DoubleSHA256([]byte("coinbase"))
	others := []work.Hash{work.DoubleSHA256([]byte("a")), work.DoubleSHA256([]byte("b"))}
	branches := work.MerkleBranches(others)
	fmt.Println(len(branches), "branches")
	fmt.Println(work.MerkleRoot(coinbase, branches) != coinbase)
	// Output:
	// 2 branches
	// true
}

func ExampleExtranonce_Concat() {
	slot, _ := work.ParseExtranonce([]byte("0000002a"))
	miner, _ := work.ParseExtranonce([]byte("17000000"))
	both, ok := slot.Concat(miner)
	fmt.Println(both, both.Len(), ok)
	// Output:
	// 0000002a17000000 8 true
}

func ExampleHashrate() {
	// 60 shares of difficulty 8192 in a minute.
	fmt.Printf("%.4g H/s\n", work.Hashrate(60*work.Difficulty(8192).Work(), time.Minute))
	// Output:
	// 3.518e+13 H/s
}

func ExampleEarning() {
	// An hour's work was worth 1,200 satoshi; what a day is at the rate of now.
	const hour, rate = 491520.0, 586.4e9
	fmt.Printf("%.0f sat\n", work.Earning(1200, hour, rate, 24*time.Hour))
	// Output:
	// 28800 sat
}

package bench

// The inputs. All but the first are real: the submit
// is of benjamin-wilson/public-pool test/models/MockRecording1.ts (a Bitaxe), and
// the same from firmware that rolls no version; the odd one, which sv1 has no short cut for, of btcpool's
// test/TestStratumServer.cc, the notify of 256foundation/mujina mujina-miner/src/asic/bm13xx/test_data.rs
// (mainnet, height 901936, twelve branches).
const (
	subscribeLine = `{"id":1,"method":"mining.subscribe","params":[]}`
	submitLine    = `{"id":4,"method":"mining.submit","params":["tb1qumezefzdeqqwn5zfvgdrhxjzc5ylr39uhuxcz4.bitaxe3","1","c7080000","64b3f3ec","ed460d91","00002000"]}`
	submit5Line   = `{"id":4,"method":"mining.submit","params":["tb1qumezefzdeqqwn5zfvgdrhxjzc5ylr39uhuxcz4.bitaxe3","1","c7080000","64b3f3ec","ed460d91"]}`
	oddSubmitLine = `{"id":7,"method":"mining.submit","params":["u","job","0000","5c39a313","07ba7929","00013f00"]}`
	notifyLine    = `{"id":null,"method":"mining.notify","params":["875b4b7","6b6455fd6db962c101f2d4fc0d67f4a3bc96391d000152960000000000000000",` +
		`"02000000010000000000000000000000000000000000000000000000000000000000000000ffffffff170330c30d5075626c69632d506f6f6c",` +
		`"ffffffff02e5b5c61200000000220020984a77c289084ff2d434c316bdada021c6c183d507c8a20d3b159b09ac02fe280000000000000000266a24aa21a9edb98ee50410ed4abd48401ed484fc874409d086a3faf0816136a8ad6168314c5800000000",` +
		`["21af451ddb51e887ff1feb5592b87290098565035eb8500031aedcc776d4e72a","c5af269519c809a9546d5a58ca6445d3dbb80cb7045448ecc48309af034da8f8",` +
		`"fb9f8f9959f6bb0ceb63fa53aed1d5a615c6b6d3f50a468ea89a45a1234bda74","a4f4fee8e5fc19ca8d93e67b9236c37ddb864982010434745c0abfe9b914980c",` +
		`"33092206642744fbe5499c3e621cd5c6b52733e54fbebd869f070082b807f740","3b857e32c5cff4864efab967b9a456ca03b2167ab96bd9076ce294c8a67a7fe2",` +
		`"881a07cd881d0c3e590b4b090ea8d58e1439dc56c63686f7de23c47045441e30","315e4dbcc8e7b1c9d594a73978268791880dddb2c26eec8e75768668dad99d80",` +
		`"69952b77c632be16b1ac7ac7048f13d4e962b2e215d79a343f01e6e281d7c304","fc63eb4392c4d6c6d689788875fca35143fdcd4f4a82e8698e0e441751a70b4a",` +
		`"09e419bbe20aa3a7640f1b91f50599ceddff899e90d3f18951ad5418c4850a6b","004978aa346b4f1880bcadb3ca3792d771ee6aeca427f61e74baba44b75cfb88"],` +
		`"20000000","17023a04","685468d7",false]}`
)

package app

// The instructions that seeds are made of.
const (
	opConnect, opSelect, opPass, opJob, opBlock = 0, 1, 2, 3, 4
	opDifficulty, opExtranonce, opPoolSays      = 5, 6, 7
	opCut, opMode, opRefuse, opDrain, opApply   = 8, 9, 10, 11, 12
	opBatch, opFlush, opJunk, opLineEnd, opPart = 0x20, 0x21, 0x23, 0x24, 0x25
	opBrackets, opHalf, opClose, opReset        = 0x26, 0x27, 0x28, 0x29
	opDeaf, opMany, opMine                      = 0x2a, 0x2c, 0x40
	opSubscribe, opAuthorize, opConfigure       = 0x60, 0x61, 0x62
	opAnother                                   = 0x65 // an authorize of another worker
	opSubmit                                    = 0x6b
)

// sessionSeeds are programs to begin with: each mode and width, the handshakes, and
// one of everything that can befall a session.
func sessionSeeds() (all [][]byte) {
	begin := []byte{opConnect, opConfigure, 0, opSubscribe, 1, opAuthorize, 2}
	for kind := range byte(16) {
		for _, then := range [][]byte{
			{opMine, opMine, opMine | 4, opJob, opMine, opBlock, opMine, opSubmit, 3, opPass, 6, opMine},
			{opBatch, opMine, opSubmit, 4, opConfigure, 5, opMine, opSubscribe, 6, opFlush, opPass, 3, opMine},
			{opMine, opCut, 0, opMine, opPass, 3, opMine, opRefuse, 1, opCut, 1, opPass, 4, opMine, opRefuse, 0, opPass, 7, opMine},
			{opMode, 2, opMine, opMine, opPass, 6, opMine, opMode, 1, opMine, opPass, 2, opMode, 3, opMine, opMode, 5, opMine, opPass, 7},
			{opExtranonce, 0, opMine, opExtranonce, 3, opMine, opPass, 6, opDifficulty, 3, opMine, opPass, 5, opMine, opPoolSays, 9, opPoolSays, 12, opMine},
			{opApply, 2, opMine, opPass, 3, opMine, opApply, 0, opMine, opPass, 4, opMine, opDrain, 1, opPass, 2, opMine},
			{opJunk, 5, 'a', '{', 0, 0xff, ']', opLineEnd, opPart, 11, 30, opPart, 1, 20, opLineEnd, opBrackets, 12, opLineEnd, opBrackets, 15},
			{opMode, 5, opAnother, 2, opJob, opPass, 2, opBlock, opMine, opPass, 2, opMode, 0, opPass, 6, opMine},
			{opDeaf, opMany, 200, opJob, opMine, opPass, 5, opDeaf, opMine, opConnect, opSubscribe, 0, opHalf, opSelect, 0, opReset, opConnect, opClose},
		} {
			all = append(all, append(append([]byte{kind}, begin...), then...))
		}
		pipelined := []byte{kind, opConnect, opBatch, opAuthorize, 0, opSubscribe, 1, opConfigure, 3, opMine, opFlush, opPass, 2, opMine, opMine}
		early := []byte{kind, opMode, 5, opConnect, opSubmit, 1, opSubscribe, 0, opPass, 5, opAuthorize, 2, opPass, 6, opPass, 6}
		all = append(all, pipelined, early)
	}
	return all
}

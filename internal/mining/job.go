package mining

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/loka/stratum/work"
)

// JobID is our own name of a job, unique within the process for longer than
// any share of it can be late. On a V1 wire it is eight lower-case hex
// digits, because rental services want long and unique ids.
type JobID uint32

// String prints the id as eight lower-case hex digits.
func (id JobID) String() string { return fmt.Sprintf("%08x", uint32(id)) }

// ParseJobID reads what [JobID.String] prints: exactly eight hex digits of
// either case. ok is false for anything else, which means "not one of ours".
func ParseJobID(b []byte) (id JobID, ok bool) {
	if len(b) != 8 {
		return 0, false
	}
	var raw [4]byte
	if _, err := hex.Decode(raw[:], b); err != nil {
		return 0, false
	}
	return JobID(binary.BigEndian.Uint32(raw[:])), true
}

// Before says whether id was given before other. Ids wrap around, so that it
// holds for two that are less than 2^31 apart.
func (id JobID) Before(other JobID) bool { return int32(id-other) < 0 } //nolint:gosec // wraps on purpose

// AppendText appends the id as [JobID.String] prints it. It never fails.
func (id JobID) AppendText(dst []byte) ([]byte, error) {
	var raw [4]byte
	binary.BigEndian.PutUint32(raw[:], uint32(id))
	return hex.AppendEncode(dst, raw[:]), nil
}

// Job is one job as a pool gave it: everything a header needs but the
// miner's own choices. It is immutable after the upstream session made it
// and may be shared by any number of goroutines.
type Job struct {
	// Pool is the configured name of the pool it came from.
	Pool string
	// Ref is the pool's own name of the job; only the upstream session that
	// made the job reads it.
	Ref string

	Version  work.Version
	PrevHash work.Hash
	NBits    work.NBits
	NTime    work.NTime

	// CoinbasePrefix and CoinbaseSuffix are the raw coinbase bytes before
	// and after the extranonce (E1 ‖ en2).
	CoinbasePrefix, CoinbaseSuffix []byte
	// Branches are the merkle branches, raw, coinbase always on the left.
	// Empty means that the coinbase is the block's only transaction.
	Branches []work.Hash

	// Clean says that the pool no longer takes shares of earlier jobs.
	Clean bool

	// Extranonce1 and Extranonce2Size are the link's at the time the job
	// came; Extranonce2Size is in bytes.
	Extranonce1     work.Extranonce
	Extranonce2Size int
	// Difficulty is the pool's at the time the job came.
	Difficulty work.Difficulty
	// VersionMask is what the pool allows to be rolled; 0 is nothing.
	VersionMask work.VersionMask

	// Reward is the sum of the coinbase's outputs in satoshi, which is the
	// subsidy and the fees, and Height the block's (BIP 34). Both are the pool's
	// word, which nothing here checks; 0 is not known: a coinbase of another
	// kind, or of none.
	Reward int64
	Height uint32
	// Network is the network's difficulty, by NBits; 0 is not known.
	Network work.Difficulty

	// Received is when the job's last byte was read.
	Received time.Time
}

// Stales says whether shares of the job before no longer count once j has
// come: the pool says so, or the block that both would follow has changed. It
// is true where there was no job before.
func (j *Job) Stales(before *Job) bool {
	return j.Clean || before == nil || j.PrevHash != before.PrevHash
}

// Worth is what a share of a difficulty is expected to earn, of the whole
// block that j is for; nothing where the reward or the network's difficulty is
// not known.
func (j *Job) Worth(d work.Difficulty) Amount { return Worth(d, j.Network, j.Reward) }

// Work is a job as one group of miners is given it. It is shared by all of
// them and immutable once the first has it.
type Work struct {
	// ID names this work on the miners' side.
	ID JobID
	// Job is the pool's job behind it.
	Job *Job
	// Prefix is the coinbase up to the miner's own extranonce1:
	// Job.CoinbasePrefix ‖ E1 ‖ pad. With the pool's own E1 passed on it is
	// Job.CoinbasePrefix alone.
	Prefix []byte
	// NTime is the job's, or a later one where the work was refreshed.
	NTime work.NTime
	// Clean says that shares of what was given before it no longer count.
	Clean bool
	// VersionMask is what may be rolled in this work before the miner's own
	// request narrows it.
	VersionMask work.VersionMask

	// forms are the bytes that sessions made of it.
	forms [forms]atomic.Pointer[[]byte]
}

// Form numbers the ways in which a work is said on a wire. Each is made once
// for all miners that are given the work.
type Form uint8

// The forms: a protocol's own, with and without the wish to drop earlier work.
const (
	FormV1 Form = iota
	FormV1Clean
	forms
)

// Bytes returns the work in a form, which render appends if nobody has asked
// for it yet. The result is shared and must not be changed.
func (w *Work) Bytes(form Form, render func(dst []byte, w *Work, form Form) []byte) []byte {
	at := &w.forms[form]
	if made := at.Load(); made != nil {
		return *made
	}
	made := render(nil, w, form)
	if !at.CompareAndSwap(nil, &made) {
		return *at.Load() // somebody else was first: all share one
	}
	return made
}

// Rendered says that somebody has asked for its bytes in some form.
func (w *Work) Rendered() bool {
	for i := range w.forms {
		if w.forms[i].Load() != nil {
			return true
		}
	}
	return false
}

// Assignment is work as one miner is given it.
type Assignment struct {
	Work *Work
	// Difficulty is what a share of the work must meet.
	Difficulty work.Difficulty
	// Clean asks the miner to drop earlier work. It may differ from Work.Clean
	// for a miner that comes from elsewhere.
	Clean bool
}

// Share is one solution as a miner sent it.
type Share struct {
	// Job is the id the miner named; ours, not the pool's. Known is false
	// when what the miner named cannot be one of ours.
	Job   JobID
	Known bool
	// Extranonce2 is the miner's own part, of the size it was told.
	Extranonce2 work.Extranonce
	// NTime of 0 stands for the work's own time, as btcpool's agent has it.
	NTime work.NTime
	Nonce work.Nonce
	// VersionBits is the sixth field of a submit as sent, meaningful when
	// HasVersionBits.
	VersionBits    work.VersionMask
	HasVersionBits bool
}

// MinerID names one downstream connection within the process, from 1 upward.
type MinerID uint64

// String prints the id in decimal.
func (id MinerID) String() string { return strconv.FormatUint(uint64(id), 10) }

// LinkID names one upstream connection within the process, from 1 upward.
type LinkID uint64

// String prints the id in decimal.
func (id LinkID) String() string { return strconv.FormatUint(uint64(id), 10) }

package attack

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// job is a notify. Miners that are sent the same line have the same job.
type job struct {
	line   []byte
	notify sv1.Notify
	// first and last are when a miner that was at work already was given it.
	first, last time.Time
}

// jobs are the latest, decoded once for all that are sent them.
type jobs struct {
	list [16]*job
	next int
}

// of finds or decodes the job of a line whose parameters are params.
func (j *jobs) of(line, params []byte) (*job, error) {
	for _, known := range j.list {
		if known != nil && bytes.Equal(known.line, line) {
			return known, nil
		}
	}
	fresh := &job{line: bytes.Clone(line)} // what is decoded aliases the line
	start := bytes.LastIndex(line, params)
	if err := fresh.notify.Decode(fresh.line[start : start+len(params)]); err != nil {
		return nil, fmt.Errorf("%s: %w", line, err)
	}
	j.list[j.next] = fresh
	j.next = (j.next + 1) % len(j.list)
	return fresh, nil
}

// talk is what a miner knows by what it was told.
type talk struct {
	worker     string
	en1, en2   work.Extranonce
	subscribed bool
	authorized bool
	target     work.Target // for the jobs to come
	job        *job
	// header is the job's once it is begun. The nonce counts on from one job to
	// the next, so that no share is a duplicate.
	begun  bool
	header work.Header
}

// The ids of what is said before the first share.
const (
	subscribeID = 1
	authorizeID = 2
	otherID     = 3
	firstShare  = 1000
)

var errUnheardOf = errors.New("a line that is no answer and no notification")

// hear takes a line. id is that of the request which it answers, 0 if it answers none.
func (k *talk) hear(line []byte, known *jobs) (id int, granted bool, err error) {
	if bytes.Contains(line[:min(len(line), 64)], []byte(`"method":`)) {
		return 0, false, k.told(line, known)
	}
	rest, ok := bytes.CutPrefix(line, []byte(`{"id":`))
	digits, _, more := bytes.Cut(rest, []byte(","))
	id, bad := strconv.Atoi(string(digits))
	if !ok || !more || bad != nil {
		return 0, false, fmt.Errorf("%w: %.100q", errUnheardOf, line)
	}
	granted = bytes.Contains(line, []byte(`"result":true`))
	switch id {
	case subscribeID:
		return id, true, k.greeted(line)
	case authorizeID:
		k.authorized = granted
	}
	return id, granted, nil
}

// greeted finds the extranonce in {"id":1,"result":[…,"EXTRANONCE1",SIZE],"error":null}.
func (k *talk) greeted(line []byte) error {
	before, _, ok := bytes.Cut(line, []byte(`],"error"`))
	at := max(0, bytes.LastIndexByte(before, ','))
	size, err := strconv.Atoi(string(before[min(at+1, len(before)):]))
	digits := bytes.Trim(before[bytes.LastIndexByte(before[:at], ',')+1:at], `"`)
	en1, bad := work.ParseExtranonce(digits)
	en2, fits := work.MakeExtranonce(make([]byte, max(0, size)))
	if !ok || !fits || err != nil || bad != nil {
		return fmt.Errorf("subscribe was answered by %.200q", line)
	}
	k.en1, k.en2, k.subscribed = en1, en2, true
	return nil
}

// told takes a notification.
func (k *talk) told(line []byte, known *jobs) (err error) {
	_, params, ok := bytes.Cut(line, []byte(`"params":`))
	params, end := bytes.CutSuffix(params, []byte("}"))
	switch {
	case !ok || !end:
		return fmt.Errorf("%w: %.100q", errUnheardOf, line)
	case bytes.Contains(line, []byte(`"mining.set_difficulty"`)):
		difficulty, err := work.ParseDifficulty(bytes.Trim(params, "[]"))
		if err != nil {
			return fmt.Errorf("%s: %w", line, err)
		}
		k.target = difficulty.Target()
	case bytes.Contains(line, []byte(`"mining.notify"`)):
		k.job, err = known.of(line, params)
		k.begun = false
	}
	return err
}

// ready says that shares can be made.
func (k *talk) ready() bool { return k.subscribed && k.authorized && k.job != nil }

// begin makes the header of the present job.
func (k *talk) begin() {
	if k.begun {
		return
	}
	n := &k.job.notify
	coinbase := work.AppendCoinbase(nil, n.Coinb1, k.en1, k.en2, n.Coinb2)
	k.header = work.Header{
		Version: n.Version, PrevHash: n.PrevHash, NTime: n.NTime, NBits: n.NBits, Nonce: k.header.Nonce,
		MerkleRoot: work.MerkleRoot(work.DoubleSHA256(coinbase), n.Branches),
	}
	k.begun = true
}

// share appends the submit of a share that was not sent before: a good one, or one
// whose hash misses the target.
func (k *talk) share(dst []byte, id int, good bool) []byte {
	k.begin()
	for k.header.Nonce++; k.target.Met(k.header.Hash()) != good; k.header.Nonce++ {
	}
	return fmt.Appendf(dst, `{"id":%d,"method":"mining.submit","params":["%s","%s","%s","%s","%s"]}`+"\n",
		id, k.worker, k.job.notify.JobID, k.en2, k.header.NTime, k.header.Nonce)
}

// What all miners say.
const subscribeLine = `{"id":1,"method":"mining.subscribe","params":["attack/1"]}` + "\n"

func authorizeLine(worker string) string {
	return `{"id":2,"method":"mining.authorize","params":["` + worker + `","x"]}` + "\n"
}

// manners are orders of a handshake, as firmwares have them: the lines of a step are
// written at once when all of the step before have been answered.
func manners(worker string) [][][]string {
	const (
		configure  = `{"id":3,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"1fffe000","version-rolling.min-bit-count":2}]}` + "\n"
		suggest    = `{"id":3,"method":"mining.suggest_difficulty","params":[1e-8]}` + "\n"
		extranonce = `{"id":3,"method":"mining.extranonce.subscribe","params":[]}` + "\n"
	)
	subscribe, authorize := subscribeLine, authorizeLine(worker)
	return [][][]string{
		{{subscribe}, {authorize}},
		{{configure}, {subscribe}, {authorize}},
		{{subscribe, authorize}},
		{{suggest}, {subscribe}, {authorize}},
		{{authorize}, {subscribe}},
		{{subscribe}, {authorize}, {extranonce}},
	}
}

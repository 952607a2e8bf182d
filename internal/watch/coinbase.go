package watch

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

const (
	// maxPayees is how many different scripts a coinbase may pay for anybody to
	// expect the same ones again; more are miners of the pool, each time others.
	maxPayees = 8
	// maxPayeeScript bounds the length of a script that is remembered, in bytes;
	// the usual ones have 34 at the most.
	maxPayeeScript = 100
	// leastText is how many printable bytes in a row count as text: the times that
	// some pools put between have four.
	leastText = 5
	// maxTag bounds a tag; a script has 100 bytes by consensus.
	maxTag = 100
	// mergedMining begins what a pool commits itself to on other chains, which has
	// mergedSize bytes with it: a hash, and two numbers of four bytes.
	mergedMining, mergedSize = "\xfa\xbemm", 4 + 32 + 4 + 4
)

// Output is one that a coinbase pays.
type Output struct {
	// Payee is the address of the main network, or the script in hex where there
	// is none.
	Payee   string
	Satoshi int64
}

// payment is what a job's coinbase says of who is paid, and by whom it is signed.
type payment struct {
	// readable says that the coinbase could be read.
	readable bool
	// scripts are those that are paid, sorted, each once; many says that there are
	// more than can be remembered.
	scripts [][]byte
	many    bool
	// outputs are the first of them as they come, count is how many there are.
	outputs []output
	count   int
	tag     string
	// key is what is paid as one text, empty where that cannot be remembered.
	key string
}

// output is an [Output] that nobody wants to see yet.
type output struct {
	script  []byte
	satoshi int64
}

// read reads the coinbase of a job. One that pays others by another extranonce, which
// stands in the input's script or in an output that nobody can spend, cannot be read:
// what a block pays is not for the extranonce to say, and whoever has it do so hides
// what it does.
func read(job *mining.Job) payment {
	size := job.Extranonce1.Len() + job.Extranonce2Size
	p := readWith(job, make([]byte, size))
	actual := job.Extranonce1.Append(make([]byte, 0, size))
	if !p.same(readWith(job, append(actual, bytes.Repeat([]byte{0xff}, job.Extranonce2Size)...))) {
		return payment{}
	}
	p.key = p.keyed()
	return p
}

// same says whether two pay the same, in the same order.
func (p *payment) same(other payment) bool {
	return p.readable && other.readable && p.many == other.many && p.count == other.count &&
		slices.EqualFunc(p.outputs, other.outputs, output.same) && slices.EqualFunc(p.scripts, other.scripts, bytes.Equal)
}

func (o output) same(other output) bool {
	return o.satoshi == other.satoshi && bytes.Equal(o.script, other.script)
}

// readWith reads the coinbase of a job with an extranonce.
func readWith(job *mining.Job, extranonce []byte) (p payment) {
	raw := slices.Concat(job.CoinbasePrefix, extranonce, job.CoinbaseSuffix)
	c, err := work.ParseCoinbase(raw)
	if err != nil {
		return p
	}
	p.readable = true
	p.tag = tagOf(c.Script)
	for satoshi, script := range c.Outputs() {
		if satoshi == 0 || len(script) > 0 && script[0] == opReturn {
			continue // nobody is paid: the witness commitment and the like
		}
		if p.count++; p.count <= maxPayees {
			p.outputs = append(p.outputs, output{script[:min(len(script), maxPayeeScript)], satoshi})
		}
		at, had := slices.BinarySearchFunc(p.scripts, script, bytes.Compare)
		switch {
		case had:
		case len(p.scripts) == maxPayees || len(script) > maxPayeeScript:
			p.many = true
		default:
			p.scripts = slices.Insert(p.scripts, at, script)
		}
	}
	return p
}

func (p *payment) keyed() string {
	if !p.readable || p.many || len(p.scripts) == 0 {
		return ""
	}
	texts := make([]string, 0, len(p.scripts))
	for _, s := range p.scripts {
		texts = append(texts, hex.EncodeToString(s))
	}
	return strings.Join(texts, ",")
}

// within says whether nobody is paid but those of a list of scripts.
func (p *payment) within(list [][]byte) bool {
	return p.readable && !p.many && len(p.scripts) > 0 && !slices.ContainsFunc(p.scripts, func(s []byte) bool {
		return !slices.ContainsFunc(list, func(one []byte) bool { return bytes.Equal(s, one) })
	})
}

// payees is how a key is shown.
func payees(key string) []string {
	all := strings.Split(key, ",")
	for i, text := range all {
		if script, err := hex.DecodeString(text); err == nil {
			all[i] = show(script)
		}
	}
	return all
}

// tagOf is the text in a coinbase's script, behind the height: what is printable, and
// between its first and its last slash where it has two, for what stands beside them
// changes. What is merged-mined is left out: one in five such hashes reads as a text.
func tagOf(script []byte) string {
	if len(script) == 0 {
		return ""
	}
	if n := int(script[0]); n < op1 { // else the opcode is the height
		script = script[min(1+n, len(script)):]
	}
	var texts []string
	for at := bytes.Index(script, []byte(mergedMining)); at >= 0; at = bytes.Index(script, []byte(mergedMining)) {
		texts = appendTexts(texts, script[:at])
		script = script[min(at+mergedSize, len(script)):]
	}
	tag := strings.Join(appendTexts(texts, script), " ")
	return tag[:min(len(tag), maxTag)]
}

// appendTexts appends the texts in a part of a script.
func appendTexts(texts []string, part []byte) []string {
	for start, i := 0, 0; i <= len(part); i++ {
		if i < len(part) && part[i] >= ' ' && part[i] <= '~' {
			continue
		}
		if i-start >= leastText {
			texts = append(texts, trimTag(string(part[start:i])))
		}
		start = i + 1
	}
	return texts
}

func trimTag(text string) string {
	if first, last := strings.IndexByte(text, '/'), strings.LastIndexByte(text, '/'); last > first {
		return text[first : last+1]
	}
	return text
}

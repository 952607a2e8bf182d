package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/testkit"
	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// sessionDue is a reply that a miner waits for.
type sessionDue struct {
	line string // what it is the reply to
	id   string
	// gate says that nothing may come before it, share that it is a share's, maybe
	// that it need not come: what is no sound request may be answered.
	gate, share, maybe bool
	// none says that there is no reply.
	none bool
	// from is where in what the proxy sends a gate begins: what was on its way
	// already is not in between. holds is how often the miner had been held back.
	from, holds int
}

// sessionMiner is the far end of one connection, and what must be true of it.
type sessionMiner struct {
	world *sessionWorld
	id    mining.MinerID
	// conn is the miner's end, near the proxy's.
	conn, near *testkit.Conn
	gone       chan struct{}
	// chunk is how many bytes the proxy reads at once; 0 is all.
	chunk int
	// known are the lines whose replies are known beforehand.
	known map[string]sessionDue
	// open is what was sent since the last line end, batch what waits to be sent
	// with other lines in one segment.
	open, batch []byte
	batches     bool
	sent        int
	due         []sessionDue
	// came is what was read after the last line end, read how many bytes before it.
	came []byte
	read int
	// deaf says that it reads nothing; ended that the connection is over, or half so.
	deaf, ended bool
	// handed and told count the shares handed in and answered.
	handed, told uint64

	en1   work.Extranonce
	width int
	job   sv1.Notify
	nonce work.Nonce
}

// sessionIDs are ids as they are met, and one of every form.
var sessionIDs = []string{"1", "0", "4", `"auth"`, "null", "1.0", "-4", "18446744073709551616", "1e0", `"txlist\u0041"`, `"` + strings.Repeat("i", 40) + `"`}

// sessionPhrase is a kind of line: its text around the id and how it is answered.
type sessionPhrase struct {
	format                     string
	gate, share, silent, maybe bool
}

// sessionPhrases are the lines that miners say, good and bad.
var sessionPhrases = []sessionPhrase{
	{format: `{"id":%s,"method":"mining.subscribe","params":["fuzz/1"]}`, gate: true},
	{format: `{"id":%s,"method":"mining.authorize","params":["rig.1","x"]}`, gate: true},
	{format: `{"id":%s,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"ffffffff"}]}`, gate: true},
	{format: `{"id":%s,"method":"mining.subscribe"}`, gate: true},
	{format: `{"id":%s,"method":"mining.subscribe","params":["fuzz/1","deadbeef",null]}`, gate: true},
	{format: `{"id":%s,"method":"mining.authorize","params":["rig.2"]}`, gate: true},
	{format: `{"id":%s,"method":"mining.authorize","params":["other",null]}`, gate: true},
	{format: `{"id":%s,"method":"mining.authorize","params":[]}`, gate: true},
	{format: `{"id":%s,"method":"mining.authorize","params":["a\"b<script>\u0000","d=1024"]}`, gate: true},
	{format: `{"id":%s,"method":"mining.configure","params":[["info","minimum-difficulty","subscribe-extranonce"],{"minimum-difficulty.value":-1}]}`, gate: true},
	{format: `{"id":%s,"method":"mining.configure","params":"no"}`, gate: true},
	{format: `{"id":%s,"method":"mining.submit","params":["rig.1","00000001","00000000","504e86ed","b2957c02"]}`, share: true},
	{format: `{"id":%s,"method":"mining.submit","params":["rig.1","00000001","00000000","504e86ed","b2957c02","00002000"]}`, share: true},
	{format: `{"id":%s,"method":"mining.submit","params":["nobody","ffffffffffffffff","","0","2"]}`, share: true},
	{format: `{"id":%s,"method":"mining.submit","params":["rig.1",1,"zz",-1,1e99]}`, share: true},
	{format: `{"id":%s,"method":"mining.submit","params":[]}`, share: true},
	{format: `{"id":%s,"method":"mining.submit"}`, share: true},
	{format: `{"id":%s,"method":"mining.extranonce.subscribe","params":[]}`},
	{format: `{"id":%s,"method":"mining.suggest_difficulty","params":[1e-9]}`},
	{format: `{"id":%s,"method":"mining.suggest_difficulty","params":[-1]}`},
	{format: `{"id":%s,"method":"mining.suggest_target","params":["00ff"]}`},
	{format: `{"id":%s,"method":"mining.get_transactions","params":["1"]}`},
	{format: `{"id":%s,"method":"mining.ping"}`},
	{format: `{"id":%s,"method":"mining.multi_version","params":[4]}`},
	{format: `{"id":%s,"method":"no.such.thing","params":{"a":[[[]]]}}`},
	{format: `{"id":%s,"method":"pong"}`, silent: true},
	{format: `{"id":%s,"result":true,"error":null}`, silent: true},
	{format: `{"id":%s,"method":17}`, maybe: true},
	{format: `{"id":%s}`, maybe: true},
	{format: `{"id":%s,"method":"mining.ping"`, maybe: true},
	{format: `[{"id":%s,"method":"mining.ping"}]`, maybe: true},
	{format: `{"id":%s,"id":%[1]s,"method":"mining.ping"}`, maybe: true},
	{format: `{"id":[%s],"method":"mining.ping"}`, maybe: true},
	{format: "\x16\x03\x01 %s", maybe: true},
	{format: "GET / HTTP/1.1 %s", maybe: true},
	{format: "\x00%s", maybe: true},
}

// step does what an instruction says: three in four say a line.
func (m *sessionMiner) step(op byte) {
	switch {
	case op < 0x40:
		m.behave(op & 0x1f)
	case op < 0x60:
		m.mine(op & 0x1f)
	default:
		p := sessionPhrases[int(op-0x60)%len(sessionPhrases)]
		m.line(p, sessionIDs[int(m.world.next())%len(sessionIDs)])
	}
}

// behave is what a miner does besides saying whole lines.
func (m *sessionMiner) behave(op byte) {
	switch op {
	case 0:
		m.batches = true
	case 1, 2:
		m.flush()
	case 3: // junk; without a quotation mark it is no request
		junk := make([]byte, m.world.next()&0x3f)
		for i := range junk {
			if junk[i] = m.world.next(); junk[i] == '"' {
				junk[i] = '\''
			}
		}
		m.write(junk)
	case 4:
		m.write([]byte{'\n'})
	case 5: // the start of a line
		p := sessionPhrases[int(m.world.next())%len(sessionPhrases)]
		text := fmt.Sprintf(p.format, "7")
		m.write([]byte(text[:int(m.world.next())%len(text)]))
	case 6:
		m.write(bytes.Repeat([]byte{'['}, 1<<(m.world.next()&0xf)))
	case 7:
		m.flush()
		m.ended = true
		_ = m.conn.CloseWrite()
	case 8:
		m.ended = true
		_ = m.conn.Close()
	case 9:
		m.ended = true
		m.conn.Reset()
	case 10:
		m.deaf = !m.deaf
	case 11:
		m.chunk = int(m.world.next())
		m.near.Chunk(m.chunk)
	case 12: // as many as fit
		for range int(m.world.next()) {
			m.line(sessionPhrases[22], "22")
		}
	default:
		m.world.pass(time.Duration(op) * 100 * time.Millisecond)
	}
}

// mine hands a share in that is worth something, or was.
func (m *sessionMiner) mine(op byte) {
	worker := []string{"rig.1", "rig.2", "other", "nobody"}[op&3]
	en2 := work.Extranonce{}
	if m.width > 0 && m.width <= 16 {
		en2, _ = work.MakeExtranonce(make([]byte, m.width))
	}
	if op&4 == 0 { // else the share before it, once more
		m.search(en2, 64)
	}
	text := fmt.Sprintf(`{"id":%%s,"method":"mining.submit","params":[%q,"%s","%s","%s","%s"]}`, worker, m.job.JobID, en2, m.job.NTime, m.nonce)
	m.line(sessionPhrase{format: text, share: true}, sessionIDs[int(op>>3)%len(sessionIDs)])
}

// search goes on to the next nonce that is worth something, or as far as it may.
func (m *sessionMiner) search(en2 work.Extranonce, hashes int) {
	coinbase := work.AppendCoinbase(nil, m.job.Coinb1, m.en1, en2, m.job.Coinb2)
	header := work.Header{
		Version: m.job.Version, PrevHash: m.job.PrevHash, NTime: m.job.NTime, NBits: m.job.NBits,
		MerkleRoot: work.MerkleRoot(work.DoubleSHA256(coinbase), m.job.Branches),
	}
	for range hashes {
		m.nonce++
		if header.Nonce = m.nonce; sessionEasy.Target().Met(header.Hash()) {
			break
		}
	}
}

// line says a phrase.
func (m *sessionMiner) line(p sessionPhrase, id string) {
	text := fmt.Sprintf(p.format, id)
	m.known[strings.Trim(text, " \t\r")] = sessionDue{
		line: text, id: id, gate: p.gate, share: p.share, maybe: p.maybe, none: p.silent || id == "null" && !p.maybe,
	}
	m.write([]byte(text + "\n"))
}

// write sends bytes, or keeps them until the batch is whole.
func (m *sessionMiner) write(b []byte) {
	if m.batches && len(m.batch)+len(b) < 8<<10 {
		m.batch = append(m.batch, b...)
		return
	}
	m.send(append(m.batch, b...))
	m.batch, m.batches = nil, false
}

// flush sends what is gathered in one segment.
func (m *sessionMiner) flush() {
	b := m.batch
	m.batch, m.batches = nil, false
	m.send(b)
}

func (m *sessionMiner) send(b []byte) {
	if m.sent += len(b); m.ended || len(b) == 0 || m.sent > testkit.DefaultBuffer {
		return // what the proxy need not read must fit into the pipe
	}
	m.world.settle()
	before, at := len(m.due), 0
	for i, line := range m.split(b) {
		at += len(line) + 1
		m.expect(line, i == 0 || m.chunk == 0 && at <= sessionRead)
	}
	if _, err := m.conn.Write(b); err != nil {
		m.ended = true
	}
	if synctest.Wait(); m.near.Buffered() > 0 { // an earlier request holds the reader
		for i := range m.due[before:] {
			m.due[before+i].gate = false
		}
	}
}

// sessionRead is what the proxy surely reads at once, in bytes.
const sessionRead = 256

// split takes note of what is sent and returns the lines that are whole now.
func (m *sessionMiner) split(b []byte) [][]byte {
	whole, rest := lines(append(m.open, b...))
	m.open = bytes.Clone(rest)
	return whole
}

// expect notes what a line that is sent is answered with. Only of what is read with
// the lines before it the proxy can know that it comes.
func (m *sessionMiner) expect(line []byte, atOnce bool) {
	text := string(bytes.Trim(line, " \t\r"))
	due, ok := m.known[text]
	switch {
	case text == "":
		return
	case !ok:
		due = sessionDue{line: text, maybe: true}
	}
	if due.share {
		m.handed++
	}
	due.holds = m.world.holds.of(m.id)
	if due.from = m.read + len(m.came) + m.conn.Buffered(); !atOnce || m.conn.Buffered() > testkit.DefaultBuffer/2 {
		due.gate = false // in the latter case more may be on its way than there is room for
	}
	if !due.none {
		m.due = append(m.due, due)
	}
}

// hear takes what came.
func (m *sessionMiner) hear() {
	for !m.deaf && m.conn.Buffered() > 0 {
		buf := make([]byte, m.conn.Buffered())
		n, err := m.conn.Read(buf)
		if err != nil {
			break
		}
		var whole [][]byte
		whole, m.came = lines(append(m.came, buf[:n]...))
		for _, line := range whole {
			m.heard(line)
			m.read += len(line) + 1
		}
	}
	select {
	case <-m.gone:
		m.ended = true
	default:
	}
}

// heard holds a line against what is due.
func (m *sessionMiner) heard(line []byte) {
	var v struct {
		ID     json.RawMessage `json:"id"`
		Method string          `json:"method"`
		Result json.RawMessage `json:"result"`
		Params json.RawMessage `json:"params"`
	}
	if err := json.Unmarshal(line, &v); err != nil {
		m.world.t.Errorf("sent %q: %v", line, err)
		return
	}
	if v.Method != "" {
		m.unsolicited(v.Method, v.Params)
		return
	}
	due, ok := m.answered(string(v.ID))
	if !ok {
		m.world.t.Errorf("reply %s, due are %+v", line, m.due)
		return
	}
	if due.share {
		m.told++
	}
	var reply sv1.SubscribeReply
	if strings.Contains(due.line, "mining.subscribe") && reply.Decode(v.Result) == nil {
		m.en1, m.width = reply.Extranonce1, reply.Extranonce2Size
	}
}

// answered takes the first reply that is due, past those that need not come.
func (m *sessionMiner) answered(id string) (sessionDue, bool) {
	for i, d := range m.due {
		if !d.maybe && d.id == id || d.maybe && (id == "null" || strings.Contains(d.line, id)) {
			m.due = m.due[i+1:]
			return d, true
		}
		if !d.maybe {
			break
		}
	}
	return sessionDue{}, false
}

// unsolicited is anything that is no reply.
func (m *sessionMiner) unsolicited(method string, params []byte) {
	if len(m.due) > 0 && m.due[0].gate && m.read >= m.due[0].from && m.due[0].holds == m.world.holds.of(m.id) {
		m.world.t.Errorf("%s comes before the reply to %s", method, m.due[0].line)
	}
	switch method {
	case sv1.MethodNotify.String():
		var n sv1.Notify
		if err := n.Decode(params); err != nil {
			m.world.t.Errorf("job %s: %v", params, err)
		}
		m.job = n
		m.job.JobID, m.job.Coinb1, m.job.Coinb2 = bytes.Clone(n.JobID), bytes.Clone(n.Coinb1), bytes.Clone(n.Coinb2)
	case sv1.MethodSetExtranonce.String():
		var s sv1.SetExtranonce
		if err := s.Decode(params); err != nil {
			m.world.t.Errorf("extranonce %s: %v", params, err)
		}
		m.en1, m.width = s.Extranonce1, s.Extranonce2Size
	}
}

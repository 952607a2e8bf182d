package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// countedVariable has TestCounted do each operation as often as test/counts asks for,
// and print what it found; without it each is done a few times, to see that it works.
const countedVariable = "LOKA_COUNTED"

// countedText is a proxy whose miners stay at one difficulty, where four hashes find a
// share. What the pool asks for is its own matter.
const countedText = `
data_dir = "/nowhere"
[vardiff]
fixed = 9e-10
min = 9e-10
[[pool]]
name = "main"
url = "stratum+tcp://main.example:3333"
username = "ACCOUNT"
[[route]]
name = "farm"
mode = %q
pools = ["main"]
`

// operation is something that a proxy does for each share, job or connection.
type operation struct {
	name string
	// n are two numbers of times to do it. What both cost alike is in the difference of
	// neither.
	n [2]int
	// make makes ready all that is needed to do it so often, and returns what does it.
	// It needs no proxy where w is nil.
	make func(t *testing.T, times int) (w *sessionWorld, do func(n int))
}

// operations are what is counted.
func operations() []operation {
	return []operation{
		{"decode a submit", [2]int{1000, 3000}, decodeSubmits},
		{"decode a notify of 12 branches", [2]int{100, 300}, decodeNotifies},
		{"share, shared mode", [2]int{200, 800}, sharesOf("shared", 1)},
		{"share of 16 at a time, shared mode", [2]int{192, 800}, burstsOf("shared", 1, 16)},
		{"share that goes to the pool, shared mode", [2]int{200, 800}, sharesOf("shared", sessionEasy)},
		{"share, dedicated mode", [2]int{200, 800}, sharesOf("dedicated", sessionEasy)},
		{"share of 16 at a time, dedicated mode", [2]int{192, 800}, burstsOf("dedicated", sessionEasy, 16)},
		{"share that was handed in before", [2]int{100, 300}, duplicates},
		{"connection, from its first byte to its last", [2]int{20, 120}, connections},
		{"job for 4 miners", [2]int{20, 420}, jobsFor(4)},
		{"job for 36 miners", [2]int{20, 120}, jobsFor(36)},
	}
}

// count is what doing an operation n times took; Writes are those to miners.
type count struct{ N, Mallocs, Bytes, Writes uint64 }

// countedMark is where a profile of instructions is cut: test/counts knows its name.
//
//go:noinline
func countedMark() {}

// TestCounted does each operation over the real sessions, pipeline, hub and books, with
// connections in memory and in virtual time, so that it does the same whenever it runs.
// test/counts runs it with and without valgrind.
func TestCounted(t *testing.T) {
	for _, op := range operations() {
		t.Run(op.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { op.count(t) })
		})
	}
}

func (o operation) count(t *testing.T) {
	t.Helper()
	n, warm := o.n, max(1, o.n[0]/2)
	asked := os.Getenv(countedVariable) != ""
	if !asked {
		n, warm = [2]int{1, 2}, 1
	}
	w, do := o.make(t, warm+n[0]+n[1])
	do(warm)
	var counts [2]count
	for i, n := range n {
		var before, after runtime.MemStats
		writes := w.writes()
		runtime.ReadMemStats(&before)
		countedMark()
		do(n)
		countedMark()
		runtime.ReadMemStats(&after)
		counts[i] = count{
			uint64(n), after.Mallocs - before.Mallocs,
			after.TotalAlloc - before.TotalAlloc, w.writes() - writes,
		}
	}
	if !asked {
		return
	}
	line, err := json.Marshal(struct {
		Counted string
		Counts  [2]count
	}{o.name, counts})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(string(line))
}

// countedTemplate is a job as pools send it: 250 bytes of coinbase with both extranonces,
// 12 branches.
func countedTemplate() sv1.Notify {
	return sv1.Notify{
		Coinb1: bytes.Repeat([]byte{0x0a}, 60), Coinb2: bytes.Repeat([]byte{0x0b}, 178),
		Branches: slices.Repeat([]work.Hash{{0xfe, 0xed}}, 12),
	}
}

// newCounted is a proxy before a pool with one difficulty, and miners that have work.
func newCounted(t *testing.T, mode string, pool work.Difficulty, miners int) (*sessionWorld, []*sessionMiner) {
	t.Helper()
	cfg, problems := config.Load(fmt.Appendf(nil, countedText, mode), "counted.toml", config.Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	w := &sessionWorld{t: t, left: time.Hour}
	w.begin(cfg, func() *sessionPool { return &sessionPool{width: 8, difficulty: pool, template: countedTemplate()} })
	w.rest(5 * time.Second) // the pool's difficulty settles
	for range miners {
		m := w.arrive()
		m.line(sessionPhrases[0], "1")
		m.line(sessionPhrases[1], "2")
	}
	w.rest(time.Second)
	for i, m := range w.miners {
		if m.ended || len(m.due) > 0 || len(m.job.JobID) == 0 {
			t.Fatalf("miner %d has no work: %+v", i, m.due)
		}
	}
	t.Cleanup(func() { w.leave(); w.over() })
	return w, w.miners
}

// shares are as many submits, each worth something and none twice.
func (m *sessionMiner) shares(n int) [][]byte {
	en2, _ := work.MakeExtranonce(make([]byte, m.width))
	all := make([][]byte, n)
	for i := range all {
		m.search(en2, 1000)
		all[i] = fmt.Appendf(nil, `{"id":%d,"method":"mining.submit","params":["rig.1","%s","%s","%s","%s"]}`+"\n", i, m.job.JobID, en2, m.job.NTime, m.nonce)
	}
	return all
}

// ask says a line and takes what comes until all that is wanted was in it.
func (m *sessionMiner) ask(line, buf []byte, want ...string) {
	if _, err := m.conn.Write(line); err != nil {
		m.world.t.Fatal(err)
	}
	m.take(buf, want...)
}

// take takes what comes until all that is wanted was in it.
func (m *sessionMiner) take(buf []byte, want ...string) {
	for at, seen := 0, 0; len(want) > 0; {
		i := bytes.Index(buf[seen:at], []byte(want[0]))
		if i >= 0 {
			seen += i + len(want[0])
			want = want[1:]
			continue
		}
		n, err := m.conn.Read(buf[at:])
		if err != nil {
			m.world.t.Fatalf("%q: %v", buf[:at], err)
		}
		at += n
	}
}

// writes are all that the proxy has made to its miners.
func (w *sessionWorld) writes() (n uint64) {
	if w == nil {
		return 0
	}
	for _, m := range w.miners {
		n += uint64(m.near.Writes())
	}
	return n
}

// sharesOf hands shares in, of four miners in turns, and books them.
func sharesOf(mode string, pool work.Difficulty) func(t *testing.T, times int) (*sessionWorld, func(int)) {
	return func(t *testing.T, times int) (*sessionWorld, func(int)) {
		t.Helper()
		w, miners := newCounted(t, mode, pool, 4)
		lines := make([][][]byte, len(miners))
		for i, m := range miners {
			lines[i] = m.shares(times/len(miners) + 1)
		}
		at, buf := 0, make([]byte, 4096)
		return w, func(n int) {
			for range n {
				i := at % len(miners)
				miners[i].ask(lines[i][at/len(miners)], buf, `"result":true`)
				if pool < 1 {
					time.Sleep(10 * time.Millisecond) // so that each goes to the pool, and by itself
				}
				at++
			}
			w.books.Tick(time.Now())
		}
	}
}

// burstsOf hands shares in of which so many come in one segment.
func burstsOf(mode string, pool work.Difficulty, size int) func(t *testing.T, times int) (*sessionWorld, func(int)) {
	return func(t *testing.T, times int) (*sessionWorld, func(int)) {
		t.Helper()
		w, miners := newCounted(t, mode, pool, 1)
		lines, buf := miners[0].shares(times), make([]byte, 8192)
		wanted := slices.Repeat([]string{`"result":true`}, size)
		return w, func(n int) {
			for range n / size {
				miners[0].ask(bytes.Join(lines[:size], nil), buf, wanted...)
				lines = lines[size:]
			}
			w.books.Tick(time.Now())
		}
	}
}

// duplicates hands the same share in again and again.
func duplicates(t *testing.T, _ int) (*sessionWorld, func(int)) {
	t.Helper()
	w, miners := newCounted(t, "shared", 1, 1)
	line, buf := miners[0].shares(1)[0], make([]byte, 4096)
	miners[0].ask(line, buf, `"result":true`)
	return w, func(n int) {
		for range n {
			miners[0].ask(line, buf, `"error":[22,`)
		}
		w.books.Tick(time.Now())
	}
}

// connections come, log in, are given work and go, one after the other.
func connections(t *testing.T, _ int) (*sessionWorld, func(int)) {
	t.Helper()
	w, _ := newCounted(t, "shared", 1, 1)
	buf := make([]byte, 8192)
	subscribe := []byte(`{"id":1,"method":"mining.subscribe","params":["counted/1"]}` + "\n")
	authorize := []byte(`{"id":2,"method":"mining.authorize","params":["rig.1","x"]}` + "\n")
	return w, func(n int) {
		for range n {
			m := w.arrive()
			m.ask(subscribe, buf, `"id":1,`)
			m.ask(authorize, buf, `"id":2,`)
			synctest.Wait() // the job is there, too
			_ = m.conn.Close()
			<-m.gone
		}
	}
}

// jobsFor has the pool send jobs of new blocks, each of which goes to all miners.
func jobsFor(miners int) func(t *testing.T, times int) (*sessionWorld, func(int)) {
	return func(t *testing.T, times int) (*sessionWorld, func(int)) {
		t.Helper()
		w, all := newCounted(t, "shared", 1, miners)
		pool, buf := w.pools["main.example"], make([]byte, 8192)
		blocks := make([]string, times)
		for i := range blocks {
			pool.block++
			blocks[i] = pool.jobLine(true)
		}
		return w, func(n int) {
			for range n {
				pool.tell(func() string { return blocks[0] })
				blocks = blocks[1:]
				for _, m := range all {
					m.take(buf, `"mining.notify"`)
				}
			}
		}
	}
}

// decodeSubmits reads a share's line alone.
func decodeSubmits(t *testing.T, _ int) (*sessionWorld, func(int)) {
	t.Helper()
	line := []byte(`{"id":4,"method":"mining.submit","params":["farm.w00001","0000001a","00000007","65537f00","b2957c02","00002000"]}`)
	var (
		m sv1.Message
		s sv1.Submit
	)
	return nil, func(n int) {
		for range n {
			if m.Scan(line) != nil || s.Decode(m.Params) != nil {
				t.Fatal("cannot be read")
			}
		}
	}
}

// decodeNotifies reads a job's line alone.
func decodeNotifies(t *testing.T, _ int) (*sessionWorld, func(int)) {
	t.Helper()
	n := countedTemplate()
	n.JobID, n.PrevHash = []byte("0000001a"), work.Hash{1}
	line := bytes.TrimSpace(n.Append(nil))
	var m sv1.Message
	return nil, func(times int) {
		for range times {
			if m.Scan(line) != nil || n.Decode(m.Params) != nil {
				t.Fatal("cannot be read")
			}
		}
	}
}

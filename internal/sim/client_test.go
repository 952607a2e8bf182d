package sim

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/sv1"
	"github.com/loka/stratum/work"
)

// client is a miner by hand, for what the manners never do.
type client struct {
	t    *testing.T
	conn net.Conn
	r    *sv1.Reader
	sub  sv1.SubscribeReply
	mask work.VersionMask
	diff work.Difficulty
	job  sv1.Notify
	id   int
}

func dial(t *testing.T, p *Pool) *client {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &client{t: t, conn: conn, r: sv1.NewReader(conn, 1<<20), id: 10}
}

// ready is a client that has subscribed, authorized as "u" and has a job.
func ready(t *testing.T, p *Pool) *client {
	t.Helper()
	c := dial(t, p)
	m := c.call("mining.configure", `["version-rolling"],{"version-rolling.mask":"1fffe000"}`)
	var conf sv1.ConfigureReply
	if err := conf.Decode(m.Result); err != nil {
		t.Fatal(err)
	}
	c.mask = conf.VersionMask
	c.subscribe()
	if m := c.call("mining.authorize", `"u","x"`); !sv1.Granted(m) {
		t.Fatalf("not authorized: %s", m.Error)
	}
	c.awaitJob()
	return c
}

func (c *client) subscribe() {
	c.t.Helper()
	if err := c.sub.Decode(c.call("mining.subscribe", `"test"`).Result); err != nil {
		c.t.Fatal(err)
	}
}

// awaitJob reads until there is a job.
func (c *client) awaitJob() {
	c.t.Helper()
	for len(c.job.JobID) == 0 {
		c.read()
	}
}

// newJob reads until there is another job.
func (c *client) newJob() {
	c.t.Helper()
	old := string(c.job.JobID)
	for string(c.job.JobID) == old {
		c.read()
	}
}

func (c *client) write(line string) {
	c.t.Helper()
	if _, err := c.conn.Write([]byte(line + "\n")); err != nil {
		c.t.Fatal(err)
	}
}

// line reads one line; ok is false at the connection's end.
func (c *client) line() (line string, ok bool) {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	b, err := c.r.ReadLine()
	if err != nil {
		if strings.Contains(err.Error(), "timeout") {
			c.t.Fatal("no line within 10 s")
		}
		return "", false
	}
	return string(b), true
}

// read reads one message and takes up what it tells.
func (c *client) read() *sv1.Message {
	c.t.Helper()
	line, ok := c.line()
	if !ok {
		c.t.Fatal("closed by the pool")
	}
	m := new(sv1.Message)
	if err := m.Scan([]byte(line)); err != nil {
		c.t.Fatalf("%v: %s", err, line)
	}
	switch sv1.ParseMethod(m.Method) {
	case sv1.MethodNotify:
		var n sv1.Notify
		if err := n.Decode(m.Params); err != nil {
			c.t.Fatal(err)
		}
		c.job = n
	case sv1.MethodSetDifficulty:
		var d sv1.SetDifficulty
		if err := d.Decode(m.Params); err != nil {
			c.t.Fatal(err)
		}
		c.diff = d.Difficulty
	case sv1.MethodSetExtranonce:
		var e sv1.SetExtranonce
		if err := e.Decode(m.Params); err != nil {
			c.t.Fatal(err)
		}
		c.sub.Extranonce1 = e.Extranonce1
	default:
	}
	return m
}

// call sends a request and waits for its reply.
func (c *client) call(method, params string) *sv1.Message {
	c.t.Helper()
	c.id++
	c.write(fmt.Sprintf(`{"id":%d,"method":%q,"params":[%s]}`, c.id, method, params))
	for {
		if m := c.read(); string(m.ID) == strconv.Itoa(c.id) && m.Method == nil {
			return m
		}
	}
}

// solve finds a share of the present job. want says whether it is to meet the
// difficulty, or not; start sets the search apart from earlier ones.
func (c *client) solve(bits work.VersionMask, start uint32, meet bool) sv1.Submit {
	c.t.Helper()
	en2, _ := work.MakeExtranonce(make([]byte, c.sub.Extranonce2Size))
	coinbase := work.AppendCoinbase(nil, c.job.Coinb1, c.sub.Extranonce1, en2, c.job.Coinb2)
	h := work.Header{
		Version: c.mask.Replace(c.job.Version, bits), PrevHash: c.job.PrevHash, NTime: c.job.NTime, NBits: c.job.NBits,
		MerkleRoot: work.MerkleRoot(work.DoubleSHA256(coinbase), c.job.Branches),
	}
	target := c.diff.Target()
	for n := start; n < start+10_000_000; n++ {
		h.Nonce = work.Nonce(n)
		if target.Met(h.Hash()) == meet {
			return sv1.Submit{
				Worker: []byte("u"), JobID: c.job.JobID, Extranonce2: en2, NTime: h.NTime, Nonce: h.Nonce,
				VersionBits: bits, HasVersionBits: c.mask != 0,
			}
		}
	}
	c.t.Fatal("no share found")
	return sv1.Submit{}
}

// hand submits a share and returns the error's code; 0 for an accepted one, -1
// for a refusal without a code.
func (c *client) hand(s sv1.Submit) int {
	c.t.Helper()
	c.id++
	_, _ = c.conn.Write(s.Append(nil, fmt.Append(nil, c.id)))
	for {
		m := c.read()
		switch {
		case string(m.ID) != strconv.Itoa(c.id) || m.Method != nil:
		case sv1.Accepted(m):
			return 0
		default:
			if code := sv1.Refusal(m).Code; code != 0 {
				return code
			}
			return -1
		}
	}
}

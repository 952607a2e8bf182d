package sim

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loka/stratum/work"
)

// fakeNode is a node of one transaction a block. It checks a block's proof of
// work and merkle root, and refuses what reject says.
type fakeNode struct {
	t *testing.T

	mu     sync.Mutex
	tip    work.Hash
	height int64
	reject string
	down   bool
	moved  chan struct{} // closed at the next tip
	polls  int
	blocks [][]byte
}

const (
	// fakeTx is a legacy transaction: its id is the digest of all of it.
	fakeTx = "01000000000000000000"
	// fakeCommitment is the output script of a witness commitment.
	fakeCommitment = "6a24aa21a9ed" + zeros64
)

func newFakeNode(t *testing.T) (*fakeNode, string) {
	t.Helper()
	n := &fakeNode{t: t, height: 100, moved: make(chan struct{})}
	srv := httptest.NewServer(http.HandlerFunc(n.serve))
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
	})
	return n, srv.URL
}

func (n *fakeNode) serve(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Method string
		Params []json.RawMessage
	}
	user, password, _ := r.BasicAuth()
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil || user != "user" || password != "password" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var result any
	switch req.Method {
	case "getblocktemplate":
		result = n.template(r, req.Params[0])
	case "submitblock":
		var text string
		_ = json.Unmarshal(req.Params[0], &text)
		result = n.submit(text)
	}
	if result == errDown {
		_, _ = fmt.Fprint(w, `{"result":null,"error":{"code":-9,"message":"not connected"},"id":1}`)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"result": result, "error": nil, "id": 1})
}

const errDown = "down"

func (n *fakeNode) template(r *http.Request, raw json.RawMessage) any {
	var req struct{ LongPollID string }
	_ = json.Unmarshal(raw, &req)
	n.mu.Lock()
	if req.LongPollID == n.tip.String() {
		n.polls++
		moved := n.moved
		n.mu.Unlock()
		select {
		case <-moved:
		case <-r.Context().Done():
		}
		n.mu.Lock()
	}
	defer n.mu.Unlock()
	if n.down {
		return errDown
	}
	tx, _ := hex.DecodeString(fakeTx)
	return map[string]any{
		"version": 0x20000000, "previousblockhash": n.tip.String(), "coinbasevalue": 5_000_000_000, "bits": "207fffff",
		"curtime": time.Now().Unix(), "height": n.height, "longpollid": n.tip.String(),
		"default_witness_commitment": fakeCommitment,
		"transactions":               []any{map[string]any{"data": fakeTx, "txid": work.DoubleSHA256(tx).String()}},
	}
}

func (n *fakeNode) submit(text string) any {
	block, err := hex.DecodeString(text)
	if err != nil {
		return "not hex"
	}
	header, err := work.ParseHeader(block[:work.HeaderSize])
	if err != nil {
		return err.Error()
	}
	target, _ := header.NBits.Target()
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.reject != "":
		return n.reject
	case header.PrevHash != n.tip:
		return "inconclusive"
	case !target.Met(header.Hash()):
		return "high-hash"
	case !n.rootMatches(header, block[work.HeaderSize:]):
		return "bad-txnmrklroot"
	}
	n.blocks = append(n.blocks, block)
	n.move(header.Hash())
	return nil
}

// rootMatches takes the coinbase's witness off and checks the merkle root. The
// transactions are two, the second being fakeTx.
func (n *fakeNode) rootMatches(h work.Header, txs []byte) bool {
	tail := fakeTx
	witness := "0120" + zeros64
	coinbase := hex.EncodeToString(txs[1:])
	if txs[0] != 2 || !strings.HasSuffix(coinbase, tail) {
		n.t.Errorf("%d transactions", txs[0])
		return false
	}
	coinbase = strings.TrimSuffix(coinbase, tail)
	if !strings.HasPrefix(coinbase, "010000000001") || !strings.HasSuffix(coinbase, witness+"00000000") {
		n.t.Errorf("a coinbase without witness: %s", coinbase)
		return false
	}
	stripped := "01000000" + strings.TrimSuffix(coinbase[12:], witness+"00000000") + "00000000"
	raw, _ := hex.DecodeString(stripped)
	tx, _ := hex.DecodeString(fakeTx)
	return work.MerkleRoot(work.DoubleSHA256(raw), []work.Hash{work.DoubleSHA256(tx)}) == h.MerkleRoot
}

func (n *fakeNode) move(tip work.Hash) {
	n.tip = tip
	n.height++
	close(n.moved)
	n.moved = make(chan struct{})
}

// TestNode mines blocks on a fake node, sees another's block by long poll, and
// goes on after a refused block and after the node was away.
func TestNode(t *testing.T) {
	t.Parallel()
	fake, url := newFakeNode(t)
	audit := NewAudit()
	p := startPool(t, PoolConfig{
		Node: NewNodeConfig(NodeConfig{URL: url, User: "user", Password: "password", Poll: 100 * time.Millisecond}), OnShare: audit.Pool,
	})
	w := startMiners(t, MinersConfig{Pool: p.URL(), Manners: []Manner{ESPMiner, CPUMiner}, OnShare: audit.Miner, TimeScale: 0.1})
	within(t, "three blocks", func() bool { return p.Stats().BlocksAccepted >= 3 })

	fake.mu.Lock()
	fake.reject = "bad-something"
	fake.mu.Unlock()
	within(t, "a refused block", func() bool { return strings.Contains(p.Stats().LastReject, "bad-something") })
	fake.mu.Lock()
	fake.reject = ""
	fake.mu.Unlock()
	before := p.Stats().BlocksAccepted
	within(t, "blocks after a refused one", func() bool { return p.Stats().BlocksAccepted > before+1 })

	w.Pause(true)
	within(t, "all answered", w.Settled)
	within(t, "a long poll", func() bool {
		fake.mu.Lock()
		defer fake.mu.Unlock()
		return fake.polls > 0 && p.Stats().Height == fake.height
	})
	fake.mu.Lock()
	fake.move(work.Hash{1})
	height := fake.height
	fake.mu.Unlock()
	within(t, "another's block", func() bool { return p.Stats().Height == height })

	fake.mu.Lock()
	fake.down = true
	fake.mu.Unlock()
	within(t, "the trouble is told", func() bool { return strings.Contains(p.Stats().NodeError, "not connected") })
	fake.mu.Lock()
	fake.down = false
	fake.mu.Unlock()
	within(t, "the trouble is over", func() bool { return p.Stats().NodeError == "" })

	if err := audit.Report().Err(); err != nil {
		t.Error(err)
	}
	if s := p.Stats(); s.Blocks != s.BlocksAccepted+s.BlocksRejected {
		t.Errorf("%+v", s)
	}
}

// TestNodeThatLies: templates that cannot be used are an error, not a job.
func TestNodeThatLies(t *testing.T) {
	t.Parallel()
	good := gbtReply{PreviousBlockHash: zeros64, Bits: "207fffff", Height: 1}
	rows := map[string]func(r *gbtReply){
		"previousblockhash":          func(r *gbtReply) { r.PreviousBlockHash = "00" },
		"bits":                       func(r *gbtReply) { r.Bits = "zz" },
		"bits: ":                     func(r *gbtReply) { r.Bits = "00000000" },
		"default_witness_commitment": func(r *gbtReply) { r.Commitment = "0" },
		"transaction 0":              func(r *gbtReply) { r.Transactions = []gbtTx{{TxID: "1"}} },
		"transaction 1":              func(r *gbtReply) { r.Transactions = []gbtTx{{TxID: zeros64}, {TxID: zeros64, Data: "x"}} },
	}
	if _, err := good.template(nil); err != nil {
		t.Fatal(err)
	}
	for want, change := range rows {
		bad := good
		change(&bad)
		if _, err := bad.template(nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestNodeAway: no node at all is trouble that is told, and miners get no job.
func TestNodeAway(t *testing.T) {
	t.Parallel()
	p := startPool(t, PoolConfig{Node: NewNode("127.0.0.1:1", "", "")})
	within(t, "trouble", func() bool { return p.Stats().NodeError != "" })
	c := dial(t, p)
	c.subscribe()
	if len(c.job.JobID) != 0 {
		t.Error("a job from nowhere")
	}
	p.NewJob()
	p.NewBlock()
}

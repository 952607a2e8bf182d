package sim

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/loka/stratum/work"
)

const (
	// maxNodeReply bounds a reply: a template of 4 MB of transactions in hex.
	maxNodeReply = 32 << 20
	rpcTimeout   = 10 * time.Second
	// longPollTimeout is longer than nodes hold a long poll.
	longPollTimeout = 5 * time.Minute
)

// NodeConfig describes a node's JSON-RPC interface.
type NodeConfig struct {
	// URL is "http://host:port".
	URL string
	// User and Password are for basic authentication.
	User, Password string
	// Poll is the time between getblocktemplate calls; 0 is 1 s. If the node
	// offers long polling, a new tip is heard of at once.
	Poll time.Duration
	// Script is the output script of the reward; nil is OP_TRUE.
	Script []byte
}

// Node is a real node that templates come from and blocks go to. One pool may
// use it.
type Node struct {
	cfg  NodeConfig
	http *http.Client
	kick chan struct{}
}

// NewNode returns a client of the node at url ("http://host:port").
func NewNode(url, user, password string) *Node {
	return NewNodeConfig(NodeConfig{URL: url, User: user, Password: password})
}

// NewNodeConfig is NewNode with all settings.
func NewNodeConfig(cfg NodeConfig) *Node {
	setDefault(&cfg.Poll, time.Second)
	if !strings.Contains(cfg.URL, "://") {
		cfg.URL = "http://" + cfg.URL
	}
	if cfg.Script == nil {
		cfg.Script = []byte{opTrue}
	}
	return &Node{cfg: cfg, http: &http.Client{Transport: &http.Transport{}}, kick: make(chan struct{}, 1)}
}

// refresh asks for a template at once.
func (n *Node) refresh() {
	select {
	case n.kick <- struct{}{}:
	default:
	}
}

// follow hands every template to use, and every change of the node's health to
// health (nil is well), until ctx ends. It returns when nothing of it is left.
func (n *Node) follow(ctx context.Context, use func(*template), health func(error)) {
	defer n.http.CloseIdleConnections()
	poller := make(chan string, 1) // ids to long-poll with; the newest only
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.longPoll(ctx, poller)
	}()
	defer func() { <-done }()
	for {
		t, pollID, err := n.fetch(ctx, "")
		if ctx.Err() != nil {
			return
		}
		health(err)
		if err == nil {
			use(t)
		}
		if pollID != "" {
			select {
			case poller <- pollID:
			default:
			}
		}
		if !n.await(ctx) {
			return
		}
	}
}

// await waits for the next poll, or for refresh.
func (n *Node) await(ctx context.Context) bool {
	timer := time.NewTimer(n.cfg.Poll)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-n.kick:
	case <-timer.C:
	}
	return true
}

// longPoll waits with the node's long poll for each id, and refreshes when it
// returns. An error costs one poll interval.
func (n *Node) longPoll(ctx context.Context, ids <-chan string) {
	for {
		select {
		case <-ctx.Done():
			return
		case id := <-ids:
			if _, _, err := n.fetch(ctx, id); err == nil {
				n.refresh()
			} else if !pause(ctx, n.cfg.Poll) {
				return
			}
		}
	}
}

// gbtReply is the part of getblocktemplate's result that is used.
type gbtReply struct {
	Version           uint32  `json:"version"`
	PreviousBlockHash string  `json:"previousblockhash"`
	CoinbaseValue     int64   `json:"coinbasevalue"`
	Bits              string  `json:"bits"`
	CurTime           uint32  `json:"curtime"`
	MinTime           uint32  `json:"mintime"`
	Height            int64   `json:"height"`
	LongPollID        string  `json:"longpollid"`
	Commitment        string  `json:"default_witness_commitment"`
	Transactions      []gbtTx `json:"transactions"`
}

type gbtTx struct {
	Data string `json:"data"`
	TxID string `json:"txid"`
	Hash string `json:"hash"`
}

// fetch asks for a template; with a long poll's id the node answers when its
// tip changes.
func (n *Node) fetch(ctx context.Context, pollID string) (t *template, nextPoll string, err error) {
	request := map[string]any{"rules": []string{"segwit"}, "capabilities": []string{"coinbasevalue", "longpoll"}}
	timeout := rpcTimeout
	if pollID != "" {
		request["longpollid"], timeout = pollID, longPollTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	raw, err := n.call(ctx, "getblocktemplate", request)
	if err != nil {
		return nil, "", err
	}
	var reply gbtReply
	if err := json.Unmarshal(raw, &reply); err != nil {
		return nil, "", fmt.Errorf("%w: getblocktemplate: %w", ErrNode, err)
	}
	t, err = reply.template(n.cfg.Script)
	return t, reply.LongPollID, err
}

func (r *gbtReply) template(script []byte) (*template, error) {
	t := &template{
		height: r.Height, version: work.Version(r.Version), value: r.CoinbaseValue, script: script,
		ntime: work.NTime(max(r.CurTime, r.MinTime)),
	}
	var err error
	if t.prevHash, err = work.ParseHash(r.PreviousBlockHash); err != nil {
		return nil, fmt.Errorf("%w: previousblockhash: %w", ErrNode, err)
	}
	if t.nbits, err = work.ParseNBits([]byte(r.Bits)); err != nil {
		return nil, fmt.Errorf("%w: bits: %w", ErrNode, err)
	}
	if t.target, err = t.nbits.Target(); err != nil {
		return nil, fmt.Errorf("%w: bits: %w", ErrNode, err)
	}
	if r.Commitment != "" {
		if t.commitment, err = hex.DecodeString(r.Commitment); err != nil {
			return nil, fmt.Errorf("%w: default_witness_commitment: %w", ErrNode, err)
		}
	}
	txids := make([]work.Hash, len(r.Transactions))
	t.txs = make([][]byte, len(r.Transactions))
	for i, tx := range r.Transactions {
		id := tx.TxID
		if id == "" { // before segwit the hash is the id
			id = tx.Hash
		}
		if txids[i], err = work.ParseHash(id); err != nil {
			return nil, fmt.Errorf("%w: transaction %d: %w", ErrNode, i, err)
		}
		if t.txs[i], err = hex.DecodeString(tx.Data); err != nil {
			return nil, fmt.Errorf("%w: transaction %d: %w", ErrNode, i, err)
		}
	}
	t.branches = work.MerkleBranches(txids)
	return t, nil
}

// submit hands a block in; nil means that the node took it.
func (n *Node) submit(ctx context.Context, block []byte) error {
	ctx, cancel := context.WithTimeout(ctx, rpcTimeout)
	defer cancel()
	raw, err := n.call(ctx, "submitblock", hex.EncodeToString(block))
	if err != nil {
		return err
	}
	var reason string
	if json.Unmarshal(raw, &reason) == nil && reason != "" {
		return fmt.Errorf("%w: submitblock: %s", ErrNode, reason)
	}
	return nil
}

// call does one JSON-RPC call and returns the raw result.
func (n *Node) call(ctx context.Context, method string, params ...any) (json.RawMessage, error) {
	body, err := json.Marshal(map[string]any{"jsonrpc": "1.0", "id": 1, "method": method, "params": params})
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrNode, method, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.cfg.URL, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrNode, method, err)
	}
	req.Header.Set("Content-Type", "application/json")
	if n.cfg.User != "" || n.cfg.Password != "" {
		req.SetBasicAuth(n.cfg.User, n.cfg.Password)
	}
	resp, err := n.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrNode, method, err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxNodeReply))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrNode, method, err)
	}
	var reply struct {
		Result json.RawMessage `json:"result"`
		Error  *struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal(data, &reply); err != nil {
		return nil, fmt.Errorf("%w: %s: HTTP status %s", ErrNode, method, resp.Status)
	}
	if reply.Error != nil {
		return nil, fmt.Errorf("%w: %s: %s (%d)", ErrNode, method, reply.Error.Message, reply.Error.Code)
	}
	return reply.Result, nil
}

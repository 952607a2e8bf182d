package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/loka/stratum/internal/testkit/process"
)

const (
	rpcUser, rpcPassword = "loka", "simnet"
	// miningAddress is a simnet address that nobody has the key of.
	miningAddress = "SNrExv4meNtf7QKvwj5EWudgZUrE14xFqc"
)

// node is a btcd on simnet.
type node struct {
	t   *testing.T
	url string
}

// btcd builds btcd from the version that go.mod names, once.
var btcd = sync.OnceValues(func() (string, error) {
	bin := filepath.Join(buildDir(), "btcd")
	out, err := exec.Command("go", "build", "-o", bin, "github.com/btcsuite/btcd").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return bin, nil
})

// startNode runs a fresh btcd until the test ends.
func startNode(t *testing.T) *node {
	t.Helper()
	bin, err := btcd()
	if err != nil {
		t.Skipf("SKIPPED, NOTHING IS PROVED: btcd cannot be built here: %v", err)
	}
	dir := t.TempDir()
	addr, none := process.FreeLocalPort(t), filepath.Join(dir, "none.conf")
	if err := os.WriteFile(none, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, bin,
		"--simnet", "--notls", "--nodnsseed", "--nolisten", "--configfile="+none,
		"--datadir="+filepath.Join(dir, "data"), "--logdir="+filepath.Join(dir, "logs"),
		"--rpclisten="+addr, "--rpcuser="+rpcUser, "--rpcpass="+rpcPassword, "--miningaddr="+miningAddress)
	n := &node{t: t, url: "http://" + addr}
	within(t, "btcd answers", func() bool {
		var count int
		return n.try("getblockcount", &count) == nil
	})
	return n
}

// call does a JSON-RPC call that must succeed.
func (n *node) call(method string, result any, params ...any) {
	n.t.Helper()
	if err := n.try(method, result, params...); err != nil {
		n.t.Fatalf("%s: %v", method, err)
	}
}

func (n *node) try(method string, result any, params ...any) error {
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "1.0", "id": 1, "method": method, "params": params})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.SetBasicAuth(rpcUser, rpcPassword)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	var reply struct {
		Result json.RawMessage
		Error  *struct{ Message string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil {
		return err
	}
	if reply.Error != nil {
		return errors.New(reply.Error.Message)
	}
	return json.Unmarshal(reply.Result, result)
}

func (n *node) height() (height int) {
	n.t.Helper()
	n.call("getblockcount", &height)
	return height
}

func (n *node) best() (hash string) {
	n.t.Helper()
	n.call("getbestblockhash", &hash)
	return hash
}

// block is a block of the node's main chain, in hex.
func (n *node) block(height int) (raw string) {
	n.t.Helper()
	var hash string
	n.call("getblockhash", &hash, height)
	n.call("getblock", &raw, hash, 0)
	return raw
}

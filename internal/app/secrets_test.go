package app_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loka/stratum/internal/app"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/pipeline/logins"
	"github.com/loka/stratum/internal/sim"
	"github.com/loka/stratum/internal/testkit"
)

// secretConfig is a file whose ${NAME} stand for secrets.
type secretConfig struct {
	fileText

	env map[string]string
}

func (f *secretConfig) Load(text []byte) (*config.Config, error) {
	return f.load(text, config.Options{})
}

func (f *secretConfig) LoadSent(text []byte, told []string) (*config.Config, error) {
	return f.load(text, config.Options{Sent: true, Told: told})
}

func (f *secretConfig) load(text []byte, opts config.Options) (*config.Config, error) {
	opts.Env = func(name string) (string, bool) {
		value, ok := f.env[name]
		return value, ok
	}
	cfg, problems := config.Load(text, f.Name(), opts)
	if len(problems) > 0 {
		return nil, problems
	}
	return cfg, nil
}

// heard is all that was said, by who said it.
type heard struct {
	mu   sync.Mutex
	said map[string]*bytes.Buffer
}

// by is where somebody speaks.
func (h *heard) by(who string) io.Writer {
	return writerFunc(func(p []byte) (int, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.said == nil {
			h.said = make(map[string]*bytes.Buffer)
		}
		if h.said[who] == nil {
			h.said[who] = new(bytes.Buffer)
		}
		return h.said[who].Write(p)
	})
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// Everything that is a secret is planted into a running proxy, all that it says is
// read, and no secret is in it: in no line of the log at its most talkative, no
// answer of the API, metric, page, export, error, difference or record of what was
// done; and on the disk only in files of this user that are there for it.
func TestSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	for name, storage := range map[string]string{
		"records in a file":       "",
		"a database that is away": "[storage]\nurl = \"postgres://loka:" + testkit.Planted("database") + "@127.0.0.1:1/loka?connect_timeout=1\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tellAll(t, storage)
		})
	}
}

// tellAll has a proxy say all that it can, with its records in a store.
func tellAll(t *testing.T, storage string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	cert, key, err := testkit.KeyPairFiles(t.TempDir(), time.Now().Add(time.Hour), false)
	if err != nil {
		t.Fatal(err)
	}
	token := testkit.Planted("admin-token-0123456789")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "api.token"), []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	pool := runPool(t, sim.PoolConfig{Difficulty: 1e-7, Seed: 3})
	proxy := refusingProxy(t)
	hash, err := logins.NewHash(testkit.Planted("of-bob"), 10)
	if err != nil {
		t.Fatal(err)
	}
	bobs, broken := filepath.Join(t.TempDir(), "logins"), filepath.Join(t.TempDir(), "broken")
	for path, line := range map[string]string{bobs: "bob:" + hash.String(), broken: "bob:" + testkit.Planted("in-a-line") + "$" + hash.String()} {
		if err := os.WriteFile(path, []byte(line+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := &secretConfig{env: map[string]string{"POOL_SECRET": testkit.Planted("of-the-environment")}}
	text := func(password string) string {
		return storage + fmt.Sprintf(`[logins]
password = %q
file = %q
[telemetry]
traces = "http://127.0.0.1:1/v1/traces?key=%s"
traces_authorization = "Bearer %s"
sentry = "http://%s@127.0.0.1:1/1"
[[alerts.sink]]
name = "hook"
url = "webhook+http://127.0.0.1:1/%s"
severity = "info"
[[alerts.sink]]
name = "chat"
url = "generic+http://127.0.0.1:1/%s"
[vardiff]
min = 1e-9
start = 1e-7
[[listener]]
address = "127.0.0.1:0"
tls = "optional"
cert = %q
key = %q
[[pool]]
name = "main"
url = %q
username = "ACCOUNT"
password = %q
[[pool]]
name = "proxied"
url = "stratum+tcp://pool.example.com:3333"
username = "ACCOUNT"
password = "${POOL_SECRET}"
proxy = "http://loka:%s@%s"
[[route]]
name = "farm"
pools = ["main", "proxied"]
password = %q
`, testkit.Planted("miner"), bobs, testkit.Planted("traces"), testkit.Planted("of-traces"), testkit.Planted("sentry"), testkit.Planted("hook"), testkit.Planted("chat"), cert, key, pool.URL(), password, testkit.Planted("proxy"), proxy, testkit.Planted("route"))
	}
	file.write(dir, text(testkit.Planted("pool")))
	whole, _ := file.Read()
	cfg, err := file.Load(whole)
	if err != nil {
		t.Fatal(err)
	}
	said := &heard{}
	log := slog.New(slog.NewTextHandler(said.by("log"), &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}))
	a, err := app.New(cfg, app.Deps{Version: "test", Source: file, Text: whole, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	select {
	case <-a.Started():
	case err := <-done:
		t.Fatalf("the proxy did not start: %v", err)
	}
	r := &rig{t: t, app: a, model: a.Model(), addr: a.Addrs().Miners[0], dir: dir}
	r.await("ready", 20*time.Second, r.model.Ready)
	finish := r.mine(sim.MinersConfig{Manners: []sim.Manner{sim.CGMiner, sim.CPUMiner}, User: "alice", Password: testkit.Planted("miner"), Hashrate: 20_000})
	r.await("a share", 40*time.Second, func() bool { return r.model.Summary().Shares.Accepted > 0 })

	for _, password := range []string{testkit.Planted("miner"), testkit.Planted("not-the-miners")} {
		blunder(t, r.addr, password, pool.URL())
	}
	say(t, r.addr, `{"id":1,"method":"mining.authorize","params":["bob","`+testkit.Planted("of-bob")+"\"]}\n"+`{"id":2,"method":"mining.authorize","params":["bob","`+testkit.Planted("not-bobs")+"\"]}\n")
	api := &apiReader{t: t, said: said, base: "http://" + a.Addrs().HTTP, tokens: []string{token, "", testkit.Planted("wrong-token-0123456789")}}
	for _, role := range []string{"viewer", "operator", "admin"} {
		api.tokens = append(api.tokens, api.makes(role))
	}
	paths := api.all()
	api.ask(http.MethodDelete, "/api/v1/tokens/the-viewer", "", "")
	for _, sink := range []string{"hook", "chat"} { // neither can be reached
		api.ask(http.MethodPost, "/api/v1/alerts/test", "application/json", `{"sink":"`+sink+`"}`)
	}
	for _, next := range []string{text(testkit.Planted("pool-2")), strings.ReplaceAll(text(testkit.Planted("pool-2b")), testkit.Planted("miner"), testkit.Planted("miner-2")), strings.Replace(text(testkit.Planted("pool-2c")), bobs, broken, 1), strings.Replace(text(testkit.Planted("pool-3")), "proxy = \"http", "proxy = \"gopher", 1), strings.ReplaceAll(text(testkit.Planted("pool-4")), `"`, "")} {
		whole := fmt.Sprintf("data_dir = %q\n[server]\nlisten = [\"127.0.0.1:0\"]\n%s", dir, next)
		api.ask(http.MethodPost, "/api/v1/plan", "application/toml", whole)
		file.write(dir, next)
		api.ask(http.MethodPost, "/api/v1/reload", "application/json", "")
	}
	for _, key := range []string{"username = \"", "url = \"", "name = \"", "user_agent = \"", "ca = \""} { // the environment is nobody's to read by asking
		api.ask(http.MethodPost, "/api/v1/plan", "application/toml", "[[pool]]\n"+key+"${POOL_SECRET}\"\n")
	}
	paths += api.all()
	finish()
	cancel()
	if err := <-done; err != nil {
		_, _ = fmt.Fprintf(said.by("end"), "%v", err)
	}

	if paths < 40 {
		t.Errorf("only %d answers were read", paths)
	}
	keyText, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	needles := append(slices.Clone(api.tokens[3:]), testkit.Canary, hash.String(), hash.String()[strings.LastIndexByte(hash.String(), '$')+1:], base64.StdEncoding.EncodeToString([]byte("loka:"+testkit.Planted("proxy"))), connectLogin(testkit.Planted("miner")),
		strings.Split(string(keyText), "\n")[1])
	for _, who := range slices.Sorted(maps.Keys(said.said)) {
		testkit.Hear(t, who, said.said[who].Bytes())
		for _, needle := range needles {
			if at := strings.Index(said.said[who].String(), needle); at >= 0 {
				from := said.said[who].String()[max(0, at-200):]
				t.Errorf("%s: a secret is in …%.400s", who, from)
			}
		}
	}
	for _, who := range []string{"log", "GET /metrics", "GET /", "GET /api/v1/summary", "GET /api/v1/audit", "GET /api/v1/applied", "GET /api/v1/tokens", "DELETE /api/v1/tokens/the-viewer", "POST /api/v1/plan", "POST /api/v1/reload"} {
		if said.said[who] == nil || said.said[who].Len() == 0 {
			t.Errorf("%s has said nothing", who)
		}
	}
	for who, what := range map[string]string{ // that it came to where secrets are looked at
		"POST /api/v1/reload": "line 1: ", "GET " + allEvents: "event: act\n", "GET /api/v1/tokens": "the-viewer", "log": "unauthorized", "GET /api/v1/audit": "the-viewer",
	} {
		if storage != "" && strings.HasSuffix(who, "audit") {
			continue // it is away
		}
		if !strings.Contains(said.said[who].String(), what) {
			t.Errorf("%s does not say %q", who, what)
		}
	}
	private(t, dir, needles)
}

// private holds that what has a secret in it on the disk is there for it, and that
// nobody else may read anything.
func private(t *testing.T, dir string, needles []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 && filepath.Dir(name) == dir && d.IsDir() {
			t.Errorf("%s has the mode %v", name, info.Mode())
		}
		if d.IsDir() {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, needle := range needles {
			if !bytes.Contains(text, []byte(needle)) {
				continue
			}
			if info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s has a secret and the mode %v", name, info.Mode())
			}
			kept, _ := filepath.Match(filepath.Join(dir, "applied", "*.toml"), name)
			if !kept && filepath.Base(name) != "api.token" {
				t.Errorf("%s has a secret in it", name)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// connectLogin is what a CONNECT's Proxy-Authorization says.
func connectLogin(password string) string {
	return base64.StdEncoding.EncodeToString([]byte("rig:" + password))
}

// blunder says a password at a miners' port in every way that is wrong.
func blunder(t *testing.T, addr, password, pool string) {
	t.Helper()
	head := "Proxy-Authorization: Basic " + connectLogin(password) + "\r\nAuthorization: Bearer " + password + "\r\n\r\n"
	for _, text := range []string{
		`{"id":1,"method":"mining.authorize","params":["rig","` + password + "\"\n",
		`{"id":1,"method":"mining.authorize","params":["","` + password + "\"]}\n",
		`{"id":1,"method":"mining.authorize","params":[["` + password + "\"]]}\n",
		`{"id":1,"method":"mining.authorize","params":["rig","` + password + strings.Repeat("x", 2000) + "\"]}\n",
		`{"id":1,"method":"no.such","params":["` + password + "\"]}\n",
		`{"id":1,"method":"mining.authorize","params":["rig","` + password + "\"],\"id\":2}\n\x00",
		"CONNECT nowhere.example:1 HTTP/1.1\r\n" + head,
		"CONNECT " + strings.TrimPrefix(pool, "stratum+tcp://") + " HTTP/1.1\r\n" + head,
		"GET /?password=" + password + " HTTP/1.1\r\n" + head,
		password + "\n",
	} {
		say(t, addr, text)
	}
}

// say says something at a miners' port, and hears it out.
func say(t *testing.T, addr, text string) {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = conn.Write([]byte(text)) // it may be hung up on
	_ = conn.(*net.TCPConn).CloseWrite()
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.Copy(io.Discard, conn)
	_ = conn.Close()
}

// refusingProxy is an HTTP proxy that lets nobody through and repeats what it was told.
func refusingProxy(t *testing.T) (addr string) {
	t.Helper()
	return serveTCP(t, func(conn net.Conn) {
		buf := make([]byte, 4096)
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, _ := conn.Read(buf)
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 407 %q\r\nContent-Length: 0\r\n\r\n", buf[:n])
	})
}

// apiReader reads everything that an API has.
type apiReader struct {
	t    *testing.T
	said *heard
	base string
	// tokens are shown one after the other; none is one, too.
	tokens []string
}

// makes makes a token, of which the one answer that it is told in is not kept.
func (a *apiReader) makes(role string) (token string) {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), http.MethodPost, a.base+"/api/v1/tokens", strings.NewReader(`{"role":"`+role+`","name":"the-`+role+`"}`))
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+a.tokens[0])
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var answer struct{ Token string }
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || answer.Token == "" {
		a.t.Fatalf("%s: no token, %v", res.Status, err)
	}
	return answer.Token
}

// ask asks with every token, and returns the first answer.
func (a *apiReader) ask(method, path, kind, body string) (answer string) {
	a.t.Helper()
	for i, token := range a.tokens {
		ctx, cancel := context.WithCancel(a.t.Context())
		req, err := http.NewRequestWithContext(ctx, method, a.base+path, strings.NewReader(body))
		if err != nil {
			a.t.Fatal(err)
		}
		req.Close = true
		if kind != "" {
			req.Header.Set("Content-Type", kind)
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			a.t.Fatal(err)
		}
		endless := res.Header.Get("Content-Type") == "text/event-stream"
		if endless { // it begins with what has happened, all of it at once
			time.AfterFunc(300*time.Millisecond, cancel)
		}
		text, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		cancel()
		if err != nil && !endless {
			_, _ = fmt.Fprintf(a.said.by(method+" "+path), "%v", err) // an export that broke off
		}
		_, _ = fmt.Fprintf(a.said.by(method+" "+path), "%s %v\n%s\n", res.Status, res.Header, text)
		if i == 0 {
			answer = string(text)
		}
	}
	return answer
}

// allEvents is the stream of events from the first one on, and of every kind.
const allEvents = "/api/v1/events?last_event_id=0&kinds=proxy,connection,share,block,job,pool,switch,alert,ban,act,reload"

// all reads every path that there is to read, and returns how many.
func (a *apiReader) all() (asked int) {
	a.t.Helper()
	var api struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal([]byte(a.ask(http.MethodGet, "/api/v1/openapi.json", "", "")), &api); err != nil {
		a.t.Fatal(err)
	}
	paths := []string{
		allEvents, "/metrics", "/", "/web/app.js", "/nowhere", "/api/v1/history?from=x&worker=alice.cgminer-0",
		"/api/v1/export?what=shares&format=csv", "/api/v1/export?what=minutes&format=csv", "/api/v1/export?what=payouts&format=csv", "/api/v1/audit?limit=1000",
	}
	for path, methods := range api.Paths {
		if methods["get"] != nil {
			paths = append(paths, strings.NewReplacer("{name}", "alice.cgminer-0", "{id}", "1").Replace(path))
		}
	}
	for _, path := range paths {
		a.ask(http.MethodGet, path, "", "")
	}
	return len(paths)
}

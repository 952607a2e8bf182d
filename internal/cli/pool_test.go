package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ordered is a proxy that takes note of what it is asked, and answers.
func ordered(t *testing.T, status int, kind, body string) (addr string, asked *string) {
	t.Helper()
	asked = new(string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in, _ := io.ReadAll(r.Body)
		*asked = strings.TrimSpace(r.Method + " " + r.URL.EscapedPath() + " " + r.Header.Get("Content-Type") + " " + string(in))
		if got := r.Header.Get("Authorization"); got != "Bearer s3cret" {
			t.Errorf("asked with %q", got)
		}
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

func TestPoolAsks(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][2]string{
		"drain main":      {"POST /api/v1/pools/main/drain", "pool main is drained: its miners go where there is work for them\n"},
		"drain a/b?":      {"POST /api/v1/pools/a%2Fb%3F/drain", "pool a/b? is drained: its miners go where there is work for them\n"},
		"enable main":     {"DELETE /api/v1/pools/main/disable", "pool main is enabled\n"},
		"undrain main":    {"DELETE /api/v1/pools/main/drain", "pool main is in use\n"},
		"pin farm backup": {`PUT /api/v1/routes/farm/pin application/json {"pool":"backup"}`, "route farm is pinned to pool backup\n"},
		"unpin farm":      {"DELETE /api/v1/routes/farm/pin", "route farm prefers its pools in its own order\n"},
	} {
		addr, asked := ordered(t, http.StatusNoContent, "", "")
		b := newBench()
		code := b.run(append(append([]string{"pool"}, strings.Fields(line)...), "--http", addr, "--token", "s3cret")...)
		if code != exitOK || *asked != want[0] || b.stdout.String() != want[1] {
			t.Errorf("%s: exit code %d, asked %q, said %q%q", line, code, *asked, b.stdout, b.stderr)
		}
	}
}

// Who accepts a payout is told which.
func TestPoolAcceptPayout(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status       int
		body         string
		code         int
		stdout, errs string
	}{
		{200, `{"expected":[["bc1qold"],["bc1qnew","x\u001b"]],"tags":[]}`, exitOK, "what pool main pays is right from now on: bc1qnew, x?\n", ""},
		{200, `{"expected":[]}`, exitFailed, "", "is it a loka of this version?"},
		{200, `hello`, exitFailed, "", "is it a loka of this version?"},
		{409, `{"detail":"has given no job yet"}`, exitFailed, "", "has given no job yet"},
	} {
		addr, asked := ordered(t, c.status, "application/problem+json", c.body)
		b := newBench()
		code := b.run("pool", "accept-payout", "main", "--http", addr, "--token", "s3cret")
		if code != c.code || *asked != `POST /api/v1/pools/main/payout application/json {"accept":true}` || b.stdout.String() != c.stdout || !strings.Contains(b.stderr.String(), c.errs) {
			t.Errorf("%s: exit code %d, asked %q, said %q%q", c.body, code, *asked, b.stdout, b.stderr)
		}
	}
}

// Who disables a pool hears which routes have no other.
func TestPoolDisable(t *testing.T) {
	t.Parallel()
	const said = "pool main is disabled: its miners go where there is work for them, then its connections are closed\n"
	for _, c := range []struct {
		status       int
		body         string
		code         int
		stdout, errs string
	}{
		{200, `{"routes_without_pool":[]}`, exitOK, said, ""},
		{200, `{"routes_without_pool":["farm","x\u001b"]}`, exitOK, said +
			"WARNING: route farm has no other pool that serves: its on_outage says what becomes of its miners\n" +
			"WARNING: route x? has no other pool that serves: its on_outage says what becomes of its miners\n", ""},
		{200, `hello`, exitFailed, "", "is it a loka of this version?"},
		{404, `{"detail":"there is no pool"}`, exitFailed, "", "there is no pool"},
	} {
		addr, asked := ordered(t, c.status, "application/problem+json", c.body)
		b := newBench()
		code := b.run("pool", "disable", "main", "--http", addr, "--token", "s3cret")
		if code != c.code || *asked != "POST /api/v1/pools/main/disable" || b.stdout.String() != c.stdout || !strings.Contains(b.stderr.String(), c.errs) {
			t.Errorf("%s: exit code %d, asked %q, said %q%q", c.body, code, *asked, b.stdout, b.stderr)
		}
	}
}

// The token is found where the other commands find it.
func TestPoolToken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "api.token"), []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"LOKA_TOKEN": "s3cret", "LOKA_DATA_DIR": dir} {
		addr, _ := ordered(t, http.StatusNoContent, "", "")
		b := newBench()
		b.vars[name], b.vars["LOKA_HTTP_LISTEN"] = value, addr
		if code := b.run("pool", "drain", "main"); code != exitOK {
			t.Errorf("%s: exit code %d, %s", name, code, b.stderr)
		}
	}
}

// The token that lies in a folder is shown to the proxy of this machine, or to whom one
// says; nobody else who may answer at an address is.
func TestTokenOfAFolderStaysHere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "api.token"), []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{"LOKA_DATA_DIR": dir}
	env := &environment{lookup: func(name string) (string, bool) { v, ok := vars[name]; return v, ok }}
	for base, want := range map[string]string{
		"http://127.0.0.1:9090": "s3cret", "http://[::1]:9090": "s3cret", "http://localhost:9090": "s3cret", "http://127.3.2.1": "s3cret",
		"http://192.0.2.1:9090": "", "http://[2001:db8::1]:9090": "", "https://192.0.2.1": "", "http://": "", "http://a b": "",
	} {
		if got := (&apiFlags{}).token(t.Context(), env, base).Reveal(); got != want {
			t.Errorf("%s is shown %q", base, got)
		}
		if got := (&apiFlags{Data: dir}).token(t.Context(), env, base).Reveal(); got != "s3cret" {
			t.Errorf("%s is shown %q, of a folder that was named", base, got)
		}
	}
}

func TestPoolFailures(t *testing.T) {
	t.Parallel()
	const problem = "application/problem+json"
	for _, c := range []struct {
		status     int
		kind, body string
		stderr     string
	}{
		{404, problem, `{"detail":"there is no pool \"x\";\nthere\u001b are: main"}`, "loka: there is no pool \"x\";?there? are: main\n"},
		{500, problem, `{"detail":"it is done, but"}`, "loka: it is done, but\n"},
		{401, problem, `{"detail":"this needs"}`, "does not take this token: give another by --token, LOKA_TOKEN, or --data with the proxy's data folder; it says: this needs\n"},
		{403, problem, `{"detail":"this is for the role operator"}`, "refuses: this is for the role operator\n"},
		{403, "", "", "refuses: the token's role is too low; give another by --token or LOKA_TOKEN\n"},
		{429, problem, `{"detail":"too many wrong tokens"}`, "loka: too many wrong tokens\n"},
		{429, "", "", "was asked too often; try again in 60 s\n"},
		{404, "text/plain", "404 page not found", `answers "404 Not Found" to POST /api/v1/pools/x/drain; is it a loka of this version?`},
		{404, problem, "{", "is it a loka of this version?"},
		{200, "text/html", "hello", `answers "200 OK" to POST`},
	} {
		addr, _ := ordered(t, c.status, c.kind, c.body)
		b := newBench()
		code := b.run("pool", "drain", "x", "--http", addr, "--token", "s3cret")
		got := b.stderr.String()
		if code != exitFailed || !strings.Contains(got, c.stderr) || strings.Count(got, "\n") != 1 || b.stdout.String() != "" {
			t.Errorf("%d %s: exit code %d, said %q", c.status, c.body, code, got)
		}
	}
	b := newBench()
	if code := b.run("pool", "drain", "x", "--http", "127.0.0.1:1"); code != exitFailed || !strings.Contains(b.stderr.String(), "no proxy answers") {
		t.Errorf("nobody there: exit code %d, said %s", code, b.stderr)
	}
}

func TestPoolUsage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args   []string
		stderr string
	}{
		{nil, "expected one of"},
		{[]string{"drain"}, "expected \"<name>\"; see `loka pool drain --help`"},
		{[]string{"drain", ""}, `"" is no name`},
		{[]string{"disable", "."}, `"." is no name`},
		{[]string{"undrain", ".."}, `".." is no name`},
		{[]string{"pin", "farm"}, "expected \"<pool>\"; see `loka pool pin --help`"},
		{[]string{"pin", "farm", ""}, "`loka pool unpin` takes a pin back"},
		{[]string{"unpin", "farm", "main"}, "unexpected argument main"},
		{[]string{"drian", "main"}, "see `loka pool --help`"},
		{[]string{"drain", "main", "--http", "a b"}, "is no address"},
	} {
		b := newBench()
		if code := b.run(append([]string{"pool"}, c.args...)...); code != exitUsage || !strings.Contains(b.stderr.String(), c.stderr) {
			t.Errorf("%q: exit code %d, said %s", c.args, code, b.stderr)
		}
	}
}

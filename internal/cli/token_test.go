package cli

import (
	"net/http"
	"strings"
	"testing"
)

func TestTokenAdd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args, asked    string
		status         int
		body           string
		code           int
		stdout, stderr string
	}{
		{
			"--role viewer --name grafana --expires 30d", `POST /api/v1/tokens application/json {"role":"viewer","name":"grafana","expires":"30d"}`, http.StatusCreated,
			`{"name":"grafana","role":"viewer","expires":"2026-02-01T00:00:00Z","token":"loka_x"}`, exitOK, "loka_x\n",
			"token grafana has the role viewer until 2026-02-01T00:00:00Z; it is shown this once:\n",
		},
		{
			"--role admin", `POST /api/v1/tokens application/json {"role":"admin"}`, http.StatusCreated,
			`{"name":"admin-1","role":"admin","expires":null,"token":"loka_x"}`, exitOK, "loka_x\n", "token admin-1 has the role admin; it is shown this once:\n",
		},
		{"--role viewer", `POST /api/v1/tokens application/json {"role":"viewer"}`, http.StatusConflict, `{"detail":"there is a token of that name"}`, exitFailed, "", "loka: there is a token of that name\n"},
		{"--role viewer", `POST /api/v1/tokens application/json {"role":"viewer"}`, http.StatusCreated, `hello`, exitFailed, "", "is it a loka of this version?"},
		{"--role root", "", 0, "", exitUsage, "", "--role must be one of"},
		{"", "", 0, "", exitUsage, "", "missing flags: --role=ROLE"},
	} {
		addr, asked := ordered(t, max(c.status, 200), "application/problem+json", c.body)
		b := newBench()
		code := b.run(append(append([]string{"token", "add"}, strings.Fields(c.args)...), "--http", addr, "--token", "s3cret")...)
		if code != c.code || *asked != c.asked || b.stdout.String() != c.stdout || !strings.Contains(b.stderr.String(), c.stderr) {
			t.Errorf("%s: exit code %d, asked %q, said %q %q", c.args, code, *asked, b.stdout, b.stderr)
		}
	}
}

func TestTokenList(t *testing.T) {
	t.Parallel()
	const two = `{"tokens":[{"name":"grafana","role":"viewer","created":"2026-01-02T03:04:05Z","expires":"2026-02-01T00:00:00Z","last_used":"2026-01-03T00:00:00Z"},` +
		`{"name":"x\u001b","role":"operator","created":"2026-01-02T03:04:05Z","expires":null,"last_used":null}]}`
	for _, c := range []struct{ flag, body, want string }{
		{"", two, "NAME     ROLE      CREATED               EXPIRES                         LAST USED\n" +
			"grafana  viewer    2026-01-02T03:04:05Z  2026-02-01T00:00:00Z (expired)  2026-01-03T00:00:00Z\n" +
			"x?       operator  2026-01-02T03:04:05Z  never                           never\n"},
		{"--json", two, two + "\n"},
		{"", `{"tokens":[]}`, "there are none but the admin token, api.token in the data folder; `loka token add` makes others\n"},
	} {
		addr, asked := ordered(t, http.StatusOK, "application/json", c.body)
		b := newBench()
		code := b.run(append([]string{"token", "list", "--http", addr, "--token", "s3cret"}, strings.Fields(c.flag)...)...)
		if code != exitOK || *asked != "GET /api/v1/tokens" || b.stdout.String() != c.want {
			t.Errorf("%s: exit code %d, asked %q, said\n%s%s", c.flag, code, *asked, b.stdout, b.stderr)
		}
	}
}

func TestTokenRemove(t *testing.T) {
	t.Parallel()
	addr, asked := ordered(t, http.StatusNoContent, "", "")
	b := newBench()
	if code := b.run("token", "remove", "a/b", "--http", addr, "--token", "s3cret"); code != exitOK || *asked != "DELETE /api/v1/tokens/a%2Fb" || b.stdout.String() != "token a/b lets nobody in any more\n" {
		t.Errorf("exit code %d, asked %q, said %q %q", code, *asked, b.stdout, b.stderr)
	}
	b = newBench()
	if code := b.run("token", "remove", "..", "--http", addr); code != exitUsage || !strings.Contains(b.stderr.String(), "loka token list") {
		t.Errorf("exit code %d, said %q", code, b.stderr)
	}
}

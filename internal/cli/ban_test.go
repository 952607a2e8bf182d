package cli

import (
	"net/http"
	"strings"
	"testing"
)

// TestBanAsks has each command ask for what it is for, and say what came of it.
func TestBanAsks(t *testing.T) {
	t.Parallel()
	const banned = `{"closed":2,"bans":[{"kind":"ban","cause":"operator","address":"192.0.2.0/24","worker":"","until":null,"in_force":true}]}`
	const paused = `{"closed":1,"bans":[{"kind":"pause","cause":"operator","address":"192.0.2.7","worker":"a\u001b.b","until":"2026-01-02T03:04:05.5Z"}]}`
	for _, c := range []struct {
		line        string
		status      int
		body        string
		asked, said string
		code        int
		errs        string
	}{
		{
			line: "ban add 192.0.2.0/24 --for 90m --comment scan", status: 200, body: banned,
			asked: `POST /api/v1/bans application/json {"for":"1h30m0s","comment":"scan","address":"192.0.2.0/24"}`,
			said:  "192.0.2.0/24 is banned for ever\n2 connections closed\n",
		},
		{
			line: "ban add --worker a.* --force", status: 200, body: banned,
			asked: `POST /api/v1/bans application/json {"force":true,"worker":"a.*"}`, said: "192.0.2.0/24 is banned for ever\n2 connections closed\n",
		},
		{
			line: "worker pause a/b? --for 1h", status: 200, body: paused,
			asked: `POST /api/v1/workers/a%2Fb%3F/pause application/json {"for":"1h0m0s"}`,
			said:  "worker a?.b at 192.0.2.7 is paused until 2026-01-02 03:04:05Z\n1 connections closed\n",
		},
		{line: "worker ban a.b", status: 200, body: banned, asked: `POST /api/v1/workers/a.b/ban application/json {}`, said: "192.0.2.0/24 is banned for ever\n2 connections closed\n"},
		{line: "worker resume a.b", status: 200, body: paused, asked: "POST /api/v1/workers/a.b/resume", said: "worker a?.b at 192.0.2.7 may come again\n"},
		{line: "worker disconnect a.b", status: 200, body: `{"closed":3}`, asked: "POST /api/v1/workers/a.b/disconnect", said: "3 connections closed\n"},
		{line: "miner pause 7", status: 200, body: paused, asked: `POST /api/v1/miners/7/pause application/json {}`, said: "worker a?.b at 192.0.2.7 is paused until 2026-01-02 03:04:05Z\n1 connections closed\n"},
		{line: "miner ban 7 --force --comment x", status: 200, body: banned, asked: `POST /api/v1/miners/7/ban application/json {"comment":"x","force":true}`, said: "192.0.2.0/24 is banned for ever\n2 connections closed\n"},
		{line: "miner disconnect 7", status: 204, asked: "DELETE /api/v1/miners/7", said: "miner 7 is disconnected\n"},
		{line: "ban remove 192.0.2.0/24", status: 204, asked: "DELETE /api/v1/bans", said: "192.0.2.0/24 may come again\n"},
		{line: "ban remove 192.0.2.7 --worker a", status: 204, asked: "DELETE /api/v1/bans", said: "worker a at 192.0.2.7 may come again\n"},
		{line: "ban remove --id 00ff", status: 204, asked: "DELETE /api/v1/bans", said: "00ff may come again\n"},
		{line: "miner ban 7", status: 409, body: `{"detail":"2 other miners do well"}`, asked: `POST /api/v1/miners/7/ban application/json {}`, code: exitFailed, errs: "loka: 2 other miners do well\n"},
		{line: "ban add 192.0.2.7", status: 200, body: "hello", asked: `POST /api/v1/bans application/json {"address":"192.0.2.7"}`, code: exitFailed, errs: "is it a loka of this version?"},
		{line: "ban add", code: exitUsage, errs: "nobody is named"},
		{line: "ban remove", code: exitUsage, errs: "nobody is named"},
		{line: "ban add 192.0.2.7 --for soon", code: exitUsage, errs: "--for"},
		{line: "ban add 192.0.2.7 --for=-1h", code: exitUsage, errs: "--for -1h0m0s is no term"},
		{line: "miner ban seven", code: exitUsage, errs: "<id>"},
		{line: "worker pause ..", code: exitUsage, errs: "is no name"},
	} {
		addr, asked := ordered(t, c.status, "application/problem+json", c.body)
		if c.status == http.StatusNoContent {
			addr, asked = ordered(t, c.status, "", "")
		}
		b := newBench()
		code := b.run(append(strings.Fields(c.line), "--http", addr, "--token", "s3cret")...)
		if code != c.code || *asked != c.asked || b.stdout.String() != c.said || !strings.Contains(b.stderr.String(), c.errs) {
			t.Errorf("%s: exit code %d, asked %q, said %q%q", c.line, code, *asked, b.stdout, b.stderr)
		}
	}
}

func TestBanList(t *testing.T) {
	t.Parallel()
	const some = `{"bans":[
{"id":"00ff","kind":"ban","cause":"threat","address":"192.0.2.7","worker":"","by":"","comment":"it\u001b tried","since":"2026-01-02T03:04:05.123Z","until":"2026-01-02T03:14:05Z","times":2,"in_force":false},
{"id":"00fe","kind":"pause","cause":"operator","address":"","worker":"a.*","by":"admin","comment":"","since":"2026-01-02T03:04:05Z","until":null,"times":1,"in_force":true}],"total":2}`
	const table = `WHO         KIND   SINCE                 UNTIL                        TIMES  BY      WHY
192.0.2.7   ban    2026-01-02 03:04:05Z  2026-01-02 03:14:05Z (over)  2      threat  it? tried
worker a.*  pause  2026-01-02 03:04:05Z  for ever                     1      admin   
`
	for _, c := range []struct {
		line, body, asked, said string
	}{
		{"ban list --all", some, "GET /api/v1/bans", table},
		{"ban list --json", some, "GET /api/v1/bans", some + "\n"},
		{"ban list", `{"bans":[],"total":0}`, "GET /api/v1/bans", "nobody is banned or paused\n"},
	} {
		addr, asked := ordered(t, http.StatusOK, "application/json", c.body)
		b := newBench()
		if code := b.run(append(strings.Fields(c.line), "--http", addr, "--token", "s3cret")...); code != exitOK || *asked != c.asked || b.stdout.String() != c.said {
			t.Errorf("%s: exit code %d, asked %q, said\n%s%s", c.line, code, *asked, b.stdout, b.stderr)
		}
	}
}

package mining_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/mining"
)

func TestNewWorker(t *testing.T) {
	for _, c := range []struct{ login, user, name string }{
		{"alice.rig1", "alice", "rig1"},
		{"alice", "", "alice"},
		{"alice.rig1.slot2", "alice", "rig1.slot2"},
		{".rig1", "", "rig1"},
		{"alice.", "alice", ""},
		{".", "", ""},
		{"", "", ""},
		{"Bc1Q…x.Ä", "Bc1Q…x", "Ä"},
	} {
		w := mining.NewWorker(c.login)
		if *w != (mining.Worker{Login: c.login, User: c.user, Name: c.name}) {
			t.Errorf("%q: %+v", c.login, *w)
		}
	}
}

func TestTemplateExpand(t *testing.T) {
	for _, c := range []struct{ template, account, login, want string }{
		{mining.DefaultTemplate, "farm", "rig1", "farm.rig1"},
		{mining.DefaultTemplate, "farm", "alice.rig1", "farm.alice_rig1"},
		{mining.DefaultTemplate, "farm", "farm.rig1", "farm.rig1"},
		{mining.DefaultTemplate, "farm", "Farm.rig1", "farm.Farm_rig1"},
		{mining.DefaultTemplate, "farm", "alice.rig1.slot2", "farm.alice_rig1.slot2"},
		{mining.DefaultTemplate, "farm", ".rig1", "farm.rig1"},
		{"{login}", "farm", "alice.rig1", "alice.rig1"},
		{"{user}", "farm", "alice.rig1", "alice"},
		{"{user}", "farm", "rig1", ""},
		{"{worker}", "farm", "alice.rig1", "rig1"},
		{"{worker}", "farm", "rig1", "rig1"},
		{"{account}", "farm", "rig1", "farm"},
		{"{account}{account}", "a", "rig1", "aa"},
		{"bc1qxyz.{worker}", "farm", "alice.rig1", "bc1qxyz.rig1"},
		{"fixed", "farm", "alice.rig1", "fixed"},
		{"a{worker}b{user}c", "farm", "u.w", "awbuc"},
		// What a miner sends is never read as a template.
		{"{login}", "farm", "{account}", "{account}"},
		{"{account}.{name}", "{login}", "x", "{login}.x"},
	} {
		tmpl, err := mining.ParseTemplate(c.template)
		if err != nil {
			t.Errorf("%q: %v", c.template, err)
			continue
		}
		if got := tmpl.Expand(c.account, mining.NewWorker(c.login)); got != c.want {
			t.Errorf("%q for %q at %q: %q, want %q", c.template, c.login, c.account, got, c.want)
		}
		if tmpl.String() != c.template {
			t.Errorf("%q prints as %q", c.template, tmpl)
		}
	}
}

func TestParseTemplateRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                   "is empty",
		"{":                  "a { without a }",
		"{account":           "a { without a }",
		"{account.{name}":    "a { without a }",
		"{{name}}":           "a { without a }",
		"}":                  "a } without a {",
		"name}":              "a } without a {",
		"{account}}":         "a } without a {",
		"{}":                 "unknown field {}",
		"{Account}":          "unknown field {Account}",
		"{ account }":        "unknown field { account }",
		"{account}.{wroker}": "known are {account}, {login}, {user}, {worker} and {name}",
	} {
		if _, err := mining.ParseTemplate(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// replaced expands a template the simple way.
func replaced(template, account string, w *mining.Worker) string {
	name := w.Name
	if w.User != "" && w.User != account {
		name = w.User + "_" + w.Name
	}
	return strings.NewReplacer("{account}", account, "{login}", w.Login, "{user}", w.User, "{worker}", w.Name, "{name}", name).Replace(template)
}

func TestTemplateIsAReplacement(t *testing.T) {
	part := rapid.OneOf(
		rapid.SampledFrom([]string{"{account}", "{login}", "{user}", "{worker}", "{name}", ".", "_"}),
		rapid.StringMatching(`[a-z0-9.]{1,5}`),
	)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(part, 1, 8).Draw(t, "parts"), "")
		tmpl, err := mining.ParseTemplate(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		account := rapid.StringMatching(`[a-c]{0,2}`).Draw(t, "account")
		w := mining.NewWorker(rapid.StringMatching(`[a-c.{}]{0,6}`).Draw(t, "login"))
		if got, want := tmpl.Expand(account, w), replaced(text, account, w); got != want {
			t.Fatalf("%q for %q at %q: %q, want %q", text, w.Login, account, got, want)
		}
	})
}

func FuzzParseTemplate(f *testing.F) {
	for _, s := range []string{"", mining.DefaultTemplate, "{login}", "{", "}", "{}", "{user}_{worker}", "{{account}}", "x"} {
		f.Add(s, "farm", "alice.rig1")
	}
	f.Fuzz(func(t *testing.T, text, account, login string) {
		tmpl, err := mining.ParseTemplate(text)
		bare := strings.NewReplacer("{account}", "", "{login}", "", "{user}", "", "{worker}", "", "{name}", "").Replace(text)
		if legal := text != "" && !strings.ContainsAny(bare, "{}"); legal != (err == nil) {
			t.Fatalf("%q: %v", text, err)
		}
		if err != nil {
			return
		}
		w := mining.NewWorker(login)
		if got, want := tmpl.Expand(account, w), replaced(text, account, w); got != want || tmpl.String() != text {
			t.Fatalf("%q for %q at %q: %q, want %q", text, login, account, got, want)
		}
	})
}

package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// canary is what must not be read anywhere.
const canary = "C4nary-of-the-mine"

// However a line with a secret in it is wrong, what is said about it does not repeat
// the secret.
func TestMistakesNeverShowSecrets(t *testing.T) {
	lines := map[string]string{
		"storage": `url = "postgres://loka:` + canary + `@db.example:5432/loka"`,
		"pool":    `password = "` + canary + `"`,
		"pool#1":  `proxy = "http://loka:` + canary + `@proxy.example:8080"`,
		"pool#2":  `url = "stratum+tcp://loka:` + canary + `@pool.example:3333"`,
		"route":   `password = "` + canary + `"`,

		"alerts.sink":   `url = "slack://hook:` + canary + `@webhook"`,
		"alerts.sink#1": `url = "` + canary + `"`,
		"alerts.sink#2": `url = "hooks.example.com/services/` + canary + `"`,
	}
	value := func(line string, change func(string) string) string {
		key, v, _ := strings.Cut(line, " = ")
		return key + " = " + change(v)
	}
	wrongs := map[string]func(line string) string{
		"as it is":        func(l string) string { return l },
		"no quotes":       func(l string) string { return strings.ReplaceAll(l, `"`, "") },
		"no quotes, note": func(l string) string { return strings.ReplaceAll(l, `"`, "") + " # note" },
		"no end":          func(l string) string { return strings.TrimSuffix(l, `"`) },
		"no start":        func(l string) string { return strings.Replace(l, `"`, "", 1) },
		"other quotes":    func(l string) string { return strings.ReplaceAll(l, `"`, "`") },
		"no sign":         func(l string) string { return strings.Replace(l, " = ", " ", 1) },
		"colon":           func(l string) string { return strings.Replace(l, " = ", ": ", 1) },
		"a list":          func(l string) string { return value(l, func(v string) string { return "[" + v + "]" }) },
		"a table":         func(l string) string { return value(l, func(v string) string { return "{ a = " + v + " }" }) },
		"a table's key":   func(l string) string { return value(l, func(v string) string { return "{ " + v + " = 1 }" }) },
		"twice":           func(l string) string { return l + "\n" + l },
		"more after it":   func(l string) string { return l + ` "and"` },
		"an escape":       func(l string) string { return strings.Replace(l, canary, `\q`+canary, 1) },
		"a control":       func(l string) string { return strings.Replace(l, canary, `\u0007`+canary, 1) },
		"a raw control":   func(l string) string { return strings.Replace(l, canary, "\x07"+canary, 1) },
		"a variable":      func(l string) string { return strings.Replace(l, canary, "${NOWHERE}"+canary, 1) },
		"half a variable": func(l string) string { return strings.Replace(l, canary, "${"+canary, 1) },
		"a brace":         func(l string) string { return strings.Replace(l, canary, "$"+canary+"}", 1) },
		"misspelt":        func(l string) string { return "x" + l },
		"no such key":     func(l string) string { return "nothing.like.it." + l },
		"spaces":          func(l string) string { return strings.Replace(l, canary, "  "+canary+" ", 1) },
		"umlaut":          func(l string) string { return strings.Replace(l, canary, "\xe4"+canary, 1) },
		"long":            func(l string) string { return strings.Replace(l, canary, canary+strings.Repeat("x", 1000), 1) },
		"a second at":     func(l string) string { return strings.Replace(l, canary, "a@"+canary+"/", 1) },
		"a slash":         func(l string) string { return strings.Replace(l, canary, canary+"/a?b#c", 1) },
		"a percent":       func(l string) string { return strings.Replace(l, canary, "%zz"+canary, 1) },
		"the environment": func(l string) string { return strings.Replace(l, canary, "${SECRET}", 1) },
	}
	env := func(name string) (string, bool) {
		if name != "SECRET" {
			return "", false
		}
		return canary + "\n", true
	}
	looked := 0
	for table, line := range lines {
		table, _, _ = strings.Cut(table, "#")
		for wrong, change := range wrongs {
			text := minimal + "\n[storage]\n" + change(line) + "\n"
			if table != "storage" {
				text = minimal + "\n[[" + table + "]]\nname = \"second\"\n" + change(line) + "\n"
			}
			c, problems := Load([]byte(text), "loka.toml", Options{Env: env})
			said := fmt.Sprintf("%v %+v %#v", problems, problems, problems)
			if c != nil {
				said += fmt.Sprintf("%v %+v %#v %v", c, c, c, Diff(&Config{}, c))
			}
			looked++
			if strings.Contains(strings.ToLower(said), strings.ToLower(canary)) {
				t.Errorf("%s, %s: the secret is shown by\n%s\nof\n%s", table, wrong, problems, change(line))
			}
		}
	}
	if looked != len(lines)*len(wrongs) {
		t.Errorf("%d were looked at", looked)
	}
}

// Of a text that somebody has sent, variables are replaced in secrets, which are not
// shown, and elsewhere only where they are shown already.
func TestSentTextsReadNoEnvironment(t *testing.T) {
	env := environ(map[string]string{"SECRET": canary, "FARM": "acct"})
	file := minimal + "password = \"${SECRET}\"\n[[pool]]\nname = \"b\"\nurl = \"b.example.com:3333\"\nusername = \"${FARM}\"\n"
	c := load(t, file, Options{Env: env})
	if diff := cmp.Diff([]string{"FARM"}, c.Shown); diff != "" {
		t.Error(diff)
	}
	sent := func(text string) (*Config, Problems) {
		return Load([]byte(text), "loka.toml", Options{Env: env, Sent: true, Told: c.Shown})
	}
	if same, problems := sent(file); len(problems) > 0 || len(Diff(c, same)) > 0 {
		t.Errorf("the file itself: %v", problems)
	}
	for _, text := range []string{
		strings.Replace(file, `"acct"`, `"${SECRET}"`, 1),
		strings.Replace(file, `"acct"`, `"${UNSET}"`, 1),
		strings.Replace(file, `"b"`, `"b${SECRET}"`, 1),
		strings.Replace(file, `"b.example.com:3333"`, `"${SECRET}"`, 1),
		file + "[server]\nhandshake_timeout = \"${SECRET}\"\n",
		file + "[server]\nlisten = [\"${SECRET}\"]\n",
		file + "[access]\nmode = \"${SECRET}\"\n",
	} {
		got, problems := sent(text)
		said := fmt.Sprint(problems)
		if got != nil || strings.Contains(said, canary) || !strings.Contains(said, "is not shown by asking") {
			t.Errorf("%s\nsaid %s", text, said)
		}
	}
}

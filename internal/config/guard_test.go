package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/pipeline/logins"
	"github.com/loka/stratum/internal/testkit"
)

// guardDoc is a file that is fine but for what a test adds.
const guardDoc = "[[pool]]\nurl = \"stratum+tcp://pool.example.com:3333\"\nusername = \"acct\"\n"

// The tables of who is let in and how they must behave are read whole.
func TestGuardIsRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "miners.passwd")
	h, err := logins.NewHash("s3cret", 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("farm.*:"+h.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	doc := guardDoc + `
[limits]
submits = 20.5
submits_burst = 7
address = 1000
max_hold = "2s"
[threat]
enabled = false
slow = 1
refuse = 0
close = 3.5
half_life = "1m"
grace = "0s"
[threat.weights]
good = 0
invalid = 9
[patterns]
user_agent.deny = ["", "* miner"]
worker = { allow = ["farm.*"], answer = "close" }
[logins]
allow = ["farm.?"]
password = "${PW}"
file = "` + path + `"
client_certificate = "name"
max_refused = 0
[[route]]
skip = ["threat", "logins"]
`
	env := func(name string) (string, bool) {
		if name != "PW" {
			return "", false
		}
		return "hunter2", true
	}
	c, problems := Load([]byte(doc), "f", Options{Env: env})
	if problems != nil {
		t.Fatal(problems)
	}
	l, th := c.Limits, c.Threat
	if l.Submits != 20.5 || l.SubmitsBurst != 7 || l.Address != 1000 || l.Logins != 5 || l.MaxHold != 2*time.Second {
		t.Errorf("limits %+v", l)
	}
	if th.Enabled || th.Slow != 1 || th.Refuse != 0 || th.Close != 3.5 || th.HalfLife != time.Minute || th.Grace != 0 ||
		th.Weights.Good != 0 || th.Weights.Invalid != 9 || th.Weights.Duplicate != 1 {
		t.Errorf("threat %+v", th)
	}
	p := c.Patterns
	if !slices.Equal(p.UserAgent.Deny, []string{"", "* miner"}) || p.UserAgent.Answer != AnswerClose ||
		!slices.Equal(p.Worker.Allow, []string{"farm.*"}) || p.Worker.Answer != AnswerClose {
		t.Errorf("patterns %+v", p)
	}
	if c.Logins.Password.Reveal() != "hunter2" || c.Logins.ClientCertificate != CertificateName || c.Logins.MaxRefused != 0 {
		t.Errorf("logins %+v", c.Logins)
	}
	if !slices.Equal(c.Routes[0].Skip, []string{"threat", "logins"}) {
		t.Errorf("skip %v", c.Routes[0].Skip)
	}
	if got := Redact(c).Logins.Password.Reveal(); got != "***" {
		t.Errorf("the redacted password is %q", got)
	}
	for _, change := range Diff(c, &Config{}) {
		if strings.Contains(change.Old+change.New, "hunter2") {
			t.Errorf("the difference shows a secret: %+v", change)
		}
	}
}

// Each mistake is named with its place, and no secret is repeated.
func TestGuardProblems(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(broken, []byte("# mine\nalice:hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ add, want string }{
		{"[limits]\nsubmits = -1", `f:5:11: limits.submits: -1 a second is out of range; write a number from 0, which is no limit, to 1000000`},
		{"[limits]\naddress_burst = 0", `f:5:17: limits.address_burst: 0 is out of range; write a number from 1 to 100000000`},
		{"[limits]\nsubnet_v4 = 33", `f:5:13: limits.subnet_v4: 33 is out of range; write the length of a prefix, 1 to 32`},
		{"[limits]\nsubnet_v6 = 0", `f:5:13: limits.subnet_v6: 0 is out of range; write the length of a prefix, 1 to 128`},
		{"[limits]\nmax_hold = \"31s\"", `f:5:12: limits.max_hold: "31s" is out of range; write at most "30s"`},
		{"[limits]\nsubmit = 1", `f:5:1: limits.submit: unknown key "submit", did you mean "submits"?`},
		{"[threat]\nslow = -1", `f:5:8: threat.slow: -1 is out of range; write a score from 0, which is never, to 1000000`},
		{"[threat]\nrefuse = 50", `f:5:10: threat.refuse: 50 is not above slow, which is 50; answers grow with the score`},
		{"[threat]\nrefuse = 0\nclose = 40", `f:6:9: threat.close: 40 is not above slow, which is 50; answers grow with the score`},
		{"[threat]\nhalf_life = \"0s\"", `f:5:13: threat.half_life: "0s" is out of range; write a duration above 0, such as "30s"`},
		{"[threat]\ngrace = \"2h\"", `f:5:9: threat.grace: "2h" is out of range; write a duration from "0s" to "1h"`},
		{"[threat.weights]\ninvalid = -0.5", `f:5:11: threat.weights.invalid: -0.5 is out of range; write a number from 0 to 10000`},
		{"[patterns.worker]\ndeny = [\"a\", \"\\n\"]", `f:5:14: patterns.worker.deny[1]: "\n" has characters that no miner sends; use ASCII characters only, * for any text and ? for any character`},
		{"[patterns.address]\nanswer = \"drop\"", `f:5:10: patterns.address.answer: "drop" is not known; write one of "refuse", "close"`},
		{"[patterns.user_agent]\nallow = [\"" + strings.Repeat("a", 257) + "\"]", `f:5:10: patterns.user_agent.allow[0]: the glob has 257 characters; at most 256 are allowed`},
		{"[logins]\npassword = \"hunter2,d=5\"", `f:5:12: logins.password: the secret has a space, one of , ; & " \ or a character that is not ASCII, which firmware does not send as it is`},
		{"[logins]\npassword = \"pbkdf2-sha256$0$hunter2\"", "f:5:12: logins.password: not a hash; `loka password` makes one, pbkdf2-sha256$1000$…$…"},
		{"[logins]\nfile = \"nosuch\"", "f:5:8: logins.file: cannot be read: open nosuch: no such file or directory; write lines of LOGIN:HASH as `loka password LOGIN` prints them"},
		{"[logins]\nfile = \"" + broken + "\"", "f:5:8: logins.file: " + broken + ": line 2: not a hash; `loka password` makes one, pbkdf2-sha256$1000$…$…; write lines of LOGIN:HASH as `loka password LOGIN` prints them"},
		{"[logins]\nclient_certificate = \"on\"", `f:5:22: logins.client_certificate: "on" is not known; write one of "off", "name"`},
		{"[logins]\nmax_refused = -1", `f:5:15: logins.max_refused: -1 is out of range; write 1 to 10000, or 0 for any number`},
		{"[[route]]\nskip = [\"threat\", \"ratelimit\"]", `f:5:19: route[0].skip[1]: nothing that can be left out is called "ratelimit", did you mean "rate_limit"?`},
		{"[[route]]\nskip = [\"identity\"]", `f:5:9: route[0].skip[0]: nothing that can be left out is called "identity"; write some of "threat", "rate_limit", "patterns", "logins"`},
		{"[[route]]\nskip = [\"threat\", \"threat\"]", `f:5:19: route[0].skip[1]: "threat" is named twice; once is enough`},
	} {
		_, problems := Load([]byte(guardDoc+c.add), "f", Options{})
		if got := problems.Error(); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.add, got, c.want)
		}
		if strings.Contains(problems.Error(), "hunter2") {
			t.Errorf("a secret is repeated: %v", problems)
		}
	}
}

// Certificates that miners have to show, and that nobody asks them for, keep them out:
// that is remarked on.
func TestNoteOfCertificatesThatNobodyAsksFor(t *testing.T) {
	t.Parallel()
	ca, _, err := testkit.KeyPairFiles(t.TempDir(), time.Now().Add(time.Hour), false)
	if err != nil {
		t.Fatal(err)
	}
	const wanted = "[logins]\nclient_certificate = \"name\"\n"
	asking := wanted + "[[listener]]\naddress = \"0.0.0.0:3334\"\nclient_certificates = \"optional\"\nclient_ca = \"" + ca + "\"\n"
	for add, noted := range map[string]bool{
		"":                              false,
		wanted:                          true,
		asking + "tls = \"required\"\n": false,
		asking + "tls = \"off\"\n":      true,
	} {
		c, problems := Load([]byte(guardDoc+add), "f", Options{})
		if problems != nil {
			t.Fatalf("%s: %v", add, problems)
		}
		got := slices.ContainsFunc(c.Notes, func(p Problem) bool {
			return strings.Contains(p.String(), "logins.client_certificate: no miner can have one")
		})
		if got != noted {
			t.Errorf("%s: noted %t, want %t: %v", add, got, noted, c.Notes)
		}
	}
}

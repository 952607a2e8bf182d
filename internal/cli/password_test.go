package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/loka/stratum/internal/pipeline/logins"
)

// `loka password` prints what [logins] reads, and nothing of the secret.
func TestPassword(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args  []string
		stdin string
		code  int
		login string
		err   string
	}{
		{[]string{"farm.*"}, "s3cret\n", 0, "farm.*", ""},
		{[]string{"--iterations", "7", "a:b"}, "s3cret", 0, "a:b", ""},
		{nil, "s3cret\r\nmore\n", 0, "", ""},
		{nil, "", 2, "", "loka: the secret is empty\n"},
		{nil, "s3cret,d=5\n", 2, "", "loka: the secret has a space, one of , ; & \" \\ or a character that is not ASCII, which firmware does not send as it is\n"},
		{nil, strings.Repeat("s3cret", 500), 2, "", "loka: the secret has 1024 bytes; at most 128\n"},
		{[]string{"--iterations", "0"}, "s3cret\n", 2, "", "loka: 0 iterations are out of range; from 1 to 100000\n"},
		{[]string{"#a"}, "s3cret\n", 2, "", "loka: a login has no line ends or spaces around it, and does not begin with #\n"},
	} {
		var out, errs bytes.Buffer
		code := Main(append([]string{"loka", "password"}, c.args...), strings.NewReader(c.stdin), &out, &errs)
		if code != c.code || errs.String() != c.err {
			t.Errorf("%q: exit %d, %q; want %d, %q", c.args, code, errs.String(), c.code, c.err)
			continue
		}
		if strings.Contains(out.String()+errs.String(), "s3cret,") || strings.Contains(out.String(), "s3cret") {
			t.Errorf("the secret is printed: %q, %q", out.String(), errs.String())
		}
		if c.code != 0 {
			continue
		}
		line := out.String()
		if c.login == "" {
			line = "x:" + line
		}
		entries, err := logins.ParseFile([]byte(line))
		if err != nil || len(entries) != 1 || c.login != "" && entries[0].Login != c.login || !entries[0].Hash.Matches("s3cret") {
			t.Errorf("%q prints %q, which is read as %+v, %v", c.args, out.String(), entries, err)
		}
	}
}

package wire

import (
	"bytes"
	"slices"
	"testing"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/testkit"
)

// splitAll says what lines a stream has and how it ends, the plain way.
func splitAll(stream []byte, limit int) (lines []string, reason mining.Reason) {
	for {
		line, rest, ended := bytes.Cut(stream, []byte{'\n'})
		nul := bytes.IndexByte(line, 0) >= 0
		switch {
		case nul || len(line) > limit:
			// Which of the two depends on what came first.
			return lines, "bad"
		case !ended:
			return lines, ""
		}
		if line = bytes.TrimSuffix(line, []byte{'\r'}); len(line) > 0 {
			lines = append(lines, string(line))
		}
		stream = rest
	}
}

// FuzzInput feeds a stream in pieces whose sizes the fuzzer chooses, and
// compares with the same stream split in one go.
func FuzzInput(f *testing.F) {
	f.Add([]byte("{\"id\":1}\n{\"id\":2}\r\n\r\n\n{"), []byte{1, 3, 200})
	f.Add([]byte("0123456789abcdef0123456789abcdef\n"), []byte{0})
	f.Add([]byte("a\x00b\nc\n"), []byte{2, 2})
	f.Add([]byte("\r\r\n \r\n\x00"), []byte{1})
	f.Fuzz(func(t *testing.T, stream, sizes []byte) {
		const limit = 24
		near, far := testkit.Pipe()
		defer func() { _ = near.Close() }()
		defer func() { _ = far.Close() }()
		s := &script{}
		c := New(near, nil, &Config{MaxLine: limit})
		c.handler = s
		for turn, rest := 0, stream; len(rest) > 0 && !c.ended.Load(); turn++ {
			n := len(rest)
			if len(sizes) > 0 {
				n = min(n, 1+int(sizes[turn%len(sizes)]))
			}
			// The buffer is overwritten, as the real one is.
			buf := bytes.Clone(rest[:n])
			c.input(buf)
			clear(buf)
			rest = rest[n:]
			if len(c.partial) > limit {
				t.Fatalf("%d bytes of a line are kept, limit %d", len(c.partial), limit)
			}
		}
		lines, reason := splitAll(stream, limit)
		if !slices.Equal(s.heard(), lines) {
			t.Fatalf("heard %q, want %q", s.heard(), lines)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		bad := c.reason == mining.NULByte || c.reason == mining.LineTooLong
		if bad != (reason != "") || !bad && c.reason != "" {
			t.Fatalf("ended with %q, want bad: %v", c.reason, reason != "")
		}
	})
}

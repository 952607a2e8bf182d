package sv1

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// readAll reads lines until an error.
func readAll(r *Reader) (lines []string, err error) {
	for {
		line, err := r.ReadLine()
		if err != nil {
			return lines, err
		}
		lines = append(lines, string(line))
	}
}

func TestReader(t *testing.T) {
	const limit = 10
	tests := map[string]struct {
		in    string
		lines []string
		err   error
	}{
		"nothing":                {"", nil, io.EOF},
		"one":                    {"a\n", []string{"a"}, io.EOF},
		"pipelined":              {"a\nb\r\nc\n", []string{"a", "b", "c"}, io.EOF},
		"blank lines":            {"\n\r\n \t\n  a \n\n\n", []string{"  a "}, io.EOF},
		"CR within":              {"a\rb\r\r\n", []string{"a\rb\r"}, io.EOF},
		"partial at the end":     {"a\nb", []string{"a"}, io.ErrUnexpectedEOF},
		"blanks at the end":      {"a\n \r", []string{"a"}, io.EOF},
		"at the limit":           {"0123456789\n0123456789\r\n", []string{"0123456789", "0123456789"}, io.EOF},
		"over the limit":         {"a\n01234567890\nb\n", []string{"a"}, ErrLineTooLong},
		"over the limit, CR":     {"01234567890\r\n", nil, ErrLineTooLong},
		"over, no end":           {strings.Repeat("x", 11), nil, ErrLineTooLong},
		"over, blank":            {strings.Repeat(" ", 11) + "\n", nil, ErrLineTooLong},
		"limit, then unfinished": {"0123456789", nil, io.ErrUnexpectedEOF},
		"zero byte":              {"a\nb\x00c\nd\n", []string{"a"}, ErrNUL},
		"zero byte, unfinished":  {"a\nb\x00", []string{"a"}, ErrNUL},
		"zero byte in a blank":   {" \x00\n", nil, ErrNUL},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for how, in := range map[string]io.Reader{
				"at once":  strings.NewReader(tt.in),
				"by bytes": iotest.OneByteReader(strings.NewReader(tt.in)),
				"by half":  iotest.HalfReader(strings.NewReader(tt.in)),
				"with EOF": iotest.DataErrReader(strings.NewReader(tt.in)),
			} {
				r := NewReader(in, limit)
				lines, err := readAll(r)
				if strings.Join(lines, "|") != strings.Join(tt.lines, "|") || !errors.Is(err, tt.err) {
					t.Errorf("%s: %q, %v; want %q, %v", how, lines, err, tt.lines, tt.err)
				}
				if _, again := r.ReadLine(); !errors.Is(again, tt.err) {
					t.Errorf("%s: the error does not stay: %v", how, again)
				}
			}
		})
	}
}

func TestReaderPassesErrorsOn(t *testing.T) {
	broken := errors.New("broken")
	r := NewReader(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken)), 10)
	lines, err := readAll(r)
	if len(lines) != 1 || !errors.Is(err, broken) {
		t.Errorf("%q, %v", lines, err)
	}
}

type silent struct{}

func (silent) Read([]byte) (int, error) { return 0, nil }

func TestReaderNoProgress(t *testing.T) {
	if _, err := NewReader(silent{}, 10).ReadLine(); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("error is %v", err)
	}
}

// A long line is read at a cost that grows with its length, also by one byte
// at a time, and the buffer stays within the limit.
func TestReaderLongLine(t *testing.T) {
	const limit = 1 << 20
	long := strings.Repeat("x", limit)
	r := NewReader(iotest.OneByteReader(strings.NewReader("a\n"+long+"\nb\n")), limit)
	lines, err := readAll(r)
	if len(lines) != 3 || lines[1] != long || !errors.Is(err, io.EOF) {
		t.Errorf("%d lines, %v", len(lines), err)
	}
	if len(r.buf) > limit+2 {
		t.Errorf("buffer of %d bytes", len(r.buf))
	}
	r = NewReader(strings.NewReader(long+"x"), limit)
	if _, err := r.ReadLine(); !errors.Is(err, ErrLineTooLong) {
		t.Errorf("error is %v", err)
	}
}

func TestSplitLine(t *testing.T) {
	tests := []struct {
		buf, line, rest string
		none            bool
		err             error
	}{
		{buf: "a\nb\nc", line: "a", rest: "b\nc"},
		{buf: "\r\n\n a\r\n", line: " a", rest: ""},
		{buf: "abc", none: true, rest: "abc"},
		{buf: "\n\nabc", none: true, rest: "abc"},
		{buf: "", none: true},
		{buf: "0123456789\r", none: true, rest: "0123456789\r"},
		{buf: "0123456789x", none: true, err: ErrLineTooLong, rest: "0123456789x"},
		{buf: "\n0123456789x\n", none: true, err: ErrLineTooLong, rest: "0123456789x\n"},
		{buf: "a\x00", none: true, err: ErrNUL, rest: "a\x00"},
	}
	for _, tt := range tests {
		line, rest, err := SplitLine([]byte(tt.buf), 10)
		if string(line) != tt.line || string(rest) != tt.rest || (line == nil) != tt.none || !errors.Is(err, tt.err) {
			t.Errorf("%q: %q, %q, %v", tt.buf, line, rest, err)
		}
		if line != nil && cap(line) > len(line)+1 {
			t.Errorf("%q: appending to the line would write over the rest", tt.buf)
		}
	}
}

// However a stream is cut into reads, its lines are the same as SplitLine's.
func TestReaderAgreesWithSplitLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stream := []byte(rapid.StringOfN(rapid.SampledFrom([]rune("ab \r\n\n\x00")), 0, 60, -1).Draw(t, "stream"))
		sizes := rapid.SliceOfN(rapid.IntRange(1, 9), 1, 10).Draw(t, "sizes")
		limit := rapid.IntRange(1, 12).Draw(t, "limit")
		got, gotErr := readAll(NewReader(&cutReader{stream, sizes, 0}, limit))
		var want []string
		rest := stream
		for {
			line, r, err := SplitLine(rest, limit)
			if err != nil {
				// A line with both faults may show either first.
				if !errors.Is(gotErr, ErrNUL) && !errors.Is(gotErr, ErrLineTooLong) {
					t.Fatalf("error is %v, want %v", gotErr, err)
				}
				break
			}
			rest = r
			if line == nil {
				break
			}
			want = append(want, string(line))
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("%q, want %q", got, want)
		}
	})
}

// cutReader gives a stream away in pieces of the sizes, in turn.
type cutReader struct {
	stream []byte
	sizes  []int
	turn   int
}

func (c *cutReader) Read(p []byte) (int, error) {
	if len(c.stream) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.stream[:min(len(c.stream), c.sizes[c.turn%len(c.sizes)])])
	c.stream, c.turn = c.stream[n:], c.turn+1
	return n, nil
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("{\"id\":1}\r\n\n{\"id\":2}\nrest"), 16)
	f.Add(bytes.Join(captures(f), []byte("\n")), 2000)
	f.Fuzz(func(t *testing.T, stream []byte, limit int) {
		limit = max(1, min(limit, 4096))
		r := NewReader(bytes.NewReader(stream), limit)
		lines, err := readAll(r)
		if err == nil || len(r.buf) > limit+2 {
			t.Fatalf("error %v, buffer %d", err, len(r.buf))
		}
		for _, line := range lines {
			if len(line) > limit || strings.ContainsAny(line, "\n\x00") || isBlank([]byte(line)) {
				t.Fatalf("line %q", line)
			}
		}
	})
}

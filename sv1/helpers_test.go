package sv1

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
)

// captures are the lines of testdata/captures.txt.
func captures(tb testing.TB) [][]byte {
	tb.Helper()
	file, err := os.ReadFile("testdata/captures.txt")
	if err != nil {
		tb.Fatal(err)
	}
	var lines [][]byte
	for line := range bytes.Lines(file) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' {
			lines = append(lines, line)
		}
	}
	if len(lines) < 50 {
		tb.Fatalf("only %d captures", len(lines))
	}
	return lines
}

// scan is Message.Scan of a line that must be sound.
func scan(tb testing.TB, line []byte) *Message {
	tb.Helper()
	var m Message
	if err := m.Scan(line); err != nil {
		tb.Fatalf("%q: %v", line, err)
	}
	return &m
}

// elements is what encoding/json makes of an array, numbers kept as text; ok
// is false when it is none.
func elements(raw []byte) (all []any, ok bool) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	err := d.Decode(&all)
	return all, err == nil && all != nil
}

// asText is what a text field is to read from an element of [elements].
func asText(v any) (text string, ok bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	}
	return "", false
}

// inJSON reports whether raw is what Scan would take as a member's value.
func inJSON(raw []byte) bool {
	var m Message
	return m.Scan(bytes.Join([][]byte{[]byte(`{"params":`), raw, []byte(`}`)}, nil)) == nil && len(bytes.TrimSpace(raw)) == len(raw)
}

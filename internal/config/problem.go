package config

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong, or worth a note, and where it stands.
type Problem struct {
	// Origin is the file's name, or the variable or flag that set the value.
	Origin string
	// Line and Col are 1-based, Col in bytes; 0 where Origin is no file.
	Line, Col int
	// Key is the key's path, such as "pool[0].url"; empty where the problem
	// is not of one key.
	Key string
	// Text says what is wrong and what would be right.
	Text string
}

// String is "FILE:LINE:COL: key: text".
func (p Problem) String() string {
	var b strings.Builder
	if p.Origin != "" {
		b.WriteString(p.Origin)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", p.Line, p.Col)
		}
		b.WriteString(": ")
	}
	if p.Key != "" {
		b.WriteString(p.Key)
		b.WriteString(": ")
	}
	b.WriteString(p.Text)
	return b.String()
}

// Problems is everything found wrong, in the order of the file; what is of no
// file comes last. As an error it is one line for each.
type Problems []Problem //nolint:errname // a list to walk first, an error second

// Error is one line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// sort orders problems by their place, those without a line last.
func (ps Problems) sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		switch {
		case a.Line == 0 && b.Line == 0:
			return 0
		case a.Line == 0:
			return 1
		case b.Line == 0:
			return -1
		case a.Line != b.Line:
			return a.Line - b.Line
		}
		return a.Col - b.Col
	})
}

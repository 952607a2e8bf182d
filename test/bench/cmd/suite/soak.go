package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// soak is the samples of a long run.
type soak struct {
	Name   string   `json:"name"`
	Series []series `json:"series"`
}

// series is one thing that was sampled, over the seconds since the start.
type series struct {
	Name string    `json:"name"`
	T    []float64 `json:"t"`
	V    []float64 `json:"v"`
}

// readSoak reads a file of JSON lines, each an object of numbers of which "t" is
// the seconds since the start. What is no number is left out.
func readSoak(name string) (soak, error) {
	text, err := os.ReadFile(name) //nolint:gosec // named by who runs this
	if err != nil {
		return soak{}, err
	}
	s := soak{Name: filepath.Base(name)}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var fields map[string]any
		if err := json.Unmarshal(lines.Bytes(), &fields); err != nil {
			return soak{}, fmt.Errorf("%s, line %d: %w", name, n, err)
		}
		t, ok := fields["t"].(float64)
		if !ok {
			return soak{}, fmt.Errorf("%s, line %d: no number t", name, n)
		}
		for field, value := range fields {
			if v, ok := value.(float64); ok && field != "t" {
				s.add(field, t, v)
			}
		}
	}
	if err := lines.Err(); err != nil {
		return soak{}, fmt.Errorf("%s: %w", name, err)
	}
	slices.SortFunc(s.Series, func(a, b series) int { return strings.Compare(a.Name, b.Name) })
	return s, nil
}

func (s *soak) add(field string, t, v float64) {
	i := slices.IndexFunc(s.Series, func(one series) bool { return one.Name == field })
	if i < 0 {
		s.Series = append(s.Series, series{Name: field})
		i = len(s.Series) - 1
	}
	s.Series[i].T = append(s.Series[i].T, t)
	s.Series[i].V = append(s.Series[i].V, v)
}

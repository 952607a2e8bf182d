package main

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// profile is a part of a profile: instructions in the compression of SHA-256, which would
// hide all else, and in the rest.
type profile struct{ hashing, rest uint64 }

// compression is in the names of the functions that compress blocks.
const compression = "sha256.block"

// parseProfile reads a file of callgrind: lines of a position and a cost, after the name of
// the function whose own they are. What follows a line "calls=" is the cost of others.
func parseProfile(text []byte) (profile, error) {
	var (
		p      profile
		names  = map[string]string{}
		name   string
		others bool
	)
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		key, value, _ := strings.Cut(line, "=")
		switch key {
		case "fn", "cfn":
			// "(ID) NAME" the first time, then "(ID)".
			id, full, defined := strings.Cut(value, " ")
			if defined {
				names[id] = full
			}
			if key == "fn" {
				name = names[id]
			}
			continue
		case "calls":
			others = true
			continue
		}
		n, err := cost(line)
		if err != nil {
			return p, err
		}
		switch {
		case n == 0:
		case others:
			others = false
		case strings.Contains(name, compression):
			p.hashing += n
		default:
			p.rest += n
		}
	}
	return p, lines.Err()
}

// cost is the second word of a line that begins with a position; of others it is 0. No
// line of a position has a cost of 0.
func cost(line string) (uint64, error) {
	if line == "" || strings.IndexByte("0123456789+-*", line[0]) < 0 {
		return 0, nil
	}
	_, text, _ := strings.Cut(line, " ")
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q: %w", line, err)
	}
	return n, nil
}

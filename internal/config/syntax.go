package config

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// maxSyntaxErrors bounds how many broken lines are looked for in one file.
const maxSyntaxErrors = 20

// parse reads a document into tables and values. What is no TOML becomes a
// problem; the broken line is then left out, so that what is wrong elsewhere
// is found too. ok is false if the document cannot be understood around it.
func (l *loader) parse(doc []byte) (tables map[string]any, ok bool) {
	doc = slices.Clone(doc)
	last := -1
	for range maxSyntaxErrors {
		tables = nil
		err := toml.Unmarshal(doc, &tables)
		if err == nil {
			l.where = locate(doc)
			return tables, true
		}
		l.damaged = true
		at := place{1, 1}
		text := err.Error()
		if decode, ok := errors.AsType[*toml.DecodeError](err); ok {
			at.line, at.col = decode.Position()
		}
		if last > 0 && at.line <= last+1 {
			return nil, false // most likely an echo of the line before
		}
		line := lineOf(doc, at.line)
		table := tableAbove(doc, at.line)
		key, advice := explain(string(line), table)
		l.problems = append(l.problems, Problem{
			Origin: l.name, Line: at.line, Col: at.col, Key: qualify(table, key),
			Text: "not valid TOML: " + strings.TrimPrefix(text, "toml: ") + advice,
		})
		if line == nil || strings.HasPrefix(strings.TrimSpace(string(line)), "[") {
			return nil, false // without its header a table's keys mean nothing
		}
		last = at.line
		for i := range line {
			line[i] = ' '
		}
	}
	return nil, false
}

// lineOf returns the bytes of a 1-based line without its end, in place.
func lineOf(doc []byte, line int) []byte {
	for ; line > 1; line-- {
		end := bytes.IndexByte(doc, '\n')
		if end < 0 {
			return nil
		}
		doc = doc[end+1:]
	}
	text, _, _ := bytes.Cut(doc, []byte("\n"))
	return text
}

// explain guesses what a broken line under a table was meant to be: the key it sets, and a
// sentence that helps with the commonest slip, a text without quotes.
func explain(line, table string) (key, advice string) {
	name, value, ok := strings.Cut(line, "=")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") != "" {
		return "", ""
	}
	switch {
	case !ok && name != "":
		return "", fmt.Sprintf("; write a key as %s = VALUE", name)
	case !ok || name == "":
		return "", ""
	case value == "" || value[0] == '#':
		return name, fmt.Sprintf("; write %s = VALUE, or leave the line out", name)
	case strings.ContainsRune(`"'[{`, rune(value[0])) || !strings.ContainsAny(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"):
		return name, ""
	}
	value, _, _ = strings.Cut(value, "#")
	if mayBeSecret(qualify(table, name), value) {
		value = "…"
	}
	return name, fmt.Sprintf("; put the text in quotes: %s = %q", name, strings.Trim(strings.TrimSpace(value), `"'`))
}

// mayBeSecret says whether the value of a key, which has no quotes, is better not repeated.
// A pool's URL is none, nor is a mere host there; a sink's and the database's are.
func mayBeSecret(key, value string) bool {
	name := key[strings.LastIndexByte(key, '.')+1:]
	switch name {
	case "proxy", "traces", "traces_authorization", "sentry":
		return true
	case "url":
		if !strings.HasPrefix(key, "pool") || strings.Contains(value, "/") && !strings.HasPrefix(value, "stratum+") {
			return true
		}
	}
	return strings.Contains(name, "password") || strings.Contains(value, "@") || len(value) > 80
}

// qualify puts the name of a table before one of its keys; no key stays none.
func qualify(table, key string) string {
	if key == "" {
		return ""
	}
	return table + key
}

// tableAbove is the name, with a dot, of the table that a line stands under; empty: none.
func tableAbove(doc []byte, line int) string {
	header, seen := "", map[string]int{}
	for n, text := range strings.Split(string(doc), "\n") {
		if n+1 >= line {
			break
		}
		text, _, _ = strings.Cut(strings.TrimSpace(text), "#")
		text = strings.TrimSpace(text)
		switch {
		case strings.HasPrefix(text, "[[") && strings.HasSuffix(text, "]]"):
			name := strings.TrimSpace(text[2 : len(text)-2])
			header = index(name, seen[name]) + "."
			seen[name]++
		case strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]"):
			name := strings.TrimSpace(text[1 : len(text)-1])
			first, rest, nested := strings.Cut(name, ".")
			if n := seen[first]; n > 0 && nested {
				name = index(first, n-1) + "." + rest
			}
			header = name + "."
		}
	}
	return header
}

package config

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// place is a position in the file, 1-based; col counts bytes.
type place struct{ line, col int }

// places knows where keys and values stand, by path ("pool[0].url"). A value
// that has no place of its own (an array, say) has only its key's.
type places struct {
	doc    []byte
	lines  []int // offset of each line's first byte
	keys   map[string]place
	values map[string]place
	arrays map[string]int // tables seen so far of each [[array]]
}

// locate walks a valid document. It stops where the document stops being
// valid, so it can be asked about any bytes.
func locate(doc []byte) *places {
	w := &places{
		doc: doc, lines: []int{0}, keys: map[string]place{}, values: map[string]place{}, arrays: map[string]int{},
	}
	for i, c := range doc {
		if c == '\n' {
			w.lines = append(w.lines, i+1)
		}
	}
	var p unstable.Parser
	p.Reset(doc)
	table := ""
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = w.header(e)
		case unstable.KeyValue:
			w.keyValue(table, e)
		default:
		}
	}
	return w
}

// at returns where the value at path stands, or its key, or the nearest
// table around it, or the file's first byte.
func (w *places) at(path string) place {
	for p := path; p != ""; p = parent(p) {
		if at, ok := w.values[p]; ok {
			return at
		}
		if at, ok := w.keys[p]; ok {
			return at
		}
	}
	return place{1, 1}
}

// within is where a line and a column of the text at path stand, both from 1; line 0 is
// the text as a whole. What has escapes or variables before it stands a little further.
func (w *places) within(path string, line, col int) place {
	at, ok := w.values[path]
	if !ok || line == 0 {
		return w.at(path)
	}
	rest := w.doc[w.lines[at.line-1]+at.col-1:]
	quotes := 1
	if bytes.HasPrefix(rest, []byte(`"""`)) || bytes.HasPrefix(rest, []byte("'''")) {
		quotes = 3
		if bytes.HasPrefix(bytes.TrimPrefix(rest[quotes:], []byte("\r")), []byte("\n")) { // it begins on the next line
			return place{at.line + line, col}
		}
	}
	if line > 1 {
		return place{at.line + line - 1, col}
	}
	return place{at.line, at.col + quotes + col - 1}
}

// keyAt is at, but prefers the key to the value.
func (w *places) keyAt(path string) place {
	if at, ok := w.keys[path]; ok {
		return at
	}
	return w.at(path)
}

func (w *places) place(r unstable.Range) place {
	offset := int(r.Offset)
	line, found := slices.BinarySearch(w.lines, offset)
	if !found {
		line--
	}
	return place{line + 1, offset - w.lines[line] + 1}
}

// header notes a [table] or [[array]] line and returns its path.
func (w *places) header(e *unstable.Node) string {
	path := ""
	it := e.Key()
	for it.Next() {
		path = join(path, string(it.Node().Data))
		if e.Kind == unstable.ArrayTable && it.IsLast() {
			w.remember(w.keys, path, w.place(it.Node().Raw))
			w.arrays[path]++
		}
		if n := w.arrays[path]; n > 0 {
			path = index(path, n-1)
		}
		w.remember(w.keys, path, w.place(it.Node().Raw))
	}
	return path
}

func (w *places) keyValue(table string, e *unstable.Node) {
	path := table
	it := e.Key()
	for it.Next() {
		path = join(path, string(it.Node().Data))
		w.remember(w.keys, path, w.place(it.Node().Raw))
	}
	w.value(path, e.Value())
}

func (w *places) value(path string, v *unstable.Node) {
	if v.Raw.Length > 0 {
		w.remember(w.values, path, w.place(v.Raw))
	}
	it := v.Children()
	switch v.Kind {
	case unstable.Array:
		for i := 0; it.Next(); i++ {
			w.value(index(path, i), it.Node())
		}
	case unstable.InlineTable:
		for it.Next() {
			w.keyValue(path, it.Node())
		}
	default:
	}
}

// remember keeps the first place of a path: a table's header, not the table
// that is opened under it later.
func (w *places) remember(m map[string]place, path string, at place) {
	if _, ok := m[path]; !ok {
		m[path] = at
	}
}

// join appends a key to a path, quoted if it is no bare key.
func join(path, key string) string {
	bare := key != "" && strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
	if !bare {
		key = strconv.Quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// index appends an index to a path.
func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// parent cuts the last key or index off a path. (A quoted key with a dot in
// it loses a part only, which then is nobody's path.)
func parent(path string) string {
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}

// pattern is a path with its indexes taken out: "pool[].url".
func pattern(path string) string {
	var b strings.Builder
	for {
		open := strings.IndexByte(path, '[')
		if open < 0 {
			break
		}
		end := strings.IndexByte(path[open:], ']')
		if end < 0 {
			break
		}
		b.WriteString(path[:open])
		b.WriteString("[]")
		path = path[open+end+1:]
	}
	b.WriteString(path)
	return b.String()
}

package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// decodeTable fills a struct of tagged fields from a table, key by key. Every
// key that is unknown or of a wrong type is a problem of its own.
func (l *loader) decodeTable(path string, in map[string]any, out reflect.Value) {
	names := make([]string, 0, len(in))
	for name := range in {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		at := join(path, name)
		if field, ok := fieldByKey(out, name); ok {
			l.given[at] = true
			l.decode(at, in[name], field)
			continue
		}
		l.unknown(path, name, in, out)
	}
}

// unknown reports a key that no field has. If it was probably meant to be
// another one, what is in it is looked at as that one.
func (l *loader) unknown(path, name string, in map[string]any, out reflect.Value) {
	at := join(path, name)
	known := keysOf(out.Type())
	meant := nearest(name, known)
	if meant == "" {
		where := "at the top of the file"
		if path != "" {
			where = "in " + path
		} else if !l.hasFile {
			where = "here"
		}
		l.addKey(at, "unknown key %q; known %s: %s", name, where, strings.Join(known, ", "))
		return
	}
	l.problems = append(l.problems, l.problem(at, l.where.keyAt(at), fmt.Sprintf("unknown key %q, did you mean %q?", name, meant)))
	if _, both := in[meant]; both {
		return
	}
	l.bad[join(path, meant)] = true
	if field, ok := fieldByKey(out, meant); ok {
		if kind := field.Kind(); kind == reflect.Struct || kind == reflect.Slice {
			l.decode(at, in[name], reflect.New(field.Type()).Elem())
		}
	}
}

// decode fills one field, which is a table, an array of tables or a value.
func (l *loader) decode(path string, in any, out reflect.Value) {
	switch {
	case isTable(out.Type()):
		table, ok := in.(map[string]any)
		if !ok {
			l.add(path, "want a table such as [%s], got %s", pattern(path), describe(in))
			return
		}
		l.decodeTable(path, table, out)
	case out.Kind() == reflect.Slice && isTable(out.Type().Elem()):
		l.decodeTables(path, in, out)
	case out.Kind() == reflect.Slice:
		l.decodeList(path, in, out)
	default:
		if text, ok := in.(string); ok {
			l.written[path] = text
		}
		if err := l.setValue(out, in); err != nil {
			l.add(path, "%s", err)
		}
	}
}

// quote returns the text that was written at a path in quotes, else the value
// as it prints.
func (l *loader) quote(path string, value any) string {
	if text, ok := l.written[l.fileKey(path)]; ok {
		return strconv.Quote(text)
	}
	return format(reflect.ValueOf(value))
}

// decodeTables fills a slice of structs, each from its own defaults.
func (l *loader) decodeTables(path string, in any, out reflect.Value) {
	list, ok := in.([]any)
	if !ok {
		example := "[[" + pattern(path) + "]] (two brackets: there may be several)"
		if !l.hasFile || strings.Contains(path, "]") {
			example = "[{ … }, { … }]"
		}
		l.add(path, "want tables such as %s, got %s", example, describe(in))
		return
	}
	made := reflect.MakeSlice(out.Type(), len(list), len(list))
	for i, element := range list {
		at := index(path, i)
		made.Index(i).Set(defaultOf(out.Type().Elem()))
		table, ok := element.(map[string]any)
		if !ok {
			l.add(at, "want a table, got %s", describe(element))
			continue
		}
		l.decodeTable(at, table, made.Index(i))
	}
	out.Set(made)
}

// decodeList fills a slice of values.
func (l *loader) decodeList(path string, in any, out reflect.Value) {
	list, ok := in.([]any)
	if !ok {
		want := kindOf(out.Type())
		l.add(path, "want %s such as %s, got %s", want.name, want.example, describe(in))
		return
	}
	made := reflect.MakeSlice(out.Type(), len(list), len(list))
	for i, element := range list {
		if err := l.setValue(made.Index(i), element); err != nil {
			l.add(index(path, i), "%s", err)
		}
	}
	out.Set(made)
}

// defaultOf returns what a table of an array starts from.
func defaultOf(t reflect.Type) reflect.Value {
	switch t {
	case reflect.TypeFor[Pool]():
		return reflect.ValueOf(defaultPool())
	case reflect.TypeFor[Listener]():
		return reflect.ValueOf(defaultListener())
	case reflect.TypeFor[Route]():
		return reflect.ValueOf(defaultRoute())
	case reflect.TypeFor[AlertRule]():
		return reflect.ValueOf(defaultAlertRule())
	case reflect.TypeFor[AlertSink]():
		return reflect.ValueOf(defaultAlertSink())
	}
	return reflect.Zero(t)
}

// describe names a value of TOML or JSON in words; texts are shortened.
func describe(in any) string {
	switch v := in.(type) {
	case nil:
		return "null"
	case string:
		if len(v) > 40 {
			v = v[:40] + "…"
		}
		return fmt.Sprintf("the text %q", v)
	case int64:
		return fmt.Sprintf("the integer %d", v)
	case float64:
		return "the number " + formatFloat(v)
	case bool:
		return strconv.FormatBool(v)
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return "a date or time"
}

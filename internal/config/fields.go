package config

import (
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// tagOf returns the key of a struct field, or "" if it is none.
func tagOf(f reflect.StructField) string { return f.Tag.Get("toml") }

// keysOf lists a struct's keys in the order of its fields.
func keysOf(t reflect.Type) []string {
	var keys []string
	for f := range t.Fields() {
		if tag := tagOf(f); tag != "" {
			keys = append(keys, tag)
		}
	}
	return keys
}

// fieldByKey finds the field of a key.
func fieldByKey(v reflect.Value, key string) (reflect.Value, bool) {
	for f, field := range v.Fields() {
		if tag := tagOf(f); tag != "" && tag == key {
			return field, true
		}
	}
	return reflect.Value{}, false
}

// isTable says whether a type is a struct of keys, and no value of one.
func isTable(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t != reflect.TypeFor[Suggest]() &&
		t != reflect.TypeFor[mining.Template]() && t != reflect.TypeFor[netip.Prefix]()
}

// leaves calls visit for each value of a struct in the order of its fields,
// with the value's path. Lists of values are one leaf.
func leaves(path string, v reflect.Value, visit func(path string, v reflect.Value)) {
	switch {
	case isTable(v.Type()):
		for f, field := range v.Fields() {
			if tag := tagOf(f); tag != "" {
				leaves(join(path, tag), field, visit)
			}
		}
	case v.Kind() == reflect.Slice && isTable(v.Type().Elem()):
		for i := range v.Len() {
			leaves(index(path, i), v.Index(i), visit)
		}
	default:
		visit(path, v)
	}
}

// format prints a value as the file would have it, secrets as stars.
func format(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case int:
		return strconv.Itoa(x)
	case bool:
		return strconv.FormatBool(x)
	case float64:
		return formatFloat(x)
	case *float64:
		if x == nil {
			return ""
		}
		return formatFloat(*x)
	case time.Duration:
		return strconv.Quote(formatDuration(x))
	case Suggest:
		if !x.Auto && x.Difficulty != 0 {
			return x.String()
		}
		return strconv.Quote(x.String())
	case interface{ String() string }: // Secret, Size, Hashrate, Template, Prefix
		return strconv.Quote(x.String())
	}
	if v.Kind() == reflect.Slice {
		items := make([]string, v.Len())
		for i := range items {
			items[i] = format(v.Index(i))
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	return strconv.Quote(v.String())
}

// formatDuration prints a duration without units that are zero: "2h".
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

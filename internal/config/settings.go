package config

import "strings"

// Setting is one key of a Config and what it is.
type Setting struct {
	// Key is that of [Change], Value as the file would have it, secrets as stars.
	Key, Value string
	// Usual says that it is the default.
	Usual bool
	// Override is the variable or flag that it came from; empty: none.
	Override string
}

// Settings lists every key of a Config, in the order of its fields.
func Settings(c *Config) []Setting {
	f := flatten(c)
	by := make(map[string]string, len(c.Overrides))
	for _, o := range c.Overrides {
		by[f.named(o.Key)] = o.From
	}
	all := make([]Setting, 0, len(f.keys))
	for _, key := range f.keys {
		v := f.values[key]
		all = append(all, Setting{Key: key, Value: v.text, Usual: v.usual, Override: overrideOf(by, key)})
	}
	return all
}

// overrideOf finds what a key, or a table that it is in, was set by.
func overrideOf(by map[string]string, key string) string {
	for {
		if from, ok := by[key]; ok {
			return from
		}
		at := strings.LastIndexAny(key, ".[")
		if at < 0 {
			return ""
		}
		key = key[:at]
	}
}

package config

import (
	"reflect"
	"slices"
	"strings"

	"github.com/loka/stratum/internal/mining"
)

// gate is a key whose feature this version does not have. To make the feature
// available is to delete its line here.
type gate struct {
	// key is the key's pattern.
	key string
	// inert are the values, as the file has them, that ask for nothing new.
	inert []string
	// advice says what to do meanwhile.
	advice string
}

// gates lists every key that is read and checked but not available yet.
func gates() []gate {
	return nil // there is none now
}

// gateOf returns the gate of a key's pattern.
func gateOf(key string) (gate, bool) {
	for _, g := range gates() {
		if g.key == key {
			return g, true
		}
	}
	return gate{}, false
}

// checkGates reports every value that asks for a feature that is not there.
func (l *loader) checkGates(c *Config) {
	leaves("", reflect.ValueOf(c).Elem(), func(path string, v reflect.Value) {
		g, ok := gateOf(pattern(path))
		if !ok || l.badItem(path) {
			return
		}
		if slices.Contains(g.inert, format(v)) {
			return
		}
		text := "this setting"
		if _, secret := reflect.TypeAssert[mining.Secret](v); !secret {
			text = l.quote(path, v.Interface())
		}
		l.add(path, "%s is not available in this version; %s", text, g.advice)
	})
}

// badItem says whether an item of the list at path could not be read.
func (l *loader) badItem(path string) bool {
	for bad := range l.bad {
		if strings.HasPrefix(bad, l.fileKey(path)+"[") {
			return true
		}
	}
	return false
}

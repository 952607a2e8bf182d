package config

import (
	"reflect"
	"slices"
	"strings"

	"github.com/loka/stratum/internal/mining"
)

// Change is one key whose value differs between two Configs.
type Change struct {
	// Key is the key's path with the names of pools, routes and listeners in
	// place of their indexes: "pool[main].url".
	Key string
	// Old and New are the values as the file has them, secrets as stars; one
	// of them is empty where a pool, route or listener came or went, of which
	// only what is not the default is listed.
	Old, New string
}

// Diff lists what differs, in the order of the keys; what came or went with a
// whole table is last.
func Diff(old, now *Config) []Change {
	before, after := flatten(old), flatten(now)
	var changes []Change
	for _, key := range before.keys {
		o := before.values[key]
		n, both := after.values[key]
		if both && o.raw != n.raw || !both && !o.usual {
			changes = append(changes, Change{Key: key, Old: o.text, New: n.text})
		}
	}
	for _, key := range after.keys {
		n := after.values[key]
		if _, both := before.values[key]; !both && !n.usual {
			changes = append(changes, Change{Key: key, New: n.text})
		}
	}
	for _, list := range []string{"pool", "route", "listener"} {
		o, n := before.names[list], after.names[list]
		if !slices.Equal(o, n) && sameNames(o, n) {
			changes = append(changes, Change{Key: list, Old: quoteAll(o), New: quoteAll(n)})
		}
	}
	return changes
}

// sameNames says whether two lists differ in their order alone.
func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// flat is a Config as a list of keys.
type flat struct {
	keys   []string
	values map[string]flatValue
	names  map[string][]string
}

// flatValue is a value as it prints, and as it is compared; usual means that it
// is the default.
type flatValue struct {
	text, raw string
	usual     bool
}

func flatValueOf(v reflect.Value) flatValue {
	value := flatValue{text: format(v), raw: format(v)}
	if s, ok := reflect.TypeAssert[mining.Secret](v); ok {
		value.raw = s.Reveal()
	}
	return value
}

// usualValues has the default of every key, by its pattern.
func usualValues() map[string]string {
	sample := Defaults()
	sample.Listeners = []Listener{defaultListener()}
	sample.Pools = []Pool{defaultPool()}
	sample.Routes = []Route{defaultRoute()}
	sample.Routes[0].Split = []SplitPart{{}}
	sample.Alerts.Rules, sample.Alerts.Sinks = []AlertRule{defaultAlertRule()}, []AlertSink{defaultAlertSink()}
	values := map[string]string{}
	leaves("", reflect.ValueOf(sample), func(path string, v reflect.Value) {
		values[pattern(path)] = flatValueOf(v).raw
	})
	return values
}

func flatten(c *Config) flat {
	usuals := usualValues()
	f := flat{values: map[string]flatValue{}, names: map[string][]string{}}
	for _, p := range c.Pools {
		f.names["pool"] = append(f.names["pool"], p.Name)
	}
	for _, r := range c.Routes {
		f.names["route"] = append(f.names["route"], r.Name)
	}
	for _, one := range c.Listeners {
		f.names["listener"] = append(f.names["listener"], one.Address)
	}
	for i := range c.Alerts.Rules {
		f.names["alerts.rule"] = append(f.names["alerts.rule"], c.Alerts.Rules[i].Name)
	}
	for i := range c.Alerts.Sinks {
		f.names["alerts.sink"] = append(f.names["alerts.sink"], c.Alerts.Sinks[i].Name)
	}
	leaves("", reflect.ValueOf(c).Elem(), func(path string, v reflect.Value) {
		key := f.named(path)
		value := flatValueOf(v)
		usual, known := usuals[pattern(path)]
		value.usual = known && usual == value.raw
		if key == "server.listen" {
			return // the listeners say it
		}
		f.keys = append(f.keys, key)
		f.values[key] = value
	})
	return f
}

// named puts a table's name in place of its index.
func (f flat) named(path string) string {
	for list, names := range f.names {
		for i, name := range names {
			if rest, ok := strings.CutPrefix(path, index(list, i)); ok {
				return list + "[" + name + "]" + rest
			}
		}
	}
	return path
}

// Redact returns a copy in which every secret is stars in fact, for whoever
// must print a Config by other means than fmt, slog or encoding.
func Redact(c *Config) *Config {
	r := *c
	r.Pools = slices.Clone(c.Pools)
	for i := range r.Pools {
		r.Pools[i].Password = mining.Secret(r.Pools[i].Password.String())
		r.Pools[i].Proxy = mining.Secret(r.Pools[i].Proxy.String())
	}
	r.Routes = slices.Clone(c.Routes)
	for i := range r.Routes {
		r.Routes[i].Password = mining.Secret(r.Routes[i].Password.String())
	}
	r.Logins.Password = mining.Secret(r.Logins.Password.String())
	r.Storage.URL = mining.Secret(r.Storage.URL.String())
	r.Alerts.Sinks = slices.Clone(c.Alerts.Sinks)
	for i := range r.Alerts.Sinks {
		r.Alerts.Sinks[i].URL = mining.Secret(r.Alerts.Sinks[i].URL.String())
	}
	r.Telemetry.star()
	return &r
}

package config

import (
	"cmp"
	"encoding/json"
	"reflect"
	"slices"
)

// ParseSplit reads {"split":[…]}, JSON of the file's shape, as a split for a route
// of c in place of what it has in the file. It is held to what the file is held
// to, may name pools of the route only, and is taken literally: ${ENV} is not
// replaced. It returns the parts or every problem there is, by key.
func ParseSplit(data []byte, c *Config, r Route) ([]SplitPart, Problems) {
	l := newLoader("", nil)
	l.variables = nil
	var in map[string]any
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, Problems{{Text: `want {"split":[…]}, got no such JSON: ` + err.Error()}}
	}
	var doc struct {
		Split []SplitPart `toml:"split"`
	}
	l.decodeTable("", in, reflect.ValueOf(&doc).Elem())
	if len(doc.Split) == 0 {
		l.add("split", `no part given; write them as in {"split":[{"pool":"main","weight":70},{"pools":["a","b"],"weight":30}]}`)
	}
	known := make([]string, 0, len(c.Pools))
	for _, p := range c.Pools {
		known = append(known, p.Name)
	}
	r.Split, r.Pools = doc.Split, r.EveryPool()
	l.checkSplit("split", r, known)
	l.checkOwnPools("split", r)
	if len(l.problems) > 0 {
		slices.SortStableFunc(l.problems, func(a, b Problem) int { return cmp.Compare(a.Key, b.Key) })
		return nil, l.problems
	}
	return doc.Split, nil
}

// checkOwnPools checks that the parts of a split name none but the pools of the
// route, which are known to be pools.
func (l *loader) checkOwnPools(path string, r Route) {
	check := func(at, name string) {
		if name != "" && !slices.Contains(r.Pools, name) {
			l.add(at, "pool %q is none of route %q, whose pools are %s; name it in the file's route first", name, r.Name, quoteAll(r.Pools))
		}
	}
	for i, part := range r.Split {
		at := index(path, i)
		check(join(at, "pool"), part.Pool)
		for j, name := range part.Pools {
			check(index(join(at, "pools"), j), name)
		}
	}
}

package steer

import "regexp"

// Owners says which part of a split is for which workers.
type Owners struct{ parts []owner }

type owner struct {
	some   bool
	worker *regexp.Regexp // nil: any
}

// CompileOwners prepares a glob for each part, on a worker's login; an empty one
// is for nobody.
func CompileOwners(globs []string) Owners {
	var o Owners
	for _, text := range globs {
		o.parts = append(o.parts, owner{text != "", glob(text)})
	}
	return o
}

// Owner returns the first part that is for a login; ok is false where none is.
func (o Owners) Owner(login string) (part int, ok bool) {
	for i, one := range o.parts {
		if one.some && (one.worker == nil || one.worker.MatchString(login)) {
			return i, true
		}
	}
	return 0, false
}

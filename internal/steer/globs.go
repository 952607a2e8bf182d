package steer

import "regexp"

// Globs is a list of globs, any of which may match: * is any text, ? one
// character. Globs are compiled once; matching takes time in proportion to the
// text, whatever the glob.
type Globs struct{ any []*regexp.Regexp }

// CompileGlobs prepares globs for matching.
func CompileGlobs(globs []string) Globs {
	var g Globs
	for _, text := range globs {
		g.any = append(g.any, expression(text))
	}
	return g
}

// Empty says that there is no glob, so that nothing matches.
func (g Globs) Empty() bool { return len(g.any) == 0 }

// Match says whether any glob matches the whole text.
func (g Globs) Match(text string) bool { return g.Index(text) >= 0 }

// Index is the first glob that matches the whole text, -1 for none.
func (g Globs) Index(text string) int {
	for i, one := range g.any {
		if one.MatchString(text) {
			return i
		}
	}
	return -1
}

package config

// Patterns is the [patterns] table: who is kept out by a name or an address.
type Patterns struct {
	UserAgent Pattern `toml:"user_agent"`
	Worker    Pattern `toml:"worker"`
	Address   Pattern `toml:"address"`
}

// Pattern is one of its tables. Texts are globs.
type Pattern struct {
	Allow  []string      `toml:"allow"`
	Deny   []string      `toml:"deny"`
	Answer PatternAnswer `toml:"answer"`
}

// PatternAnswer is what becomes of who is kept out.
type PatternAnswer string

// The answers.
const (
	// AnswerRefuse refuses the request, AnswerClose ends the connection then.
	AnswerRefuse PatternAnswer = "refuse"
	AnswerClose  PatternAnswer = "close"
)

// Choices lists the answers.
func (PatternAnswer) Choices() []string { return []string{string(AnswerRefuse), string(AnswerClose)} }

// defaultPatterns keep nobody out.
func defaultPatterns() Patterns {
	return Patterns{UserAgent: Pattern{Answer: AnswerClose}, Worker: Pattern{Answer: AnswerRefuse}, Address: Pattern{Answer: AnswerClose}}
}

// Bounds of lists of globs: each is tried for each miner that comes.
const (
	maxGlobs      = 1000
	maxGlobLength = 256
)

// checkPatterns checks the [patterns] table.
func (l *loader) checkPatterns(c Patterns) {
	for _, one := range []struct {
		key string
		of  Pattern
	}{{"user_agent", c.UserAgent}, {"worker", c.Worker}, {"address", c.Address}} {
		at := join("patterns", one.key)
		l.checkGlobs(join(at, "allow"), one.of.Allow)
		l.checkGlobs(join(at, "deny"), one.of.Deny)
	}
}

// checkGlobs checks a list of globs on what miners call themselves.
func (l *loader) checkGlobs(at string, globs []string) {
	if len(globs) > maxGlobs {
		l.add(at, "%d globs; at most %d are taken, for each is tried with each miner", len(globs), maxGlobs)
		return
	}
	for i, glob := range globs {
		switch {
		case len(glob) > maxGlobLength:
			l.add(index(at, i), "the glob has %d characters; at most %d are allowed", len(glob), maxGlobLength)
		case !isText(glob):
			l.add(index(at, i), "%q has characters that no miner sends; use ASCII characters only, * for any text and ? for any character", glob)
		}
	}
}

// isText says whether a text has visible ASCII characters and spaces only.
func isText(s string) bool {
	for _, c := range []byte(s) {
		if c < 0x20 || c > 0x7e {
			return false
		}
	}
	return true
}

// patternsMeanings is the documentation of the [patterns] table.
func patternsMeanings() map[string]meaning {
	m := make(map[string]meaning)
	for key, of := range map[string]string{
		"user_agent": "what miners call themselves; one that says nothing is `\"\"`",
		"worker":     "the logins of miners",
		"address":    "the addresses that miners come from, as text",
	} {
		at := "patterns." + key
		m[at+".allow"] = meaning{"Globs on " + of + ": only whom one matches is let in; empty is everybody.", ""}
		m[at+".deny"] = meaning{"Globs on " + of + ": whom one matches is kept out, allowed or not.", ""}
		m[at+".answer"] = meaning{"Whether who is kept out is told so and stays connected (`refuse`), or ends then, with the reason `" + key + "_denied` (`close`).", ""}
	}
	return m
}

package config

import "strings"

// Skippable lists the middlewares that a route may leave out.
func Skippable() []string { return []string{"threat", "rate_limit", "patterns", "logins"} }

// checkSkip checks which middlewares a route leaves out.
func (l *loader) checkSkip(at string, names []string) {
	l.checkWords(at, names, Skippable(), "nothing that can be left out")
}

// checkGuard checks the tables that say whom miners must be and how they must
// behave.
func (l *loader) checkGuard(c *Config) {
	l.checkLimits(c.Limits)
	l.checkThreat(c.Threat)
	l.checkPatterns(c.Patterns)
	l.checkLogins(c.Logins)
	for i, r := range c.Routes {
		l.checkSkip(join(index("route", i), "skip"), r.Skip)
		l.checkPolicy(index("route", i), r)
	}
}

// skipMeanings is the documentation of a route's skip.
func skipMeanings() map[string]meaning {
	return map[string]meaning{
		"route[].skip": {"What is left out for this route's miners: any of `" + strings.Join(Skippable(), "`, `") + "`. Until a miner has its route nothing is; where `match` asks for a worker, that is until its first login.", ""},
	}
}

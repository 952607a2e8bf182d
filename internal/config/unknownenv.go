package config

import (
	"bytes"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// envPrefix begins the name of every variable of this program.
const envPrefix = "LOKA_"

// otherVariables are read by others than Load: the status command, and the
// tests that run for long.
func otherVariables() []string { return []string{"LOKA_TOKEN", "LOKA_SOAK", "LOKA_E2E_RELAY"} }

// serviceVariable matches what Kubernetes and container links set for a
// service whose name begins with loka.
func serviceVariable() *regexp.Regexp {
	return regexp.MustCompile(
		`^LOKA_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)
}

// Variables lists the names of the environment variables that Load reads.
func Variables() []string {
	names := []string{envPool, envUser, envPassword, envMode}
	sample := Defaults()
	leaves("", reflect.ValueOf(&sample).Elem(), func(path string, _ reflect.Value) {
		if name := envName(path); name != "" {
			names = append(names, name)
		}
	})
	return names
}

// unknownVariables reports variables that look like this program's and are
// not: whoever set one believes that it does something. A name that the file
// has as ${NAME} is in use, and an empty variable is not set.
func (l *loader) unknownVariables(names []string, file []byte) {
	known, service := append(Variables(), otherVariables()...), serviceVariable()
	for _, name := range slices.Sorted(slices.Values(names)) {
		value, _ := l.env(name)
		if !strings.HasPrefix(name, envPrefix) || value == "" || slices.Contains(known, name) ||
			service.MatchString(name) || bytes.Contains(file, []byte("${"+name+"}")) {
			continue
		}
		advice := "docs/CONFIG.md has the variable of every key; keys within lists of tables have none"
		if meant := meantVariables(name); len(meant) > 0 {
			advice = "did you mean " + strings.Join(meant, " or ") + "?"
		}
		l.problems = append(l.problems, Problem{
			Origin: name,
			Text:   "no setting has this variable, so it would do nothing; " + advice,
		})
	}
}

// meantVariables are the variables that name was probably meant to be: one
// that is nearly the same, or those that have a part more or less.
func meantVariables(name string) []string {
	if meant := nearest(name, Variables()); meant != "" {
		return []string{meant}
	}
	if name == envPrefix {
		return nil
	}
	var meant []string
	rest := "_" + strings.TrimPrefix(name, envPrefix)
	for _, one := range Variables() {
		part := "_" + strings.TrimPrefix(one, envPrefix)
		if strings.HasSuffix(one, rest) || strings.HasPrefix(one, name+"_") || strings.HasPrefix(name, one) || strings.HasSuffix(name, part) {
			meant = append(meant, one)
		}
	}
	return meant[:min(len(meant), 4)]
}

package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// lookup is the value of a variable, or why there is none.
type lookup func(name string) (string, error)

// lookup is what ${NAME} is looked up in for a secret, or for what is none; nil takes
// texts as they are.
func (l *loader) lookup(secret bool) lookup {
	if l.variables == nil {
		return nil
	}
	return func(name string) (string, error) {
		if !secret && l.sent && !slices.Contains(l.told, name) {
			return "", fmt.Errorf("the file in place has ${%s} in no value that is shown, so what it stands for is not shown by asking, either; write the value itself", name)
		}
		value, ok := l.variables(name)
		if !ok {
			return "", fmt.Errorf(`the environment variable %s is not set; set it, or write "$${" for a plain "${"`, name)
		}
		if !secret && !slices.Contains(l.shown, name) {
			l.shown = append(l.shown, name)
		}
		return value, nil
	}
}

// expand replaces each ${NAME} by the variable's value; $${ stands for a
// plain ${. Any other $ is kept. With a nil env the text stays as it is.
func expand(text string, env lookup) (string, error) {
	if env == nil || !strings.Contains(text, "${") {
		return text, nil
	}
	var b strings.Builder
	for {
		open := strings.Index(text, "${")
		if open < 0 {
			b.WriteString(text)
			return b.String(), nil
		}
		if open > 0 && text[open-1] == '$' {
			b.WriteString(text[:open-1])
			b.WriteString("${")
			text = text[open+2:]
			continue
		}
		b.WriteString(text[:open])
		name, rest, ok := strings.Cut(text[open+2:], "}")
		if !ok {
			return "", errors.New(`"${" without "}"; write ${NAME} for a variable, or "$${" for a plain "${"`)
		}
		if !isVariable(name) {
			return "", fmt.Errorf(`${%s} names no variable; write ${NAME}, or "$${" for a plain "${"`, name)
		}
		value, err := env(name)
		if err != nil {
			return "", err
		}
		b.WriteString(value)
		text = rest
	}
}

// isVariable says whether s can name an environment variable.
func isVariable(s string) bool {
	for i, c := range []byte(s) {
		letter := c == '_' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

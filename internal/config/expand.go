package config

import (
	"errors"
	"fmt"
	"strings"
)

// expand replaces each ${NAME} by the variable's value; $${ stands for a
// plain ${. Any other $ is kept. With a nil env the text stays as it is.
func expand(text string, env func(string) (string, bool)) (string, error) {
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
		value, ok := env(name)
		if !ok {
			return "", fmt.Errorf(`the environment variable %s is not set; set it, or write "$${" for a plain "${"`, name)
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

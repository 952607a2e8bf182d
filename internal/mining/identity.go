package mining

import (
	"fmt"
	"strings"
)

// Worker is who earns a share. It is made once for each login of a
// connection and immutable afterwards.
type Worker struct {
	// Login is what the miner sent, case and characters kept.
	Login string
	// User and Name are the login's two halves, split at its first dot;
	// without a dot User is empty and Name is the whole.
	User, Name string
}

// NewWorker splits a login at its first dot.
func NewWorker(login string) *Worker {
	w := &Worker{Login: login, Name: login}
	if user, name, ok := strings.Cut(login, "."); ok {
		w.User, w.Name = user, name
	}
	return w
}

// Template says what a pool sees as a worker's name, such as
// "{account}.{name}". The zero Template is not valid; use [ParseTemplate].
type Template struct {
	text  string
	parts []string // literal, field, literal, field, … literal
}

// DefaultTemplate is the template used where none is configured.
const DefaultTemplate = "{account}.{name}"

// ParseTemplate reads a template. Its fields are {account} (our name at the
// pool), {login} (the miner's whole login), {user}, {worker} (its halves) and
// {name} ({worker} when the user is empty or the account itself, else
// {user}_{worker}). Anything else in braces is an error, as is an empty text.
func ParseTemplate(text string) (Template, error) {
	t := Template{text: text}
	rest := text
	if rest == "" {
		return Template{}, fmt.Errorf("worker template is empty: write %q or the like", DefaultTemplate)
	}
	for {
		open := strings.IndexAny(rest, "{}")
		if open < 0 {
			t.parts = append(t.parts, rest)
			return t, nil
		}
		if rest[open] == '}' {
			return Template{}, fmt.Errorf("worker template %q has a } without a {", text)
		}
		end := strings.IndexAny(rest[open+1:], "{}")
		if end < 0 || rest[open+1+end] == '{' {
			return Template{}, fmt.Errorf("worker template %q has a { without a }", text)
		}
		field := rest[open+1 : open+1+end]
		switch field {
		case "account", "login", "user", "worker", "name":
		default:
			return Template{}, fmt.Errorf("worker template %q: unknown field {%s}; known are {account}, {login}, {user}, {worker} and {name}", text, field)
		}
		t.parts = append(t.parts, rest[:open], field)
		rest = rest[open+1+end+1:]
	}
}

// String returns the text the template was made of.
func (t Template) String() string { return t.text }

// Expand fills the template for a worker at an account.
func (t Template) Expand(account string, w *Worker) string {
	var b strings.Builder
	for i, part := range t.parts {
		if i%2 == 0 {
			b.WriteString(part)
			continue
		}
		switch part {
		case "account":
			b.WriteString(account)
		case "login":
			b.WriteString(w.Login)
		case "user":
			b.WriteString(w.User)
		case "worker":
			b.WriteString(w.Name)
		case "name":
			if w.User != "" && w.User != account {
				b.WriteString(w.User)
				b.WriteByte('_')
			}
			b.WriteString(w.Name)
		}
	}
	return b.String()
}

// Account is the part of a pool's name for a worker that stands for the account
// which is paid: what is before its first dot.
func (t Template) Account(account string, w *Worker) string {
	name, _, _ := strings.Cut(t.Expand(account, w), ".")
	return name
}

// AccountVaries says whether which account is paid hangs on the worker's name: the
// template does not begin with {account} or a name of its own.
func (t Template) AccountVaries(account string) bool {
	return t.Account(account, NewWorker("a.b")) != t.Account(account, NewWorker("c.d"))
}

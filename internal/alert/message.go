package alert

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"
	"time"

	"github.com/dustin/go-humanize"
)

const (
	// maxTemplate bounds a template's text, maxMessage a message, in bytes.
	maxTemplate, maxMessage = 4096, 2000
)

// words are what a message is made with.
func words() template.FuncMap {
	return template.FuncMap{
		"hashrate": func(f float64) string { return humanize.SIWithDigits(f, 2, "H/s") },
		"percent":  func(f float64) string { return strconv.FormatFloat(f*100, 'f', 1, 64) + " %" },
		"bytes":    func(f float64) string { return humanize.IBytes(uint64(max(f, 0))) },
		"duration": func(f float64) string { return time.Duration(f * float64(time.Second)).Round(time.Second).String() },
		"number":   plain,
	}
}

// plain is a number with two decimals where they say something.
func plain(f float64) string {
	text := humanize.CommafWithDigits(f, 2)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// parseMessage checks the template by making a message of nothing; the error is an
// [ExprError].
func (p *Program) parseMessage() error {
	if len(p.Message) > maxTemplate {
		return &ExprError{Text: fmt.Sprintf("the template has %d bytes; at most %d are allowed", len(p.Message), maxTemplate)}
	}
	t, err := template.New("message").Option("missingkey=error").Funcs(words()).Parse(p.Message)
	if err != nil {
		return templateError(err)
	}
	if len(t.Templates()) > 1 || t.Tree == nil || loops(t.Root) != nil {
		return &ExprError{Text: "want a message, without range, block, define or template in it"}
	}
	p.message = t
	if _, err := p.render(&scope{kind: p.On, object: sampleOf(p.On), facts: new(Facts)}, 0); err != nil {
		return templateError(err)
	}
	return nil
}

// loops finds what could go on for ever.
func loops(n parse.Node) parse.Node {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		for _, one := range n.Nodes {
			if at := loops(one); at != nil {
				return at
			}
		}
	case *parse.IfNode:
		return either(loops(n.List), loops(n.ElseList))
	case *parse.WithNode:
		return either(loops(n.List), loops(n.ElseList))
	case *parse.RangeNode, *parse.TemplateNode:
		return n
	}
	return nil
}

func either(a, b parse.Node) parse.Node {
	if a != nil {
		return a
	}
	return b
}

// placed finds the place in what package template says.
var placed = regexp.MustCompile(`^template: message:(\d+)(?::(\d+))?: (?:executing "message" at )?`)

func templateError(err error) *ExprError {
	text := err.Error()
	e := &ExprError{Text: text}
	if m := placed.FindStringSubmatch(text); m != nil {
		e.Line, _ = strconv.Atoi(m[1])
		if m[2] != "" {
			e.Column, _ = strconv.Atoi(m[2])
		}
		e.Column++
		e.Text = text[len(m[0]):]
	}
	return e
}

// render makes the message.
func (p *Program) render(s *scope, value float64) (string, error) {
	data := map[string]any{
		"name": p.Name, "severity": string(p.Severity), "runbook": p.Runbook, "value": value, "labels": p.labels(),
	}
	for _, k := range variables(s.kind) {
		object, _ := s.ResolveName(string(k))
		facts := make(map[string]any)
		for _, f := range p.fields[k] {
			if !strings.Contains(p.Message, f.name) { // most are not asked for, and there may be ten thousand messages
				continue
			}
			v, err := f.get(object)
			if err != nil {
				return "", err
			}
			facts[f.name] = v
		}
		data[string(k)] = facts
	}
	var b short
	if err := p.message.Execute(&b, data); err != nil && !errors.Is(err, errLong) {
		return "", err
	}
	return strings.TrimSpace(b.String()), nil
}

// labels are the rule's own.
func (r *Rule) labels() map[string]string {
	all := make(map[string]string, len(r.Labels))
	for _, l := range r.Labels {
		all[l.Name] = l.Value
	}
	return all
}

// errLong ends what is longer than a message may be.
var errLong = errors.New("the message is too long")

// short is a text of maxMessage bytes at the most.
type short struct{ strings.Builder }

// Write implements [io.Writer].
func (s *short) Write(p []byte) (int, error) {
	room := maxMessage - s.Len()
	if len(p) > room {
		_, _ = s.WriteString(strings.ToValidUTF8(string(p[:room]), ""))
		return room, errLong
	}
	return s.Builder.Write(p)
}

package alert

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
)

// Severity is how bad it is.
type Severity string

// The severities.
const (
	Info     Severity = "info"
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// Severities lists them, the least first.
func Severities() []Severity { return []Severity{Info, Warning, Critical} }

// Choices lists them as a configuration spells them.
func (Severity) Choices() []string { return []string{string(Info), string(Warning), string(Critical)} }

// AtLeast says that it is as bad as another one, or worse.
func (s Severity) AtLeast(least Severity) bool {
	return slices.Index(Severities(), s) >= slices.Index(Severities(), least)
}

// Label is one of a rule's own.
type Label struct{ Name, Value string }

// Rule says what is to be told.
type Rule struct {
	Name     string
	On       Kind
	Severity Severity
	// Expr is the condition, Value the figure that is told with it, or empty.
	Expr, Value string
	// For is how long the condition has to hold, Cooldown how long after its end it is
	// not told again.
	For, Cooldown time.Duration
	Labels        []Label
	// Message is a template of what is told, Runbook where is written what to do.
	Message, Runbook string
	// Builtin says that it is one of [Defaults], as it is or changed.
	Builtin bool
}

// ExprError is why an expression or a template cannot be used. Line and Column are in
// its text, from 1, and 0 where it is no place of it.
type ExprError struct {
	// Key is "expr", "value" or "message".
	Key          string
	Line, Column int
	Text         string
}

func (e *ExprError) Error() string {
	if e.Line == 0 {
		return e.Text
	}
	return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Text)
}

// Errors are all that is wrong with one rule.
type Errors []*ExprError

func (es Errors) Error() string {
	all := make([]string, 0, len(es))
	for _, e := range es {
		all = append(all, e.Key+": "+e.Error())
	}
	return strings.Join(all, "; ")
}

// Compiler makes rules ready. It is for one goroutine.
type Compiler struct {
	envs   map[Kind]*cel.Env
	fields map[Kind][]field
}

// NewCompiler makes one.
func NewCompiler() *Compiler {
	c := &Compiler{make(map[Kind]*cel.Env), make(map[Kind][]field)}
	for _, k := range Kinds() {
		c.fields[k] = fieldsOf(k)
	}
	return c
}

func (c *Compiler) env(k Kind) (*cel.Env, error) {
	if env, ok := c.envs[k]; ok {
		return env, nil
	}
	env, err := newEnv(k, c.fields)
	if err == nil {
		c.envs[k] = env
	}
	return env, err
}

// Program is a rule that can be evaluated.
type Program struct {
	Rule

	expr    cel.Program
	value   cel.Program // nil where there is none
	message *template.Template
	fields  map[Kind][]field // those of all kinds, for the message
}

// Compile checks a rule whole. The error is an [Errors].
func (c *Compiler) Compile(r Rule) (*Program, error) {
	p := &Program{Rule: r, fields: c.fields}
	var wrong Errors
	env, err := c.env(r.On)
	if err != nil {
		return nil, Errors{{Key: "expr", Text: err.Error()}}
	}
	add := func(key string, err error) {
		if one, ok := errors.AsType[*ExprError](err); ok {
			one.Key = key
			wrong = append(wrong, one)
		}
	}
	p.expr, err = compile(env, r.Expr, types.BoolType)
	add("expr", err)
	if r.Value != "" {
		p.value, err = compile(env, r.Value, types.DoubleType)
		add("value", err)
	}
	err = p.parseMessage()
	add("message", err)
	if len(wrong) > 0 {
		return nil, wrong
	}
	return p, nil
}

// compile makes a program of an expression; the error is an [ExprError].
func compile(env *cel.Env, text string, want *types.Type) (cel.Program, error) {
	if strings.TrimSpace(text) == "" {
		return nil, &ExprError{Text: "there is no expression"}
	}
	ast, issues := env.Compile(text)
	if err := issues.Err(); err != nil {
		return nil, explain(issues, err)
	}
	if got := ast.OutputType(); !got.IsExactType(want) {
		return nil, &ExprError{Line: 1, Column: 1, Text: fmt.Sprintf("the expression is a %s; want one that is a %s", got, want)}
	}
	var options []cel.ProgramOption
	estimate, err := env.EstimateCost(ast, sizes{})
	if err != nil {
		return nil, &ExprError{Text: err.Error()}
	}
	if estimate.Min > maxCost {
		return nil, &ExprError{Text: fmt.Sprintf("the expression costs too much: %d of %d", estimate.Min, maxCost)}
	}
	if estimate.Max > maxCost { // it depends on the facts: counting it costs, too, so that others are not counted
		options = append(options, cel.CostLimit(maxCost))
	}
	program, err := env.Program(ast, options...)
	if err != nil {
		return nil, &ExprError{Text: err.Error()}
	}
	return program, nil
}

// explain is the first of what cel says, in our words where they help.
func explain(issues *cel.Issues, err error) *ExprError {
	all := issues.Errors()
	if len(all) == 0 {
		return &ExprError{Text: err.Error()}
	}
	first := all[0]
	text := first.Message
	if strings.Contains(text, "no matching overload") && strings.Contains(text, "double") && strings.Contains(text, "int") {
		text += "; facts are numbers with a point: write 2.0 in place of 2 where they are compared by == or calculated with"
	}
	return &ExprError{Line: first.Location.Line(), Column: first.Location.Column() + 1, Text: text}
}

// holds evaluates the condition.
func (p *Program) holds(s *scope) (bool, error) {
	out, _, err := p.expr.Eval(s)
	if err != nil {
		return false, err
	}
	return out == types.True, nil
}

// figure evaluates the value; one that cannot be had is 0.
func (p *Program) figure(s *scope) float64 {
	if p.value == nil {
		return 0
	}
	out, _, err := p.value.Eval(s)
	if err != nil {
		return 0
	}
	f, _ := out.Value().(float64)
	return finite(f)
}

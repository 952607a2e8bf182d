package alert

import (
	"math"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"
)

const (
	// maxExpr bounds the text of an expression, in characters.
	maxExpr = 4096
	// maxCost bounds what one evaluation may do, in units of cel: about one for each
	// thing that is looked at or compared.
	maxCost = 10_000
	// manyOf and longText are how much there is of what has no bound by itself, for
	// the cost that is estimated: entries of a map, and characters of a text.
	manyOf, longText = 64, 512
)

// typeName is a kind's type in expressions.
func typeName(k Kind) string { return "loka." + string(k) }

// provider tells cel of our kinds: fields are got by a function each, without
// reflection and copying.
type provider struct {
	*types.Registry

	fields map[string]map[string]*types.FieldType // by type and field
	names  map[string][]string
}

func newProvider(registry *types.Registry, all map[Kind][]field) *provider {
	p := &provider{registry, make(map[string]map[string]*types.FieldType), make(map[string][]string)}
	for _, k := range Kinds() {
		of, names := make(map[string]*types.FieldType), []string{}
		for _, f := range all[k] {
			of[f.name] = &types.FieldType{Type: f.typ, IsSet: func(any) bool { return true }, GetFrom: f.get}
			names = append(names, f.name)
		}
		p.fields[typeName(k)], p.names[typeName(k)] = of, names
	}
	return p
}

// FindStructType implements [types.Provider].
func (p *provider) FindStructType(name string) (*types.Type, bool) {
	if _, ok := p.fields[name]; ok {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return p.Registry.FindStructType(name)
}

// FindStructFieldNames implements [types.Provider].
func (p *provider) FindStructFieldNames(name string) ([]string, bool) {
	if names, ok := p.names[name]; ok {
		return names, true
	}
	return p.Registry.FindStructFieldNames(name)
}

// FindStructFieldType implements [types.Provider].
func (p *provider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	if of, ok := p.fields[name]; ok {
		f, ok := of[field]
		return f, ok
	}
	return p.Registry.FindStructFieldType(name, field)
}

// variables are those of a kind's expressions.
func variables(k Kind) []Kind {
	all := []Kind{OnFarm, OnProxy}
	if k != OnFarm && k != OnProxy {
		all = append(all, k)
	}
	return all
}

// newEnv is what expressions of a kind are checked in.
func newEnv(k Kind, all map[Kind][]field) (*cel.Env, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, err
	}
	options := []cel.EnvOption{
		cel.CustomTypeProvider(newProvider(registry, all)), cel.CustomTypeAdapter(registry),
		cel.CrossTypeNumericComparisons(true), cel.ParserExpressionSizeLimit(maxExpr), cel.RegexProgramSizeLimit(1000),
	}
	for _, v := range variables(k) {
		options = append(options, cel.Variable(string(v), cel.ObjectType(typeName(v))))
	}
	return cel.NewEnv(options...)
}

// sizes tell the estimate of an expression's cost how much there is of things.
type sizes struct{}

// EstimateSize implements [cost.Estimator].
func (sizes) EstimateSize(of cost.AstNode) *cost.SizeEstimate {
	most := uint64(longText)
	if t := of.Type(); t != nil && (t.Kind() == types.MapKind || t.Kind() == types.ListKind) {
		most = manyOf
	}
	return &cost.SizeEstimate{Max: most}
}

// EstimateCallCost implements [cost.Estimator].
func (sizes) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}

// scope has the variables of one evaluation.
type scope struct {
	kind   Kind
	object any
	facts  *Facts
}

// ResolveName implements [interpreter.Activation].
func (s *scope) ResolveName(name string) (any, bool) {
	switch name {
	case string(OnFarm):
		return &s.facts.Farm, true
	case string(OnProxy):
		return &s.facts.Proxy, true
	case string(s.kind):
		return s.object, true
	}
	return nil, false
}

// Parent implements [interpreter.Activation].
func (*scope) Parent() interpreter.Activation { return nil }

// finite is a figure that can be told.
func finite(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

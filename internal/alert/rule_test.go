package alert

import "testing"

// Every default rule compiles, is named once, and can be evaluated over nothing.
func TestDefaultsCompile(t *testing.T) {
	c, names := NewCompiler(), map[string]bool{}
	for _, r := range Defaults(Runbooks) {
		p, err := c.Compile(r)
		if err != nil {
			t.Errorf("%s: %v", r.Name, err)
			continue
		}
		if names[r.Name] {
			t.Errorf("%s is there twice", r.Name)
		}
		names[r.Name] = true
		_ = p
	}
}

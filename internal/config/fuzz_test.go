package config

import (
	"bytes"
	"testing"
)

// Whatever the file is, Load does not panic, and says either yes or what is
// wrong and where.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(Example()))
	f.Add([]byte(minimal))
	f.Add([]byte("[sever]\nlisten = [\"a\"\n[[pool]]\nurl = x\n[pool.a]\n\"\" = {}\n"))
	f.Add([]byte("route = [{ split = [{ weight = 1 }], match = { cidr = [\"::/0\"] } }]\n[[route]]"))
	f.Add([]byte("pool.url.x = \"${A}\"\n'a.[b]' = [[1], {c = nan}]\n"))
	f.Add([]byte("[[pool]]\nurl = \"stratum+tcp://[::1]:1\"\nusername = \"${X\"\n[[listener]]\n[listener.vardiff]\nmax = inf\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		c, problems := Load(file, "f", Options{})
		if (c == nil) != (len(problems) > 0) {
			t.Fatalf("Config %v and problems %v", c, problems)
		}
		lines := bytes.Count(file, []byte("\n")) + 1
		for _, p := range problems {
			if p.Origin != "f" || p.Line < 1 || p.Line > lines || p.Col < 1 || p.Col > len(file)+2 || p.Text == "" {
				t.Fatalf("a problem without a place: %#v", p)
			}
		}
		if c == nil {
			return
		}
		if again := Validate(c); len(again) > 0 {
			t.Fatalf("valid with places, not without: %v", again)
		}
		if changes := Diff(c, c); len(changes) > 0 {
			t.Fatalf("differs from itself: %v", changes)
		}
	})
}

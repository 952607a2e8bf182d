package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseSize(t *testing.T) {
	t.Parallel()
	good := map[string]Size{
		"0B": 0, "1B": 1, "64KiB": 65536, "64kib": 65536, "1.5MiB": 1572864, "10 GiB": 10 << 30, "1TiB": 1 << 40,
		"1KB": 1000, "1kB": 1000, "2MB": 2e6, "3GB": 3e9, "4TB": 4e12,
	}
	for text, want := range good {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "B", "10", "KiB", "-1B", "1e3B", "infB", "0x1B", "1..2B", "9000000TiB", "1 Ki", "1KiBs"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("ParseSize(%q) = %d, want an error", text, got)
		}
	}
}

func TestSizePrintsWhatItReads(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := Size(rapid.Int64Range(0, 1<<52).Draw(t, "size"))
		if got, err := ParseSize(want.String()); err != nil || got != want {
			t.Fatalf("%s reads as %d, %v", want, got, err)
		}
	})
	for size, want := range map[Size]string{0: "0B", 1023: "1023B", 1024: "1KiB", 1500 << 20: "1500MiB", 10 << 30: "10GiB"} {
		if got := size.String(); got != want {
			t.Errorf("%d prints as %s, want %s", int64(size), got, want)
		}
	}
}

func TestParseHashrate(t *testing.T) {
	t.Parallel()
	good := map[string]Hashrate{
		"500TH/s": 500e12, "1.5 PH/s": 1.5e15, "1eh/s": 1e18, "3GH/s": 3e9, "2MH/s": 2e6, "1kH/s": 1000, "7H/s": 7,
	}
	for text, want := range good {
		got, err := ParseHashrate(text)
		if err != nil || got != want {
			t.Errorf("ParseHashrate(%q) = %v, %v; want %v", text, got, err, want)
		}
		if again, err := ParseHashrate(got.String()); err != nil || again != got {
			t.Errorf("%q prints as %s", text, got)
		}
	}
	for _, text := range []string{"", "500", "500TH", "H/s", "-1H/s", "nanH/s", "1e5H/s"} {
		if got, err := ParseHashrate(text); err == nil {
			t.Errorf("ParseHashrate(%q) = %v, want an error", text, got)
		}
	}
	if got := Hashrate(0.5).String(); got != "0.5H/s" {
		t.Errorf("half a hash prints as %s", got)
	}
}

func TestSuggestString(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]Suggest{"auto": {Auto: true}, "off": {}, "2048": {Difficulty: 2048}, "0.001": {Difficulty: 0.001}} {
		if got := s.String(); got != want {
			t.Errorf("%+v prints as %s, want %s", s, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"server", "listener", "http", "pool", "route", "vardiff", "storage", "idle_timeout", "url"}
	for word, want := range map[string]string{
		"sever": "server", "servre": "server", "listner": "listener", "pools": "pool", "poll": "pool", "htpp": "http",
		"idletimeout": "idle_timeout", "ulr": "url", "x": "", "foo": "", "database": "", "": "",
	} {
		if got := nearest(word, known); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
	if got := nearest(string(make([]byte, 100)), known); got != "" {
		t.Errorf("a long word is near to %q", got)
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.StringMatching(`[abc]{0,6}`)
		a, b := words.Draw(t, "a"), words.Draw(t, "b")
		d := distance(a, b)
		if d != distance(b, a) || (d == 0) != (a == b) || d > max(len(a), len(b)) {
			t.Fatalf("distance(%q, %q) = %d", a, b, d)
		}
	})
}

func TestPaths(t *testing.T) {
	t.Parallel()
	if got := join(index(join("", "pool"), 3), "url"); got != "pool[3].url" {
		t.Errorf("path %s", got)
	}
	steps := []string{"route[0].match.cidr[2]"}
	for p := steps[0]; p != ""; {
		p = parent(p)
		steps = append(steps, p)
	}
	want := []string{"route[0].match.cidr[2]", "route[0].match.cidr", "route[0].match", "route[0]", "route", ""}
	if diff := cmp.Diff(want, steps); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for path, want := range map[string]string{"pool[12].url": "pool[].url", "a.b": "a.b", "a[1].b[2]": "a[].b[]", "a[": "a["} {
		if got := pattern(path); got != want {
			t.Errorf("pattern(%q) = %q, want %q", path, got, want)
		}
	}
}

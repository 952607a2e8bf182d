package hub

import (
	"strings"
	"testing"

	"github.com/loka/stratum/internal/mining"
)

func TestReadOptions(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("n", maxOption)
	for password, want := range map[mining.Secret]options{
		"":                                {},
		"x":                               {},
		"d=1024":                          {fixed: 1024},
		"x,DIFF=64;md=16":                 {fixed: 64, least: 16},
		"d=1024,d=x":                      {fixed: 1024},
		"d=-1 md=nan":                     {},
		"pool=main&group=barn":            {pool: "main", group: "barn"},
		"Pool=Main group=a=b":             {pool: "Main", group: "a=b"},
		"group=a,group=b":                 {group: "b"},
		"group=" + mining.Secret(long):    {group: long},
		"group=n" + mining.Secret(long):   {},
		"groups=a;poolmain;=x;d;,,;group": {},
	} {
		if got := readOptions(password); got != want {
			t.Errorf("%q: %+v, want %+v", password.Reveal(), got, want)
		}
	}
}

func FuzzReadOptions(f *testing.F) {
	f.Add("x,d=1024;group=barn&pool=main md=1e3")
	f.Fuzz(func(t *testing.T, password string) {
		o := readOptions(mining.Secret(password))
		if len(o.pool) > maxOption || len(o.group) > maxOption || o.fixed < 0 || o.least < 0 {
			t.Errorf("%q: %+v", password, o)
		}
	})
}

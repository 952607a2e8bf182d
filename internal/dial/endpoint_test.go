package dial

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Endpoint{
		"stratum+tcp://pool.example.com:3333":  {Host: "pool.example.com", Port: 3333},
		"stratum+ssl://pool.example.com:443":   {Host: "pool.example.com", Port: 443, TLS: true},
		"stratum+tls://pool.example.com:443":   {Host: "pool.example.com", Port: 443, TLS: true},
		"tls://pool.example.com:443":           {Host: "pool.example.com", Port: 443, TLS: true},
		"ssl://pool.example.com:443":           {Host: "pool.example.com", Port: 443, TLS: true},
		"tcp://pool:1":                         {Host: "pool", Port: 1},
		"STRATUM+TCP://Pool.Example.com:65535": {Host: "Pool.Example.com", Port: 65535},
		"pool.example.com:3333":                {Host: "pool.example.com", Port: 3333},
		" pool.example.com:3333/ ":             {Host: "pool.example.com", Port: 3333},
		"pool.example.com.:3333":               {Host: "pool.example.com.", Port: 3333},
		"my_pool-1:3333":                       {Host: "my_pool-1", Port: 3333},
		"192.0.2.7:3333":                       {Host: "192.0.2.7", Port: 3333},
		"[2001:db8::7]:3333":                   {Host: "2001:db8::7", Port: 3333},
		"[fe80::1%eth0.7]:3333":                {Host: "fe80::1%eth0.7", Port: 3333},
		"stratum+ssl://[fe80::1%eth0]:3333":    {Host: "fe80::1%eth0", Port: 3333, TLS: true},
	} {
		got, err := Parse(text)
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %+v, %v, want %+v", text, got, err, want)
			continue
		}
		if again, err := Parse(got.String()); err != nil || again != got {
			t.Errorf("Parse(%q) = %+v, %v, want %+v", got.String(), again, err, got)
		}
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":                                        "is empty",
		"  ":                                      "is empty",
		"stratum+tcp://pool.example.com":          "the port is missing: write pool.example.com:port",
		"pool.example.com":                        "the port is missing",
		"stratum+tcp://":                          "the port is missing",
		"stratum+tcp://:3333":                     "the host is missing",
		"pool.example.com:":                       `port "" is not a number`,
		"pool.example.com:0":                      `port "0" is not a number from 1 to 65535`,
		"pool.example.com:65536":                  `port "65536" is not a number from 1 to 65535`,
		"pool.example.com:-1":                     `port "-1" is not a number`,
		"pool.example.com:33a":                    `port "33a" is not a number`,
		"http://pool.example.com:3333":            `unknown scheme "http"; known are stratum+tcp:// and stratum+ssl://`,
		"stratum://pool.example.com:3333":         `unknown scheme "stratum"`,
		"stratum2+tcp://pool.example.com:3333":    "not supported yet",
		"stratum2+tcp://pool.example.com/9auqWEz": "not supported yet",
		"stratum+tcp://u:secret@pool:3333":        "has a user before an @",
		"u:secret@pool:3333":                      "has a user before an @",
		"stratum+tcp://pool:3333/path":            `nothing may follow the port, remove "/path"`,
		"stratum+tcp://pool:3333#xnsub":           `remove "#xnsub"`,
		"stratum+tcp://pool:3333?a=b":             `remove "?a=b"`,
		"2001:db8::7":                             "write [2001:db8::7]:port",
		"[2001:db8::7]":                           "the port is missing",
		"2001:db8:1:2:3:4:5:6:3333":               "an IPv6 address stands in brackets",
		"2001:db8::7:3333":                        "an IPv6 address stands in brackets",
		"[2001:db8::7:3333":                       "is not an IPv6 address in brackets",
		"[fe80::1%eth 0]:3333":                    "is not the name of an interface",
		"[192.0.2.7]:3333":                        "is not an IPv6 address in brackets",
		"[::1]x:3333":                             "is not an IPv6 address in brackets",
		"300.1.2.3:3333":                          "neither a host name nor an IPv4 address",
		"pool..example.com:3333":                  "is not a host name",
		"pöl.example.com:3333":                    "international names are written as xn--",
		"pool example.com:3333":                   "is not a host name",
		strings.Repeat("a", 64) + ".com:3333":     "is not a host name",
		strings.Repeat("a.", 130) + "com:3333":    "neither a host name",
	} {
		_, err := Parse(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q): error %v, want one with %q", text, err, want)
			continue
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("Parse(%q) repeats the password: %v", text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"stratum+ssl://[::1]:1", "a:1", "x://@", "[::1%z]:2/", "1.2.3.4:5#"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text)
		if err != nil {
			return
		}
		if again, err := Parse(e.String()); err != nil || again != e {
			t.Errorf("Parse(%q) = %+v; its String reads as %+v, %v", text, e, again, err)
		}
	})
}

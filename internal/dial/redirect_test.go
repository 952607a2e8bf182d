package dial

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/mining"
)

func TestFollow(t *testing.T) {
	public, local := netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("192.168.1.7")
	pool := Endpoint{Host: "eu.pool.example.com", Port: 3333, TLS: true, Trust: &Trust{}}
	here := func(host string, port uint16) Endpoint { // and public
		e := pool
		e.Host, e.Port, e.PublicOnly = host, port, true
		return e
	}
	inside := Endpoint{Host: "10.0.0.1", Port: 3333}
	proxied := pool
	proxied.Proxy = &Proxy{Kind: SOCKS5, Host: "127.0.0.1", Port: 1080}
	same := Redirects{SameDomain: true}
	listed := Redirects{SameDomain: true, Hosts: []string{"*.mine.example.net", "solo.example.org", "127.0.0.1", "8.8.8.8"}}
	for name, c := range map[string]struct {
		r       Redirects
		home    Endpoint
		remote  netip.Addr
		host    string
		port    uint16
		want    Endpoint
		outcome RedirectOutcome
	}{
		"same place":             {same, pool, public, "", 0, here("eu.pool.example.com", 3333), Followed},
		"same host":              {same, pool, public, "", 443, here("eu.pool.example.com", 443), Followed},
		"by its name":            {same, pool, public, "EU.Pool.Example.com.", 0, here("EU.Pool.Example.com.", 3333), Followed},
		"sister":                 {same, pool, public, "us.pool.example.com", 4444, here("us.pool.example.com", 4444), Followed},
		"parent":                 {same, pool, public, "example.com", 0, here("example.com", 3333), Followed},
		"off":                    {Redirects{Hosts: []string{"*"}}, pool, public, "", 0, Endpoint{}, RefusedOff},
		"stranger":               {same, pool, public, "evil.com", 3333, Endpoint{}, RefusedHost},
		"looks alike":            {same, pool, public, "pool.example.com.evil.com", 3333, Endpoint{}, RefusedHost},
		"ends alike":             {same, pool, public, "evilexample.com", 3333, Endpoint{}, RefusedHost},
		"first dot":              {same, Endpoint{Host: "pool.com", Port: 1}, public, "evil.com", 1, Endpoint{}, RefusedHost},
		"public suffix":          {same, Endpoint{Host: "a.co.uk", Port: 1}, public, "b.co.uk", 1, Endpoint{}, RefusedHost},
		"a suffix itself":        {same, Endpoint{Host: "a.co.uk", Port: 1}, public, "co.uk", 1, Endpoint{}, RefusedHost},
		"hosted":                 {same, Endpoint{Host: "a.github.io", Port: 1}, public, "b.github.io", 1, Endpoint{}, RefusedHost},
		"address":                {same, pool, public, "203.0.113.9", 1, Endpoint{}, RefusedHost},
		"next address":           {same, Endpoint{Host: "203.0.113.7", Port: 1}, public, "203.0.113.8", 1, Endpoint{}, RefusedHost},
		"its address":            {same, Endpoint{Host: "8.8.8.8", Port: 1}, public, "8.8.8.8", 2, Endpoint{Host: "8.8.8.8", Port: 2, PublicOnly: true}, Followed},
		"listed":                 {listed, pool, public, "A.b.mine.example.net", 1, here("A.b.mine.example.net", 1), Followed},
		"listed by name":         {listed, pool, public, "solo.example.org", 1, here("solo.example.org", 1), Followed},
		"listed address":         {listed, pool, public, "8.8.8.8", 1, here("8.8.8.8", 1), Followed},
		"not quite listed":       {listed, pool, public, "mine.example.net", 1, Endpoint{}, RefusedHost},
		"listed, not public":     {listed, pool, public, "127.0.0.1", 1, Endpoint{}, RefusedAddress},
		"private pool":           {listed, inside, local, "127.0.0.1", 1, Endpoint{Host: "127.0.0.1", Port: 1}, Followed},
		"pool by private name":   {listed, Endpoint{Host: "pool.lan", Port: 1}, local, "127.0.0.1", 1, Endpoint{Host: "127.0.0.1", Port: 1}, Followed},
		"nobody knows where":     {listed, Endpoint{Host: "pool.lan", Port: 1}, netip.Addr{}, "127.0.0.1", 1, Endpoint{}, RefusedAddress},
		"proxy is private":       {listed, proxied, local, "127.0.0.1", 1, Endpoint{}, RefusedAddress},
		"name without a dot":     {same, Endpoint{Host: "pool", Port: 1}, local, "other", 1, Endpoint{}, RefusedHost},
		"its name without a dot": {same, Endpoint{Host: "pool", Port: 1}, local, "pool", 2, Endpoint{Host: "pool", Port: 2}, Followed},
		"URL":                    {same, pool, public, "stratum+tcp://us.pool.example.com", 1, Endpoint{}, RefusedMalformed},
		"with a port":            {same, pool, public, "us.pool.example.com:1", 1, Endpoint{}, RefusedMalformed},
		"zone":                   {same, pool, public, "fe80::1%eth0", 1, Endpoint{}, RefusedMalformed},
		"text":                   {same, pool, public, "a b", 1, Endpoint{}, RefusedMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			got, outcome := c.r.Follow(c.home, c.home, c.remote, c.host, c.port)
			if got != c.want || outcome != c.outcome {
				t.Errorf("got %+v, %s, want %+v, %s", got, outcome, c.want, c.outcome)
			}
			if !slices.Contains(RedirectOutcomes(), outcome) {
				t.Errorf("%s is not on the list", outcome)
			}
		})
	}
}

// A connection that was sent elsewhere may be sent on as from there, and stays
// public.
func TestFollowFurther(t *testing.T) {
	home := Endpoint{Host: "pool.example.com", Port: 1}
	r := Redirects{SameDomain: true, Hosts: []string{"*.example.net"}}
	at, _ := r.Follow(home, home, netip.MustParseAddr("8.8.8.8"), "a.example.net", 2)
	next, outcome := r.Follow(home, at, netip.MustParseAddr("127.0.0.1"), "", 0)
	if outcome != Followed || next != (Endpoint{Host: "a.example.net", Port: 2, PublicOnly: true}) {
		t.Errorf("got %+v, %s", next, outcome)
	}
	if _, outcome := (Redirects{SameDomain: true}).Follow(home, at, netip.Addr{}, "b.example.net", 0); outcome != RefusedHost {
		t.Errorf("the domain of where it is counts: %s", outcome)
	}
}

func TestPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"8.8.8.8": true, "203.0.113.7": true, "2606:4700::1": true, "100.128.0.1": true, "172.32.0.1": true,
		"64:ff9b::808:808": true, "::ffff:8.8.8.8": true,
		"0.0.0.0": false, "10.1.2.3": false, "100.64.0.1": false, "127.0.0.2": false, "169.254.169.254": false,
		"172.16.0.1": false, "192.168.0.1": false, "224.0.0.1": false, "255.255.255.255": false, "240.0.0.1": false,
		"::": false, "::1": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd12::1": false, "ff02::1": false, "fec0::1": false,
		"::ffff:127.0.0.1": false, "64:ff9b::7f00:1": false, "64:ff9b::a00:1": false, "2002:7f00:1::": false, "::127.0.0.1": false,
	} {
		if got := Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is public: %v", text, got)
		}
	}
	if Public(netip.Addr{}) {
		t.Error("no address is public")
	}
}

// Of a name's addresses those that are not public are not dialled where a public
// pool has sent us there: what its name server says counts as little as the pool.
func TestPublicOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &fakeResolver{answers: map[string][]netip.Addr{
			"mixed": addrs("127.0.0.1", "8.8.8.8", "fd00::1"), "inside": addrs("10.0.0.1", "::1"),
		}}
		n := &network{after: map[string]time.Duration{"127.0.0.1": 0, "8.8.8.8": 0, "10.0.0.1": 0, "::1": 0}}
		d := n.dialer(r, new(bytes.Buffer))
		conn, err := d.Dial(t.Context(), Endpoint{Host: "mixed", Port: 1, PublicOnly: true})
		if err != nil || conn.(*pipe).to != "8.8.8.8" {
			t.Fatalf("%v, %v", conn, err)
		}
		_ = conn.Close()
		for _, host := range []string{"inside", "127.0.0.1"} {
			_, err = d.Dial(t.Context(), Endpoint{Host: host, Port: 1, PublicOnly: true})
			var e *Error
			if !errors.As(err, &e) || e.Problem != NotPublic || e.Reason != mining.DialFailed {
				t.Errorf("%s: error %v", host, err)
			}
		}
		if got := strings.Join(n.tried, " "); got != "8.8.8.8" {
			t.Errorf("tried were %s", got)
		}
		conn, err = d.Dial(t.Context(), Endpoint{Host: "inside", Port: 1})
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
	})
}

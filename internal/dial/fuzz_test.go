package dial

import (
	"net/netip"
	"testing"
)

// Whatever a pool asks for, its connections go to hosts of its own domain or of the
// list, to a port, and never from a public pool to an address that is not public;
// what is trusted stays as it was.
func FuzzFollow(f *testing.F) {
	f.Add("other.example.com", uint16(3333), "pool.example.com", "198.51.100.7")
	f.Add("evil.example", uint16(0), "pool.example.com", "198.51.100.7")
	f.Add("10.0.0.1", uint16(1), "10.0.0.1", "10.0.0.1")
	f.Add("127.0.0.1", uint16(1), "8.8.8.8", "8.8.8.8")
	f.Add("[::ffff:127.0.0.1]", uint16(1), "pool.co.uk", "")
	f.Add("::ffff:10.0.0.1%eth0", uint16(1), "pool.co.uk", "2001:db8::1")
	f.Add("a.co.uk", uint16(9), "b.co.uk", "1.1.1.1")
	f.Fuzz(func(t *testing.T, host string, port uint16, home, remote string) {
		of := Endpoint{Host: home, Port: 3333, TLS: true}
		addr, _ := netip.ParseAddr(remote)
		to, outcome := (Redirects{}).Follow(of, of, addr, host, port)
		if outcome == Followed {
			t.Fatalf("a pool that may not is followed to %+v", to)
		}
		to, outcome = Redirects{SameDomain: true, Hosts: []string{"*.listed.example"}}.Follow(of, of, addr, host, port)
		if outcome != Followed {
			return
		}
		if to.Port == 0 || !to.TLS || to.Proxy != nil || to.Trust != nil {
			t.Errorf("%+v", to)
		}
		if a, err := netip.ParseAddr(to.Host); err == nil && to.PublicOnly && !Public(a) {
			t.Errorf("a public pool is followed to %v", a)
		}
		name, own := canonical(to.Host), canonical(home)
		if !sameDomain(own, name) && !(Redirects{Hosts: []string{"*.listed.example"}}).lists(name) {
			t.Errorf("%q is followed from %q", name, own)
		}
	})
}

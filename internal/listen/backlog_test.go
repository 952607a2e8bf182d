package listen

import (
	"net"
	"runtime"
	"testing"
)

func TestParseOverflows(t *testing.T) {
	const real = "TcpExt: SyncookiesSent ListenOverflows ListenDrops TCPHPHits\nTcpExt: 0 12 15 99\nIpExt: InNoRoutes\nIpExt: 1\n"
	for _, c := range []struct {
		text string
		want Overflows
		ok   bool
	}{
		{real, Overflows{12, 15}, true},
		{"", Overflows{}, false},
		{"TcpExt: ListenOverflows ListenDrops\n", Overflows{}, false},
		{"TcpExt: ListenOverflows ListenDrops\nTcpExt: 1\n", Overflows{Full: 1}, false},
		{"TcpExt: ListenOverflows ListenDrops\nTcpExt: 1 x\n", Overflows{}, false},
		{"TcpExt: Other\nTcpExt: 1\n", Overflows{}, false},
		{"IpExt: ListenOverflows ListenDrops\nIpExt: 1 2\n", Overflows{}, false},
	} {
		if got, ok := parseOverflows([]byte(c.text)); got != c.want || ok != c.ok {
			t.Errorf("%q: %+v, %t, want %+v, %t", c.text, got, ok, c.want, c.ok)
		}
	}
}

func FuzzParseOverflows(f *testing.F) {
	f.Add([]byte("TcpExt: A ListenOverflows ListenDrops\nTcpExt: 0 12 15\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if o, ok := parseOverflows(text); !ok && o.Full != 0 && o.Dropped != 0 {
			t.Errorf("both are known, and it is not ok: %+v", o)
		}
	})
}

// Who is not accepted waits in the kernel, and that is seen.
func TestBacklog(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux says how long the queue of a socket is")
	}
	l := New(Config{Address: "127.0.0.1:0"}, Deps{})
	if err := l.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if b, ok := l.Backlog(); !ok || b.Waiting != 0 || b.Most < 1 {
		t.Errorf("before anybody came: %+v, %t", b, ok)
	}
	for range 3 {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
	}
	if b, ok := l.Backlog(); !ok || b.Waiting != 3 {
		t.Errorf("three have come: %+v, %t", b, ok)
	}
	if _, ok := ReadOverflows(); !ok {
		t.Error("the kernel does not say how many it dropped")
	}
}

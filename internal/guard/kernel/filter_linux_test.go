package kernel

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/loka/stratum/internal/guard/bans"
)

// isolated gives the test's thread a network of its own, with nothing in it but
// loopback, so that no rule of a test can touch the machine's.
func isolated(t *testing.T) {
	t.Helper()
	runtime.LockOSThread() // and never unlocked: the thread ends with the test
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("NOT TESTED: nftables: this user may not make a network namespace (root, or one with CAP_SYS_ADMIN, may): %v", err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		t.Fatal(err)
	}
}

// open opens a filter, or skips the test where the kernel has no nftables.
func open(t *testing.T, ports ...uint16) *Filter {
	t.Helper()
	f, err := Open(Config{Table: "loka_test", Ports: ports})
	if _, not := errors.AsType[*UnavailableError](err); not {
		t.Skipf("NOT TESTED: nftables: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// door listens on an address.
func door(t *testing.T, addr string) (string, uint16) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return l.Addr().String(), uint16(n)
}

// reaches says whether a connection from an address is made. One that is dropped never
// is, however long one waits.
func reaches(t *testing.T, from, to string) bool {
	t.Helper()
	patience := 10 * time.Second
	if from[0] == '!' { // it is expected to be dropped
		from, patience = from[1:], 200*time.Millisecond
	}
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: patience}
	c, err := d.DialContext(context.Background(), "tcp", to)
	if err != nil {
		if late, ok := errors.AsType[net.Error](err); !ok || !late.Timeout() {
			t.Fatal(err)
		}
		return false
	}
	_ = c.Close()
	return true
}

func tables(t *testing.T) (names []string) {
	t.Helper()
	all, err := new(nftables.Conn).ListTables()
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range all {
		names = append(names, one.Name)
	}
	return names
}

func TestDrop(t *testing.T) {
	isolated(t)
	four, port := door(t, "127.0.0.1:0")
	six, port6 := door(t, "[::1]:0")
	other, _ := door(t, "127.0.0.1:0")

	foreign := &nftables.Conn{}
	foreign.AddTable(&nftables.Table{Name: "foreign", Family: nftables.TableFamilyINet})
	if err := foreign.Flush(); err != nil {
		t.Skipf("NOT TESTED: nftables: the kernel has none (modprobe nf_tables): %v", err)
	}
	open(t, 1) // what a killed process leaves
	f := open(t, port, port6, port)
	now := time.Now()
	if !reaches(t, "127.0.0.2", four) || !reaches(t, "::1", six) {
		t.Error("who is not banned is dropped")
	}
	drop := func(all ...bans.Dropped) {
		t.Helper()
		if err := f.Drop(now, all); err != nil {
			t.Fatal(err)
		}
	}
	drop(append(dropped(time.Time{}, "127.0.0.2/32", "::1/128"), dropped(now.Add(time.Hour), "127.0.0.3/32", "127.1.0.0/16", "127.1.2.0/24", "255.255.255.255/32")...)...)
	for _, from := range []string{"!127.0.0.2", "!127.0.0.3", "!127.1.2.3"} {
		if reaches(t, from, four) {
			t.Errorf("from %s a connection is made", from[1:])
		}
	}
	if reaches(t, "!::1", six) {
		t.Error("from ::1 a connection is made")
	}
	if !reaches(t, "127.0.0.4", four) || !reaches(t, "127.2.0.0", four) || !reaches(t, "127.0.0.2", other) {
		t.Error("others are dropped, or at other ports")
	}
	drop(dropped(time.Time{}, "127.0.0.3/32")...)
	if !reaches(t, "127.0.0.2", four) || !reaches(t, "::1", six) || reaches(t, "!127.0.0.3", four) {
		t.Error("what was lifted is dropped, or what was not is let in")
	}
	if err := f.SetPorts(nil); err != nil {
		t.Fatal(err)
	}
	if !reaches(t, "127.0.0.3", four) {
		t.Error("it is dropped at a port that is none of ours")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if names := tables(t); len(names) != 1 || names[0] != "foreign" {
		t.Errorf("after it there are the tables %v", names)
	}
}

// TestTerms has the kernel end by itself what ends.
func TestTerms(t *testing.T) {
	isolated(t)
	f := open(t, 3333)
	now := time.Now()
	if err := f.Drop(now, append(dropped(now.Add(time.Hour), "192.0.2.0/24"), dropped(time.Time{}, "198.51.100.0/24")...)); err != nil {
		t.Fatal(err)
	}
	elements, err := f.conn.GetSetElements(f.four)
	if err != nil {
		t.Fatal(err)
	}
	timeouts := map[string]time.Duration{}
	for _, e := range elements {
		if addr, ok := netip.AddrFromSlice(e.Key); ok && !e.IntervalEnd {
			timeouts[addr.String()] = e.Timeout
		}
	}
	if len(timeouts) != 2 || timeouts["192.0.2.0"] != time.Hour || timeouts["198.51.100.0"] != 0 {
		t.Errorf("%v", timeouts)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestMany has as many as there may be, and more, at once and again.
func TestMany(t *testing.T) {
	isolated(t)
	f := open(t, 3333)
	now := time.Now()
	all := make([]bans.Dropped, 0, 2*MaxNetworks+2)
	for i := range MaxNetworks + 1 {
		all = append(all,
			bans.Dropped{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 32), Until: now.Add(time.Hour)},
			bans.Dropped{Prefix: netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0, 0, 0, 0, byte(i >> 8), byte(i)}), 64)})
	}
	if err := f.Drop(now, all[:2*MaxNetworks]); err != nil {
		t.Fatal(err)
	}
	if err := f.Drop(now, all); !errors.Is(err, ErrTooMany) {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestUnavailable is told from other errors.
func TestUnavailable(t *testing.T) {
	isolated(t)
	if _, err := Open(Config{Table: strings.Repeat("x", 1000)}); err == nil {
		t.Error("a table with an endless name was made")
	} else if not := new(UnavailableError); !errors.As(err, &not) {
		t.Errorf("%T: %v", err, err)
	}
}

// TestTableTakenAway has somebody else flush the ruleset: with the next ban all of them
// are dropped again.
func TestTableTakenAway(t *testing.T) {
	isolated(t)
	to, port := door(t, "127.0.0.1:0")
	f := open(t, port)
	all := append(make([]bans.Dropped, 0, 2), bans.Dropped{Prefix: netip.MustParsePrefix("127.0.0.2/32")})
	if err := f.Drop(time.Now(), all); err != nil {
		t.Fatal(err)
	}
	reload := &nftables.Conn{}
	reload.FlushRuleset()
	if err := reload.Flush(); err != nil {
		t.Fatal(err)
	}
	if !reaches(t, "127.0.0.2", to) {
		t.Fatal("the ruleset is not flushed")
	}
	if err := f.Drop(time.Now(), append(all, bans.Dropped{Prefix: netip.MustParsePrefix("127.0.0.3/32")})); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{"127.0.0.2", "127.0.0.3"} {
		if reaches(t, "!"+from, to) {
			t.Errorf("%s is not dropped", from)
		}
	}
	if !reaches(t, "127.0.0.4", to) {
		t.Error("who is not banned is dropped")
	}
	reload.FlushRuleset()
	if err := reload.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

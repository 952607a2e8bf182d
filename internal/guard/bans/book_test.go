package bans_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/guard/bans"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/pace"
)

func TestParseSubject(t *testing.T) {
	for _, c := range []struct{ address, login, want, problem string }{
		{"192.0.2.7", "", "192.0.2.7", ""},
		{"::ffff:192.0.2.7", "", "192.0.2.7", ""},
		{"::ffff:192.0.2.0/120", "", "192.0.2.0/24", ""},
		{"10.0.0.0/8", "", "10.0.0.0/8", ""},
		{"2001:db8::/64", "a.b", "worker a.b at 2001:db8::/64", ""},
		{"192.0.2.7/32", "", "192.0.2.7", ""},
		{"", "farm.*", "worker farm.*", ""},
		{"", "", "", "nobody is named"},
		{"10.0.0.1/8", "", "", "write 10.0.0.0/8 or 10.0.0.1"},
		{"0.0.0.0/0", "", "", "is everybody"},
		{"::/0", "", "", "is everybody"},
		{"::ffff:0.0.0.0/96", "", "", "is everybody"},
		{"fe80::1%eth0", "", "", "has a zone"},
		{"miner.example.com", "", "", "no address and no network"},
		{"", "**", "", "is every worker"},
		{"", "a b", "", "visible ASCII"},
		{"", "a\x00", "", "visible ASCII"},
		{"", strings.Repeat("x", 129), "", "128 characters"},
	} {
		s, err := bans.ParseSubject(c.address, c.login)
		var wrong *bans.SubjectError
		switch {
		case c.problem == "" && (err != nil || s.String() != c.want):
			t.Errorf("%q %q: %q, %v; want %q", c.address, c.login, s, err, c.want)
		case c.problem != "" && (!errors.As(err, &wrong) || !strings.Contains(err.Error(), c.problem)):
			t.Errorf("%q %q: %v; want %q", c.address, c.login, err, c.problem)
		}
	}
}

// TestWho has each kind of subject concern whom it names, and nobody else.
func TestWho(t *testing.T) {
	for _, c := range []struct {
		address, login string
		kind           bans.Kind
		at, by         string
		banned         bool   // the address
		text           string // what the login is told
	}{
		{"192.0.2.7", "", bans.Ban, "192.0.2.7", "a", true, "Banned by the operator"},
		{"192.0.2.7", "", bans.Ban, "::ffff:192.0.2.7", "a", true, "Banned by the operator"},
		{"192.0.2.7", "", bans.Ban, "192.0.2.8", "a", false, ""},
		{"192.0.2.0/24", "", bans.Ban, "192.0.2.8", "a", true, "Banned by the operator"},
		{"192.0.2.0/24", "", bans.Ban, "192.0.3.8", "a", false, ""},
		{"2001:db8::/32", "", bans.Ban, "2001:db8::7", "a", true, "Banned by the operator"},
		{"fe80::1", "", bans.Ban, "fe80::1%eth0", "a", true, "Banned by the operator"},
		{"192.0.2.7", "", bans.Pause, "192.0.2.7", "a", false, "Paused by the operator"},
		{"", "a.b", bans.Ban, "192.0.2.7", "a.b", false, "Banned by the operator"},
		{"", "a.b", bans.Ban, "192.0.2.7", "A.b", false, ""},
		{"", "a.b", bans.Pause, "192.0.2.7", "a.b", false, "Paused by the operator"},
		{"", "a.*", bans.Pause, "192.0.2.7", "a.b", false, "Paused by the operator"},
		{"", "a.*", bans.Pause, "192.0.2.7", "b.a.b", false, ""},
		{"", "a.?", bans.Ban, "192.0.2.7", "a.bc", false, ""},
		{"192.0.2.7", "a", bans.Ban, "192.0.2.7", "a", false, "Banned by the operator"},
		{"192.0.2.7", "a", bans.Ban, "192.0.2.8", "a", false, ""},
		{"192.0.2.7", "a", bans.Ban, "192.0.2.7", "b", false, ""},
		{"192.0.2.0/24", "a", bans.Ban, "192.0.2.7", "a", false, "Banned by the operator"},
		{"192.0.2.0/24", "a", bans.Ban, "192.0.3.7", "a", false, ""},
		{"192.0.2.0/24", "a*", bans.Ban, "192.0.2.7", "ab", false, "Banned by the operator"},
		{"2001:db8::/64", "a", bans.Ban, "2001:db8::1:7", "a", false, "Banned by the operator"},
		{"2001:db8::7", "a", bans.Ban, "2001:db8::7", "a", false, "Banned by the operator"},
		{"2001:db8::7", "a", bans.Ban, "2001:db8::8", "a", false, ""},
	} {
		b := bans.New(terms(), bans.Deps{})
		if _, err := b.Add(bans.Order{Subject: subject(t, c.address, c.login), Kind: c.kind, For: time.Hour}, epoch); err != nil {
			t.Fatal(err)
		}
		what := fmt.Sprintf("%s of %s %s, asked for %s %s", c.kind, c.address, c.login, c.at, c.by)
		for _, when := range []struct {
			at    time.Time
			holds bool
		}{{epoch, true}, {epoch.Add(time.Hour - 1), true}, {epoch.Add(time.Hour), false}} {
			if got, want := b.Banned(ip(c.at), when.at), c.banned && when.holds; got != want {
				t.Errorf("%s at %s: banned %t", what, when.at, got)
			}
			text, refused := b.Refused(ip(c.at), c.by, when.at)
			if want := c.text != "" && when.holds; refused != want || want && text != c.text {
				t.Errorf("%s at %s: refused %t %q", what, when.at, refused, text)
			}
		}
	}
}

// TestNarrowOverWide has a ban of an address end before that of its network.
func TestNarrowOverWide(t *testing.T) {
	b := bans.New(terms(), bans.Deps{})
	for address, term := range map[string]time.Duration{"192.0.2.7": time.Minute, "192.0.2.0/24": 0, "192.0.0.0/16": time.Second} {
		if _, err := b.Add(bans.Order{Subject: subject(t, address, ""), Kind: bans.Ban, For: term}, epoch); err != nil {
			t.Fatal(err)
		}
	}
	for _, after := range []time.Duration{0, time.Second, time.Minute, 365 * 24 * time.Hour} {
		if e, ok := b.Address(ip("192.0.2.7"), epoch.Add(after)); !ok {
			t.Errorf("after %s it is not banned: %v", after, e)
		}
	}
	if lifted := b.Lift(subject(t, "192.0.2.0/24", ""), epoch); len(lifted) != 1 {
		t.Errorf("lifted %v", lifted)
	}
	if b.Banned(ip("192.0.2.7"), epoch.Add(time.Minute)) {
		t.Error("it is banned after the lift")
	}
}

// TestTerms has terms double, end at the longest, and begin anew after good conduct.
func TestTerms(t *testing.T) {
	b := bans.New(terms(), bans.Deps{})
	who := bans.SiteOf(ip("192.0.2.7"))
	now := epoch
	for i, want := range []time.Duration{
		10 * time.Minute, 20 * time.Minute, 40 * time.Minute, 80 * time.Minute, 160 * time.Minute, 320 * time.Minute,
		640 * time.Minute, 1280 * time.Minute, 2560 * time.Minute, 5120 * time.Minute, 7 * 24 * time.Hour, 7 * 24 * time.Hour,
	} {
		e, ok := b.Threat(who, "test", now)
		if !ok || e.Until.Sub(e.Since) != want || e.Times != i+1 || e.Cause != bans.Threat {
			t.Fatalf("the %d. time: %+v, %t; want %s", i+1, e, ok, want)
		}
		if _, ok := b.Threat(who, "test", now); ok {
			t.Fatal("it was banned twice at a time")
		}
		now = e.Until
	}
	if e, ok := b.Threat(who, "test", now.Add(30*24*time.Hour-time.Second)); !ok || e.Times != 13 {
		t.Errorf("before it is forgotten: %+v", e)
	} else if e, ok := b.Threat(who, "test", e.Until.Add(30*24*time.Hour)); !ok || e.Times != 1 || e.Until.Sub(e.Since) != 10*time.Minute {
		t.Errorf("after it is forgotten: %+v", e)
	}

	// Who is lifted by an operator is forgiven.
	if lifted := b.Lift(who, now.Add(100*24*time.Hour)); len(lifted) != 0 {
		t.Errorf("what is over was in force: %v", lifted)
	}
	if e, ok := b.Threat(who, "test", now); !ok || e.Times != 1 {
		t.Errorf("after a lift: %+v", e)
	}
}

// TestOperatorAndThreat has an operator's word stand over a threat's, and not the
// other way round.
func TestOperatorAndThreat(t *testing.T) {
	b := bans.New(terms(), bans.Deps{})
	who := bans.SiteOf(ip("192.0.2.7"))
	if _, ok := b.Threat(who, "test", epoch); !ok {
		t.Fatal("no ban")
	}
	if e, err := b.Add(bans.Order{Subject: who, Kind: bans.Ban, By: "ops", Comment: "two\nlines"}, epoch); err != nil || !e.Until.IsZero() || e.Times != 2 || e.Comment != "two lines" {
		t.Fatalf("%+v, %v", e, err)
	}
	if _, ok := b.Threat(who, "test", epoch.Add(365*24*time.Hour)); ok {
		t.Error("a threat's ban is in place of the operator's for ever")
	}
	if all := b.List(bans.Filter{}, epoch); len(all) != 1 || all[0].Cause != bans.Operator {
		t.Errorf("%+v", all)
	}
}

func TestExempt(t *testing.T) {
	cfg := terms()
	cfg.Exempt = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::7/128")}
	b := bans.New(cfg, bans.Deps{})
	for who, want := range map[bans.Subject]bool{
		bans.SiteOf(ip("127.0.0.1")):   false,
		bans.SiteOf(ip("::1")):         false,
		bans.SiteOf(ip("10.1.2.3")):    false,
		bans.SiteOf(ip("2001:db8::1")): false, // the same 64 bits
		bans.SiteOf(ip("192.0.2.7")):   true,
		subject(t, "10.1.2.3", "a"):    true, // one worker, not the proxy
		subject(t, "192.0.2.7", "a*"):  false,
		{}:                             false,
		{Login: "not printable\x00"}:   false,
		{Login: "a", Prefix: netip.MustParsePrefix("192.0.2.9/32")}: true,
	} {
		if _, ok := b.Threat(who, "test", epoch); ok != want {
			t.Errorf("%s: banned %t", who, ok)
		}
	}
	// What becomes exempt is let in again; what an operator said stays.
	if _, err := b.Add(bans.Order{Subject: subject(t, "192.0.2.8", ""), Kind: bans.Ban}, epoch); err != nil {
		t.Fatal(err)
	}
	cfg.Exempt = append(cfg.Exempt, netip.MustParsePrefix("192.0.2.0/24"))
	b.Reconfigure(cfg)
	if b.Banned(ip("192.0.2.7"), epoch) || !b.Banned(ip("192.0.2.8"), epoch) {
		t.Error("after a reload the wrong one is banned")
	}
	cfg.Automatic = false
	b.Reconfigure(cfg)
	if _, ok := b.Threat(bans.SiteOf(ip("198.51.100.1")), "test", epoch); ok {
		t.Error("banned though nothing is to be")
	}
}

// TestOverflow has more threats than there is room for: those that end first go.
func TestOverflow(t *testing.T) {
	over := new(tally)
	var log bytes.Buffer
	b := bans.New(terms(), bans.Deps{Metrics: bans.Metrics{Overflow: over}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	who := func(i int) bans.Subject {
		return bans.SiteOf(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
	}
	for i := range bans.MaxThreats + 50 {
		if _, ok := b.Threat(who(i), "test", epoch.Add(time.Duration(i)*time.Microsecond)); !ok {
			t.Fatalf("no %d is not banned", i)
		}
	}
	all := b.List(bans.Filter{}, epoch.Add(time.Second))
	if len(all) != bans.MaxThreats-50 || over.value() != 100 {
		t.Errorf("%d are banned, %v gave way", len(all), over.value())
	}
	if b.Banned(who(99).Prefix.Addr(), epoch) || !b.Banned(who(100).Prefix.Addr(), epoch) {
		t.Error("others gave way than those that end first")
	}
	// Nor do they fill the log, and it says so.
	b.Threat(who(1<<20), "test", epoch.Add(time.Second))
	if lines := strings.Count(log.String(), "\n"); lines > pace.Burst+10 || !strings.Contains(log.String(), fmt.Sprint("more_not_logged=", bans.MaxThreats+50-pace.Burst)) {
		t.Errorf("%d lines in the log, the last of them: %s", lines, log.String()[log.Len()-300:])
	}
	// Operators' are not touched by it, and have a bound of their own.
	full := 0
	for i := range bans.MaxPatterns + 1 {
		if _, err := b.Add(bans.Order{Subject: subject(t, "", fmt.Sprintf("a%d.*", i)), Kind: bans.Pause}, epoch); errors.Is(err, bans.ErrFull) {
			full++
		}
	}
	for i := range bans.MaxOperators {
		if _, err := b.Add(bans.Order{Subject: subject(t, "", fmt.Sprintf("a%d.b", i)), Kind: bans.Pause}, epoch); errors.Is(err, bans.ErrFull) {
			full++
		}
	}
	if full != 1+bans.MaxPatterns {
		t.Errorf("%d were refused", full)
	}
	if _, err := b.Add(bans.Order{Subject: subject(t, "", "a1.b"), Kind: bans.Pause, For: time.Hour}, epoch); err != nil {
		t.Errorf("what is there cannot be changed: %v", err)
	}
}

func TestEnforce(t *testing.T) {
	var all conns
	near, far := all.add("192.0.2.7"), all.add("198.51.100.1", "a.b", "c.d")
	other := all.add("198.51.100.1", "e.f")
	b := bans.New(terms(), bans.Deps{Conns: &all})
	for _, o := range []bans.Order{
		{Subject: subject(t, "192.0.2.0/24", ""), Kind: bans.Ban},
		{Subject: subject(t, "", "c.*"), Kind: bans.Pause},
	} {
		if _, err := b.Add(o, epoch); err != nil {
			t.Fatal(err)
		}
	}
	if n := b.Enforce(epoch); n != 2 || near.ended != mining.Banned || far.ended != mining.Paused || other.ended != "" {
		t.Errorf("%d ended: %q %q %q", n, near.ended, far.ended, other.ended)
	}
	if n := b.Enforce(epoch); n != 0 {
		t.Errorf("%d more ended", n)
	}
}

func TestFindAndList(t *testing.T) {
	b := bans.New(terms(), bans.Deps{})
	ids := make([]string, 0, 3)
	for _, o := range []bans.Order{
		{Subject: subject(t, "192.0.2.0/24", ""), Kind: bans.Ban},
		{Subject: subject(t, "", "a.*"), Kind: bans.Pause, For: time.Minute},
		{Subject: subject(t, "192.0.2.7", "a.b"), Kind: bans.Ban},
	} {
		e, err := b.Add(o, epoch)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, e.ID())
	}
	if _, ok := b.Threat(bans.SiteOf(ip("203.0.113.1")), "test", epoch); !ok {
		t.Fatal("no ban")
	}
	for _, id := range ids {
		if e, ok := b.Find(id); !ok || e.ID() != id {
			t.Errorf("%s is %v, %t", id, e, ok)
		}
	}
	if _, ok := b.Find("0000000000000000"); ok {
		t.Error("nobody is found")
	}
	for want, f := range map[string]bans.Filter{
		"192.0.2.0/24; 203.0.113.1; worker a.b at 192.0.2.7; worker a.*": {},
		"worker a.*":                            {Kind: bans.Pause},
		"203.0.113.1":                           {Cause: bans.Threat},
		"192.0.2.0/24; worker a.b at 192.0.2.7": {Addr: ip("192.0.2.7")},
		"worker a.b at 192.0.2.7; worker a.*":   {Login: "a.b"},
		"":                                      {Login: "z"},
	} {
		list := b.List(f, epoch)
		got := make([]string, 0, len(list))
		for _, e := range list {
			got = append(got, e.String())
		}
		if strings.Join(got, "; ") != want {
			t.Errorf("%+v: %q, want %q", f, got, want)
		}
	}
	if got := len(b.List(bans.Filter{}, epoch.Add(time.Hour))); got != 2 {
		t.Errorf("%d are in force after an hour", got)
	}
	if got := len(b.List(bans.Filter{Remembered: true}, epoch.Add(time.Hour))); got != 4 {
		t.Errorf("%d are remembered after an hour", got)
	}
}

// TestModel holds the book to a list that is looked through.
func TestModel(t *testing.T) {
	addrs := []string{"10.0.0.1", "10.0.0.2", "10.0.1.1", "::ffff:10.0.0.1", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"}
	nets := []string{"", "10.0.0.1", "10.0.0.2", "10.0.0.0/31", "10.0.0.0/24", "10.0.0.0/16", "2001:db8::/64", "2001:db8::1", "2001:db8::/32"}
	logins := []string{"", "a", "a.b", "b.a", "a.*", "?.a"}
	matches := func(glob, login string) bool {
		switch glob {
		case "a.*":
			return strings.HasPrefix(login, "a.")
		case "?.a":
			return len(login) == 3 && strings.HasSuffix(login, ".a")
		}
		return glob == login
	}
	rapid.Check(t, func(t *rapid.T) {
		b := bans.New(terms(), bans.Deps{})
		now := epoch
		type made struct {
			bans.Subject

			kind bans.Kind
		}
		model := map[made]time.Time{}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "seconds")) * time.Second)
			address, login := rapid.SampledFrom(nets).Draw(t, "net"), rapid.SampledFrom(logins).Draw(t, "login")
			if address == "" && login == "" {
				continue
			}
			k := made{subject(t, address, login), rapid.SampledFrom(bans.Kinds()).Draw(t, "kind")}
			if rapid.IntRange(0, 3).Draw(t, "lift") == 0 {
				b.Lift(k.Subject, now, k.kind)
				delete(model, k)
			} else {
				term := time.Duration(rapid.IntRange(0, 200).Draw(t, "term")) * time.Second
				if _, err := b.Add(bans.Order{Subject: k.Subject, Kind: k.kind, For: term}, now); err != nil {
					t.Fatal(err)
				}
				model[k] = now.Add(term)
				if term == 0 {
					model[k] = now.AddDate(1, 0, 0)
				}
			}
			for _, addr := range addrs {
				for _, login := range []string{"a", "a.b", "b.a", "c"} {
					banned, refused := false, false
					for k, until := range model {
						if !now.Before(until) || !k.Contains(ip(addr)) {
							continue
						}
						banned = banned || k.Login == "" && k.kind == bans.Ban
						refused = refused || k.Login == "" || matches(k.Login, login)
					}
					if got := b.Banned(ip(addr), now); got != banned {
						t.Fatalf("%s is banned: %t, want %t", addr, got, banned)
					}
					if _, got := b.Refused(ip(addr), login, now); got != refused {
						t.Fatalf("%s at %s is refused: %t, want %t", login, addr, got, refused)
					}
				}
			}
		}
	})
}

// TestAllocations: what is asked for each connection and login costs no memory.
func TestAllocations(t *testing.T) {
	b := bans.New(terms(), bans.Deps{})
	for _, o := range []bans.Order{
		{Subject: subject(t, "192.0.2.0/24", ""), Kind: bans.Ban},
		{Subject: subject(t, "", "a.*"), Kind: bans.Pause},
		{Subject: subject(t, "", "x.y"), Kind: bans.Ban},
	} {
		if _, err := b.Add(o, epoch); err != nil {
			t.Fatal(err)
		}
	}
	in, out, six := ip("192.0.2.7"), ip("198.51.100.1"), ip("2001:db8::1")
	if n := testing.AllocsPerRun(200, func() {
		b.Banned(in, epoch)
		b.Banned(out, epoch)
		b.Banned(six, epoch)
		b.Refused(out, "a.b", epoch)
		b.Refused(out, "x.y", epoch)
		b.Refused(six, "c.d", epoch)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

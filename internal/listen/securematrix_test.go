package listen

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/loka/stratum/internal/certs"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/testkit"
)

// secured is a folder with the files of certificates.
type secured struct {
	tb testing.TB
	ca *testkit.Authority
	// own is where certificates are that sign themselves.
	own  string
	dir  string
	made map[string][2]string
}

func newSecured(tb testing.TB) *secured {
	tb.Helper()
	ca, err := testkit.NewAuthority("the farm", time.Now())
	if err != nil {
		tb.Fatal(err)
	}
	s := &secured{tb: tb, ca: ca, own: filepath.Join(tb.TempDir(), "tls"), dir: tb.TempDir(), made: map[string][2]string{}}
	if err := os.WriteFile(s.authority(), ca.Cert, 0o600); err != nil {
		tb.Fatal(err)
	}
	return s
}

func (s *secured) authority() string { return filepath.Join(s.dir, "ca.pem") }

// tls is what a listener speaks that is told so.
func (s *secured) tls(spec certs.Spec) *tls.Config {
	s.tb.Helper()
	spec.TLS, spec.Listener = true, "here"
	set, err := certs.New(certs.Config{Dir: s.own, Hosts: []string{"localhost", "127.0.0.1"}}).Load(time.Now(), []certs.Spec{spec})
	if err != nil {
		s.tb.Fatal(err)
	}
	return set.TLS(0)
}

// files are those of a certificate of one kind.
func (s *secured) files(kind string) (cert, key string) {
	s.tb.Helper()
	if have, ok := s.made[kind]; ok {
		return have[0], have[1]
	}
	pair, err := s.ca.Sign(testkit.Wanted{CommonName: "loka", Names: []string{"localhost"}, From: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour), RSA: kind == certs.RSA})
	if err != nil {
		s.tb.Fatal(err)
	}
	certPEM, keyPEM, err := testkit.PairPEM(pair)
	if err != nil {
		s.tb.Fatal(err)
	}
	cert, key = filepath.Join(s.dir, kind+".pem"), filepath.Join(s.dir, kind+".key")
	for path, text := range map[string][]byte{cert: certPEM, key: keyPEM} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			s.tb.Fatal(err)
		}
	}
	s.made[kind] = [2]string{cert, key}
	return cert, key
}

// came is what became of a miner: what is known of it, or why it was refused.
type came struct {
	arrival mining.Arrival
	reason  mining.Reason
}

// door is a listener and what becomes of who knocks there.
type door struct {
	t      *testing.T
	addr   string
	counts *tally
	served chan mining.Arrival
}

func newDoor(t *testing.T, cfg Config, turns *Handshakes) *door {
	t.Helper()
	d := &door{t: t, counts: newTally(), served: make(chan mining.Arrival, 100)}
	serve := func(ctx context.Context, conn net.Conn, preread []byte, a mining.Arrival, gone func()) {
		d.served <- a
		defer gone()
		echo(ctx, conn, preread)
	}
	d.addr = start(t, cfg, Deps{Serve: serve, Metrics: d.counts.metrics(), Handshakes: turns})
	return d
}

const hello = "{\"id\":1}\n"

// knock connects, says a line, by TLS if there is a configuration of it, and waits for
// what becomes of that.
func (d *door) knock(cfg *tls.Config) (came, *tls.ConnectionState) {
	d.t.Helper()
	var conn net.Conn = dial(d.t, d.addr)
	defer func() { _ = conn.Close() }()
	var state *tls.ConnectionState
	if cfg != nil {
		c := tls.Client(conn, cfg)
		if err := c.HandshakeContext(d.t.Context()); err != nil {
			return came{reason: d.counts.next()}, nil
		}
		s := c.ConnectionState()
		conn, state = c, &s
	}
	_, _ = io.WriteString(conn, hello) // who is refused late may not be able to
	if line, err := bufio.NewReader(conn).ReadString('\n'); err == nil && line == hello {
		a := <-d.served
		a.Remote, a.Listener = came{}.arrival.Remote, ""
		return came{arrival: a}, state
	}
	return came{reason: d.counts.next()}, nil
}

// only is a client of TLS 1.2 that has one cipher.
func only(suite uint16) *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite}}
}

func versions(least, most uint16) *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, MinVersion: least, MaxVersion: most}
}

// Which miners get in, by version and cipher, at which certificates and modes. The
// last client of a row that has nothing but what is refused is refused by name.
func TestTLSMatrix(t *testing.T) {
	const in = mining.Reason("")
	const no, old = mining.TLSHandshakeFailed, mining.TLSTooOld
	s := newSecured(t)
	ecdsaCert, ecdsaKey := s.files(certs.ECDSA)
	rsaCert, rsaKey := s.files(certs.RSA)
	kinds := []struct {
		name string
		spec certs.Spec
	}{
		{"both", certs.Spec{}},
		{"both, modern", certs.Spec{Modern: true}},
		{"ECDSA", certs.Spec{Cert: ecdsaCert, Key: ecdsaKey}},
		{"RSA", certs.Spec{Cert: rsaCert, Key: rsaKey}},
		{"RSA, modern", certs.Spec{Cert: rsaCert, Key: rsaKey, Modern: true}},
	}
	rows := []struct {
		client string
		cfg    *tls.Config
		// want is by kind, in their order.
		want [5]mining.Reason
	}{
		{"1.3", versions(tls.VersionTLS13, tls.VersionTLS13), [5]mining.Reason{in, in, in, in, in}},
		{"1.2", versions(tls.VersionTLS12, tls.VersionTLS12), [5]mining.Reason{in, in, in, in, in}},
		{"1.0 to 1.3", versions(tls.VersionTLS10, tls.VersionTLS13), [5]mining.Reason{in, in, in, in, in}},
		{"1.1", versions(tls.VersionTLS11, tls.VersionTLS11), [5]mining.Reason{old, old, old, old, old}},
		{"1.0", versions(tls.VersionTLS10, tls.VersionTLS10), [5]mining.Reason{old, old, old, old, old}},
		{"ECDHE-ECDSA-GCM", only(tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256), [5]mining.Reason{in, in, in, no, no}},
		{"ECDHE-ECDSA-CHACHA20", only(tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256), [5]mining.Reason{in, in, in, no, no}},
		{"ECDHE-ECDSA-CBC", only(tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA), [5]mining.Reason{in, no, in, no, no}},
		{"ECDHE-RSA-GCM", only(tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384), [5]mining.Reason{in, in, no, in, in}},
		{"ECDHE-RSA-CHACHA20", only(tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256), [5]mining.Reason{in, in, no, in, in}},
		{"ECDHE-RSA-CBC", only(tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA), [5]mining.Reason{in, no, no, in, no}},
		{"RSA-GCM", only(tls.TLS_RSA_WITH_AES_128_GCM_SHA256), [5]mining.Reason{in, no, no, in, no}},
		{"RSA-CBC", only(tls.TLS_RSA_WITH_AES_128_CBC_SHA), [5]mining.Reason{in, no, no, in, no}},
		{"RSA-CBC-SHA256", only(tls.TLS_RSA_WITH_AES_128_CBC_SHA256), [5]mining.Reason{no, no, no, no, no}},
		{"3DES", only(tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA), [5]mining.Reason{no, no, no, no, no}},
		{"RC4", only(tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA), [5]mining.Reason{no, no, no, no, no}},
	}
	for i, kind := range kinds {
		for _, required := range []bool{false, true} {
			d := newDoor(t, Config{TLS: s.tls(kind.spec), TLSRequired: required}, NewHandshakes(1, nil))
			for _, row := range rows {
				// A name that no certificate is for, as firmware asks for that does not check it.
				for _, name := range []string{"", "pool.example.net"} {
					cfg := row.cfg.Clone()
					cfg.ServerName = name
					cfg.NextProtos = []string{"stratum", "h2", "acme-tls/1"} // whatever it offers
					got, state := d.knock(cfg)
					want := came{arrival: mining.Arrival{TLS: true, ServerName: name}}
					if row.want[i] != in {
						want = came{reason: row.want[i]}
					}
					if got != want {
						t.Errorf("%s at %s, required %t: %+v, want %+v", row.client, kind.name, required, got, want)
					}
					if state != nil && len(row.cfg.CipherSuites) > 0 && state.CipherSuite != row.cfg.CipherSuites[0] {
						t.Errorf("%s at %s: spoke %s", row.client, kind.name, tls.CipherSuiteName(state.CipherSuite))
					}
				}
			}
			want := came{}
			if required {
				want = came{reason: mining.TLSRequired}
			}
			if got, _ := d.knock(nil); got != want {
				t.Errorf("plain at %s, required %t: %+v", kind.name, required, got)
			}
		}
	}
	off := newDoor(t, Config{}, nil)
	for _, row := range rows {
		if got, _ := off.knock(row.cfg); got.reason != mining.TLSNotEnabled {
			t.Errorf("%s without TLS: %+v", row.client, got)
		}
	}
}

// The better cipher is taken where a miner has both, whatever it likes.
func TestTLSPrefersTheBetter(t *testing.T) {
	s := newSecured(t)
	d := newDoor(t, Config{TLS: s.tls(certs.Spec{})}, nil)
	cfg := versions(tls.VersionTLS12, tls.VersionTLS12)
	for _, suites := range [][]uint16{
		{tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA},
		{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA},
		{tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
	} {
		cfg.CipherSuites = suites
		if _, state := d.knock(cfg); state == nil || state.CipherSuite != suites[len(suites)-1] {
			t.Errorf("of %x: %+v", suites, state)
		}
	}
}

// A miner that verifies the certificate that signs itself gets in by every name and
// address that it is for, with either kind of key, and one that is given another does not.
func TestTLSVerifiedByMiner(t *testing.T) {
	s := newSecured(t)
	d := newDoor(t, Config{TLS: s.tls(certs.Spec{})}, nil)
	known := x509.NewCertPool()
	for _, kind := range []string{certs.ECDSA, certs.RSA} {
		text, err := os.ReadFile(filepath.Join(s.own, kind+".pem"))
		if err != nil {
			t.Fatal(err)
		}
		known.AppendCertsFromPEM(text)
	}
	stranger := x509.NewCertPool()
	stranger.AppendCertsFromPEM(s.ca.Cert)
	for _, suite := range []uint16{0, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256} {
		cfg := &tls.Config{RootCAs: known}
		if suite != 0 {
			cfg.MaxVersion, cfg.CipherSuites = tls.VersionTLS12, []uint16{suite}
		}
		for _, name := range []string{"localhost", "127.0.0.1"} {
			cfg.ServerName = name
			if got, state := d.knock(cfg); got.reason != "" || state == nil {
				t.Errorf("%s with %s: %+v", name, tls.CipherSuiteName(suite), got)
			}
		}
		cfg.RootCAs = stranger
		if got, _ := d.knock(cfg); got.reason != mining.TLSHandshakeFailed {
			t.Errorf("one that trusts another with %s: %+v", tls.CipherSuiteName(suite), got)
		}
	}
}

// Which miners get in by the certificates that they show.
func TestClientCertificates(t *testing.T) {
	s := newSecured(t)
	other, err := testkit.NewAuthority("the farm", time.Now()) // of the same name, too
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	sign := func(by *testkit.Authority, w testkit.Wanted) *tls.Certificate {
		if w.Until.IsZero() {
			w.Until = now.Add(time.Hour)
		}
		if w.From.IsZero() {
			w.From = now.Add(-2 * time.Hour)
		}
		pair, err := by.Sign(w)
		if err != nil {
			t.Fatal(err)
		}
		return &pair
	}
	const no = mining.TLSClientCertificate
	type outcome struct {
		reason mining.Reason
		name   string
	}
	rows := []struct {
		what     string
		shows    *tls.Certificate
		off      outcome
		optional outcome
		required outcome
	}{
		{"none", nil, outcome{}, outcome{}, outcome{no, ""}},
		{"good", sign(s.ca, testkit.Wanted{CommonName: "rig1", Names: []string{"a.example.com"}, Usage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}), outcome{}, outcome{"", "rig1"}, outcome{"", "rig1"}},
		{"RSA, for anything", sign(s.ca, testkit.Wanted{CommonName: "rig2", RSA: true}), outcome{}, outcome{"", "rig2"}, outcome{"", "rig2"}},
		{"a DNS name only", sign(s.ca, testkit.Wanted{Names: []string{"rig3.farm.example.com", "x"}}), outcome{}, outcome{"", "rig3.farm.example.com"}, outcome{"", "rig3.farm.example.com"}},
		{"no name", sign(s.ca, testkit.Wanted{}), outcome{}, outcome{}, outcome{}},
		{"another authority's", sign(other, testkit.Wanted{CommonName: "rig1"}), outcome{}, outcome{no, ""}, outcome{no, ""}},
		{"expired", sign(s.ca, testkit.Wanted{CommonName: "rig1", Until: now.Add(-time.Minute)}), outcome{}, outcome{no, ""}, outcome{no, ""}},
		{"not yet valid", sign(s.ca, testkit.Wanted{CommonName: "rig1", From: now.Add(time.Hour), Until: now.Add(2 * time.Hour)}), outcome{}, outcome{no, ""}, outcome{no, ""}},
		{"for servers", sign(s.ca, testkit.Wanted{CommonName: "rig1", Usage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}), outcome{}, outcome{no, ""}, outcome{no, ""}},
	}
	for _, policy := range []certs.Clients{certs.NoClients, certs.OptionalClients, certs.RequiredClients} {
		d := newDoor(t, Config{TLS: s.tls(certs.Spec{Clients: policy, ClientCA: s.authority()})}, NewHandshakes(1, nil))
		for _, row := range rows {
			for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
				cfg := versions(version, version)
				if row.shows != nil { // whatever it is asked for
					cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return row.shows, nil }
				}
				got, _ := d.knock(cfg)
				of := []outcome{row.off, row.optional, row.required}[policy]
				want := came{reason: of.reason, arrival: mining.Arrival{TLS: of.reason == "", ClientName: of.name}}
				if got != want {
					t.Errorf("%s at policy %d by %s: %+v, want %+v", row.what, policy, tls.VersionName(version), got, want)
				}
			}
		}
		if got, _ := d.knock(nil); got != (came{}) {
			t.Errorf("plain at policy %d: %+v", policy, got)
		}
	}
}

// A miner that comes back resumes its session, over a new configuration that is
// the same, too, and keeps the name of the certificate that it has shown; after one that
// is another it begins anew.
func TestTLSResumes(t *testing.T) {
	s := newSecured(t)
	pair, err := s.ca.Sign(testkit.Wanted{CommonName: "rig1", From: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		first := s.tls(certs.Spec{Clients: certs.RequiredClients, ClientCA: s.authority()})
		served := make(chan mining.Arrival, 10)
		l := New(Config{Address: "127.0.0.1:0", TLS: first}, Deps{Serve: func(ctx context.Context, conn net.Conn, preread []byte, a mining.Arrival, gone func()) {
			served <- a
			defer gone()
			echo(ctx, conn, preread)
		}})
		d := &door{t: t, addr: runListener(t, l), counts: newTally(), served: served}
		cfg := versions(version, version)
		cfg.ClientSessionCache, cfg.Certificates = tls.NewLRUClientSessionCache(10), []tls.Certificate{pair}
		come := func(what string, resumed bool) {
			t.Helper()
			got, state := d.knock(cfg)
			if state == nil || state.DidResume != resumed || got.arrival.ClientName != "rig1" {
				t.Errorf("%s, %s: %+v, %+v", tls.VersionName(version), what, got, state)
			}
		}
		come("first", false)
		come("again", true)
		l.Reconfigure(Config{TLS: first, HandshakeTimeout: time.Minute})
		come("after a reload", true)
		l.Reconfigure(Config{TLS: s.tls(certs.Spec{Clients: certs.OptionalClients, ClientCA: s.authority()})})
		come("after another configuration", false)
	}
}

// A handshake computes by turns, one after the other, and plain miners do not wait
// for those who wait.
func TestTLSByTurns(t *testing.T) {
	s := newSecured(t)
	turns := NewHandshakes(1, nil)
	d := newDoor(t, Config{TLS: s.tls(certs.Spec{})}, turns)
	if err := turns.take(t.Context(), netip.Prefix{}); err != nil { // somebody computes
		t.Fatal(err)
	}
	const miners = 5
	in := make(chan came, miners)
	for range miners {
		go func() {
			got, _ := d.knock(anything(""))
			in <- got
		}()
	}
	for range 3 { // a plain one gets in at once
		if got, _ := d.knock(nil); got != (came{}) {
			t.Fatalf("plain: %+v", got)
		}
	}
	select {
	case got := <-in:
		t.Fatalf("one got in without a turn: %+v", got)
	default:
	}
	turns.give()
	for range miners {
		if got := <-in; !got.arrival.TLS {
			t.Errorf("%+v", got)
		}
	}
}

// Who sends a hello and then nothing, or nothing more of its hello, has no turn while it is waited for.
func TestTLSTurnIsNotHeldBySilence(t *testing.T) {
	s := newSecured(t)
	d := newDoor(t, Config{TLS: s.tls(certs.Spec{}), HandshakeTimeout: time.Minute}, NewHandshakes(1, nil))
	whole := helloOf(t)
	for _, said := range [][]byte{whole, whole[:9], whole[:len(whole)-1]} {
		conn := dial(t, d.addr)
		say(t, conn, string(said))
	}
	// One that was answered is waited for, as are the others.
	answered := dial(t, d.addr)
	say(t, answered, string(whole))
	if _, err := io.ReadFull(answered, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if got, _ := d.knock(anything("")); !got.arrival.TLS {
			t.Errorf("%+v", got)
		}
	}
}

// nobodyReads is a connection whose peer takes nothing until it is told to.
type nobodyReads struct {
	net.Conn

	writing chan struct{}
	release chan struct{}
}

func (c nobodyReads) Write(p []byte) (int, error) {
	c.writing <- struct{}{}
	<-c.release
	return c.Conn.Write(p)
}

// Nor has a turn who does not take our answer.
func TestTLSTurnIsNotHeldByWriting(t *testing.T) {
	s := newSecured(t)
	turns := NewHandshakes(1, nil)
	ours, theirs := net.Pipe()
	slow := nobodyReads{ours, make(chan struct{}), make(chan struct{})}
	v := &visit{opening: &opening{conn: slow, until: time.Now().Add(time.Minute)}}
	done := make(chan mining.Reason, 1)
	go func() { done <- v.secure(context.Background(), turns, &Config{TLS: s.tls(certs.Spec{})}) }()
	go func() { _, _ = theirs.Write(helloOf(t)) }()
	<-slow.writing
	if turns.left() != 1 {
		t.Error("it holds the turn while it waits for who takes nothing")
	}
	_ = theirs.Close()
	close(slow.release)
	go func() { // an alert, perhaps
		for range slow.writing {
		}
	}()
	if got := <-done; got == "" {
		t.Error("the handshake is done")
	}
	close(slow.writing)
	if turns.left() != 1 {
		t.Error("a turn is left taken")
	}
}

// Whose turn does not come in time is refused by name, and takes none when it would.
func TestTLSTurnInTime(t *testing.T) {
	s := newSecured(t)
	turns := NewHandshakes(1, nil)
	d := newDoor(t, Config{TLS: s.tls(certs.Spec{}), HandshakeTimeout: heardWithin}, turns)
	patient := newDoor(t, Config{TLS: s.tls(certs.Spec{})}, turns)
	if err := turns.take(t.Context(), netip.Prefix{}); err != nil {
		t.Fatal(err)
	}
	if got, _ := d.knock(anything("")); got.reason != mining.HandshakeTimeout {
		t.Errorf("%+v", got)
	}
	turns.give()
	if got, _ := patient.knock(anything("")); !got.arrival.TLS {
		t.Errorf("%+v", got)
	}
	if turns.left() != 1 {
		t.Error("a turn is left taken")
	}
}

// helloOf is the hello of a client, as it goes over the wire.
func helloOf(tb testing.TB) []byte {
	tb.Helper()
	ours, theirs := net.Pipe()
	defer func() { _ = ours.Close() }()
	go func() {
		_ = tls.Client(theirs, anything("localhost")).HandshakeContext(context.Background())
		_ = theirs.Close()
	}()
	head := make([]byte, 5)
	if _, err := io.ReadFull(ours, head); err != nil {
		tb.Fatal(err)
	}
	rest := make([]byte, int(head[3])<<8|int(head[4]))
	if _, err := io.ReadFull(ours, rest); err != nil {
		tb.Fatal(err)
	}
	return fmt.Append(nil, string(head), string(rest))
}

// runListener runs a listener until the test ends and returns its address.
func runListener(tb testing.TB, l *Listener) string {
	tb.Helper()
	if err := l.Listen(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(tb.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			tb.Error(err)
		}
	})
	return l.Addr().String()
}

package certs_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/loka/stratum/internal/certs"
	"github.com/loka/stratum/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shown is the SHA-256 of the certificate that a client is shown.
func shown(t *testing.T, server *tls.Config) string {
	t.Helper()
	ours, theirs := net.Pipe()
	done := make(chan error, 1)
	go func() {
		c := tls.Server(theirs, server)
		err := c.HandshakeContext(context.Background())
		_ = theirs.Close()
		done <- err
	}()
	c := tls.Client(ours, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12})
	err := c.HandshakeContext(context.Background())
	_ = ours.Close()
	if other := <-done; err != nil || other != nil {
		t.Fatalf("handshake: %v, %v", err, other)
	}
	sum := sha256.Sum256(c.ConnectionState().PeerCertificates[0].Raw)
	return hex.EncodeToString(sum[:])
}

// pair writes a new certificate and its key into a folder and returns them.
func pair(t *testing.T, dir string, until time.Time) (cert, key string) {
	t.Helper()
	cert, key, err := testkit.KeyPairFiles(dir, until, false)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// said is a log that one goroutine writes and another reads.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *said) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Reset()
}

// keeper has a log of its own.
func keeper(dir string) (*certs.Keeper, *said) {
	var log said
	return certs.New(certs.Config{
		Dir: filepath.Join(dir, "tls"), Hosts: []string{"localhost", "rig.example.com", "192.0.2.1", "2001:db8::1"},
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	}), &log
}

// use loads and puts in place what must be all right.
func use(t *testing.T, k *certs.Keeper, now time.Time, specs ...certs.Spec) *certs.Set {
	t.Helper()
	set, err := k.Load(now, specs)
	if err != nil {
		t.Fatal(err)
	}
	k.Use(t.Context(), set)
	return set
}

func fingerprint(k *certs.Keeper, now time.Time) string {
	return k.Listeners(now)[0].Certificates[0].Fingerprint
}

// Without files two certificates are made once, whose keys only their owner reads;
// one that is gone is made again, and one that is damaged is an error that has nothing of
// the key in it.
func TestOwn(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	spec := certs.Spec{Listener: "here", TLS: true}
	k, log := keeper(dir)
	use(t, k, now, certs.Spec{Listener: "plain"}, spec)
	first := k.Listeners(now)
	if len(first) != 1 || len(first[0].Certificates) != 2 || len(first[0].Problems) != 0 {
		t.Fatalf("%+v", first)
	}
	for i, kind := range []string{certs.ECDSA, certs.RSA} {
		c := first[0].Certificates[i]
		if c.Kind != kind || !c.SelfSigned || c.NotAfter.Before(now.AddDate(9, 11, 0)) || !c.NotBefore.Before(now) {
			t.Errorf("%+v", c)
		}
		if diff := cmp.Diff([]string{"localhost", "rig.example.com", "192.0.2.1", "2001:db8::1"}, c.Names); diff != "" {
			t.Error(diff)
		}
		if !strings.Contains(log.String(), c.Fingerprint) {
			t.Errorf("the log does not say %s:\n%s", c.Fingerprint, log)
		}
		path := filepath.Join(dir, "tls", kind+".pem")
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), c.PEM) || strings.Contains(log.String(), string(text[len(text)-200:len(text)-150])) {
			t.Errorf("%v", err)
		}
	}

	again, log := keeper(dir)
	use(t, again, now, spec)
	if diff := cmp.Diff(first, again.Listeners(now)); diff != "" {
		t.Errorf("after a restart: %s", diff)
	}
	if err := os.Remove(filepath.Join(dir, "tls", certs.ECDSA+".pem")); err != nil {
		t.Fatal(err)
	}
	log.Reset()
	again.Look(t.Context()) // nobody asked for another one
	if diff := cmp.Diff(first, again.Listeners(now)); diff != "" || log.String() != "" {
		t.Errorf("without a file: %s%s", log, diff)
	}
	use(t, again, now, spec)
	if now := again.Listeners(now)[0].Certificates; now[0].Fingerprint == first[0].Certificates[0].Fingerprint || now[1].Fingerprint != first[0].Certificates[1].Fingerprint {
		t.Errorf("after one was removed: %+v", now)
	}

	path := filepath.Join(dir, "tls", certs.RSA+".pem")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text[:len(text)-100], 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = again.Load(now, []certs.Spec{spec})
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "remove it") || strings.Contains(err.Error(), string(text[len(text)-200:len(text)-150])) {
		t.Errorf("damaged: %v", err)
	}
}

// Files that change are taken within half a minute, those that cannot be used are
// not, and that is said once and shown until it is mended.
func TestFilesChange(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		k, log := keeper(dir)
		until := time.Now().AddDate(1, 0, 0)
		cert, key := pair(t, dir, until)
		set := use(t, k, time.Now(), certs.Spec{Listener: "here", TLS: true, Cert: cert, Key: key})
		ended := make(chan struct{})
		go func() { k.Run(ctx); close(ended) }()
		have := shown(t, set.TLS(0))
		read := func(path string) []byte {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		put := func(path string, text []byte) {
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		const unusable, changed, mended = "cannot be used", "have changed and are in place", "are what they were again"
		for _, step := range []struct {
			what   string
			do     func()
			other  bool   // another certificate is shown
			broken bool   // a problem is
			said   string // in the log, once; empty is nothing
		}{
			{"nothing", func() {}, false, false, ""},
			{"renewed", func() { pair(t, dir, until) }, true, false, changed},
			{"touched", func() { put(cert, read(cert)) }, false, false, ""},
			{"half a certificate", func() { put(cert, read(cert)[:100]) }, false, true, unusable},
			{"still", func() {}, false, true, ""},
			{"another thing is wrong", func() { pair(t, dir, until); _ = os.Remove(key) }, false, true, unusable},
			{"whole again", func() { pair(t, dir, until) }, true, false, changed},
			{"gone for a while", func() { _ = os.Rename(key, key+".aside") }, false, true, unusable},
			{"back", func() { _ = os.Rename(key+".aside", key) }, false, false, mended},
			{"endless", func() { put(cert, make([]byte, 2<<20)) }, false, true, unusable},
		} {
			log.Reset()
			step.do()
			time.Sleep(61 * time.Second)
			synctest.Wait()
			now := shown(t, set.TLS(0))
			if other := now != have; other != step.other {
				t.Errorf("%s: another certificate: %t", step.what, other)
			}
			have = now
			l := k.Listeners(time.Now())[0]
			if broken := len(l.Problems) > 0; broken != step.broken || l.Certificates[0].Fingerprint != have {
				t.Errorf("%s: %+v", step.what, l)
			}
			if step.said == "" && log.String() != "" || strings.Count(log.String(), step.said) != 1 && step.said != "" || strings.Contains(log.String(), "PRIVATE") {
				t.Errorf("%s: the log says\n%s", step.what, log)
			}
		}
		cancel()
		<-ended
	})
}

// A folder that is swapped by its symlink, as certbot and Kubernetes do it, is seen,
// though the times and sizes of files tell nothing.
func TestSymlinkSwap(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	point := func(to string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, "next")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "next"), filepath.Join(dir, "live")); err != nil {
			t.Fatal(err)
		}
	}
	prints := make([]string, 0, 3)
	for _, name := range []string{"1", "2"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		cert, key := pair(t, filepath.Join(dir, name), now.AddDate(1, 0, 0))
		for _, path := range []string{cert, key} {
			if err := os.Chtimes(path, now, now); err != nil {
				t.Fatal(err)
			}
		}
	}
	point("1")
	k, _ := keeper(dir)
	use(t, k, now, certs.Spec{Listener: "here", TLS: true, Cert: filepath.Join(dir, "live", "cert.pem"), Key: filepath.Join(dir, "live", "key.pem")})
	prints = append(prints, fingerprint(k, now))
	point("2")
	k.Look(t.Context())
	prints = append(prints, fingerprint(k, now))
	point("1")
	k.Look(t.Context())
	prints = append(prints, fingerprint(k, now))
	if prints[0] == prints[1] || prints[0] != prints[2] {
		t.Errorf("%q", prints)
	}
}

// A listener that is told what it was keeps its object, and with it the sessions of
// miners; one of which anything has changed gets another one. What cannot be loaded changes
// nothing.
func TestLoad(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	cert, key := pair(t, dir, now.AddDate(1, 0, 0))
	a := certs.Spec{Listener: "a", TLS: true, Cert: cert, Key: key}
	b := certs.Spec{Listener: "b", TLS: true, Cert: cert, Key: key}
	k, _ := keeper(dir)
	first := use(t, k, now, a, certs.Spec{Listener: "plain"}, b)
	if first.TLS(0) == first.TLS(2) || first.TLS(1) != nil {
		t.Error("listeners share what they speak by")
	}
	second := use(t, k, now, b, a, a)
	if second.TLS(0) != first.TLS(2) || second.TLS(1) != first.TLS(0) || second.TLS(2) == second.TLS(1) {
		t.Error("what has not changed is another object, or one that two have")
	}
	modern := a
	modern.Modern = true
	for what, spec := range map[string]certs.Spec{
		"cert: ":      {Listener: "a", TLS: true, Cert: dir + "/gone", Key: key},
		"key: ":       {Listener: "a", TLS: true, Cert: cert, Key: cert},
		"client_ca: ": {Listener: "a", TLS: true, Cert: cert, Key: key, Clients: certs.OptionalClients, ClientCA: key},
	} {
		if _, err := k.Load(now, []certs.Spec{modern, spec}); err == nil || !strings.HasPrefix(err.Error(), "listener a: "+what) {
			t.Errorf("%s%v", what, err)
		}
	}
	if third := use(t, k, now, b, a); third.TLS(0) != second.TLS(0) || third.TLS(1) != second.TLS(1) {
		t.Error("what could not be loaded has changed something")
	}
	if got := use(t, k, now, b, modern); got.TLS(1) == second.TLS(1) || len(k.Listeners(now)) != 2 {
		t.Error("what was told otherwise is the same")
	}
	pair(t, dir, now.AddDate(1, 0, 0))
	if got := use(t, k, now, b); got.TLS(0) == second.TLS(0) {
		t.Error("what has other files is the same")
	}
}

// The certificate of who may sign miners' is looked at, too.
func TestClientCAChanges(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	cert, key := pair(t, dir, now.AddDate(1, 0, 0))
	ca := filepath.Join(dir, "ca.pem")
	var authorities [2]*testkit.Authority
	for i := range authorities {
		var err error
		if authorities[i], err = testkit.NewAuthority("miners", now); err != nil {
			t.Fatal(err)
		}
	}
	k, _ := keeper(dir)
	var set *certs.Set
	for i, of := range authorities {
		if err := os.WriteFile(ca, of.Cert, 0o600); err != nil {
			t.Fatal(err)
		}
		if set == nil {
			set = use(t, k, now, certs.Spec{Listener: "here", TLS: true, Cert: cert, Key: key, Clients: certs.RequiredClients, ClientCA: ca})
		}
		k.Look(t.Context())
		current, err := set.TLS(0).GetConfigForClient(nil)
		if err != nil || len(current.ClientCAs.Subjects()) != 1 { //nolint:staticcheck // the pool is ours alone
			t.Fatalf("%v", err)
		}
		for j, by := range authorities {
			miner, err := by.Sign(testkit.Wanted{CommonName: "rig", From: now.Add(-time.Hour), Until: now.Add(time.Hour)})
			if err != nil {
				t.Fatal(err)
			}
			if in := admitted(set.TLS(0), miner); in != (i == j) {
				t.Errorf("with the %d-th authority a miner of the %d-th is in: %t", i, j, in)
			}
		}
	}
}

// Nor does a miner resume that was verified by an authority which is not there any more.
func TestNobodyResumesWithoutItsAuthority(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	cert, key := pair(t, dir, now.AddDate(1, 0, 0))
	ca := filepath.Join(dir, "ca.pem")
	put := func(name string) *testkit.Authority {
		of, err := testkit.NewAuthority(name, now)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(ca, of.Cert, 0o600); err != nil {
			t.Fatal(err)
		}
		return of
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		miner, err := put("old").Sign(testkit.Wanted{CommonName: "rig", From: now.Add(-time.Hour), Until: now.Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		k, _ := keeper(dir)
		set := use(t, k, now, certs.Spec{Listener: "here", TLS: true, Cert: cert, Key: key, Clients: certs.RequiredClients, ClientCA: ca})
		client := &tls.Config{
			InsecureSkipVerify: true, MinVersion: version, MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(1),
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &miner, nil },
		}
		come := func() (in, resumed bool) {
			ours, theirs := testkit.Pipe()
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, _ = tls.Server(theirs, set.TLS(0)).Write([]byte("x"))
				_ = theirs.Close()
			}()
			c := tls.Client(ours, client)
			_, err := io.ReadFull(c, make([]byte, 1)) // with the ticket
			_ = ours.Close()
			<-done
			return err == nil, c.ConnectionState().DidResume
		}
		for i := range 2 {
			if in, resumed := come(); !in || resumed != (i > 0) {
				t.Fatalf("%s: the %d-th time it is in: %t, resumed: %t", tls.VersionName(version), i, in, resumed)
			}
		}
		put("new")
		k.Look(t.Context())
		if in, _ := come(); in {
			t.Errorf("%s: it is in by an authority that is gone", tls.VersionName(version))
		}
	}
}

func admitted(server *tls.Config, miner tls.Certificate) bool {
	ours, theirs := net.Pipe()
	done := make(chan error, 1)
	go func() {
		err := tls.Server(theirs, server).HandshakeContext(context.Background())
		_ = theirs.Close()
		done <- err
	}()
	client := tls.Client(ours, &tls.Config{
		InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &miner, nil },
	})
	_ = client.HandshakeContext(context.Background())
	_ = ours.Close()
	return <-done == nil
}

// What is wrong with the times of a certificate is said from 14 days before its end.
func TestExpiry(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	authority, err := testkit.NewAuthority("farm", now)
	if err != nil {
		t.Fatal(err)
	}
	const day = 24 * time.Hour
	for _, c := range []struct {
		from, until time.Duration
		want        string
	}{
		{-day, 15 * day, ""},
		{-day, 14*day + time.Hour, ""},
		{-day, 14*day - time.Hour, "the certificate expires "},
		{-day, -time.Hour, "the certificate has expired "},
		{day, 20 * day, "the certificate is not valid before "},
	} {
		signed, err := authority.Sign(testkit.Wanted{From: now.Add(c.from), Until: now.Add(c.until)})
		if err != nil {
			t.Fatal(err)
		}
		certPEM, keyPEM, err := testkit.PairPEM(signed)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "both.pem")
		if err := os.WriteFile(path, append(certPEM, keyPEM...), 0o600); err != nil {
			t.Fatal(err)
		}
		k, _ := keeper(dir)
		use(t, k, now, certs.Spec{Listener: "here", TLS: true, Cert: path, Key: path})
		all := k.Listeners(now)
		detail, advice := certs.Summary(all)
		if all[0].Certificates[0].SelfSigned {
			t.Error("it was signed by another one")
		}
		if c.want == "" {
			if detail != "" || advice != "" || len(all[0].Problems) != 0 {
				t.Errorf("%v to %v: %q", c.from, c.until, detail)
			}
			continue
		}
		if !strings.HasPrefix(detail, "listener here: "+c.want) || !strings.HasPrefix(advice, "renew the certificate") {
			t.Errorf("%v to %v: %q, %q", c.from, c.until, detail, advice)
		}
	}
}

// This machine can be named in a certificate.
func TestHosts(t *testing.T) {
	hosts := certs.Hosts()
	if len(hosts) == 0 || hosts[0] != "localhost" {
		t.Errorf("%q", hosts)
	}
	for _, host := range hosts[1:] {
		if host == "" || strings.ContainsAny(host, "/% ") {
			t.Errorf("%q", host)
		}
	}
}

// A miner's name is of a certificate that was verified, and not longer than it may be.
func TestClientName(t *testing.T) {
	named := func(name string, names ...string) *x509.Certificate {
		return &x509.Certificate{Subject: pkix.Name{CommonName: name}, DNSNames: names}
	}
	for _, c := range []struct {
		cert       *x509.Certificate
		unverified bool
		want       string
	}{
		{named("rig1", "a"), false, "rig1"},
		{named(" rig1\t"), false, "rig1"},
		{named("", "a", "b"), false, "a"},
		{named(" ", "a"), false, "a"},
		{named(""), false, ""},
		{named("rig1"), true, ""},
		{named(strings.Repeat("x", 255)), false, strings.Repeat("x", 255)},
		{named(strings.Repeat("x", 256), "a"), false, ""},
		{nil, false, ""},
	} {
		state := &tls.ConnectionState{}
		if c.cert != nil {
			state.PeerCertificates = []*x509.Certificate{c.cert}
			if !c.unverified {
				state.VerifiedChains = [][]*x509.Certificate{state.PeerCertificates}
			}
		}
		if got := certs.ClientName(state); got != c.want {
			t.Errorf("%+v: %q, want %q", c.cert, got, c.want)
		}
	}
}

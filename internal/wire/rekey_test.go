package wire

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// rekeyer is a TLS 1.3 peer that asks for new keys again and again (RFC 8446, 4.6.3), which
// package tls does not.
type rekeyer struct {
	t      *testing.T
	conn   net.Conn
	secret []byte
	seq    uint64
}

// newRekeyer is a TLS connection of ours to such a peer.
func newRekeyer(t *testing.T) (near net.Conn, far *rekeyer) {
	t.Helper()
	ours, theirs := tcpPair(t)
	server := tls.Server(wrapped{ours}, &tls.Config{Certificates: []tls.Certificate{certificate(t)}, MinVersion: tls.VersionTLS13})
	var keys bytes.Buffer
	client := tls.Client(theirs, &tls.Config{InsecureSkipVerify: true, KeyLogWriter: &keys})
	done := make(chan error, 1)
	go func() { done <- client.HandshakeContext(t.Context()) }()
	if err := server.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if suite := client.ConnectionState().CipherSuite; suite != tls.TLS_AES_128_GCM_SHA256 {
		t.Skipf("they speak %s", tls.CipherSuiteName(suite))
	}
	far = &rekeyer{t: t, conn: theirs}
	lines := bufio.NewScanner(&keys)
	for lines.Scan() {
		if words := strings.Fields(lines.Text()); words[0] == "CLIENT_TRAFFIC_SECRET_0" {
			far.secret, _ = hex.DecodeString(words[2])
		}
	}
	return server, far
}

// derived is HKDF-Expand-Label (RFC 8446, 7.1).
func (r *rekeyer) derived(label string, size int) []byte {
	label = "tls13 " + label
	info := binary.BigEndian.AppendUint16(nil, uint16(size))
	info = append(append(append(info, byte(len(label))), label...), 0)
	key, err := hkdf.Expand(sha256.New, r.secret, string(info), size)
	if err != nil {
		r.t.Fatal(err)
	}
	return key
}

// record is one record of a type.
func (r *rekeyer) record(kind byte, text ...byte) []byte {
	block, err := aes.NewCipher(r.derived("key", 16))
	if err != nil {
		r.t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		r.t.Fatal(err)
	}
	nonce := r.derived("iv", 12)
	for i, b := range binary.BigEndian.AppendUint64(nil, r.seq) {
		nonce[4+i] ^= b
	}
	r.seq++
	text = append(text, kind)
	head := append([]byte{23, 3, 3}, binary.BigEndian.AppendUint16(nil, uint16(len(text)+aead.Overhead()))...)
	return aead.Seal(head, nonce, text, head)
}

// rekey asks for new keys and takes new ones itself.
func (r *rekeyer) rekey() []byte {
	rec := r.record(22, 24, 0, 0, 1, 1)
	r.secret, r.seq = r.derived("traffic upd", sha256.Size), 0
	return rec
}

// flood asks for new keys until nobody takes it any more, and reads nothing. A line in
// between, which is empty, makes it no flood in the eyes of package tls.
func (r *rekeyer) flood() {
	for {
		batch := make([]byte, 0, 8<<10)
		for range 20 {
			batch = append(batch, r.record(23, '\n')...)
			for range 10 {
				batch = append(batch, r.rekey()...)
			}
		}
		_ = r.conn.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
		if _, err := r.conn.Write(batch); err != nil {
			return
		}
	}
}

// A TLS peer that has us write what it does not read, as the answers to its requests for
// new keys are, ends all the same: when its time is over, when it is closed, and when it
// is cut off. So it does where something of ours waits for it, too.
func TestWritesOfAReadEnd(t *testing.T) {
	for name, end := range map[string]func(c *Conn){
		"time":       nil,
		"close":      func(c *Conn) { c.Close(mining.Banned) },
		"cut":        func(c *Conn) { c.Cut(mining.Banned) },
		"slow close": func(c *Conn) { c.Send(reply("hello\n")); c.Close(mining.Banned) },
		"slow cut":   func(c *Conn) { c.Send(reply("hello\n")); c.Cut(mining.Banned) },
	} {
		t.Run(name, func(t *testing.T) {
			near, far := newRekeyer(t)
			defer func() { _ = far.conn.Close() }()
			s, cfg := &script{}, &Config{SocketBuffer: 8 << 10, DrainTimeout: 200 * time.Millisecond, MaxQueueAge: 200 * time.Millisecond}
			if end == nil {
				until := time.Now().Add(time.Second)
				s.tick = func(now time.Time) (mining.Reason, time.Time) {
					if now.Before(until) {
						return "", until
					}
					return mining.Banned, until
				}
			}
			c := New(near, nil, cfg)
			c.Send(reply("welcome\n")) // and once it has left there are the same bounds
			ended := make(chan mining.Reason, 1)
			go func() { ended <- c.Run(t.Context(), s) }()
			far.flood()
			if end != nil {
				end(c)
			}
			select {
			case reason := <-ended:
				if reason != mining.Banned && end != nil { // in time it is the write that ends it
					t.Errorf("it ended as %s", reason)
				}
			case <-time.After(20 * time.Second):
				t.Error("it is still there")
			}
		})
	}
}

package testkit

import (
	"bufio"
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
)

// The types of TLS records.
const (
	tlsHandshake   = 22
	tlsApplication = 23
)

// Rekeyer is a TLS 1.3 client that asks for new keys as often as it likes (RFC 8446,
// 4.6.3), which package tls does not. What it is told it has no keys for.
type Rekeyer struct {
	// Conn is the connection below.
	Conn   net.Conn
	secret []byte
	seq    uint64
}

// NewRekeyer shakes hands over a connection.
func NewRekeyer(ctx context.Context, conn net.Conn) (*Rekeyer, error) {
	var keys bytes.Buffer
	client := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, KeyLogWriter: &keys}) //nolint:gosec // whoever it is
	if err := client.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("shake hands: %w", err)
	}
	if suite := client.ConnectionState().CipherSuite; suite != tls.TLS_AES_128_GCM_SHA256 {
		return nil, fmt.Errorf("they speak %s", tls.CipherSuiteName(suite))
	}
	r := &Rekeyer{Conn: conn}
	for lines := bufio.NewScanner(&keys); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) == 3 && words[0] == "CLIENT_TRAFFIC_SECRET_0" {
			r.secret, _ = hex.DecodeString(words[2])
		}
	}
	return r, nil
}

// Data is a record of what is for the other side.
func (r *Rekeyer) Data(text string) []byte { return r.record(tlsApplication, []byte(text)) }

// Ask is a record that asks for new keys, and takes new ones for what comes after it.
func (r *Rekeyer) Ask() []byte {
	record := r.record(tlsHandshake, []byte{24, 0, 0, 1, 1})
	r.secret, r.seq = r.derived("traffic upd", sha256.Size), 0
	return record
}

// derived is HKDF-Expand-Label (RFC 8446, 7.1).
func (r *Rekeyer) derived(label string, size uint16) []byte {
	label = "tls13 " + label
	info := append(binary.BigEndian.AppendUint16(nil, size), byte(len(label))) //nolint:gosec // a label is short
	key, err := hkdf.Expand(sha256.New, r.secret, string(info)+label+"\x00", int(size))
	if err != nil {
		panic(err) // of sizes that are too large only
	}
	return key
}

// record is a record of a type.
func (r *Rekeyer) record(kind byte, text []byte) []byte {
	const keySize, ivSize = 16, 12
	block, err := aes.NewCipher(r.derived("key", keySize))
	if err != nil {
		panic(err) // of other sizes only
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // as above
	}
	nonce := r.derived("iv", ivSize)
	for i, b := range binary.BigEndian.AppendUint64(nil, r.seq) {
		nonce[ivSize-8+i] ^= b
	}
	r.seq++
	text = append(bytes.Clone(text), kind)
	size := uint16(len(text) + aead.Overhead()) //nolint:gosec // a record is short
	head := binary.BigEndian.AppendUint16([]byte{tlsApplication, 3, 3}, size)
	return aead.Seal(head, nonce, text, head)
}

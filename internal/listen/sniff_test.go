package listen

import (
	"bytes"
	"strings"
	"testing"
)

func TestSniff(t *testing.T) {
	for text, want := range map[string]protocol{
		"":                       undecided,
		"{":                      stratum,
		"[":                      stratum,
		"\n":                     stratum,
		"GET / HTTP/1.1":         webRequest,
		"POST /":                 webRequest,
		"HEAD /":                 webRequest,
		"PUT /":                  webRequest,
		"DELETE /":               webRequest,
		"OPTIONS ":               webRequest,
		"CONNECT ":               connectRequest,
		"PATCH /":                webRequest,
		"TRACE /":                webRequest,
		"PRI * HTTP/2.0":         webRequest,
		"G":                      undecided,
		"CONNECT":                undecided,
		"P":                      undecided,
		"GETX":                   unknown,
		"get / http":             unknown,
		"PROXY TCP4 192.0.2.1":   proxyHeader,
		"PROXY":                  undecided,
		"PROXYTCP4":              unknown,
		"PRO":                    undecided,
		"\x16":                   undecided,
		"\x16\x03\x01\x02":       tlsHello,
		"\x16\x04":               unknown,
		"\r":                     undecided, // PROXY v2 begins as empty lines do
		"\r\n\r\n":               undecided,
		"\r\n\r\n\x00":           undecided,
		"\r\n\r\n\x00\r\nQUIT\n": proxyHeader,
		"\r\n\r\n\x00\r\nQUIT ":  stratum, // the NUL ends it
		"\r\n{":                  stratum,
		"\r\n\r\n\r\n":           stratum,
		"\x0f\xff\x00\x00":       unknown,
		"\x00":                   unknown,
		"SSH-2.0":                unknown,
		"\"":                     unknown,
		"\xff\xfe\x00":           unknown,
		"id=1":                   unknown,
		strings.Repeat("A", 8):   unknown,
		"\xe2\x80\x8b{\"id\":1}": unknown,
		"\xef\xbb\xbf{\"id\":1}": unknown,
	} {
		if got := sniff([]byte(text)); got != want {
			t.Errorf("sniff(%q) = %d, want %d", text, got, want)
		}
	}
}

func FuzzSniff(f *testing.F) {
	for _, text := range []string{"{", "GET /", "\x16\x03", "CONNECT", "PR", "\x00"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p := sniff(b)
		if p == undecided && len(b) >= longestStart {
			t.Errorf("undecided after %d bytes", len(b))
		}
		// What is decided stays decided.
		if p != undecided && sniff(append(bytes.Clone(b), "more"...)) != p {
			t.Errorf("more bytes change what %q is", b)
		}
	})
}

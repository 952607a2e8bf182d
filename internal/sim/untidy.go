package sim

import (
	"encoding/json"
	"net"
	"strconv"

	"github.com/loka/stratum/sv1"
)

// maxStrictLine is the longest line that ckpool puts up with.
const maxStrictLine = 1024

// untidy says why a strict pool would close the connection for a line; ""
// when it would not.
//   - ckpool closes on a line over 1024 bytes
//   - DATUM closes when a request's id is not an integer
//   - ViaBTC closes when a field of a submit is not exactly as it should be
func untidy(line []byte, m *sv1.Message) string {
	if len(line) > maxStrictLine {
		return "line over 1024 bytes"
	}
	if m.Method == nil {
		return ""
	}
	if !isDigits(m.ID) {
		return "id is not an integer"
	}
	if sv1.ParseMethod(m.Method) != sv1.MethodSubmit {
		return ""
	}
	var params []string
	if json.Unmarshal(m.Params, &params) != nil {
		return "submit with parameters that are not strings"
	}
	if len(params) != 5 && len(params) != 6 {
		return "submit with " + strconv.Itoa(len(params)) + " parameters"
	}
	if !isLowerHex(params[2]) || len(params[2])%2 != 0 {
		return "extranonce2 is not lower-case hex"
	}
	for _, field := range params[3:] {
		if len(field) != 8 || !isLowerHex(field) {
			return "submit with a field that is not eight lower-case hex digits"
		}
	}
	return ""
}

func isDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

func isLowerHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// note books a line that a strict pool would not take.
func (p *Pool) note(why string, line []byte) {
	p.mu.Lock()
	p.stats.untidy++
	p.stats.lastUntidy = why + ": " + shorten(line)
	p.mu.Unlock()
	p.log.Debug("untidy line", "reason", why, "line", shorten(line))
}

func shorten(line []byte) string {
	const most = 200
	if len(line) > most {
		return string(line[:most]) + "…"
	}
	return string(line)
}

func splitHostPort(s string) (host string, port int) {
	host, text, err := net.SplitHostPort(s)
	if err != nil {
		return s, 0
	}
	port, _ = strconv.Atoi(text)
	return host, port
}

package sv1

import (
	"math"
	"strconv"
)

// Reconnect is client.reconnect. It is an old way to steal miners: see where
// it points before following it.
type Reconnect struct {
	// Host is nil when not given: the same host.
	Host []byte
	// Port is 0 when not given.
	Port int
	// Wait is in seconds.
	Wait int
}

// Decode reads params; the numbers may be strings.
func (r *Reconnect) Decode(params []byte) error {
	*r = Reconnect{}
	p, err := openParams(MethodReconnect, params)
	if err != nil {
		return err
	}
	var kind FieldKind
	if r.Host, kind = p.next().optionalText(); kind != 0 {
		return fault(MethodReconnect, "host", kind)
	}
	if v := p.next(); v.given() {
		if r.Port, kind = v.integer(math.MaxUint16); kind != 0 {
			return fault(MethodReconnect, "port", kind)
		}
	}
	if v := p.next(); v.given() {
		if r.Wait, kind = v.integer(math.MaxInt32); kind != 0 {
			return fault(MethodReconnect, "wait", kind)
		}
	}
	return p.end(MethodReconnect)
}

// Append appends the notification's line: no parameters without a host.
func (r *Reconnect) Append(dst []byte) []byte {
	dst = appendRequest(dst, nil, MethodReconnect)
	if r.Host != nil {
		dst = appendString(dst, r.Host)
		dst = strconv.AppendInt(append(dst, ','), int64(r.Port), 10)
		dst = strconv.AppendInt(append(dst, ','), int64(r.Wait), 10)
	}
	return append(dst, "]}\n"...)
}

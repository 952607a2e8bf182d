package sv1

// Subscribe is mining.subscribe.
type Subscribe struct {
	// UserAgent is what the miner calls itself; nil when not given. Untrusted.
	UserAgent []byte
	// Session is the second parameter, nil when absent or null. Most send the
	// session they want resumed; NiceHash sends a timestamp there.
	Session []byte
	// Host is the third parameter when it is text, nil otherwise: Braiins OS
	// sends the pool's host:port, NiceHash an HMAC.
	Host []byte
}

// Decode reads params, which may be absent (nil), null or [].
func (s *Subscribe) Decode(params []byte) error {
	*s = Subscribe{}
	p, err := openParams(MethodSubscribe, params)
	if err != nil || !p.more() {
		return err
	}
	var kind FieldKind
	if s.UserAgent, kind = p.next().optionalText(); kind != 0 {
		return fault(MethodSubscribe, "user agent", kind)
	}
	if s.Session, kind = p.next().optionalText(); kind != 0 {
		return fault(MethodSubscribe, "session", kind)
	}
	if host := p.next(); host.kind == kindString {
		s.Host = unescape(host.raw)
	}
	return p.end(MethodSubscribe)
}

// Append appends the request's line. A nil id is written as null.
func (s *Subscribe) Append(dst, id []byte) []byte {
	dst = appendRequest(dst, id, MethodSubscribe)
	if s.UserAgent != nil || s.Session != nil || s.Host != nil {
		dst = appendOptional(dst, s.UserAgent)
	}
	if s.Session != nil || s.Host != nil {
		dst = appendOptional(append(dst, ','), s.Session)
	}
	if s.Host != nil {
		dst = appendOptional(append(dst, ','), s.Host)
	}
	return append(dst, "]}\n"...)
}

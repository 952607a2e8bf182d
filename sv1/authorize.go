package sv1

// Authorize is mining.authorize.
type Authorize struct {
	// User is the login; a number is taken as its digits.
	User []byte
	// Password is nil when absent or null; a number is taken as its digits.
	Password []byte
}

// Decode reads params; all past the second are ignored.
func (a *Authorize) Decode(params []byte) error {
	*a = Authorize{}
	p, err := openParams(MethodAuthorize, params)
	if err != nil {
		return err
	}
	var kind FieldKind
	if a.User, kind = p.text(); kind != 0 {
		return fault(MethodAuthorize, "user", kind)
	}
	if a.Password, kind = p.next().optionalText(); kind != 0 {
		return fault(MethodAuthorize, "password", kind)
	}
	return p.end(MethodAuthorize)
}

// Append appends the request's line. A nil id is written as null, a nil
// password as "".
func (a *Authorize) Append(dst, id []byte) []byte {
	dst = appendRequest(dst, id, MethodAuthorize)
	dst = appendString(dst, a.User)
	dst = appendString(append(dst, ','), a.Password)
	return append(dst, "]}\n"...)
}

package sv1

// GetVersion is client.get_version; unlike other messages of a pool it has an
// id and wants a reply, made by [AppendText].
type GetVersion struct{}

// Decode takes any params.
func (GetVersion) Decode(_ []byte) error { return nil }

// Append appends the request's line. A nil id is written as null.
func (GetVersion) Append(dst, id []byte) []byte {
	return append(appendRequest(dst, id, MethodGetVersion), "]}\n"...)
}

package sv1

// Ping is mining.ping, sent by either side.
type Ping struct{}

// Decode takes any params.
func (Ping) Decode(_ []byte) error { return nil }

// Append appends the request's line. A nil id is written as null.
func (Ping) Append(dst, id []byte) []byte {
	return append(appendRequest(dst, id, MethodPing), "]}\n"...)
}

// AppendPong appends the reply to a ping, as cgminer makes it.
func AppendPong(dst, id []byte) []byte { return AppendText(dst, id, "pong") }

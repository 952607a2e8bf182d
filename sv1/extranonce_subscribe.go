package sv1

// ExtranonceSubscribe is mining.extranonce.subscribe.
type ExtranonceSubscribe struct{}

// Decode takes any params.
func (ExtranonceSubscribe) Decode(_ []byte) error { return nil }

// Append appends the request's line. A nil id is written as null.
func (ExtranonceSubscribe) Append(dst, id []byte) []byte {
	return append(appendRequest(dst, id, MethodExtranonceSubscribe), "]}\n"...)
}

package sv1

// ShowMessage is client.show_message.
type ShowMessage struct {
	Text []byte
}

// Decode reads params.
func (s *ShowMessage) Decode(params []byte) error {
	*s = ShowMessage{}
	p, err := openParams(MethodShowMessage, params)
	if err != nil {
		return err
	}
	var kind FieldKind
	if s.Text, kind = p.text(); kind != 0 {
		return fault(MethodShowMessage, "text", kind)
	}
	return p.end(MethodShowMessage)
}

// Append appends the notification's line.
func (s *ShowMessage) Append(dst []byte) []byte {
	dst = appendRequest(dst, nil, MethodShowMessage)
	return append(appendString(dst, s.Text), "]}\n"...)
}

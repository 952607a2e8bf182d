package sv1

// GetTransactions is mining.get_transactions, of which bfgminer makes use.
type GetTransactions struct {
	JobID []byte
}

// Decode reads params.
func (g *GetTransactions) Decode(params []byte) error {
	*g = GetTransactions{}
	p, err := openParams(MethodGetTransactions, params)
	if err != nil {
		return err
	}
	var kind FieldKind
	if g.JobID, kind = p.text(); kind != 0 {
		return fault(MethodGetTransactions, "job id", kind)
	}
	return p.end(MethodGetTransactions)
}

// Append appends the request's line. A nil id is written as null.
func (g *GetTransactions) Append(dst, id []byte) []byte {
	dst = appendRequest(dst, id, MethodGetTransactions)
	return append(appendString(dst, g.JobID), "]}\n"...)
}

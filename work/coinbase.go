package work

// AppendCoinbase appends a job's coinbase transaction without witness: the
// bytes of coinb1, extranonce1, extranonce2 and coinb2 in this order. Its
// [DoubleSHA256] is the transaction id. It does not allocate where dst has
// room.
func AppendCoinbase(dst, prefix []byte, en1, en2 Extranonce, suffix []byte) []byte {
	dst = append(dst, prefix...)
	dst = append(dst, en1.b[:en1.n]...)
	dst = append(dst, en2.b[:en2.n]...)
	return append(dst, suffix...)
}

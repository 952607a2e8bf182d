package sv1

import (
	"bytes"
	"io"
)

// Reader reads lines from a stream. Its memory grows with the longest line
// seen, up to the limit.
type Reader struct {
	r     io.Reader
	limit int
	// buf[start:end] is read and not yet returned; buf[start:seen] of it holds
	// no LF, and never more than limit bytes and a CR.
	buf              []byte
	start, seen, end int
	// err is what ends the stream once the buffer has no complete line.
	err error
}

// firstBuffer is what a Reader begins with, in bytes.
const firstBuffer = 1024

// NewReader returns a Reader of lines of at most limit bytes, line end not
// counted.
func NewReader(r io.Reader, limit int) *Reader { return &Reader{r: r, limit: limit} }

// ReadLine returns the next line that is not blank, without its LF or CRLF;
// it is valid until the next call. Errors stay: [ErrLineTooLong], [ErrNUL],
// io.EOF after the last complete line, io.ErrUnexpectedEOF when the stream
// ends within a line, which is dropped, or what the stream returned.
func (r *Reader) ReadLine() ([]byte, error) {
	for {
		line, err := r.buffered()
		if line != nil || err != nil {
			return line, err
		}
		if r.err != nil {
			return nil, r.last()
		}
		r.fill()
	}
}

// buffered cuts the next line off the buffer; nil when there is none.
func (r *Reader) buffered() ([]byte, error) {
	unseen := r.buf[r.seen:r.end]
	r.seen = r.end
	if bytes.IndexByte(unseen, '\n') < 0 && bytes.IndexByte(unseen, 0) < 0 && r.end-r.start <= r.limit {
		return nil, nil
	}
	line, rest, err := SplitLine(r.buf[r.start:r.end], r.limit)
	if err != nil {
		r.start, r.seen, r.end, r.err = 0, 0, 0, err
		return nil, err
	}
	r.start = r.end - len(rest)
	if line != nil {
		r.seen = r.start
	}
	return line, nil
}

// last is the error that ends the stream. A piece of a line before the end of
// the stream is dropped.
func (r *Reader) last() error {
	if r.err == io.EOF && !isBlank(r.buf[r.start:r.end]) { //nolint:errorlint // a Reader's contract is io.EOF itself
		r.err = io.ErrUnexpectedEOF
	}
	return r.err
}

// fill reads once into the buffer, which is made larger, but not beyond what a
// line may need, when it is full.
func (r *Reader) fill() {
	if r.start > 0 {
		r.end = copy(r.buf, r.buf[r.start:r.end])
		r.seen -= r.start
		r.start = 0
	}
	if r.end == len(r.buf) {
		most := r.limit + len("\r\n")
		larger := make([]byte, min(most, max(firstBuffer, 2*len(r.buf))))
		copy(larger, r.buf[:r.end])
		r.buf = larger
	}
	for range 100 {
		n, err := r.r.Read(r.buf[r.end:])
		r.end += n
		if r.err = err; n > 0 || err != nil {
			return
		}
	}
	r.err = io.ErrNoProgress
}

// SplitLine cuts the first line that is not blank off buf, without its LF or
// CRLF. A nil line with a nil error means that buf holds no complete line:
// keep rest and read more. The error is [ErrLineTooLong] (no end within limit
// bytes) or [ErrNUL].
func SplitLine(buf []byte, limit int) (line, rest []byte, err error) {
	for {
		n := bytes.IndexByte(buf, '\n')
		if n < 0 {
			return nil, buf, checkLine(trimCR(buf), limit)
		}
		line, rest = trimCR(buf[:n:n]), buf[n+1:]
		if err := checkLine(line, limit); err != nil {
			return nil, buf, err
		}
		if !isBlank(line) {
			return line, rest, nil
		}
		buf = rest
	}
}

// checkLine checks a line, or the beginning of one.
func checkLine(line []byte, limit int) error {
	switch {
	case len(line) > limit:
		return ErrLineTooLong
	case bytes.IndexByte(line, 0) >= 0:
		return ErrNUL
	}
	return nil
}

// trimCR removes a CR at the end.
func trimCR(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		return line[:n-1]
	}
	return line
}

// isBlank reports whether a line has nothing but white space.
func isBlank(line []byte) bool { return skipSpace(line, 0) == len(line) }

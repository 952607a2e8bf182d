package httpapi

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"
)

const (
	// chunkBytes is how much of a file is sent at a time, and chunkTimeout how long
	// a client may take to read that.
	chunkBytes   = 64 << 10
	chunkTimeout = 30 * time.Second
)

// errClient is a client that is gone, or that does not read.
var errClient = errors.New("the client does not take it")

// download sends a file in chunks. Nothing is sent before the first chunk is
// full, so that what fails at once can be told by a problem.
type download struct {
	w      http.ResponseWriter
	ctl    *http.ResponseController
	now    func() time.Time
	header http.Header
	buf    []byte
	begun  bool
	bytes  int64
}

func newDownload(w http.ResponseWriter, now func() time.Time, header http.Header) *download {
	return &download{w: w, ctl: http.NewResponseController(w), now: now, header: header, buf: make([]byte, 0, chunkBytes)}
}

// Write implements [io.Writer].
func (d *download) Write(b []byte) (int, error) {
	all := len(b)
	for len(b) > 0 {
		n := min(len(b), chunkBytes-len(d.buf))
		d.buf, b = append(d.buf, b[:n]...), b[n:]
		if len(d.buf) == chunkBytes {
			if err := d.flush(); err != nil {
				return all - len(b), err
			}
		}
	}
	return all, nil
}

// begin sends the head.
func (d *download) begin() {
	if !d.begun {
		d.begun = true
		maps.Copy(d.w.Header(), d.header)
		d.w.WriteHeader(http.StatusOK)
	}
}

// flush sends what there is. The time that the server has for a whole answer
// begins anew with each chunk.
func (d *download) flush() error {
	if err := d.ctl.SetWriteDeadline(d.now().Add(chunkTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("%w: %w", errClient, err)
	}
	d.begin()
	n, err := d.w.Write(d.buf)
	d.bytes += int64(n)
	d.buf = d.buf[:0]
	if err == nil {
		err = d.ctl.Flush()
	}
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("%w: %w", errClient, err)
	}
	return nil
}

// end sends the rest.
func (d *download) end() error { return d.flush() }

package testkit

import (
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// half carries bytes in one direction.
type half struct {
	mu   sync.Mutex
	cond sync.Cond
	// limit is how many bytes wait in it at most, as in socket buffers.
	limit int
	buf   []byte

	fin    bool // the writer closed; what is in buf is still read
	closed bool // the reader closed; what is written is lost
	reset  bool // the writer reset; what is in buf is lost

	// chunk is how many bytes one read returns at most; 0 is no limit.
	chunk int
	// frozen stops the reader's side taking anything in.
	frozen bool
	// finWithData lets a read return the last bytes together with io.EOF.
	finWithData bool
	// failAfter is after how many more bytes writes fail with failErr.
	failAfter int
	failErr   error
	writes    int

	readBy, writeBy deadline
}

// deadline is a time that wakes whoever waits at the half.
type deadline struct {
	timer  *time.Timer
	turn   int
	passed bool
}

func newHalf(limit int) *half {
	h := &half{limit: limit}
	h.cond.L = &h.mu
	return h
}

// set changes a deadline of h.
func (h *half) set(d *deadline, t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d.turn++
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.passed = false
	if t.IsZero() {
		return
	}
	wait := time.Until(t)
	if wait <= 0 {
		d.passed = true
		h.cond.Broadcast()
		return
	}
	turn := d.turn
	d.timer = time.AfterFunc(wait, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if d.turn == turn {
			d.passed = true
			h.cond.Broadcast()
		}
	})
}

// change alters h and wakes whoever waits at it.
func (h *half) change(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	h.cond.Broadcast()
}

// stop ends the timers of h.
func (h *half) stop() {
	h.set(&h.readBy, time.Time{})
	h.set(&h.writeBy, time.Time{})
}

func (h *half) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.closed:
			return 0, os.ErrClosed
		case h.readBy.passed:
			return 0, os.ErrDeadlineExceeded
		case h.reset:
			return 0, syscall.ECONNRESET
		case len(h.buf) > 0 && len(p) > 0:
			if h.chunk > 0 {
				p = p[:min(len(p), h.chunk)]
			}
			n := copy(p, h.buf)
			h.buf = h.buf[n:]
			h.cond.Broadcast()
			if h.finWithData && h.fin && len(h.buf) == 0 {
				return n, io.EOF
			}
			return n, nil
		case h.fin:
			return 0, io.EOF
		case len(p) == 0:
			return 0, nil
		}
		h.cond.Wait()
	}
}

func (h *half) write(p []byte) (n int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.writes++
	for len(p) > 0 {
		room := 0
		if !h.frozen {
			room = min(h.limit-len(h.buf), len(p))
		}
		if h.failErr != nil {
			room = min(room, h.failAfter)
		}
		switch {
		case h.fin:
			return n, os.ErrClosed
		case h.writeBy.passed:
			return n, os.ErrDeadlineExceeded
		case h.failErr != nil && h.failAfter == 0:
			return n, h.failErr
		case h.closed:
			return n, syscall.EPIPE
		case room > 0:
			h.buf = append(h.buf, p[:room]...)
			p = p[room:]
			n += room
			if h.failErr != nil {
				h.failAfter -= room
			}
			h.cond.Broadcast()
		default:
			h.cond.Wait()
		}
	}
	return n, nil
}

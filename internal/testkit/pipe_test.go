package testkit

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestPipeCarriesBytesAndEOF(t *testing.T) {
	a, b := Pipe()
	if _, err := a.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := a.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(b)
	if err != nil || string(got) != "hello" {
		t.Fatalf("read %q, %v", got, err)
	}
	// The other direction still works after a half close.
	if _, err = b.Write([]byte("back")); err != nil {
		t.Fatal(err)
	}
	_ = b.Close()
	if got, err = io.ReadAll(a); err != nil || string(got) != "back" {
		t.Fatalf("read %q, %v", got, err)
	}
	if _, err = a.Write([]byte("x")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("write after CloseWrite: %v", err)
	}
}

func TestPipeDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := PipeSize(4)
		defer func() { _ = a.Close() }()
		defer func() { _ = b.Close() }()
		start := time.Now()
		_ = a.SetReadDeadline(start.Add(3 * time.Second))
		_, err := a.Read(make([]byte, 1))
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 3*time.Second {
			t.Fatalf("%v after %v", err, time.Since(start))
		}
		var netErr net.Error
		if !errors.As(err, &netErr) || !netErr.Timeout() {
			t.Error("a passed deadline is not a timeout")
		}
		_ = a.SetReadDeadline(time.Time{})
		_ = a.SetWriteDeadline(time.Now().Add(time.Second))
		n, err := a.Write([]byte("123456"))
		if n != 4 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("wrote %d, %v", n, err)
		}
		// A deadline moved while a read waits counts from then on.
		_ = b.SetReadDeadline(time.Time{})
		_, _ = b.Read(make([]byte, 4))
		go func() {
			time.Sleep(time.Second)
			_ = b.SetReadDeadline(time.Now())
		}()
		if _, err = b.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
	})
}

func TestPipeReset(t *testing.T) {
	a, b := Pipe()
	_, _ = a.Write([]byte("lost"))
	a.Reset()
	if _, err := b.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read: %v", err)
	}
	if _, err := b.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("write: %v", err)
	}
}

func TestPipeCloseWakesBothEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := PipeSize(1)
		done := make(chan error, 2)
		go func() { _, err := a.Read(make([]byte, 1)); done <- err }()
		go func() { _, err := a.Write([]byte("12")); done <- err }()
		synctest.Wait()
		_ = b.Close()
		for range 2 {
			if err := <-done; err == nil {
				t.Error("a wait at a closed end succeeded")
			}
		}
	})
}

func TestPipeMisbehaviour(t *testing.T) {
	t.Run("chunk", func(t *testing.T) {
		a, b := Pipe()
		b.Chunk(1)
		_, _ = a.Write([]byte("abc"))
		if n, _ := b.Read(make([]byte, 8)); n != 1 || b.Buffered() != 2 {
			t.Errorf("read %d, %d left", n, b.Buffered())
		}
	})
	t.Run("fail", func(t *testing.T) {
		a, b := Pipe()
		a.FailWrites(2, syscall.EIO)
		if n, err := a.Write([]byte("abc")); n != 2 || !errors.Is(err, syscall.EIO) || a.Writes() != 1 {
			t.Errorf("wrote %d, %v", n, err)
		}
		if b.Buffered() != 2 {
			t.Errorf("%d came", b.Buffered())
		}
	})
	t.Run("freeze", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a, b := Pipe()
			b.Freeze()
			_ = a.SetWriteDeadline(time.Now().Add(time.Second))
			if n, err := a.Write([]byte("abc")); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("wrote %d, %v", n, err)
			}
			b.Thaw()
			_ = a.SetWriteDeadline(time.Time{})
			if n, err := a.Write([]byte("abc")); n != 3 || err != nil {
				t.Errorf("wrote %d, %v", n, err)
			}
		})
	})
	t.Run("fin with data", func(t *testing.T) {
		a, b := Pipe()
		b.FINWithData()
		_, _ = a.Write([]byte("abc"))
		_ = a.Close()
		if n, err := b.Read(make([]byte, 8)); n != 3 || !errors.Is(err, io.EOF) {
			t.Errorf("read %d, %v", n, err)
		}
	})
}

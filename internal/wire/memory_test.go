package wire

import (
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/mining"
)

func TestBadLines(t *testing.T) {
	for way, with := range ways() {
		for text, want := range map[string]mining.Reason{
			"0123456789abcdef0\n":  mining.LineTooLong,
			"0123456789abcdef0":    mining.LineTooLong,
			"0123456789abcdef\r\n": mining.LineTooLong,
			"a\x00b\n":             mining.NULByte,
			"a\x00":                mining.NULByte,
			"\x00\n":               mining.NULByte,
		} {
			for _, before := range []string{"ok\n", "", "\n", "o", "good\nbe"} {
				t.Run(fmt.Sprintf("%s %q after %q", way, text, before), func(t *testing.T) {
					with(t, Config{MaxLine: 16}, func(r *rig) {
						r.echo()
						r.start()
						r.say(before + text)
						r.end(want)
						if whole, _, ok := strings.Cut(before, "\n"); ok && whole != "" {
							r.hear("[" + whole + "]\n")
						}
						r.hearEnd()
					})
				})
			}
		}
	}
}

func TestWriteFailsMidway(t *testing.T) {
	for err, want := range map[error]mining.Reason{
		syscall.EIO:        mining.WriteFailed,
		syscall.ECONNRESET: mining.PeerReset,
		syscall.EPIPE:      mining.PeerReset,
	} {
		t.Run(err.Error(), func(t *testing.T) {
			ways()["memory"](t, Config{}, func(r *rig) {
				r.near.FailWrites(3, err)
				r.start()
				r.conn.Send(reply("hello\n"))
				r.end(want)
				r.hear("hel")
				r.hearEnd()
				if stats := r.conn.Stats(); stats.BytesOut != 3 || stats.FramesOut != 0 || stats.QueuedBytes != 0 {
					t.Errorf("stats are %+v", stats)
				}
			})
		})
	}
}

func TestReadFails(t *testing.T) {
	ways()["memory"](t, Config{}, func(r *rig) {
		r.conn.conn = failing{r.near}
		r.start()
		r.end(mining.ReadFailed)
	})
}

// failing is a connection that cannot be read.
type failing struct{ net.Conn }

func (failing) Read([]byte) (int, error) { return 0, syscall.EIO }

func TestSlowReaderWithinBounds(t *testing.T) {
	ways()["memory"](t, Config{MaxQueueAge: 10 * time.Second}, func(r *rig) {
		r.start()
		var want strings.Builder
		go func() {
			for i := range 64 {
				text := strings.Repeat(string(rune('a'+i%26)), 2048)
				want.WriteString(text)
				r.conn.Send(reply(text))
			}
		}()
		synctest.Wait()
		// 128 KiB at 4 KiB each 200 ms: 6.4 s, within the age.
		got := make([]byte, 0, 128<<10)
		for len(got) < cap(got) {
			time.Sleep(200 * time.Millisecond)
			n, err := r.peer.Read(got[len(got):min(cap(got), len(got)+4096)])
			if err != nil {
				t.Fatalf("after %d bytes: %v", len(got), err)
			}
			got = got[:len(got)+n]
		}
		if string(got) != want.String() {
			t.Error("the bytes differ")
		}
	})
}

func TestFINWithData(t *testing.T) {
	ways()["memory"](t, Config{}, func(r *rig) {
		r.near.FINWithData()
		r.echo()
		r.say("one\ntw")
		r.closeWrite()
		r.start()
		r.hear("[one]\n")
		r.hearEnd()
		r.end(mining.PeerClosed)
	})
}

func TestFrozenPeerAgesInVirtualTime(t *testing.T) {
	ways()["memory"](t, Config{MaxQueueAge: 10 * time.Second}, func(r *rig) {
		r.far.Freeze()
		r.start()
		start := time.Now()
		r.conn.Send(reply("first"))
		time.Sleep(4 * time.Second)
		r.conn.Send(reply("second"))
		r.end(mining.SlowConsumer)
		if age := time.Since(start); age != 10*time.Second {
			t.Errorf("ended after %v, want 10s", age)
		}
	})
}

func TestContextCauseNamesTheReason(t *testing.T) {
	ways()["memory"](t, Config{}, func(r *rig) {
		r.start()
		r.cancel(named{mining.MinerGone})
		r.end(mining.MinerGone)
	})
}

func TestErrorWithoutReason(t *testing.T) {
	ways()["memory"](t, Config{}, func(r *rig) {
		r.handler.line = func(string) error { return io.ErrNoProgress }
		r.start()
		r.say("x\n")
		r.end(mining.InternalError)
	})
}

package wire

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loka/stratum/internal/mining"
)

// named is an error with a reason, as handlers return.
type named struct{ reason mining.Reason }

func (e named) Error() string         { return string(e.reason) }
func (e named) Reason() mining.Reason { return e.reason }

// behaviour is one test that every kind of connection must pass.
type behaviour struct {
	name string
	cfg  Config
	test func(r *rig)
}

func behaviours() []behaviour {
	short := Config{MaxLine: 16, MaxQueueAge: 300 * time.Millisecond, DrainTimeout: 200 * time.Millisecond}
	patient := Config{MaxQueueAge: time.Minute, DrainTimeout: time.Minute}
	hasty := Config{MaxQueueAge: time.Minute, DrainTimeout: 100 * time.Millisecond}
	return []behaviour{
		{"lines", short, testLines},
		{"one byte at a time", short, testOneByte},
		{"peer closes", short, testPeerCloses},
		{"partial line then FIN", short, testPartialFIN},
		{"lines then FIN", short, testLinesFIN},
		{"reset", short, testReset},
		{"line limit moves", short, testSetMaxLine},
		{"preread", short, testPreread},
		{"handler error", short, testHandlerError},
		{"close flushes", patient, testCloseFlushes},
		{"close does not wait for ever", hasty, testCloseFrozen},
		{"context ends", short, testContext},
		{"queue bytes", Config{MaxQueueBytes: 8 << 10, MaxQueueAge: time.Minute}, testQueueBytes},
		{"queue frames", Config{MaxQueueFrames: 8, MaxQueueAge: time.Minute}, testQueueFrames},
		{"queue age", short, testQueueAge},
		{"superseded", patient, testSuperseded},
		{"overtakes", patient, testOvertakes},
		{"large frame", patient, testLargeFrame},
		{"before the start", patient, testBeforeStart},
		{"too much before the start", Config{MaxQueueBytes: 8 << 10}, testTooMuchBeforeStart},
		{"cork", short, testCork},
		{"gather", short, testGather},
		{"blocked line", short, testBlockedLine},
		{"blocked line at the end", short, testBlockedLineEnds},
		{"tick", short, testTick},
		{"tick in the past", short, testTickPast},
		{"wake", short, testWake},
		{"many senders", patient, testManySenders},
	}
}

func TestBehaviour(t *testing.T) {
	for way, with := range ways() {
		t.Run(way, func(t *testing.T) {
			for _, b := range behaviours() {
				t.Run(b.name, func(t *testing.T) { with(t, b.cfg, b.test) })
			}
		})
	}
}

// A real socket that seemed full finds more room on a busy machine, where its
// acknowledgements come late. The tests of what waits must not depend on it.
func TestFullStaysFull(t *testing.T) {
	ways()["tcp"](t, Config{MaxQueueAge: 300 * time.Millisecond}, func(r *rig) {
		r.start()
		sent := r.fill()
		r.hear(string(sent[:2<<10]))
		if n := r.conn.Stats().QueuedBytes; n == 0 {
			t.Error("nothing waits any more")
			return
		}
		r.end(mining.SlowConsumer)
	})
}

func testLines(r *rig) {
	r.echo()
	r.start()
	r.say("one\n\r\n\ntwo\r\nth")
	r.hear("[one]\n[two]\n")
	r.say("ree\n \n\r")
	r.hear("[three]\n[ ]\n")
	r.say("\n\n")
	r.say("a\rb\r\r\n")
	r.hear("[a\rb\r]\n")
	if r.near != nil {
		synctest.Wait()
	}
	want := Stats{BytesIn: 29, LinesIn: 5, BytesOut: 31, FramesOut: 5}
	if stats := r.conn.Stats(); stats != want {
		r.t.Errorf("stats are %+v, want %+v", stats, want)
	}
}

func testOneByte(r *rig) {
	if r.near != nil {
		r.near.Chunk(1)
	}
	r.echo()
	r.start()
	text := "ab\r\n\ncd\nef\n"
	for i := range text {
		r.say(text[i : i+1])
	}
	r.hear("[ab]\n[cd]\n[ef]\n")
}

func testPeerCloses(r *rig) {
	r.start()
	r.say("x\n")
	r.closeWrite()
	r.end(mining.PeerClosed)
	r.hearEnd()
}

func testPartialFIN(r *rig) {
	r.echo()
	r.start()
	r.say("whole\npart")
	r.closeWrite()
	r.end(mining.PeerClosed)
	r.hear("[whole]\n")
	r.hearEnd()
	if heard := r.handler.heard(); !slices.Equal(heard, []string{"whole"}) {
		r.t.Errorf("handler heard %q", heard)
	}
}

func testLinesFIN(r *rig) {
	r.echo()
	// Both are there before the connection looks.
	r.say("one\ntwo\n")
	r.closeWrite()
	r.start()
	r.hear("[one]\n[two]\n")
	r.hearEnd()
	r.end(mining.PeerClosed)
}

func testReset(r *rig) {
	r.start()
	r.say("x\n")
	r.reset()
	r.end(mining.PeerReset)
}

func testSetMaxLine(r *rig) {
	r.handler.line = func(string) error {
		r.conn.SetMaxLine(20)
		r.conn.Send(reply("+"))
		return nil
	}
	r.start()
	r.say("0123456789abcdef\n0123456789abcdefghij\n")
	r.hear("++")
	r.say("0123456789abcdefghijk")
	r.end(mining.LineTooLong)
}

func testPreread(r *rig) {
	r.conn.preread = []byte("one\ntw")
	r.echo()
	r.start()
	r.hear("[one]\n")
	r.say("o\n")
	r.hear("[two]\n")
}

func testHandlerError(r *rig) {
	r.handler.line = func(line string) error {
		r.conn.Send(reply("no\n"))
		return fmt.Errorf("line %s: %w", line, named{mining.TooManyErrors})
	}
	r.start()
	r.say("one\ntwo\n")
	r.end(mining.TooManyErrors)
	r.hear("no\n")
	r.hearEnd()
	if heard := r.handler.heard(); len(heard) != 1 {
		r.t.Errorf("handler heard %q after its error", heard)
	}
}

func testCloseFlushes(r *rig) {
	r.start()
	want := r.fill()
	r.conn.Close(mining.IdleTimeout)
	r.conn.Close(mining.Shutdown)
	r.conn.Send(reply("too late"))
	r.hear(string(want))
	r.hearEnd()
	r.end(mining.IdleTimeout)
}

func testCloseFrozen(r *rig) {
	r.start()
	r.fill()
	r.conn.Close(mining.IdleTimeout)
	r.end(mining.IdleTimeout)
}

func testContext(r *rig) {
	r.start()
	r.conn.Send(reply("bye\n"))
	r.cancel(context.Canceled)
	r.end(mining.Shutdown)
	r.hear("bye\n")
	r.hearEnd()
}

func testQueueBytes(r *rig) {
	r.start()
	r.fill()
	for !r.over() {
		r.conn.Send(Frame{Data: make([]byte, 1024)})
	}
	r.end(mining.SlowConsumer)
}

func testQueueFrames(r *rig) {
	r.start()
	r.fill()
	for !r.over() {
		r.conn.Send(reply("x"))
	}
	r.end(mining.SlowConsumer)
}

func testQueueAge(r *rig) {
	r.start()
	start := time.Now()
	r.fill()
	r.end(mining.SlowConsumer)
	if age := time.Since(start); age < 300*time.Millisecond {
		r.t.Errorf("a frame may wait 300ms and waited %v", age)
	}
}

func testSuperseded(r *rig) {
	r.start()
	want := string(r.fill())
	setting := func(key uint8, text string) Frame { return Frame{Class: Setting, Key: key, Data: []byte(text)} }
	update := func(text string) Frame { return Frame{Class: Update, Data: []byte(text)} }
	r.conn.Send(setting(1, "d1 "), update("u1 "), reply("r1 "), setting(1, "d2 "), setting(2, "m1 "), reply("r2 "))
	r.conn.Send(setting(1, "d3 "), Frame{Class: Reset, Data: []byte("c1 ")}, setting(1, "d4 "), update("u2 "))
	r.conn.Close(mining.Shutdown)
	r.hear(want + "m1 d3 c1 r1 r2 d4 u2 ")
	r.hearEnd()
}

func testOvertakes(r *rig) {
	r.start()
	sent := string(r.fill())
	waiting := r.conn.Stats().QueuedBytes
	r.conn.Send(reply("r1 "), Frame{Class: Anchor, Data: []byte("a1 ")}, reply("r2 "))
	r.conn.Send(Frame{Class: Setting, Key: 1, Data: []byte("d1 ")}, Frame{Class: Reset, Data: []byte("c1 ")}, reply("r3 "))
	r.conn.Send(Frame{Class: Setting, Key: 1, Data: []byte("d2 ")}, Frame{Class: Reset, Data: []byte("c2 ")})
	if n := r.conn.Stats().QueuedBytes; n != waiting+6*3 && r.near != nil { // a real socket may have taken more
		r.t.Errorf("%d bytes wait, before it were %d", n, waiting)
	}
	r.conn.Close(mining.Shutdown)
	r.hear(sent + "r1 a1 d2 c2 r2 r3 ")
	r.hearEnd()
}

// testLargeFrame has a job of which no peer takes the whole at once: it began
// to leave, so the next one does not replace it.
func testLargeFrame(r *rig) {
	r.start()
	r.conn.Send(reply("hi "))
	r.hear("hi ") // what is sent before the start only gathers
	old := strings.Repeat("o", 64<<10)
	r.conn.Send(Frame{Class: Reset, Data: []byte(old)})
	if r.near != nil {
		synctest.Wait()
	}
	if stats := r.conn.Stats(); stats.QueuedFrames != 1 || stats.FramesOut != 1 {
		r.t.Errorf("stats are %+v", stats)
	}
	r.conn.Send(reply("r1 "))
	r.conn.Send(Frame{Class: Reset, Data: []byte("new ")})
	r.conn.Close(mining.Shutdown)
	r.hear(old + "new r1 ")
	r.hearEnd()
	r.end(mining.Shutdown)
	if stats := r.conn.Stats(); stats.FramesOut != 4 || stats.BytesOut != 64<<10+10 {
		r.t.Errorf("stats are %+v", stats)
	}
}

func testBeforeStart(r *rig) {
	r.conn.Send(reply("one "))
	r.conn.Send(reply("two "))
	r.start()
	r.hear("one two ")
	r.conn.Send(reply("three "))
	r.hear("three ")
}

func testTooMuchBeforeStart(r *rig) {
	for range 64 {
		r.conn.Send(Frame{Data: make([]byte, 1024)})
	}
	r.start()
	r.end(mining.SlowConsumer)
}

func testCork(r *rig) {
	flushed := make(chan struct{})
	r.handler.line = func(line string) error {
		r.conn.Send(reply("[" + line + "]"))
		return nil
	}
	r.handler.flush = func() {
		if n := r.conn.Stats().QueuedFrames; n != 3 {
			r.t.Errorf("%d frames gathered before the flush, want 3", n)
		}
		r.conn.Send(reply("flush"))
		close(flushed)
	}
	before := 0
	if r.near != nil {
		before = r.near.Writes()
	}
	r.say("a\nb\nc\n")
	r.start()
	r.hear("[a][b][c]flush")
	<-flushed
	if r.near != nil && r.near.Writes()-before != 1 {
		r.t.Errorf("three lines of one read were answered by %d writes", r.near.Writes()-before)
	}
}

func testGather(r *rig) {
	r.handler.line = func(line string) error {
		r.conn.Gather(true)
		r.conn.Send(reply("one"))
		r.conn.Gather(false)
		if n := r.conn.Stats().QueuedFrames; n != 1 {
			r.t.Errorf("%d frames wait for the end of the read, want 1", n)
		}
		r.conn.Send(reply("[" + line + "]"))
		return nil
	}
	r.start()
	r.say("x\n")
	r.hear("one[x]")
	r.conn.Gather(true)
	r.conn.Send(reply("two"))
	r.conn.Send(reply("three"))
	if n := r.conn.Stats().QueuedFrames; n != 2 {
		r.t.Errorf("%d frames are gathered, want 2", n)
	}
	r.conn.Gather(false)
	r.hear("twothree")
	r.conn.Send(reply("four"))
	r.hear("four")
}

func testBlockedLine(r *rig) {
	release := make(chan struct{})
	r.handler.line = func(line string) error {
		r.conn.Send(reply("[" + line + "]"))
		if line == "wait" {
			r.conn.Uncork()
			<-release
		}
		return nil
	}
	r.start()
	r.say("one\nwait\ntwo\n")
	r.hear("[one][wait]")
	r.conn.Send(reply("other"))
	r.hear("other")
	close(release)
	r.hear("[two]")
}

func testBlockedLineEnds(r *rig) {
	blocked := make(chan struct{})
	r.handler.line = func(string) error {
		r.conn.Uncork()
		close(blocked)
		<-r.conn.Done()
		return errors.New("does not count any more")
	}
	r.start()
	r.say("x\ny\n")
	<-blocked
	r.cancel(nil)
	r.end(mining.Shutdown)
}

func testTick(r *rig) {
	turns := 0
	start := time.Now()
	r.handler.tick = func(now time.Time) (mining.Reason, time.Time) {
		if due := start.Add(time.Duration(turns) * 20 * time.Millisecond); now.Before(due) {
			r.t.Errorf("tick %d is %v early", turns, due.Sub(now))
		}
		if turns++; turns == 4 {
			r.conn.Send(reply("late"))
			return mining.IdleTimeout, time.Time{}
		}
		return "", start.Add(time.Duration(turns) * 20 * time.Millisecond)
	}
	r.start()
	r.hear("late")
	r.end(mining.IdleTimeout)
}

func testTickPast(r *rig) {
	r.handler.tick = func(now time.Time) (mining.Reason, time.Time) { return "", now.Add(-time.Hour) }
	r.echo()
	r.start()
	for range 5 {
		r.say("x\n")
		r.hear("[x]\n")
	}
}

func testWake(r *rig) {
	turns := make(chan struct{})
	r.handler.tick = func(time.Time) (mining.Reason, time.Time) {
		turns <- struct{}{}
		return "", time.Time{}
	}
	r.echo()
	r.start()
	<-turns
	for range 100 {
		r.conn.Wake()
		<-turns
	}
	r.say("x\n")
	r.hear("[x]\n")
	// Two calls before the handler is asked may be answered by one or two.
	r.conn.Wake()
	r.conn.Wake()
	<-turns
	go func() {
		for {
			select {
			case <-turns:
			case <-r.conn.Done():
				return
			}
		}
	}()
	r.conn.Close(mining.Shutdown)
	r.end(mining.Shutdown)
}

func testManySenders(r *rig) {
	const senders, frames = 8, 200
	r.echo()
	r.start()
	for s := range senders {
		go func() {
			for f := range frames {
				r.conn.Send(reply(fmt.Sprintf("%c%04d\n", 'A'+s, f)))
			}
		}()
	}
	go func() {
		for f := range frames {
			r.say(fmt.Sprintf("Z%04d\n", f))
		}
	}()
	next := map[byte]int{}
	for range (senders + 1) * frames {
		line, err := r.reader.ReadString('\n')
		if err != nil {
			r.t.Fatal(err)
		}
		line = strings.Trim(line, "[]\n")
		if want := fmt.Sprintf("%04d", next[line[0]]); line[1:] != want {
			r.t.Fatalf("sender %c: heard %s, want %s", line[0], line[1:], want)
		}
		next[line[0]]++
	}
}

// A cut waits for nothing to leave, though the peer could take its time.
func TestCut(t *testing.T) {
	for name, way := range ways() {
		t.Run(name, func(t *testing.T) {
			way(t, Config{MaxQueueAge: time.Hour, DrainTimeout: time.Hour}, func(r *rig) {
				r.start()
				r.fill()
				r.conn.Close(mining.Shutdown)
				r.conn.Cut(mining.GaveWay)
				r.end(mining.Shutdown)
			})
		})
	}
}

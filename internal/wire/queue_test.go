package wire

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// script of a queue test: "s1=a" is a Setting of key 1, "u=b" an Update,
// "c=c" a Reset, "r=d" a Reply, "a=e" an Anchor.
func parseFrame(tb testing.TB, text string) Frame {
	tb.Helper()
	name, data, _ := strings.Cut(text, "=")
	f := Frame{Data: []byte(data)}
	switch name[0] {
	case 's':
		f.Class, f.Key = Setting, name[1]-'0'
	case 'u':
		f.Class = Update
	case 'c':
		f.Class = Reset
	case 'r':
		f.Class = Reply
	case 'a':
		f.Class = Anchor
	default:
		tb.Fatalf("no frame %q", text)
	}
	return f
}

func TestQueueSupersedes(t *testing.T) {
	for _, tt := range []struct {
		push, want string
		gone       int
	}{
		{"r=a r=b", "ab", 0},
		{"s1=a s1=b", "b", 1},
		{"s1=a s2=b s1=c", "bc", 1},
		{"s1=a r=b s1=c", "bc", 1},
		{"s1=a u=b s1=c", "abc", 0},
		{"s1=a c=b s1=c", "abc", 0},
		{"u=a u=b", "ab", 0},
		{"u=a r=b c=c", "bc", 1},
		{"c=a u=b c=c", "c", 2},
		{"s1=a u=b s1=c c=d", "cd", 2},
		{"s1=a u=b s2=c s1=d u=e s1=f c=g", "cfg", 4},
		{"s1=a u=b r=c s1=d s1=e c=f", "cef", 3},
		{"s1=a c=b", "ab", 0},
		{"u=a s1=b u=c s1=d u=e c=f s1=g", "dfg", 4},
	} {
		t.Run(tt.push, func(t *testing.T) {
			var q queue
			gone := 0
			for text := range strings.FieldsSeq(tt.push) {
				gone += q.push(parseFrame(t, text))
			}
			if got := string(q.front()); got != tt.want || gone != tt.gone || q.len() != len(tt.want) {
				t.Errorf("queue holds %q, %d gone, want %q, %d", got, gone, tt.want, tt.gone)
			}
			q.clear()
		})
	}
}

// TestQueueLetsAResetPast has queues whose peer takes nothing: "." in a script
// is where it began not to.
func TestQueueLetsAResetPast(t *testing.T) {
	for _, tt := range []struct{ push, want string }{
		{"r=a r=b . c=c", "cab"},
		{"r=a . r=b c=c", "cab"},
		{"r=a r=b c=c", "abc"}, // all of it leaves in one write
		{"r=a . s1=b c=c", "bca"},
		{"r=a . s1=b r=c s2=d r=e c=f", "bdface"},
		{"r=a . s2=b s1=c s2=d c=e", "cdea"},
		{"r=a . s1=b u=c s1=d c=e", "dea"},
		{"s1=a r=b . c=c", "acb"},
		{"r=a . u=b r=c u=d c=e", "eac"},
		{"r=a . c=b r=c c=d", "dac"},
		{"r=a . s1=b c=c s2=d c=e", "bdea"},
		{"r=a . s1=b c=c s1=d c=e", "dea"},
		{"r=a . c=b s1=c u=d", "bacd"},
		{"r=a . c=b s1=c u=d c=e", "cea"},
		{"a=a . c=b", "ab"},
		{"r=a . a=b c=c", "abc"},
		{"r=a . a=b r=c c=d", "abdc"},
		{"a=a r=b . a=c r=d r=e c=f r=g", "abcfdeg"},
		{"s1=a . a=b r=c c=d", "abdc"}, // the Setting belongs before the Anchor
		{"s1=a . a=b s1=c r=d c=e", "bced"},
		{"r=a . s1=b a=c s2=d r=e c=f", "abcdfe"},
		{"r=a . c=b a=c c=d", "acd"},
	} {
		t.Run(tt.push, func(t *testing.T) {
			var q queue
			waits := false
			for text := range strings.FieldsSeq(tt.push) {
				if text == "." {
					waits = true
				} else {
					q.push(parseFrame(t, text))
				}
				if waits {
					q.stamp(time.Unix(100, 0))
				}
			}
			if got := string(q.front()); got != tt.want || q.len() != len(tt.want) {
				t.Errorf("queue holds %q, want %q", got, tt.want)
			}
			q.clear()
		})
	}
}

// A frame that overtakes must leave as early as what it overtook, or a peer
// that is given jobs often would never be too slow.
func TestQueueOvertakerHasNoMoreTime(t *testing.T) {
	var q queue
	defer q.clear()
	start := time.Unix(100, 0)
	for i, text := range []string{"a=a", "r=b", "s1=c", "c=d", "r=e", "c=f"} {
		q.push(parseFrame(t, text))
		q.stamp(start.Add(time.Duration(i) * time.Second))
	}
	for _, want := range []struct {
		data string
		age  time.Duration
	}{{"a", 0}, {"c", time.Second}, {"f", time.Second}, {"b", time.Second}, {"e", 4 * time.Second}} {
		data, _, oldest := q.take(nil, 1)
		if string(data) != want.data || oldest.Sub(start) != want.age {
			t.Errorf("took %q, %v after the start, want %+v", data, oldest.Sub(start), want)
		}
	}
}

func TestQueueKeepsWhatLeftInPart(t *testing.T) {
	var q queue
	q.push(Frame{Class: Update, Data: []byte("old job")})
	q.push(Frame{Class: Update, Data: []byte("older still")})
	if whole := q.consume(3); whole != 0 || q.bytes() != 4+11 {
		t.Fatalf("%d frames left, %d bytes stay", whole, q.bytes())
	}
	if gone := q.push(Frame{Class: Reset, Data: []byte("|new job")}); gone != 1 {
		t.Errorf("%d frames superseded, want 1", gone)
	}
	if got := string(q.front()); got != " job|new job" {
		t.Errorf("queue holds %q", got)
	}
	if whole := q.consume(q.bytes()); whole != 2 || !q.empty() {
		t.Errorf("%d frames left, want 2", whole)
	}
}

func TestQueueOvertakesNothingThatBeganToLeave(t *testing.T) {
	var q queue
	defer q.clear()
	for _, text := range []string{"begun", "two", "three"} {
		q.push(reply(text))
	}
	q.consume(3)
	q.stamp(time.Unix(100, 0))
	q.push(Frame{Class: Reset, Data: []byte("|job|")})
	if got := string(q.front()); got != "un|job|twothree" {
		t.Errorf("queue holds %q", got)
	}
}

func TestQueueTakesWholeFrames(t *testing.T) {
	var q queue
	for _, text := range []string{"aaaa", "bbbb", "cccccccccc"} {
		q.push(reply(text))
	}
	now := time.Unix(100, 0)
	q.stamp(now)
	q.push(reply("d"))
	q.stamp(now.Add(time.Second))
	for _, want := range []string{"aaaabbbb", "cccccccccc", "d"} {
		data, _, oldest := q.take(nil, 9)
		if string(data) != want {
			t.Errorf("took %q, want %q", data, want)
		}
		if late := want == "d"; oldest.Equal(now) == late {
			t.Errorf("%q waited since %v", want, oldest)
		}
	}
	if !q.empty() {
		t.Error("something is left")
	}
}

func TestQueueIgnoresNothing(t *testing.T) {
	var q queue
	q.push(Frame{})
	if !q.empty() || q.bytes() != 0 || q.len() != 0 || q.consume(0) != 0 {
		t.Error("an empty frame is held")
	}
	q.stamp(time.Now())
	q.clear()
}

// model is the queue as its rules say, without care for speed.
type model []modelFrame

type modelFrame struct {
	Frame

	waits bool // the peer did not take it
}

func (f modelFrame) job() bool { return f.Class == Update || f.Class == Reset }

func (m model) push(f Frame) model {
	if f.Class == Reset {
		m = filter(m, func(_ int, f modelFrame) bool { return !f.job() })
	}
	m = append(m, modelFrame{Frame: f})
	// Of two Settings of one key with no job between, the older goes.
	m = filter(m, func(i int, f modelFrame) bool {
		if f.Class != Setting {
			return true
		}
		for _, later := range m[i+1:] {
			if later.job() {
				return true
			}
			if later.Class == Setting && later.Key == f.Key {
				return false
			}
		}
		return true
	})
	if f.Class == Reset && m[0].waits {
		return m.overtake()
	}
	return m
}

// overtake moves the Replies after the last Anchor to the end. What is ahead of
// a frame that waits counts as waiting.
func (m model) overtake() model {
	last := -1
	for i, f := range m {
		if f.Class == Anchor {
			last = i
		}
	}
	late := func(i int, f modelFrame) bool { return i > last && f.Class == Reply }
	ahead, behind := filter(m, func(i int, f modelFrame) bool { return !late(i, f) }), filter(m, late)
	if len(behind) > 0 && behind[0].waits {
		ahead.wait()
	}
	return append(ahead, behind...)
}

// wait says that the peer takes nothing.
func (m model) wait() {
	for i := range m {
		m[i].waits = true
	}
}

func filter(m model, keep func(int, modelFrame) bool) (out model) {
	for i, f := range m {
		if keep(i, f) {
			out = append(out, f)
		}
	}
	return out
}

func (m model) consume(n int) model {
	for n > 0 {
		if n < len(m[0].Data) {
			m[0].Data, m[0].Class = m[0].Data[n:], Anchor
			return m
		}
		n -= len(m[0].Data)
		m = m[1:]
	}
	return m
}

func (m model) bytes() (out []byte) {
	for _, f := range m {
		out = append(out, f.Data...)
	}
	return out
}

func drawFrame(t *rapid.T, i int) Frame {
	return Frame{
		Class: Class(rapid.IntRange(0, 4).Draw(t, "class")),
		Key:   rapid.Uint8Range(0, 2).Draw(t, "key"),
		Data:  fmt.Appendf(nil, "<%d>", i),
	}
}

func TestQueueAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q queue
		var m model
		defer q.clear()
		for i := range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch n := len(m.bytes()); rapid.IntRange(0, 6).Draw(t, "what") {
			case 0:
				n = rapid.IntRange(0, n).Draw(t, "left")
				m = m.consume(n)
				q.consume(n)
			case 1:
				m.wait()
				q.stamp(time.Unix(int64(i), 0))
			default:
				f := drawFrame(t, i)
				m = m.push(f)
				q.push(f)
			}
			if q.empty() != (len(m) == 0) || q.len() != len(m) || q.bytes() != len(m.bytes()) {
				t.Fatalf("queue has %d frames, %d bytes, model %d and %d", q.len(), q.bytes(), len(m), len(m.bytes()))
			}
			if !q.empty() && !bytes.Equal(q.front(), m.bytes()) {
				t.Fatalf("queue holds %q, model %q", q.front(), m.bytes())
			}
		}
	})
}

// TestQueueOrder says what may be relied on whatever is overtaken: replies of
// either class leave in their order, and everything but plain replies does.
func TestQueueOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q queue
		defer q.clear()
		classes := map[int]Class{}
		for i := range rapid.IntRange(1, 60).Draw(t, "frames") {
			f := drawFrame(t, i)
			classes[i] = f.Class
			q.push(f)
			q.stamp(time.Unix(int64(i), 0))
		}
		var replies, others []int
		var before time.Time
		for !q.empty() {
			data, _, oldest := q.take(nil, 1)
			if oldest.Before(before) {
				t.Fatalf("%s waits since %v and is behind one that came at %v", data, oldest, before)
			}
			before = oldest
			var i int
			if _, err := fmt.Sscanf(string(data), "<%d>", &i); err != nil {
				t.Fatal(err)
			}
			if class := classes[i]; class == Reply || class == Anchor {
				replies = append(replies, i)
			}
			if classes[i] != Reply {
				others = append(others, i)
			}
		}
		if !slices.IsSorted(replies) || !slices.IsSorted(others) {
			t.Fatalf("replies leave in the order %v, others %v", replies, others)
		}
		for i, class := range classes {
			if (class == Reply || class == Anchor) && !slices.Contains(replies, i) {
				t.Fatalf("reply %d is gone", i)
			}
		}
	})
}

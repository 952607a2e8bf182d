package wire

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// script of a queue test: "s1=a" is a Setting of key 1, "u=b" an Update,
// "c=c" a Reset, "r=d" a Reply.
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

	pinned bool
}

func (m model) push(f Frame) model {
	job := func(f modelFrame) bool { return !f.pinned && (f.Class == Update || f.Class == Reset) }
	if f.Class == Reset {
		m = filter(m, func(_ int, f modelFrame) bool { return !job(f) })
	}
	m = append(m, modelFrame{Frame: f})
	// Of two Settings of one key with no job between, the older goes.
	return filter(m, func(i int, f modelFrame) bool {
		if f.Class != Setting || f.pinned {
			return true
		}
		for _, later := range m[i+1:] {
			if job(later) {
				return true
			}
			if later.Class == Setting && !later.pinned && later.Key == f.Key {
				return false
			}
		}
		return true
	})
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
			m[0].Data, m[0].pinned = m[0].Data[n:], true
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

func TestQueueAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q queue
		var m model
		defer q.clear()
		for i := range rapid.IntRange(1, 60).Draw(t, "steps") {
			if n := len(m.bytes()); n > 0 && rapid.IntRange(0, 4).Draw(t, "what") == 0 {
				n = rapid.IntRange(0, n).Draw(t, "left")
				m = m.consume(n)
				q.consume(n)
			} else {
				f := Frame{
					Class: Class(rapid.IntRange(0, 3).Draw(t, "class")),
					Key:   rapid.Uint8Range(0, 2).Draw(t, "key"),
					Data:  fmt.Appendf(nil, "<%d>", i),
				}
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

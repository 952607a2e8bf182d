package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loka/stratum/internal/testkit/turns"
	"github.com/loka/stratum/sv1"
)

// longest is the limit of a line.
const longest = 16 << 10

// malformed are lines that no proxy must take, by what is wrong with them.
func malformed() map[string][]byte {
	half := len(submitLine) / 2
	return map[string][]byte{
		"cut":       []byte(submitLine[:half]),
		"trailing":  []byte(submitLine + "}"),
		"utf8":      []byte(submitLine[:half] + "\xff" + submitLine[half:]),
		"control":   []byte(submitLine[:half] + "\x01" + submitLine[half:]),
		"surrogate": []byte(strings.Replace(submitLine, "bitaxe", `\ud800`, 1)),
		"depth":     []byte(`{"id":1,"method":"mining.submit","params":` + strings.Repeat("[", 10000)),
		"text":      []byte("GET / HTTP/1.1"),
	}
}

// framed decodes a stream of lines: it finds their ends, scans and decodes
// what comes, as a connection's reader does.
func framed(stream []byte) (messages int, err error) {
	var (
		m      sv1.Message
		submit sv1.Submit
		notify sv1.Notify
		sub    sv1.Subscribe
	)
	for {
		line, rest, err := sv1.SplitLine(stream, longest)
		if line == nil || err != nil {
			return messages, err
		}
		if err := m.Scan(line); err != nil {
			return messages, err
		}
		switch sv1.ParseMethod(m.Method) {
		case sv1.MethodSubmit:
			err = submit.Decode(m.Params)
		case sv1.MethodNotify:
			err = notify.Decode(m.Params)
		case sv1.MethodSubscribe:
			err = sub.Decode(m.Params)
		default:
			err = errShape
		}
		if err != nil {
			return messages, err
		}
		messages++
		stream = rest
	}
}

// framedByJSON is framed with the standard library's scanner of lines and its
// decoder.
func framedByJSON(stream []byte) (messages int, err error) {
	p := standard()
	for line := range bytes.Lines(stream) {
		switch {
		case bytes.Contains(line[:40], []byte("mining.submit")):
			err = p.submit(line)
		case bytes.Contains(line[:40], []byte("mining.notify")):
			err = p.notify(line)
		default:
			err = p.subscribe(line)
		}
		if err != nil {
			return messages, err
		}
		messages++
	}
	return messages, nil
}

// standard is encoding/json.
func standard() parser {
	return reflecting("encoding/json", json.Unmarshal, inTwo(json.Unmarshal))
}

// traffic is a stream of n messages: mostly submits, as a proxy sees it.
func traffic(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		switch i % 100 {
		case 0:
			b.WriteString(notifyLine)
		case 50:
			b.WriteString(subscribeLine)
		default:
			b.WriteString(submitLine)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func TestFramed(t *testing.T) {
	const n = 1000
	for _, f := range []func([]byte) (int, error){framed, framedByJSON} {
		if got, err := f(traffic(n)); got != n || err != nil {
			t.Errorf("%d messages of %d: %v", got, n, err)
		}
	}
}

func TestMalformedIsRefused(t *testing.T) {
	for name, line := range malformed() {
		var m sv1.Message
		var syntax *sv1.SyntaxError
		if err := m.Scan(line); !errors.As(err, &syntax) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// BenchmarkParsing is reading other than one good line after the other.
//
//	batch=N      a stream of N messages, 98 of 100 of them submits: cut, scanned and
//	             typed; ns/msg, and x_json is how many times as long encoding/json takes,
//	malformed    a line that is refused, likewise; encoding/json refuses not all of them,
//	parallel     all processors at once: msgs/s, x_json the rate as a multiple of that of
//	             encoding/json, x_alone how much longer a line takes a processor than when
//	             it works alone.
func BenchmarkParsing(b *testing.B) {
	for _, n := range []int{100, 1000, 10000} {
		b.Run(fmt.Sprintf("batch=%d", n), func(b *testing.B) { benchBatch(b, n) })
	}
	for name, line := range malformed() {
		b.Run("malformed/"+name, func(b *testing.B) {
			var m sv1.Message
			var into split
			turns.Compare(b, func() { _ = m.Scan(line) }, turns.Than("x_json", func() { _ = json.Unmarshal(line, &into) }))
		})
	}
	for _, job := range tasks() {
		b.Run("parallel/"+job.name, func(b *testing.B) { benchParallel(b, job) })
	}
}

func benchBatch(b *testing.B, n int) {
	stream := traffic(n)
	run := func(f func([]byte) (int, error)) func() {
		return func() {
			if _, err := f(stream); err != nil {
				b.Fatal(err)
			}
		}
	}
	ns := turns.Compare(b, run(framed), turns.Than("x_json", run(framedByJSON)))
	b.ReportMetric(ns/float64(n), "ns/msg")
}

func benchParallel(b *testing.B, job task) {
	const rounds, lines = 5, 20_000
	cores := runtime.GOMAXPROCS(0)
	// rate is lines a second by as many goroutines, each with a parser of its own.
	rate := func(of func() parser, goroutines, each int) float64 {
		var all sync.WaitGroup
		start := time.Now()
		for range goroutines {
			all.Go(func() {
				run := job.of(of())
				for range each {
					if err := run(job.line); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		return float64(goroutines*each) / time.Since(start).Seconds()
	}
	var together, ratios, slower []float64
	for b.Loop() {
		for range rounds {
			one, many := rate(sv1Parser, 1, lines), rate(sv1Parser, cores, lines)
			together = append(together, many)
			ratios = append(ratios, many/rate(standard, cores, lines/20))
			slower = append(slower, one*float64(cores)/many)
		}
	}
	b.ReportMetric(0, "ns/op") // a round is no operation
	b.ReportMetric(turns.Median(together), "msgs/s")
	b.ReportMetric(turns.Median(ratios), "x_json")
	b.ReportMetric(turns.Median(slower), "x_alone")
}

package testkit

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"io"
	"log/slog"
	"slices"
)

// Canary is what planted secrets begin with: a text that nothing says by chance.
const Canary = "c4nary-"

// usual is the secret that many tests have, planted or not.
const usual = "hunter2"

// Planted is a secret that is put where one belongs, in a configuration, a password or
// a token, so that whoever says it is found out by [Leak].
func Planted(what string) string { return Canary + what }

// Reporter is what a test is told by; a testing.TB is one.
type Reporter interface {
	Helper()
	Errorf(format string, args ...any)
}

// Leak is the part of a text that has a planted secret in it, as it is or in base64 or
// hex; empty is none.
func Leak(text []byte) string {
	const around = 100
	for _, form := range forms() {
		if at := bytes.Index(text, form); at >= 0 {
			return string(text[max(0, at-around):min(len(text), at+around)])
		}
	}
	return ""
}

// forms are what secrets look like: in base64 each has three, by how many bytes are
// before it; the characters that hang on its neighbours are left out.
func forms() (all [][]byte) {
	for _, of := range []string{Canary, usual} {
		all = append(all, []byte(of), []byte(hex.EncodeToString([]byte(of))))
		for before := range 3 {
			text := base64.RawStdEncoding.EncodeToString(append(make([]byte, before), of...))
			whole := (before + len(of)) / 3 * 4 // the last group may go on
			all = append(all, []byte(text[(before*8+5)/6:whole]))
		}
	}
	return all
}

// Overhear is a writer that passes all on, line by line or however it comes, and fails
// the test where a planted secret is said. who says who was heard.
func Overhear(t Reporter, who string, to io.Writer) io.Writer { return &ear{t, who, to} }

type ear struct {
	t   Reporter
	who string
	to  io.Writer
}

// Write implements [io.Writer].
func (e *ear) Write(p []byte) (int, error) {
	e.t.Helper()
	Hear(e.t, e.who, p)
	return e.to.Write(p) //nolint:wrapcheck // as it is
}

// Hear fails the test where a planted secret is in a text; who says who has said it.
func Hear(t Reporter, who string, text []byte) {
	t.Helper()
	if leak := Leak(text); leak != "" {
		t.Errorf("%s says a secret: …%s…", who, leak)
	}
}

// OverhearLog is a logger whose lines are heard from a level on, and passed on to another
// one, which may be nil, as far as it wants them.
func OverhearLog(t Reporter, level slog.Leveler, log *slog.Logger) *slog.Logger {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	heard := slog.NewTextHandler(Overhear(t, "the log", io.Discard), &slog.HandlerOptions{Level: level})
	return slog.New(both{heard, log.Handler()})
}

// both are two handlers of a log, each of which has what it wants.
type both [2]slog.Handler

// Enabled implements [slog.Handler].
func (b both) Enabled(ctx context.Context, level slog.Level) bool {
	return b[0].Enabled(ctx, level) || b[1].Enabled(ctx, level)
}

// Handle implements [slog.Handler].
func (b both) Handle(ctx context.Context, r slog.Record) error {
	if b[0].Enabled(ctx, r.Level) {
		_ = b[0].Handle(ctx, r.Clone()) // it is written to nowhere
	}
	if !b[1].Enabled(ctx, r.Level) {
		return nil
	}
	return b[1].Handle(ctx, r) //nolint:wrapcheck // as it is
}

// WithAttrs implements [slog.Handler].
func (b both) WithAttrs(attrs []slog.Attr) slog.Handler {
	return both{b[0].WithAttrs(slices.Clone(attrs)), b[1].WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (b both) WithGroup(name string) slog.Handler {
	return both{b[0].WithGroup(name), b[1].WithGroup(name)}
}

package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"slices"
)

// errDSN is a DSN that the SDK does not take, whose own error has the DSN in it.
var errDSN = errors.New("it is not made as one")

// handler passes records on, and reports those that are errors.
type handler struct {
	slog.Handler

	of *Reports
	// attrs are those of the logger, with their groups in the keys; group is what comes
	// before a key.
	attrs []slog.Attr
	group string
}

// Handler is a handler of a log that passes all on to next, and has errors reported.
func (r *Reports) Handler(next slog.Handler) slog.Handler { return &handler{Handler: next, of: r} }

// Handle implements [slog.Handler].
func (h *handler) Handle(ctx context.Context, rec slog.Record) error {
	if in := h.of.in.Load(); in != nil && rec.Level >= slog.LevelError {
		attrs := slices.Clone(h.attrs)
		rec.Attrs(func(a slog.Attr) bool {
			attrs = h.flatten(attrs, h.group, a)
			return true
		})
		in.report(rec, attrs)
	}
	return h.Handler.Handle(ctx, rec) //nolint:wrapcheck // as it is
}

// WithAttrs implements [slog.Handler].
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	next.Handler, next.attrs = h.Handler.WithAttrs(attrs), slices.Clone(h.attrs)
	for _, a := range attrs {
		next.attrs = h.flatten(next.attrs, h.group, a)
	}
	return &next
}

// WithGroup implements [slog.Handler].
func (h *handler) WithGroup(name string) slog.Handler {
	next := *h
	next.Handler = h.Handler.WithGroup(name)
	if name != "" {
		next.group = h.group + name + "."
	}
	return &next
}

// flatten adds an attribute, and those of a group one by one.
func (h *handler) flatten(to []slog.Attr, group string, a slog.Attr) []slog.Attr {
	v := a.Value.Resolve()
	if v.Kind() != slog.KindGroup {
		return append(to, slog.Attr{Key: group + a.Key, Value: v})
	}
	if a.Key != "" {
		group += a.Key + "."
	}
	for _, one := range v.Group() {
		to = h.flatten(to, group, one)
	}
	return to
}

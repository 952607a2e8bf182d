package cli

import (
	"io"
	"log/slog"
	"strings"

	"github.com/loka/stratum/internal/mining"
)

// newLogger makes the process's log: text on a terminal, JSON otherwise.
func newLogger(w io.Writer, verbose bool) *slog.Logger {
	if verbose {
		return newLevelLogger(w, slog.LevelDebug)
	}
	return newLevelLogger(w, slog.LevelInfo)
}

// newSimLogger is newLogger for commands that print figures, among which
// ordinary messages are only in the way.
func newSimLogger(w io.Writer, verbose bool) *slog.Logger {
	if verbose {
		return newLevelLogger(w, slog.LevelDebug)
	}
	return newLevelLogger(w, slog.LevelWarn)
}

func newLevelLogger(w io.Writer, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{ReplaceAttr: starSecrets, Level: level}
	if isTerminal(w) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// starSecrets is the last line of defence: a secret's type prints as stars
// already, and what is called a secret is starred whatever its type is.
func starSecrets(_ []string, a slog.Attr) slog.Attr {
	if secret, ok := a.Value.Any().(mining.Secret); ok {
		return slog.String(a.Key, secret.String())
	}
	switch strings.ToLower(a.Key) {
	case "password", "secret", "token", "authorization":
		if a.Value.Kind() == slog.KindString && a.Value.String() != "" {
			return slog.String(a.Key, "***")
		}
	}
	return a
}

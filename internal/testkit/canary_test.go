package testkit

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/loka/stratum/internal/mining"
)

// blamed is a test that is told what goes wrong.
type blamed struct{ said []string }

func (*blamed) Helper() {}
func (b *blamed) Errorf(format string, args ...any) {
	b.said = append(b.said, fmt.Sprintf(format, args...))
}

// A planted secret is found however it is written, and nothing else is.
func TestLeak(t *testing.T) {
	secret := Planted("pool")
	for _, text := range []string{
		secret, "password=" + secret + ",d=1", fmt.Sprintf("%q", secret), hex.EncodeToString([]byte(secret)),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte("a:" + secret)),
		base64.StdEncoding.EncodeToString([]byte("ab:" + secret)), base64.URLEncoding.EncodeToString([]byte("abc:" + secret)),
	} {
		if Leak([]byte("it is "+text+".")) == "" {
			t.Errorf("it is not found in %s", text)
		}
	}
	for _, text := range []string{"", "canary", mining.Secret(secret).String(), base64.StdEncoding.EncodeToString([]byte("c4nar of others"))} {
		if leak := Leak([]byte(text)); leak != "" {
			t.Errorf("%s is found in %s", leak, text)
		}
	}
}

// Whoever says one is named, and what is said is passed on.
func TestOverhear(t *testing.T) {
	var to bytes.Buffer
	b := new(blamed)
	out := Overhear(b, "the table", &to)
	_, _ = fmt.Fprintln(out, "a line")
	_, _ = fmt.Fprintln(out, "a word:", Planted("x"))
	if len(b.said) != 1 || !strings.HasPrefix(b.said[0], "the table says a secret") || to.String() != "a line\na word: "+Planted("x")+"\n" {
		t.Errorf("blamed for %q, passed on %q", b.said, to.String())
	}
}

func TestOverhearLog(t *testing.T) {
	secret := Planted("x")
	for name, say := range map[string]func(*slog.Logger){
		"an attribute":      func(l *slog.Logger) { l.Info("m", "password", secret) },
		"an error":          func(l *slog.Logger) { l.Error("m", "error", errors.New("no "+secret)) },
		"what nobody wants": func(l *slog.Logger) { l.Debug("m", "password", secret) },
		"a logger's own":    func(l *slog.Logger) { l.With("password", secret).Info("m") },
		"a group":           func(l *slog.Logger) { l.WithGroup("g").Info("m", slog.Group("h", "password", secret)) },
	} {
		b := new(blamed)
		say(OverhearLog(b, slog.LevelDebug, nil))
		if len(b.said) != 1 {
			t.Errorf("%s: blamed for %q", name, b.said)
		}
	}
	var to bytes.Buffer
	b := new(blamed)
	log := OverhearLog(b, slog.LevelDebug, slog.New(slog.NewTextHandler(&to, nil)))
	log.With("a", 1).Info("well", "password", mining.Secret(secret))
	log.Debug("not wanted")
	if len(b.said) != 0 || strings.Count(to.String(), "\n") != 1 || !strings.Contains(to.String(), "msg=well a=1 password=***") {
		t.Errorf("blamed for %q, passed on %q", b.said, to.String())
	}
}

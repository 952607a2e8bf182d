package mining_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/loka/stratum/internal/mining"
)

const hidden = "hunter2"

func TestSecretNeverPrints(t *testing.T) {
	secret := mining.Secret(hidden)
	printed := map[string]string{
		"error":   errors.Join(fmt.Errorf("login with %v", secret)).Error(),
		"print":   fmt.Sprint(secret),
		"println": fmt.Sprintln("password", secret),
	}
	// The verbs that do not fit a string are the dangerous ones: for them fmt
	// prints the value itself, unless the type has a Format of its own.
	for _, verb := range []string{"v", "s", "q", "x", "X", "+v", "#v", "20s", "-20q", "d", "t", "c", "e", "b", "o", "U", "z", "!"} {
		format := "%" + verb
		printed[format] = fmt.Sprintf(format, secret)
		printed[format+" in a struct"] = fmt.Sprintf(format, struct{ Password mining.Secret }{secret})
		printed[format+" in a pointer"] = fmt.Sprintf(format, &struct{ Password mining.Secret }{secret})
		printed[format+" in a slice"] = fmt.Sprintf(format, []mining.Secret{secret})
		printed[format+" in a map"] = fmt.Sprintf(format, map[string]mining.Secret{"password": secret})
		printed[format+" in a request"] = fmt.Sprintf(format, mining.Request{Password: secret})
	}
	for form, text := range printed {
		// In hex, too.
		if strings.Contains(text, hidden) || strings.Contains(strings.ToLower(text), fmt.Sprintf("%x", hidden)) {
			t.Errorf("%s prints the secret: %s", form, text)
		}
	}
	for _, form := range []string{"%v", "%s", "%#v", "%d", "print"} {
		if printed[form] != "***" {
			t.Errorf("%s prints %s, want stars", form, printed[form])
		}
	}
}

func TestSecretIsNeverEncodedOrLogged(t *testing.T) {
	secret := mining.Secret(hidden)
	holder := struct{ Password mining.Secret }{secret}
	encoded, err := json.Marshal([]any{secret, holder, &holder, map[string]mining.Secret{"password": secret}})
	if err != nil {
		t.Fatal(err)
	}
	var logs bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&logs, nil), slog.NewJSONHandler(&logs, nil)} {
		logger := slog.New(handler)
		logger.Info("authorize", "password", secret, "holder", holder, "pointer", &holder)
		logger.With("password", secret).Info("authorize")
	}
	for name, text := range map[string]string{"json": string(encoded), "logs": logs.String()} {
		if strings.Contains(text, hidden) || !strings.Contains(text, "***") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func TestEmptySecretPrintsNothing(t *testing.T) {
	for _, text := range []string{fmt.Sprint(mining.Secret("")), fmt.Sprintf("%q", mining.Secret("")), mining.Secret("").GoString()} {
		if text != "" {
			t.Errorf("%q", text)
		}
	}
}

func TestSecretReveals(t *testing.T) {
	secret := mining.Secret(hidden)
	if secret.Reveal() != hidden {
		t.Errorf("%q", secret.Reveal())
	}
	if text, err := secret.MarshalText(); err != nil || string(text) != "***" || secret.GoString() != "***" {
		t.Errorf("%q, %q, %v", text, secret.GoString(), err)
	}
}

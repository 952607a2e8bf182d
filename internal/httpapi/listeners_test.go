package httpapi

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type fakeListeners struct{}

func (fakeListeners) Listeners() []Listener {
	return []Listener{
		{Address: "0.0.0.0:3333", TLS: "off", ClientCertificates: "off", Ciphers: "compatible", Certificates: []Certificate{}, Problems: []string{}},
		{
			Address: "0.0.0.0:3334", TLS: "required", ClientCertificates: "optional", Ciphers: "modern", Problems: []string{"the certificate has expired"},
			Certificates: []Certificate{{
				Kind: "rsa", Subject: "CN=farm", Names: []string{"farm.example.com"}, NotBefore: epoch, NotAfter: epoch.AddDate(10, 0, 0),
				Fingerprint: "00ff", SelfSigned: true, PEM: "-----BEGIN CERTIFICATE-----",
			}},
		},
	}
}

func TestListeners(t *testing.T) {
	deps, _ := newDeps()
	h := Handler(deps, true)
	w := ask{path: "/api/v1/listeners?offset=1"}.do(t, h)
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	want := map[string]any{
		"total": 2.0,
		"listeners": []any{map[string]any{
			"address": "0.0.0.0:3334", "tls": "required", "client_certificates": "optional", "tls_ciphers": "modern",
			"problems": []any{"the certificate has expired"},
			"certificates": []any{map[string]any{
				"kind": "rsa", "subject": "CN=farm", "names": []any{"farm.example.com"}, "self_signed": true, "fingerprint": "00ff",
				"not_before": "2026-01-02T03:04:05Z", "not_after": "2036-01-02T03:04:05Z", "pem": "-----BEGIN CERTIFICATE-----",
			}},
		}},
	}
	if diff := cmp.Diff(want, object(t, w)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if all, _ := object(t, ask{path: "/api/v1/listeners"}.do(t, h))["listeners"].([]any); len(all) != 2 {
		t.Errorf("listed: %v", all)
	}
	w = ask{path: "/api/v1/listeners"}.do(t, Handler(deps, false))
	wantProblem(t, "without a token", w, http.StatusUnauthorized)
}

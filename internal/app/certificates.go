package app

import (
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/loka/stratum/internal/certs"
	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/httpapi"
	"github.com/loka/stratum/internal/metrics"
	"github.com/loka/stratum/internal/view"
)

// ownCertificates is the folder in data_dir of certificates that sign themselves.
const ownCertificates = "tls"

// newCerts makes the keeper of the certificates that miners are shown.
func (a *App) newCerts(cfg *config.Config) *certs.Keeper {
	return certs.New(certs.Config{Dir: filepath.Join(cfg.DataDir, ownCertificates), Hosts: certs.Hosts(), Logger: a.log})
}

// halfOfProcessors is what those may have of this machine who earn nothing.
func halfOfProcessors() int { return max(runtime.GOMAXPROCS(0)/2, 1) }

// clientPolicies map what miners show.
//
//nolint:gochecknoglobals // a table
var clientPolicies = map[config.ClientCertificates]certs.Clients{
	config.ClientCertificatesOff:      certs.NoClients,
	config.ClientCertificatesOptional: certs.OptionalClients,
	config.ClientCertificatesRequired: certs.RequiredClients,
}

// certSpecs is what each listener is told of TLS, in their order.
func certSpecs(cfg *config.Config) []certs.Spec {
	specs := make([]certs.Spec, 0, len(cfg.Listeners))
	for i := range cfg.Listeners {
		l := &cfg.Listeners[i]
		specs = append(specs, certs.Spec{
			Listener: l.Address, TLS: l.TLS != config.TLSOff, Cert: l.Cert, Key: l.Key,
			ClientCA: l.ClientCA, Clients: clientPolicies[l.ClientCertificates], Modern: l.Ciphers == config.CiphersModern,
		})
	}
	return specs
}

// checkCerts is the health check of all certificates.
func (a *App) checkCerts(now time.Time) view.Check {
	all := a.certs.Listeners(now)
	if detail, advice := certs.Summary(all); detail != "" {
		c := view.Check{Status: view.Degraded, Detail: detail, Advice: advice}
		if hasEnded(all, now) {
			c.Status = view.Down
		}
		return c
	}
	if len(all) == 0 {
		return view.Check{Status: view.OK, Detail: "no listener speaks TLS"}
	}
	first := all[0].Certificates[0].NotAfter
	for i := range all {
		for j := range all[i].Certificates {
			if c := &all[i].Certificates[j]; c.NotAfter.Before(first) {
				first = c.NotAfter
			}
		}
	}
	return view.Check{Status: view.OK, Detail: "the first certificate for miners expires " + first.Format(time.DateOnly)}
}

// hasEnded says that a certificate has: who verifies it does not connect any more.
func hasEnded(all []certs.Listener, now time.Time) bool {
	return slices.ContainsFunc(all, func(l certs.Listener) bool {
		return slices.ContainsFunc(l.Certificates, func(c certs.Certificate) bool { return c.NotAfter.Before(now) })
	})
}

// certExpiries are when each certificate of each listener ends, as metrics have it.
func (a *App) certExpiries() []metrics.Certificate {
	var all []metrics.Certificate
	for _, l := range a.certs.Listeners(time.Now()) {
		for i := range l.Certificates {
			all = append(all, metrics.Certificate{Listener: l.Address, Kind: l.Certificates[i].Kind, NotAfter: l.Certificates[i].NotAfter})
		}
	}
	return all
}

// listenersOf is what the API tells of listeners.
type listenersOf struct{ app *App }

// Listeners implements [httpapi.Listeners].
func (l listenersOf) Listeners() []httpapi.Listener {
	encrypted := make(map[string]certs.Listener)
	for _, one := range l.app.certs.Listeners(time.Now()) {
		encrypted[one.Address] = one
	}
	cfg := l.app.cfg.Load()
	all := make([]httpapi.Listener, 0, len(cfg.Listeners))
	for i := range cfg.Listeners {
		of := &cfg.Listeners[i]
		one := httpapi.Listener{
			Address: of.Address, TLS: string(of.TLS), ClientCertificates: string(of.ClientCertificates), Ciphers: string(of.Ciphers),
			Certificates: []httpapi.Certificate{}, Problems: []string{},
		}
		if of.TLS != config.TLSOff {
			e := encrypted[of.Address]
			one.Problems = orNone(e.Problems)
			for j := range e.Certificates {
				one.Certificates = append(one.Certificates, certificateOf(&e.Certificates[j]))
			}
		}
		all = append(all, one)
	}
	return all
}

func certificateOf(c *certs.Certificate) httpapi.Certificate {
	return httpapi.Certificate{
		Kind: c.Kind, Subject: c.Subject, Names: orNone(c.Names), NotBefore: c.NotBefore, NotAfter: c.NotAfter,
		Fingerprint: c.Fingerprint, SelfSigned: c.SelfSigned, PEM: c.PEM,
	}
}

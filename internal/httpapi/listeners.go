package httpapi

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Listeners knows the addresses that miners connect to.
type Listeners interface {
	// Listeners are all that are configured, in the order of the file.
	Listeners() []Listener
}

// ListenerList is the body of GET /api/v1/listeners.
type ListenerList struct {
	Listeners []Listener `json:"listeners" nullable:"false" doc:"In the order of the file"`
	Total     int        `json:"total" doc:"Elements there are, whatever limit and offset"`
}

// Listener is an address that miners connect to.
type Listener struct {
	Address            string        `json:"address" doc:"As configured"`
	TLS                string        `json:"tls" enum:"off,optional,required"`
	ClientCertificates string        `json:"client_certificates" enum:"off,optional,required" doc:"Whether miners show certificates"`
	Ciphers            string        `json:"tls_ciphers" enum:"compatible,modern"`
	Certificates       []Certificate `json:"certificates" nullable:"false" doc:"Those that miners are shown, of which each gets the first that it can verify; none without TLS"`
	Problems           []string      `json:"problems" nullable:"false" doc:"What is wrong with them, or with files that came after them"`
}

// Certificate is one that miners are shown.
type Certificate struct {
	Kind        string    `json:"kind" enum:"ecdsa,rsa,other" doc:"By its key"`
	Subject     string    `json:"subject"`
	Names       []string  `json:"names" nullable:"false" doc:"Names and addresses that it is for"`
	NotBefore   time.Time `json:"not_before"`
	NotAfter    time.Time `json:"not_after"`
	Fingerprint string    `json:"fingerprint" doc:"Its SHA-256, 64 hex digits"`
	SelfSigned  bool      `json:"self_signed"`
	PEM         string    `json:"pem" doc:"The certificate, for miners that are to know it"`
}

// listeners registers what is told of listeners.
func listeners(api huma.API, of Listeners) {
	huma.Register(api, get("/api/v1/listeners", "listeners", "Every address that miners connect to, and its certificates"), func(_ context.Context, in *Paging) (*body[ListenerList], error) {
		all := of.Listeners()
		return &body[ListenerList]{ListenerList{cut(*in, all), len(all)}}, nil
	})
}

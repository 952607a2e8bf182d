// Package dial opens connections to pools: addresses of either IP version by
// name or literal, TLS with the certificate always verified (by its issuer or by its fingerprint), timeouts for
// each step. It knows no Stratum, and no retry: who dials again, and when,
// is decided above.
package dial

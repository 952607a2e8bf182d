// Package dial opens connections to pools: all addresses of a name or a literal,
// by way of a proxy or not, TLS with the certificate always verified (by its
// issuer or by its fingerprint), timeouts for each step. It remembers the last
// addresses of names for as long as their resolver fails. It knows no Stratum,
// and no retry: who dials again, and when, is decided above.
package dial

// Package listen accepts miners' connections and tells by their first bytes
// whether they speak Stratum. What does is handed on; what does not is
// answered or closed by name. TLS ends here. An HTTP CONNECT is answered here, and
// what follows it is handed on: nothing is dialled for it. It knows no sessions
// and never waits for a pool.
package listen

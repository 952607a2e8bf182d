// Package telemetry tells others how it goes: traces of some shares and jobs, by
// OpenTelemetry, and errors and crashes, as Sentry takes them.
//
// It knows no share's way; who is on it says its steps by [mining.Trace]. It sends OTLP
// over HTTP by a client of its own: the SDK's comes with gRPC, which is 7 MB of program
// that nothing here uses.
//
// Invariants: all of it is off until it is configured, and then costs an atomic load for
// each request of a miner, and a random number for each share. No caller waits for a
// receiver: queues are bounded, what is too much is dropped, every request has a timeout,
// and what goes wrong is in [Status] and nowhere else. No global of the SDKs is set, and
// none of their environment variables counts for where something is sent. What is a
// secret in the configuration is taken out of whatever leaves.
package telemetry

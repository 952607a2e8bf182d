// Package config turns a TOML file, the environment and flags into one typed,
// immutable [Config].
//
// [Load] does it all: it decodes strictly, expands ${ENV}, applies overrides
// (flags before environment before file before [Defaults]), fills in what may
// be left out, and checks everything. It returns every problem it finds, each
// with the place it stands at, and a Config only if there is none.
//
// The package opens no file and reads no environment: it is given bytes and a
// lookup function. It does not know what the settings do, but asks those who read a
// setting whether they can (a URL of dial, a template of mining); whether a host
// answers or a port is free is for those who use them.
//
// Invariants: a Config is plain values, never changed after Load and replaced
// whole; a key of the file is a field with a toml tag, a line in the key table
// and a row of docs/CONFIG.md, and a test compares the three; secrets are
// [mining.Secret] and print as stars.
package config

// Package deploy holds what deploy/ has for others' tools against those tools, and
// against what loka really gives them: a farm of the real binary runs, a real
// Prometheus scrapes it with the rules of deploy/prometheus, and each query of each
// board has to have an answer. What a tool is missing for is skipped, aloud.
//
// It is a module of its own, for what reads the files of so many tools is no business
// of loka's.
package deploy

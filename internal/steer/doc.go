// Package steer is the pure policy of which miners go where.
//
// Facts about a miner arrive one after the other: listener and address with
// the connection, the user agent with its subscribe, the worker with its
// authorize. [Rules.Candidates] says which routes a miner can still match,
// [Rules.Match] which it does.
//
// The package knows no connection, clock or pool state.
package steer

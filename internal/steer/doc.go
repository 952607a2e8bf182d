// Package steer is the pure policy of which miners go where.
//
// Facts about a miner arrive one after the other: listener, address, the name in
// a TLS hello and the target of an HTTP CONNECT with the connection, the user
// agent with its subscribe, the worker and what its password asks for with its
// authorize. [Rules.Candidates] says which routes a miner can still match,
// [Rules.Match] which it does.
//
// [Choose] says which of a route's pools a miner should be at. Where the route is
// split [Splitter] says at which part: by what each part should have ([Targets]), for
// whose workers it is ([Owners]), and when it counts ([Window]).
//
// The package knows no connection and no clock.
package steer

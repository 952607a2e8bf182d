// Package view is the one read model: it joins the ledger's books with what
// the hub knows of connections, pools and routes, in the shapes that the API,
// the page, the metrics and the health checks show.
//
// It does not know HTTP, sockets or sessions. It asks a [Hub] for snapshots
// and never takes a lock that the mining path takes.
//
// Invariants: every open connection is in [Model.Miners]; a figure has one
// meaning wherever it is shown; nothing here can be changed by a reader.
package view

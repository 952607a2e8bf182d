// Package postgres keeps history in a PostgreSQL server, which several instances
// may share and which may be away for as long as it likes: whatever is asked of it
// meanwhile is an error, soon, and the next call tries again. It needs PostgreSQL 12
// or later.
//
// Single shares are partitioned by day; a day is dropped by dropping its partition.
// A chunk is copied into temporary tables and goes from there to where it belongs,
// in one transaction with the number of its last frame.
package postgres

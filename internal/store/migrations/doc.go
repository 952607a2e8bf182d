// Package migrations has the schemas of the stores as steps that go forward and
// back, a set for each kind of database. It does not know what the tables are
// used for.
//
// Invariants:
//   - A step that was released is never changed; what has to change is a step of
//     its own.
//   - Each step can be taken back, and taken again after that.
//   - A database with a step that this program does not know is left as it is.
package migrations

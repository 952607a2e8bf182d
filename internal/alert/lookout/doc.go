// Package lookout looks at the farm every few seconds and has it told what is wrong.
//
// A [Lookout] makes facts of the read model and of what it is told besides ([Around]),
// has an alert.Engine evaluate them, and hands what came of it to the sinks, to the
// history, and to whoever else wants to know. It keeps silences and the history in
// data_dir.
//
// It knows no rule and no sink by name. Readers read what the last look found: they
// wait for no look.
//
// Invariants: nothing here is on the way of a share or a job; a look waits for no write to
// the disk, and goes on where something cannot be kept or told; the history is bounded in
// memory and on the disk.
package lookout

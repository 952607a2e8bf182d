//go:build !linux

package pg

import "syscall"

// attributes are those of a process that is PostgreSQL's.
func attributes() *syscall.SysProcAttr { return nil }

// owner is whose PostgreSQL is, where it must not be ours.
func owner() (uid, gid uint32, other bool) { return 0, 0, false }

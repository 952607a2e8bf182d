package pg

import (
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// nobody is who has nothing.
const nobody = 65534

// attributes are those of a process that is PostgreSQL's: it ends with us, and is
// not root's, which PostgreSQL refuses.
func attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT}
	if uid, gid, other := owner(); other {
		attr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	}
	return attr
}

// owner is whose PostgreSQL is, where it must not be ours.
func owner() (uid, gid uint32, other bool) {
	if os.Getuid() != 0 {
		return 0, 0, false
	}
	uid, gid = nobody, nobody
	if u, err := user.Lookup("postgres"); err == nil {
		id, err := strconv.ParseUint(u.Uid, 10, 32)
		group, gerr := strconv.ParseUint(u.Gid, 10, 32)
		if err == nil && gerr == nil {
			uid, gid = uint32(id), uint32(group)
		}
	}
	return uid, gid, true
}

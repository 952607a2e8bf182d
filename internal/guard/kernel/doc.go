// Package kernel has the kernel drop what comes from banned networks to the miners'
// ports, by a table of nftables that is this process's own: before a socket or a
// goroutine is spent on it. Linux only, and only with the right to administer the
// network (CAP_NET_ADMIN); without either [Open] says so, and bans hold all the same,
// for who listens refuses what is not dropped.
//
// Invariants:
//   - No table but its own is read or written.
//   - The table is taken away by Close. One that a killed process left is replaced at
//     the next start; what is in it ends with the bans' terms.
package kernel

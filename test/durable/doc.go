// Package durable has tests of what is left of shares when something breaks: the
// process is killed, the database goes away, its answers are lost, the disk is
// full. They start the real binary between a simulated pool and simulated miners,
// and know of each share when its miner was told that it is accepted.
//
// They take their time and run one at a time, by make's targets: soak-crash,
// soak-outage and soak-disk.
package durable

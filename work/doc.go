// Package work is the arithmetic of Bitcoin proof of work as mining pools and
// miners need it: block headers, coinbase and merkle root assembly, what a
// coinbase pays, SHA-256d, targets, difficulties, version bits and extranonces.
//
// Its types are small values that read and print the forms they have in
// Stratum V1. The package knows no message, job, connection, clock or log; it
// imports the standard library only and keeps no state.
//
// # Byte orders
//
// A [Hash] is kept in the order in which it stands in a block header. Three
// printed forms of it are in use, and each has its own pair of functions:
//
//   - display: all 32 bytes reversed, as block explorers and Bitcoin Core's
//     RPC print it; [ParseHash] and [Hash.String].
//   - wire: unchanged, as merkle branches of mining.notify are sent;
//     [HashFromWire] and [Hash.AppendWire].
//   - V1 prevhash: the bytes of each of the eight 4-byte words reversed;
//     [PrevHashFromWire] and [Hash.AppendPrevHash].
//
// The 32-bit fields are numbers here, eight hex digits with the most
// significant first in Stratum V1, and little-endian bytes in a header.
//
// # Difficulty
//
// Difficulty 1 is the target 0xffff·2^208 ("bdiff", the target of nbits
// 1d00ffff), as everywhere in pooled mining. A hash is compared with a target
// as an integer, never as a floating point number.
//
// # Invariants
//
// No function here panics on any input that came from outside. Checking a
// share ([AppendCoinbase] into a buffer of its own, [DoubleSHA256],
// [MerkleRoot], [Header.Hash], [Target.Met]) does not allocate, nor does what is
// done once for a job ([ParseCoinbase], [NBits.Difficulty]).
package work

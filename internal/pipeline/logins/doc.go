// Package logins is the middleware that lets in only miners that may: by the name
// they log in as, by a secret in their password, by the certificate that they have
// shown. All that is configured must hold; nothing is unless the operator says so.
//
// The secret is what stands in the password before its first comma; what comes
// after it are options ("s3cret,d=1024"), and only those go on to the next handler.
// Where a file names the login, or a glob that matches it, the hash there counts,
// else the common password, else nobody gets in. Hashes are PBKDF2 with SHA-256
// ([Hash]); a thousand iterations, which are the default, take 0.35 ms of a core
// on a machine of 2024, so that 18,000 machines with a secret each log in within
// 7 s of one core after a restart, and those with a common one at once. More would
// buy little: a miner sends its password in the clear unless it speaks TLS.
//
// A refused login is answered [mining.Unauthorized], and after [Config.MaxRefused]
// of them, those by a gate not counted, the connection ends. Whether a login is known is told by nothing: not the
// answer, and not the time, for who is unknown is compared, too. What was found
// right is remembered as its HMAC under a key of this process, so is what was found
// wrong for a login, each within bounds. Secrets are derived in half the processors
// at a time: whoever tries many waits, and with it only its own connection. Of each wrong
// secret that is new the [Standing] is told, for who guesses may come by a new connection
// each time; a machine with a wrong setting tries the same again.
//
// Who else has a say, such as a list of bans, is the [Gate]; it is asked first, by a
// middleware of its own, the [Keeper]. Both stand after identity, which makes the worker. It keeps the number of
// refused logins of each connection, and no secret.
package logins

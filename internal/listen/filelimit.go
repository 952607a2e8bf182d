package listen

// reservedFiles are the descriptors kept for everything but miners: probe
// connections, the API, files and what the runtime needs.
const reservedFiles = 128

// ClampConnections is how many of the wanted miners the limit of open files
// allows when each needs perMiner descriptors. A limit of 0 is not known and
// allows all; want of 0 or less wants as many as are allowed.
func ClampConnections(want int, soft uint64, perMiner int) int {
	if soft == 0 {
		return want
	}
	allowed := 1
	if soft > reservedFiles {
		const most = 1 << 30
		allowed = max(1, int(min(soft-reservedFiles, most))/max(1, perMiner))
	}
	if want <= 0 {
		return allowed
	}
	return min(want, allowed)
}

package listen

import (
	"bufio"
	"bytes"
	"strconv"
	"strings"
)

// Backlog is what waits to be accepted at an address.
type Backlog struct {
	// Waiting is how many connections the kernel has made that nobody has accepted,
	// Most how many it keeps; who comes then is dropped.
	Waiting, Most int
}

// Overflows is how often the kernel has dropped who wanted to connect, since the
// machine's start, at any address of this network namespace.
type Overflows struct {
	// Full counts those for whom a queue was full, Dropped all of them.
	Full, Dropped uint64
}

// parseOverflows reads /proc/net/netstat: pairs of lines, one of names and one of
// values.
func parseOverflows(text []byte) (o Overflows, ok bool) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 64<<10)
	var names []string
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) == 0 || fields[0] != "TcpExt:":
			continue
		case names == nil:
			names = fields
			continue
		}
		found := 0
		for i, name := range names[:min(len(names), len(fields))] {
			var into *uint64
			switch name {
			case "ListenOverflows":
				into = &o.Full
			case "ListenDrops":
				into = &o.Dropped
			default:
				continue
			}
			n, err := strconv.ParseUint(fields[i], 10, 64)
			if err != nil {
				return Overflows{}, false
			}
			*into = n
			found++
		}
		return o, found == 2
	}
	return Overflows{}, false
}

package serve

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/loka/stratum/internal/mining"
)

// A miner with a worker may say longer lines than a stranger may.
func TestStrangersSayShortLines(t *testing.T) {
	long := `{"id":9,"method":"mining.ping","params":["` + strings.Repeat("x", 2000) + `"]}`
	limits := func(c *Config) { c.StrangerLine, c.Wire.MaxLine = 1024, 4096 }
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, limits)
		m := r.mining()
		m.say(long)
		m.expect(`{"id":9,"result":"pong","error":null}`)
		_, _ = m.Write([]byte(strings.Repeat("x", 4097)))
		if r.ended(mining.LineTooLong) != 1 {
			t.Errorf("a line over the limit did not end the connection: %v", r.closed)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, limits)
		m := r.connect()
		m.say(subscribe("1"))
		_, _ = m.Write([]byte(long + "\n"))
		if r.ended(mining.LineTooLong) != 1 {
			t.Errorf("a stranger's long line did not end the connection: %v", r.closed)
		}
	})
}

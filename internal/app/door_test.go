package app_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/loka/stratum/internal/sim"
)

// doorVisitor is a connection that says a few lines of its own.
type doorVisitor struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

// visit connects, and says text first.
func (r *rig) knock(text string) *doorVisitor {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second)) // against hanging
	v := &doorVisitor{r.t, conn, bufio.NewReader(conn)}
	v.say(text)
	return v
}

func (v *doorVisitor) say(text string) {
	v.t.Helper()
	if _, err := fmt.Fprint(v.conn, text); err != nil {
		v.t.Fatal(err)
	}
}

// login subscribes and authorizes.
func (v *doorVisitor) login(name string) *doorVisitor {
	v.t.Helper()
	v.say(`{"id":1,"method":"mining.subscribe","params":[]}` + "\n")
	v.await(`"id":1,`)
	v.say(`{"id":2,"method":"mining.authorize","params":["` + name + `","x"]}` + "\n")
	v.await(`"id":2,"result":true`)
	return v
}

// await reads up to the line that has the text in it.
func (v *doorVisitor) await(text string) {
	v.t.Helper()
	for {
		line, err := v.in.ReadString('\n')
		if err != nil {
			v.t.Fatalf("awaiting %s: %v", text, err)
		}
		if strings.Contains(line, text) {
			return
		}
	}
}

// ends reads to the end, which must come.
func (v *doorVisitor) ends() {
	v.t.Helper()
	for {
		if _, err := v.in.ReadString('\n'); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				v.t.Error("it was not closed")
			}
			return
		}
	}
}

// Who is behind a load balancer goes by its own address: by which route it mines, and
// whether it may. A reload of the lists ends whom they refuse and leaves others alone;
// strangers and miners are told apart.
func TestDoor(t *testing.T) {
	t.Parallel()
	r := &rig{t: t}
	pool := runPool(t, sim.PoolConfig{Difficulty: 1, Seed: 5})
	listener := "[[listener]]\naddress = \"" + freePort(t) + "\"\nproxy_from = [\"127.0.0.0/8\"]\n"
	text := poolText("main", pool) +
		"[[route]]\nname = \"barn\"\n[route.match]\ncidr = [\"10.1.0.0/16\"]\n[[route]]\nname = \"rest\"\n" + listener
	r.proxy(text)
	r.addr = r.app.Addrs().Miners[1]
	r.await("ready", 20*time.Second, r.allReady)

	barn := r.knock("PROXY TCP4 10.1.0.7 192.0.2.1 1 2\r\n").login("barn.1")
	rest := r.knock("PROXY TCP4 10.2.0.7 192.0.2.1 1 2\r\n").login("rest.1")
	own := r.knock("").login("own.1")
	for name, route := range map[string]string{"barn.1": "barn", "rest.1": "rest", "own.1": "rest"} {
		r.await(name+" to mine", 20*time.Second, func() bool {
			w, ok := r.model.Worker(name)
			return ok && w.Route == route
		})
	}
	stranger := r.knock(`{"id":1,"method":"mining.subscribe","params":[]}` + "\n")
	stranger.await(`"id":1,`)
	r.await("one stranger", 20*time.Second, func() bool { s := r.model.Summary(); return s.Strangers == 1 && s.Waiting == 0 && s.Miners == 4 })

	const access = "[access]\nmode = \"deny\"\ndeny = [\"10.2.0.0/16\"]\nmax_per_worker = 1\n"
	if status, plan := r.ask(http.MethodPost, "/api/v1/plan", text+access); status != http.StatusOK || !strings.Contains(plan, `"moves":[{"miners":1,"closed":"access_denied"}]`) {
		t.Errorf("the plan: %d %s", status, plan)
	}
	r.file.write(r.dir, text+access)
	done, err := r.app.Reload(t.Context(), "")
	if err != nil || done.Closed != 1 || len(done.Restart) > 0 {
		t.Errorf("%+v, %v", done, err)
	}
	rest.ends()
	refused := r.knock("PROXY TCP4 10.2.0.8 192.0.2.1 1 2\r\n")
	refused.ends()
	again := r.knock("PROXY TCP4 10.1.0.8 192.0.2.1 1 2\r\n").login("barn.1") // the one login twice
	again.ends()
	for _, v := range []*doorVisitor{barn, own} { // they are served still
		v.say(`{"id":9,"method":"mining.ping","params":[]}` + "\n")
		v.await(`"id":9,`)
	}
	want := map[string]int{"access_denied": 2, "max_per_worker": 1}
	r.await("the ends to be counted", 20*time.Second, func() bool {
		ends := r.closed()
		for reason, n := range want {
			if ends[`loka_connections_closed_total{reason="`+reason+`",side="downstream"}`] != strconv.Itoa(n) {
				return false
			}
		}
		return true
	})
}

package browser

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// guest is a miner's connection from an address of its own.
type guest struct {
	t    *testing.T
	conn net.Conn
	read *bufio.Scanner
}

// visits connects from an address of loopback, and logs a worker in. said is what came back
// to the login; empty: the connection was closed.
func (f *farm) visits(t *testing.T, from, worker string) (g *guest, said string) {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.DialContext(context.Background(), "tcp", f.miners)
	if errors.Is(err, syscall.ECONNRESET) {
		return nil, "" // it was accepted and reset before the dialler had looked
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	g = &guest{t, c, bufio.NewScanner(c)}
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = fmt.Fprintf(c, `{"id":1,"method":"mining.subscribe","params":["guest/1"]}`+"\n"+`{"id":2,"method":"mining.authorize","params":[%q,"x"]}`+"\n", worker) // who is banned reads that
	for g.read.Scan() {
		if text := g.read.Text(); strings.Contains(text, `"id":2`) {
			return g, text
		}
	}
	return g, ""
}

// ends waits until the proxy has closed the connection.
func (g *guest) ends() {
	g.t.Helper()
	for g.read.Scan() {
		continue // jobs that came before
	}
	if errors.Is(g.read.Err(), os.ErrDeadlineExceeded) {
		g.t.Fatal("the connection is still open")
	}
}

const letIn = `"result":true`

// comes is a visit that is let in.
func (f *farm) comes(t *testing.T, from, worker string) *guest {
	t.Helper()
	g, said := f.visits(t, from, worker)
	if !strings.Contains(said, letIn) {
		t.Fatalf("%s at %s is answered %q", worker, from, said)
	}
	return g
}

// lifts takes a ban back from the page of bans, where it is shown.
func (b *tab) lifts(who string) {
	b.t.Helper()
	b.goes("/bans")
	b.until("the ban of "+who+" is listed", `[...document.querySelectorAll("main tbody tr")].some((r) => r.innerText.includes("`+who+`") && r.innerText.includes("banned"))`)
	b.shootScreen("bans-" + who)
	b.do(chromedp.Click(chromedp.CSS(`[data-act="unban"][data-who*="` + who + `"]`)))
	b.until("it is asked", `document.querySelector("dialog[open]")`)
	b.submits()
	b.until("it is lifted", `!document.querySelector("main").innerText.includes("`+who+`")`)
}

// The address of a connection is banned from its details: whoever is there is gone, and
// kept out until the ban is lifted from the page.
func TestBanAddressFromTheDrawer(t *testing.T) {
	f := theFarm(t)
	const address, worker = "127.0.0.9", "guests.drawer"
	g := f.comes(t, address, worker)
	b := newTab(t, f.url, looks[0])
	b.signsIn(f.token)
	b.goes("/connections?q=" + worker)
	b.until("it is there", `document.querySelectorAll("a[data-drawer]").length === 1`)
	b.do(chromedp.Click(chromedp.CSS("a[data-drawer]")))
	b.until("its details are open", `document.querySelector("#act-miner-ban")`)
	id := run[string](b, `document.querySelector("#act-miner-ban").dataset.name`)
	b.opens("act-miner-ban")
	b.until("it says of whom", `document.querySelector("dialog").innerText.includes("All connections from `+address+` are closed")`)
	b.do(chromedp.SetValue(chromedp.CSS(`dialog [name="comment"]`), "it was a test"))
	b.shootScreen("act-ban-address")
	b.submits()
	g.ends()
	b.until("it is gone", `!document.querySelector("#miner-`+id+`")`)
	if !f.acted(t, "POST /api/v1/miners/"+id+"/ban") {
		t.Error("nobody has banned it")
	}
	if _, said := f.visits(t, address, worker); said != "" {
		t.Errorf("whoever is banned is answered %q", said)
	}
	b.goes("/audit?q=" + address)
	b.until("the audit page has it", `document.querySelector("main").innerText.includes("/ban") && document.querySelector("main").innerText.includes("it was a test")`)
	b.lifts(address)
	_ = f.comes(t, address, worker)
	if !f.acted(t, "DELETE /api/v1/bans") {
		t.Error("nobody has lifted it")
	}
}

// A worker is banned from its page: it is gone, refused wherever it comes from, and let in
// again once the ban is lifted; others at its address stay.
func TestBanWorkerFromItsPage(t *testing.T) {
	f := theFarm(t)
	const worker, other = "guests.villain", "guests.friend"
	g, friend := f.comes(t, "127.0.0.10", worker), f.comes(t, "127.0.0.10", other)
	b := newTab(t, f.url, looks[0])
	b.signsIn(f.token)
	b.goes("/workers/" + worker)
	b.opens("act-ban")
	b.submits()
	g.ends()
	b.until("the page knows", `document.querySelector("main").innerText.includes("Not connected")`)
	if !f.acted(t, "POST /api/v1/workers/"+worker+"/ban") {
		t.Error("nobody has banned it")
	}
	if _, said := f.visits(t, "127.0.0.11", worker); strings.Contains(said, letIn) {
		t.Errorf("it is let in from elsewhere: %s", said)
	}
	if _, err := friend.conn.Write([]byte(`{"id":3,"method":"mining.authorize","params":["guests.more","x"]}` + "\n")); err != nil {
		t.Error(err)
	}
	for friend.read.Scan() && !strings.Contains(friend.read.Text(), `"id":3`) {
		continue
	}
	if said := friend.read.Text(); !strings.Contains(said, letIn) {
		t.Errorf("another worker of its address is answered %q", said)
	}
	b.lifts(worker)
	_ = f.comes(t, "127.0.0.10", worker)
}

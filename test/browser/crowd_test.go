package browser

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

const (
	// crowd is how many workers there are besides the farm's, logged in each as many
	// on one connection.
	crowd   = 10_000
	eachHas = 250
)

// login connects and logs workers in; it stays until the test ends.
func (f *farm) login(t *testing.T, first, n int) {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(context.Background(), "tcp", f.miners)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	var lines strings.Builder
	lines.WriteString(`{"id":0,"method":"mining.subscribe","params":["crowd/1"]}` + "\n")
	for i := range n {
		fmt.Fprintf(&lines, `{"id":%d,"method":"mining.authorize","params":["acct.crowd%05d","x"]}`+"\n", i+1, first+i)
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write([]byte(lines.String())); err != nil {
		t.Fatal(err)
	}
	read := bufio.NewScanner(c)
	for yes := 0; yes < n && read.Scan(); {
		if text := read.Text(); strings.Contains(text, `"result":true`) {
			yes++
		}
	}
	if err := read.Err(); err != nil {
		t.Fatalf("workers from %d on: %v", first, err)
	}
}

// Ten thousand workers are searched, sorted and gone through, page by page.
func TestTenThousandWorkers(t *testing.T) {
	f := theFarm(t)
	for first := 0; first < crowd; first += eachHas {
		f.login(t, first, eachHas)
	}
	b := newTab(t, f.url, looks[0])
	b.goes("/workers?q=crowd")
	b.until("all are there", `document.querySelector(".pager").innerText.replace(/\D/g, "").endsWith("10000")`)
	for _, step := range []struct{ what, does, until string }{
		{"the next part", `document.querySelector("a[rel=next]").click()`, `document.querySelector("tbody th").innerText.includes("crowd00050")`},
		{"the other way round", `document.querySelector("th a.sort").click()`, `document.querySelector("tbody th").innerText.includes("crowd09999")`},
	} {
		run[bool](b, `(() => { `+step.does+`; return true; })()`)
		b.until(step.what, step.until)
	}
	b.goes("/workers?q=crowd07777")
	b.until("one is found", `document.querySelectorAll("tbody tr").length === 1`)
	b.shootScreen("ten-thousand-workers")
}

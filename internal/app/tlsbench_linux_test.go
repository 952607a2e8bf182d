package app_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/loka/stratum/internal/listen"
	"github.com/loka/stratum/internal/load"
)

// idleVariable makes a test binary a crowd of idle miners.
const idleVariable = "LOKA_BENCH_IDLE"

// BenchmarkIdleTLSMiners measures what a miner takes that has work and says nothing,
// by TLS and without, in heaps and stacks after the garbage is gone. The miners run in
// a process of their own.
//
//	KiB/plain, KiB/tls  are of one miner,
//	KiB/more            is what TLS adds.
func BenchmarkIdleTLSMiners(b *testing.B) {
	const n = 2000
	needDescriptors(b, n)
	pool := &load.Pool{}
	a := farmProxy(b, farmPool("main", serveTCP(b, pool.Serve))+farmRoute+"[[listener]]\naddress = \"127.0.0.1:0\"\ntls = \"required\"\n")
	for _, version := range []string{"1.2", "1.3"} {
		b.Run(version, func(b *testing.B) {
			const rounds = 3
			plain, encrypted := make([]float64, 0, rounds), make([]float64, 0, rounds)
			for range rounds {
				plain = append(plain, idle(b, a.Addrs().Miners[0], n, "none"))
				encrypted = append(encrypted, idle(b, a.Addrs().Miners[1], n, version))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(load.Median(plain)/1024, "KiB/plain")
			b.ReportMetric(load.Median(encrypted)/1024, "KiB/tls")
			b.ReportMetric((load.Median(encrypted)-load.Median(plain))/1024, "KiB/more")
		})
	}
}

// idle is what one of n miners takes in bytes, by a version of TLS or "none".
func idle(b *testing.B, addr string, n int, version string) float64 {
	b.Helper()
	before, _ := inUse(b)
	cmd := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^TestIdleMiners$")
	cmd.Env = append(os.Environ(), idleVariable+"="+fmt.Sprintf("%s %d %s", addr, n, version))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	var ready int
	if err := json.NewDecoder(out).Decode(&ready); err != nil || ready != n {
		b.Fatalf("%d miners of %d, %v", ready, n, err)
	}
	after, _ := inUse(b)
	_ = in.Close()
	_ = cmd.Wait() // what it said last is not of interest
	await(b, "the miners to be gone", func() bool { return len(serverSockets(b, addr)) == 0 })
	return (after - before) / float64(n)
}

// TestIdleMiners shows that idle miners get in by each way. In a child process it is
// they.
func TestIdleMiners(t *testing.T) {
	if told := os.Getenv(idleVariable); told != "" {
		var addr, version string
		var n int
		if _, err := fmt.Sscan(told, &addr, &n, &version); err != nil {
			t.Fatal(err)
		}
		if _, err := listen.RaiseFileLimit(); err != nil {
			t.Fatal(err)
		}
		crowd, err := gather(addr, n, version)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Println(len(crowd))
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	r := &rig{t: t}
	r.proxy(poolText("main", runPool(t, simpleJobs)) + "[[listener]]\naddress = \"127.0.0.1:0\"\ntls = \"required\"\n")
	r.await("ready", readyIn, r.model.Ready)
	for version, addr := range map[string]string{"none": r.app.Addrs().Miners[0], "1.2": r.app.Addrs().Miners[1], "1.3": r.app.Addrs().Miners[1]} {
		crowd, err := gather(addr, 3, version)
		if err != nil {
			t.Errorf("%s: %v", version, err)
		}
		for _, conn := range crowd {
			_ = conn.Close()
		}
	}
}

// gather connects n miners that have work.
func gather(addr string, n int, version string) (crowd []net.Conn, err error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	slots := make(chan struct{}, 32)
	for i := range n {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			conn, failed := idleMiner(addr, i, version)
			mu.Lock()
			defer mu.Unlock()
			if failed != nil {
				err = failed
				return
			}
			crowd = append(crowd, conn)
		})
	}
	all.Wait()
	return crowd, err
}

func idleMiner(addr string, i int, version string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(context.Background(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	if version != "none" {
		cfg := &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}
		if version == "1.3" {
			cfg.MinVersion, cfg.MaxVersion = tls.VersionTLS13, tls.VersionTLS13
		}
		conn = tls.Client(conn, cfg)
	}
	if _, err := io.WriteString(conn, load.Greeting(i)); err != nil {
		return nil, err
	}
	lines := bufio.NewReader(conn)
	for {
		line, err := lines.ReadString('\n')
		switch {
		case err != nil:
			return nil, err
		case strings.Contains(line, "mining.notify\",\"params"):
			return conn, nil
		}
	}
}

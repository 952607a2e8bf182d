package app_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/loka/stratum/internal/listen"
	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/internal/wire"
	"github.com/loka/stratum/sv1"
)

// servePool is a pool that accepts every share without a look at it, with one write
// for all that one read brought: as cheap as a pool can be. It says where it listens
// and ends with its input.
func servePool(in io.Reader, out io.Writer) error {
	if _, err := listen.RaiseFileLimit(); err != nil {
		return err
	}
	ln, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, ln.Addr()); err != nil {
		return err
	}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			c := wire.New(conn, nil, &wire.Config{})
			go c.Run(context.Background(), &yes{conn: c})
		}
	}()
	_, err = io.Copy(io.Discard, in)
	return err
}

// yes answers one connection.
type yes struct {
	conn  *wire.Conn
	m     sv1.Message
	reply []byte
}

// yesWork has a difficulty that every second hash meets.
const yesWork = "{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[2e-10]}\n" +
	"{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"j1\",\"0000000000000000000000000000000000000000000000000000000000000000\",\"aa\",\"bb\",[],\"20000000\",\"1703a30c\",\"65537f00\",true]}\n"

func (y *yes) Line(line []byte) error {
	if err := y.m.Scan(line); err != nil {
		return err
	}
	switch y.reply = y.reply[:0]; sv1.ParseMethod(y.m.Method) {
	case sv1.MethodSubscribe:
		y.reply = fmt.Appendf(y.reply, "{\"id\":%s,\"result\":[[[\"mining.notify\",\"1\"]],\"aabbccdd\",8],\"error\":null}\n", y.m.ID)
	case sv1.MethodConfigure:
		y.reply = fmt.Appendf(y.reply, "{\"id\":%s,\"result\":{\"version-rolling\":true,\"version-rolling.mask\":\"1fffe000\"},\"error\":null}\n", y.m.ID)
	case sv1.MethodAuthorize:
		y.reply = append(sv1.AppendTrue(y.reply, y.m.ID), yesWork...)
	default:
		y.reply = sv1.AppendTrue(y.reply, y.m.ID)
	}
	y.conn.Send(wire.Frame{Data: y.reply})
	return nil
}

func (*yes) Flush() {}
func (*yes) Loud()  {}

func (*yes) Tick(time.Time) (mining.Reason, time.Time) { return "", time.Time{} }

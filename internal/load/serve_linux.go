package load

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/loka/stratum/internal/listen"
)

// Report is what a load answers to a command.
type Report struct {
	Error string
	// Elapsed and CPU are nanoseconds: what the command took, and the load's
	// own CPU time in it.
	Elapsed, CPU int64
	// Arrivals are when each miner was given a job, in nanoseconds since 1970, in the
	// order in which that was seen.
	Arrivals []int64
	// Answered counts submits, Refused those that were not answered by true;
	// Refusal is the last such answer.
	Answered, Refused int
	Refusal           string
	// Sample is what the first miner was sent, by the kernel's clock only.
	Sample string
	// Took is how long each paced submit waited for its answer, in nanoseconds.
	Took []int64
	// Wrote and Heard are bytes of lines, without what TCP and IP put around them.
	Wrote, Heard int64
}

// Serve does what it is told, a line a command, until its input ends:
//
//	open ADDRESS N STAMPED   connect N miners; STAMPED where "written" is asked for
//	watch                    take what has arrived, say "{}", then wait until each miner had a job, reading all the while
//	gather                   the same for jobs that have arrived unread, by the kernel's clock
//	closed N                 N submits, one outstanding for each miner
//	bursts LINES N           N submits, LINES outstanding for each miner, sent in one write
//	paced RATE N             N submits, RATE a second
//	close                    end all connections
func Serve(in io.Reader, out io.Writer) error {
	runtime.LockOSThread()
	if _, err := listen.RaiseFileLimit(); err != nil {
		return err
	}
	l, err := newLoader()
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(l.epoll) }()
	defer l.close()
	for lines, say := bufio.NewScanner(in), json.NewEncoder(out); lines.Scan(); {
		begin, cpu := time.Now(), CPUTime()
		if lines.Text() == "watch" {
			// A job that came by the clock and lies unread is not the one that is waited for.
			before := Report{}
			if err := l.drain(); err != nil {
				before.Error = err.Error()
			}
			l.mark()
			if err := say.Encode(before); err != nil {
				return err
			}
		}
		l.answered, l.refused, l.took, l.wrote, l.heard = 0, 0, nil, 0, 0
		var report Report
		if err := l.obey(lines.Text()); err != nil {
			report.Error = fmt.Sprintf("%s: %v", lines.Text(), err)
		}
		report.Elapsed, report.CPU = time.Since(begin).Nanoseconds(), (CPUTime() - cpu).Nanoseconds()
		report.Arrivals, report.Sample = l.arrivals, string(l.sample)
		report.Answered, report.Refused, report.Refusal = l.answered, l.refused, l.refusal
		report.Took, report.Wrote, report.Heard = l.took, l.wrote, l.heard
		l.mark()
		if err := say.Encode(report); err != nil {
			return err
		}
	}
	return nil
}

// obey carries out one command.
func (l *loader) obey(command string) error {
	var (
		word, address string
		n, rate       int
		stamped       bool
	)
	_, _ = fmt.Sscan(command, &word)
	switch word {
	case "open":
		if _, err := fmt.Sscan(command, &word, &address, &n, &stamped); err != nil {
			return err
		}
		addr, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		return l.open(addr, n, stamped)
	case "watch":
		return l.fanout(ownClock)
	case "gather":
		return l.fanout(kernelClock)
	case "closed":
		if _, err := fmt.Sscan(command, &word, &n); err != nil {
			return err
		}
		return l.closed(1, n)
	case "bursts":
		var lines int
		if _, err := fmt.Sscan(command, &word, &lines, &n); err != nil {
			return err
		}
		if lines < 1 {
			return errors.New("a burst has at least one line")
		}
		return l.closed(lines, n)
	case "paced":
		if _, err := fmt.Sscan(command, &word, &rate, &n); err != nil {
			return err
		}
		return l.paced(rate, n)
	case "close":
		l.close()
		return nil
	default:
		return errors.New("unknown command")
	}
}

package app_test

import (
	"testing"
	"time"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/load"
	"github.com/loka/stratum/internal/recorder"
)

// BenchmarkFlightRecorder measures what a share costs while the flight recorder
// records, beside what it costs while it does not, on the same sockets in turns.
// 1,000 miners have one share outstanding each, or send 5,000 a second together.
//
//	off-us/share, on-us/share  are the proxy's CPU time for a share and its answer,
//	x_on                       is the one as a multiple of the other: of each two
//	                           rounds that follow each other, the middle one,
//	x_rate                     is how many shares a second there are, likewise.
func BenchmarkFlightRecorder(b *testing.B) {
	b.Run("closed", func(b *testing.B) { benchRecorder(b, "closed 100000") })
	b.Run("paced", func(b *testing.B) { benchRecorder(b, "paced 5000 15000") })
}

func benchRecorder(b *testing.B, command string) {
	b.Helper()
	const miners, rounds = 1000, 10
	f := newFarm(b, miners)
	set := config.Defaults().FlightRecorder
	flight := recorder.New(recorder.Deps{Dir: b.TempDir(), Now: time.Now})
	b.Cleanup(flight.Close)
	record := func(on bool) {
		if err := flight.Reconfigure(recorder.Config{Enabled: on, Window: set.Window, Memory: int64(set.Memory), Keep: 1, Disk: int64(set.MaxDisk)}); err != nil {
			b.Fatal(err)
		}
	}
	f.connect(f.addr, miners, false)
	f.load.do("%s", command) // the first round fills caches
	var off, on load.Cost
	costs, rates := make([]float64, 0, rounds), make([]float64, 0, rounds)
	for i := range rounds {
		for j := range 2 { // who is first takes turns, too
			recorded := (i+j)%2 == 1
			record(recorded)
			if recorded {
				f.load.measure(&on, command)
			} else {
				f.load.measure(&off, command)
			}
		}
		costs, rates = append(costs, on.CPU[i]/off.CPU[i]), append(rates, on.Rate[i]/off.Rate[i])
	}
	record(false)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(load.Median(off.CPU), "off-us/share")
	b.ReportMetric(load.Median(on.CPU), "on-us/share")
	b.ReportMetric(load.Median(costs), "x_on")
	b.ReportMetric(load.Median(rates), "x_rate")
}

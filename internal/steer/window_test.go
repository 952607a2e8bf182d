package steer_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loka/stratum/internal/steer"
)

func zone(tb testing.TB, name string) *time.Location {
	tb.Helper()
	l, err := time.LoadLocation(name)
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

func window(tb testing.TB, text, at string) *steer.Window {
	tb.Helper()
	w, err := steer.ParseWindow(text, zone(tb, at))
	if err != nil {
		tb.Fatalf("%q: %v", text, err)
	}
	return w
}

// moment reads a time of UTC.
func moment(tb testing.TB, text string) time.Time {
	tb.Helper()
	at, err := time.Parse("Mon 2006-01-02 15:04:05", text)
	if err != nil {
		tb.Fatal(err)
	}
	return at
}

func TestWindow(t *testing.T) {
	for _, c := range []struct {
		text, zone, at string // at in UTC
		open           bool
	}{
		{"* * * * *", "UTC", "Thu 2026-01-01 00:00:00", true},
		{"* 22-23,0-5 * * *", "UTC", "Thu 2026-01-01 21:59:59", false},
		{"* 22-23,0-5 * * *", "UTC", "Thu 2026-01-01 22:00:00", true},
		{"* 22-23,0-5 * * *", "UTC", "Fri 2026-01-02 05:59:59", true},
		{"* 22-23,0-5 * * *", "UTC", "Fri 2026-01-02 06:00:00", false},
		{"* 22-23 * * *", "Europe/Prague", "Thu 2026-01-01 21:00:00", true},
		{"* 22-23 * * *", "Europe/Prague", "Thu 2026-01-01 22:59:59", true},
		{"* 22-23 * * *", "Europe/Prague", "Thu 2026-01-01 23:00:00", false},
		{"* 22-23 * * *", "Asia/Kathmandu", "Thu 2026-01-01 16:14:59", false}, // +05:45
		{"* 22-23 * * *", "Asia/Kathmandu", "Thu 2026-01-01 16:15:00", true},
		{"*/15 * * * *", "UTC", "Thu 2026-01-01 07:30:59", true},
		{"*/15 * * * *", "UTC", "Thu 2026-01-01 07:31:00", false},
		{"* * * * mon-fri", "UTC", "Fri 2026-01-02 23:59:59", true},
		{"* * * * mon-fri", "UTC", "Sat 2026-01-03 00:00:00", false},
		{"* * * * MON-FRI", "America/New_York", "Sat 2026-01-03 04:59:59", true}, // Friday there
		{"* * * * 0", "UTC", "Sun 2026-01-04 12:00:00", true},
		{"* * 1 * *", "UTC", "Sun 2026-02-01 12:00:00", true},
		{"* * 1 * *", "UTC", "Mon 2026-02-02 12:00:00", false},
		{"* * 1 * mon", "UTC", "Mon 2026-02-02 12:00:00", true}, // either day
		{"* * 1 * mon", "UTC", "Sun 2026-02-01 12:00:00", true},
		{"* * 1 * mon", "UTC", "Tue 2026-02-03 12:00:00", false},
		{"* * * jun,dec *", "UTC", "Tue 2026-06-30 12:00:00", true},
		{"* * * jun,dec *", "UTC", "Wed 2026-07-01 12:00:00", false},
		{"* * 29 2 *", "UTC", "Tue 2028-02-29 12:00:00", true},

		// The night in which the clock goes forward has no 02:30, the one in which it
		// goes back has two.
		{"* 2 * * *", "Europe/Prague", "Sun 2026-03-29 00:59:59", false}, // 01:59
		{"* 2 * * *", "Europe/Prague", "Sun 2026-03-29 01:00:00", false}, // 03:00
		{"* 2 * * *", "Europe/Prague", "Sun 2026-10-25 00:00:00", true},  // 02:00 of the summer
		{"* 2 * * *", "Europe/Prague", "Sun 2026-10-25 01:59:59", true},  // 02:59 of the winter
		{"* 2 * * *", "Europe/Prague", "Sun 2026-10-25 02:00:00", false},
		{"* 8 * * *", "Europe/Prague", "Sat 2026-03-28 07:00:00", true}, // in winter
		{"* 8 * * *", "Europe/Prague", "Sun 2026-03-29 06:00:00", true}, // in summer
		{"* 8 * * *", "Europe/Prague", "Sun 2026-03-29 07:00:00", false},
	} {
		if got := window(t, c.text, c.zone).Open(moment(t, c.at)); got != c.open {
			t.Errorf("%q in %s at %s: %t", c.text, c.zone, c.at, got)
		}
	}
	w := window(t, " *  22-23 * * *", "Europe/Prague")
	if w.String() != "* 22-23 * * *" || w.Zone() != "Europe/Prague" || w.Minutes() != 60 || window(t, "0,30 * * * *", "UTC").Minutes() != 2 {
		t.Errorf("%q in %q, %d minutes", w, w.Zone(), w.Minutes())
	}
	var always *steer.Window
	if !always.Open(time.Time{}) || always.String() != "" || always.Zone() != "" || always.Minutes() != 60 {
		t.Error("no window is not always")
	}
}

// A day whose clock is changed has as many minutes of a window as it shows.
func TestWindowOverAChangeOfTheClock(t *testing.T) {
	for text, want := range map[string][3]int{ // on a usual day, in spring and in autumn
		"* * * * *":     {1440, 1380, 1500},
		"* 2 * * *":     {60, 0, 120},
		"* 1-3 * * *":   {180, 120, 240},
		"30 2 * * *":    {1, 0, 2},
		"* 22-23 * * *": {120, 120, 120},
	} {
		w := window(t, text, "Europe/Prague")
		for i, day := range []string{"2026-03-28", "2026-03-29", "2026-10-25"} {
			at, err := time.ParseInLocation(time.DateOnly, day, zone(t, "Europe/Prague"))
			if err != nil {
				t.Fatal(err)
			}
			open := 0
			for end := at.AddDate(0, 0, 1); at.Before(end); at = at.Add(time.Minute) {
				if w.Open(at) {
					open++
				}
			}
			if open != want[i] {
				t.Errorf("%q on %s: %d minutes, want %d", text, day, open, want[i])
			}
		}
	}
}

func TestWindowsThatAreWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "want five fields",
		"* * * *":                "want five fields",
		"* * * * * *":            "want five fields",
		"@daily":                 "want five fields",
		"TZ=UTC * * * *":         "want five fields",
		"CRON_TZ=":               "want five fields",
		"* 22-5 * * *":           "beginning of range (22) beyond end of range (5)",
		"* 24 * * *":             "end of range (24) above maximum (23)",
		"60 * * * *":             "end of range (60) above maximum (59)",
		"* * 0 * *":              "beginning of range (0) below minimum (1)",
		"*/0 * * * *":            "step of range should be a positive number",
		"* * * * monday":         "monday",
		"* * 30 2 *":             "no minute ever matches",
		", * * * *":              "no minute ever matches",
		"-1 * * * *":             "failed to parse int",
		"1/99999999999999999999": "want five fields",
	} {
		if w, err := steer.ParseWindow(text, time.UTC); w != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v; want %q", text, w, err, want)
		}
	}
}

// Whatever the text is, it is read or refused, and then asked without a panic.
func FuzzParseWindow(f *testing.F) {
	for _, text := range []string{"* 22-23,0-5 * * mon-fri", "*/7 1-9/2 1,15 jan-dec 0", "TZ=x", "? ? ? ? ?", "1-2-3 * * * *", "9223372036854775807/9223372036854775807 * * * *"} {
		f.Add(text, int64(1774746000))
	}
	f.Fuzz(func(t *testing.T, text string, at int64) {
		w, err := steer.ParseWindow(text, time.UTC)
		if (w == nil) == (err == nil) {
			t.Fatalf("%v, %v", w, err)
		}
		if w == nil {
			return
		}
		w.Open(time.Unix(at, 0))
		if again, err := steer.ParseWindow(w.String(), time.UTC); err != nil || again.Minutes() != w.Minutes() || w.Minutes() < 1 {
			t.Fatalf("%q: %v, %d minutes", w, err, w.Minutes())
		}
	})
}

// A part by the hour of the night has its share in it and nothing outside, where
// nothing is owed to it.
func TestSplitWithAWindow(t *testing.T) {
	f := newFarm(1, weights(70, 30), equal(50, 1e14)...)
	night := window(t, "* 22-23,0-5 * * *", "Europe/Prague")
	hours := map[float64]int{}
	f.now = moment(t, "Sat 2026-03-28 19:00:00") // the clock goes forward in the night
	for range 24 * 60 {
		before := f.parts[1].Usable
		f.parts[1].Usable = night.Open(f.now.Add(time.Second))
		if f.run(t, 1); before != f.parts[1].Usable {
			f.run(t, 10)
			for i, m := range f.members {
				if m.Part == 1 && !f.parts[1].Usable {
					t.Fatalf("at %v miner %d is still at the part that is closed", f.now, i)
				}
			}
			f.run(t, 49)
			f.work = f.work[:0]
			continue
		}
		if f.run(t, 59); len(f.work) == 3600 {
			want := 1.0
			if f.parts[1].Usable {
				want = 0.7
			}
			hours[want]++
			if e := f.errors(3600, want); e[0] > 1 {
				t.Errorf("before %v: off by %.2f points of %.1f", f.now, e[0], want)
			}
			f.work = f.work[:0]
		}
	}
	if hours[1] < 10 || hours[0.7] < 6 { // the night has seven hours, and each its first minute
		t.Errorf("hours looked at: %v", hours)
	}
}

// A window says at each moment what the clock of its zone says.
func TestWindowGoesByTheClock(t *testing.T) {
	zones := []*time.Location{zone(t, "UTC"), zone(t, "Europe/Prague"), zone(t, "America/St_Johns"), zone(t, "Australia/Lord_Howe")}
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(1_700_000_000, 1_900_000_000).Draw(t, "at"), 0).In(rapid.SampledFrom(zones).Draw(t, "zone"))
		w, err := steer.ParseWindow(at.Format("4 15 2 1 *"), at.Location())
		if err != nil {
			t.Fatal(err)
		}
		if !w.Open(at) || w.Open(at.Add(2*time.Minute)) || w.Open(at.AddDate(0, 0, 1)) {
			t.Fatalf("%q at %v", w, at)
		}
	})
}

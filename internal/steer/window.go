package steer

import (
	"errors"
	"math/bits"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Window is when a part of a split is to have something: in every minute that an
// expression as of cron matches, by the clock of a time zone. A minute that the
// clock leaves out is in no window, one that it shows twice is twice. Nil is always.
type Window struct {
	text string
	spec *cron.SpecSchedule
}

var (
	errFields = errors.New("want five fields")
	errNever  = errors.New("no minute ever matches")
)

// ParseWindow reads five fields with blanks between them: minute, hour, day of the
// month, month and weekday (0 is Sunday), each * or numbers, names (jan, mon), ranges,
// steps and lists of them; as with cron, a day matches either day field where both
// are given. The error says what is wrong.
func ParseWindow(text string, zone *time.Location) (*Window, error) {
	fields := strings.Fields(text)
	if len(fields) != 5 || strings.Contains(fields[0], "=") { // cron would take a zone there
		return nil, errFields
	}
	parser := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)
	schedule, err := parser.Parse(strings.Join(fields, " "))
	if err != nil {
		return nil, err
	}
	spec, ok := schedule.(*cron.SpecSchedule)
	if !ok {
		return nil, errFields
	}
	spec.Location = time.UTC
	if spec.Next(time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)).IsZero() { // any day will do
		return nil, errNever
	}
	spec.Location = zone
	return &Window{strings.Join(fields, " "), spec}, nil
}

// String is the expression; empty for nil.
func (w *Window) String() string {
	if w == nil {
		return ""
	}
	return w.text
}

// Zone is the name of the time zone; empty for nil.
func (w *Window) Zone() string {
	if w == nil {
		return ""
	}
	return w.spec.Location.String()
}

// Minutes is how many minutes of an hour can be in the window, 1 to 60.
func (w *Window) Minutes() int {
	if w == nil {
		return 60
	}
	return bits.OnesCount64(w.spec.Minute &^ star)
}

// star is cron's mark of a field that is not restricted.
const star = 1 << 63

// Open says whether a moment is in the window.
func (w *Window) Open(now time.Time) bool {
	if w == nil {
		return true
	}
	t := now.In(w.spec.Location)
	has := func(field uint64, value int) bool { return field>>value&1 == 1 }
	day, weekday := has(w.spec.Dom, t.Day()), has(w.spec.Dow, int(t.Weekday()))
	days := day || weekday
	if (w.spec.Dom|w.spec.Dow)&star != 0 {
		days = day && weekday
	}
	return days && has(w.spec.Month, int(t.Month())) && has(w.spec.Hour, t.Hour()) && has(w.spec.Minute, t.Minute())
}

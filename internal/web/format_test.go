package web

import (
	"fmt"
	"math"
	"testing"
)

func TestFigures(t *testing.T) {
	for got, want := range map[string]string{
		rateText(0): "0 H/s", rateText(999): "999 H/s", rateText(999.6): "1.00 kH/s", rateText(1.234e14): "123 TH/s", rateText(9.99e15): "9.99 PH/s", rateText(math.Inf(1)): "0 H/s", rateText(math.NaN()): "0 H/s",
		satText(0): "0 sat", satText(0.5): "0.50 sat", satText(1234567): "1\u202f234\u202f567 sat", satText(123456789): "1.23456789 BTC", satText(-2500): "−2\u202f500 sat",
		difficultyText(512): "512", difficultyText(0.0001): "0.0001", difficultyText(123456): "123 k", difficultyText(1.5e12): "1.50 T",
		percent(0): "0 %", percent(0.00001): "< 0.01 %", percent(0.00123): "0.12 %", percent(0.5): "50.0 %",
		span(59): "59 s", span(60): "1 min", span(3700): "1 h 1 min", span(90000): "1 d 1 h", span(-1): "0 s",
		string(ms(0)): "–", string(ms(0.0012)): `1.2<span class="unit">ms</span>`, string(ms(12)): `12.0<span class="unit">s</span>`,
		string(part(0, 0)): "–", string(part(1, 100000)): `&lt; 0.01<span class="unit">%</span>`, count(int64(-1234)): "−1\u202f234",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for state, want := range map[string]string{"active": "good", "degraded": "warn", "down": "bad", "standby": "", "critical": "bad"} {
		if tone(state) != want {
			t.Errorf("%s is %q", state, tone(state))
		}
	}
	if _, err := number("x"); err == nil || fmt.Sprint(err) != "string is no number" {
		t.Error(err)
	}
}

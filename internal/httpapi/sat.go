package httpapi

import (
	"encoding/json"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loka/stratum/internal/mining"
)

// Sat is satoshi as a JSON number that is exact: it has as many decimals as it
// needs, up to 12. Unlike a [mining.Amount] it may be below nothing.
type Sat struct {
	amount   mining.Amount
	negative bool
}

// sat is an amount for an answer.
func sat(a mining.Amount) Sat { return Sat{amount: a} }

// less is what b leaves of a.
func less(a, b mining.Amount) Sat {
	if a.Cmp(b) < 0 {
		return Sat{b.Sub(a), true}
	}
	return Sat{amount: a.Sub(b)}
}

// Float is the amount, as near as a float64 can be.
func (s Sat) Float() float64 {
	if s.negative {
		return -s.amount.Float()
	}
	return s.amount.Float()
}

// MarshalJSON implements [json.Marshaler].
func (s Sat) MarshalJSON() ([]byte, error) {
	if s.negative {
		return []byte("-" + s.amount.String()), nil
	}
	return []byte(s.amount.String()), nil
}

// UnmarshalJSON implements [json.Unmarshaler].
func (s *Sat) UnmarshalJSON(text []byte) (err error) {
	number, negative := strings.CutPrefix(string(text), "-")
	s.negative = negative
	s.amount, err = mining.ParseAmount(number)
	return err
}

// Schema implements [huma.SchemaProvider].
func (Sat) Schema(huma.Registry) *huma.Schema { return &huma.Schema{Type: huma.TypeNumber} }

var (
	_ json.Marshaler      = Sat{}
	_ json.Unmarshaler    = (*Sat)(nil)
	_ huma.SchemaProvider = Sat{}
)

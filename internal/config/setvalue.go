package config

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/loka/stratum/internal/mining"
	"github.com/loka/stratum/work"
)

// kind is what a type of value is called and looks like.
type kind struct{ name, example string }

// choices is a text that must be one of a few words.
type choices interface{ Choices() []string }

// kindOf names the type of a field.
func kindOf(t reflect.Type) kind {
	switch t {
	case reflect.TypeFor[int]():
		return kind{"an integer", "1000"}
	case reflect.TypeFor[float64](), reflect.TypeFor[*float64]():
		return kind{"a number", "6.0"}
	case reflect.TypeFor[bool]():
		return kind{"true or false", "true"}
	case reflect.TypeFor[time.Duration]():
		return kind{"a duration", `"30s"`}
	case reflect.TypeFor[Size]():
		return kind{"a size", `"64KiB"`}
	case reflect.TypeFor[Hashrate]():
		return kind{"a hashrate", `"500TH/s"`}
	case reflect.TypeFor[Suggest]():
		return kind{`"auto", "off" or a number`, "65536"}
	case reflect.TypeFor[mining.Template]():
		return kind{"a worker template", strconv.Quote(mining.DefaultTemplate)}
	case reflect.TypeFor[mining.Secret]():
		return kind{"a text", `"…"`}
	case reflect.TypeFor[netip.Prefix]():
		return kind{"a CIDR", `"10.0.0.0/8"`}
	case reflect.TypeFor[[]netip.Prefix]():
		return kind{"a list of CIDRs", `["10.0.0.0/8"]`}
	case reflect.TypeFor[[]string]():
		return kind{"a list of texts", `["…", "…"]`}
	}
	if c, ok := reflect.TypeAssert[choices](reflect.Zero(t)); ok {
		return kind{"one of " + quoteAll(c.Choices()), strconv.Quote(c.Choices()[0])}
	}
	return kind{"a text", `"…"`}
}

// setValue gives a field its value from what the TOML parser made, ${ENV}
// expanded.
func (l *loader) setValue(out reflect.Value, in any) error {
	want := kindOf(out.Type())
	_, secret := reflect.TypeAssert[mining.Secret](out)
	wrong := fmt.Errorf("want %s such as %s, got %s", want.name, want.example, describe(in))
	if secret {
		wrong = errors.New("want a text in quotes")
	}
	switch v := in.(type) {
	case string:
		if isNumber(out.Type()) || out.Kind() == reflect.Bool {
			return wrong
		}
		text, err := expand(v, l.lookup(secret))
		if err != nil {
			return err
		}
		return setText(out, text)
	case int64:
		return setNumber(out, float64(v), v, wrong)
	case float64:
		return setNumber(out, v, 0, wrong)
	case bool:
		if out.Kind() == reflect.Bool {
			out.SetBool(v)
			return nil
		}
	}
	return wrong
}

// isNumber says whether a field is written as a bare number and nothing else.
func isNumber(t reflect.Type) bool {
	return t == reflect.TypeFor[int]() || t == reflect.TypeFor[float64]() || t == reflect.TypeFor[*float64]()
}

// setNumber sets fields that take a bare number; whole is 0 for a number that
// was not written as an integer.
func setNumber(out reflect.Value, v float64, whole int64, wrong error) error {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return fmt.Errorf("want a finite number, got %v", v)
	}
	switch dst := out.Addr().Interface().(type) {
	case *int:
		if float64(whole) != v || whole != int64(int(whole)) {
			return wrong
		}
		*dst = int(whole)
	case *float64:
		*dst = v
	case **float64:
		*dst = &v
	case *Suggest:
		return setSuggest(dst, v)
	default:
		return wrong
	}
	return nil
}

func setSuggest(dst *Suggest, v float64) error {
	if v <= 0 {
		return fmt.Errorf("%s is no difficulty; want a number above 0, \"auto\" or \"off\"", formatFloat(v))
	}
	*dst = Suggest{Difficulty: work.Difficulty(v)}
	return nil
}

// setText sets fields that are written as text.
func setText(out reflect.Value, text string) error {
	var err error
	switch dst := out.Addr().Interface().(type) {
	case *string:
		*dst = text
	case *mining.Secret:
		*dst = mining.Secret(text)
	case *time.Duration:
		if *dst, err = time.ParseDuration(text); err != nil {
			return fmt.Errorf("%q is not a duration; write it like \"30s\", \"15m\" or \"2h\"", text)
		}
	case *Size:
		if *dst, err = ParseSize(text); err != nil {
			return fmt.Errorf("%w; write it like \"64KiB\", \"500MiB\" or \"10GiB\"", err)
		}
	case *Hashrate:
		if *dst, err = ParseHashrate(text); err != nil {
			return fmt.Errorf("%w; write it like \"500TH/s\" or \"1.5PH/s\"", err)
		}
	case *netip.Prefix:
		return setPrefix(dst, text)
	case *mining.Template:
		*dst, err = mining.ParseTemplate(text)
		return err
	case *Suggest:
		return setSuggestText(dst, text)
	default:
		return setChoice(out, text)
	}
	return nil
}

func setPrefix(dst *netip.Prefix, text string) error {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		if addr, err := netip.ParseAddr(text); err == nil {
			return fmt.Errorf("%q is an address, not a CIDR; for this one host write \"%s/%d\"", text, text, addr.BitLen())
		}
		return fmt.Errorf("%q is not a CIDR; write it like \"10.0.0.0/8\" or \"2001:db8::/32\"", text)
	}
	if p != p.Masked() {
		return fmt.Errorf("%q has bits set beyond its length; write %q", text, p.Masked())
	}
	*dst = p
	return nil
}

func setSuggestText(dst *Suggest, text string) error {
	switch text {
	case "auto":
		*dst = Suggest{Auto: true}
	case "off":
		*dst = Suggest{}
	default:
		v, err := parseDecimal(text)
		if err != nil {
			return fmt.Errorf("%q is not \"auto\", \"off\" or a number such as 65536", text)
		}
		return setSuggest(dst, v)
	}
	return nil
}

// setChoice sets a text that must be one of a few words.
func setChoice(out reflect.Value, text string) error {
	words, ok := reflect.TypeAssert[choices](out)
	if !ok {
		return fmt.Errorf("internal: no way to read a %s", out.Type())
	}
	if slices.Contains(words.Choices(), text) {
		out.SetString(text)
		return nil
	}
	if meant := nearest(strings.ToLower(text), words.Choices()); meant != "" {
		return fmt.Errorf("%q is not known, did you mean %q? Known are %s", text, meant, quoteAll(words.Choices()))
	}
	return fmt.Errorf("%q is not known; write one of %s", text, quoteAll(words.Choices()))
}

// quoteAll prints words as a list for a sentence.
func quoteAll(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = strconv.Quote(w)
	}
	return strings.Join(quoted, ", ")
}

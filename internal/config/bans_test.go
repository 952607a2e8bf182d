package config

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestBans(t *testing.T) {
	if diff := cmp.Diff(defaultBans(), load(t, minimal, Options{}).Bans, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("without a table (-want +got):\n%s", diff)
	}
	c := load(t, minimal+`[bans]
automatic = false
first = "1m"
longest = "1h"
forget = "0s"
never = ["10.0.0.0/8"]
kernel = "nftables"
`, Options{})
	want := Bans{First: time.Minute, Longest: time.Hour, Never: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Kernel: KernelNftables}
	if diff := cmp.Diff(want, c.Bans, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(c.Notes) != 4 || !strings.Contains(c.Notes[0].String(), "bans.first: has no effect with automatic = false") {
		t.Errorf("notes: %v", c.Notes)
	}
}

func TestBanProblems(t *testing.T) {
	for file, want := range map[string]string{
		`first = "0s"`:                     `bans.first: "0s" is out of range; write a duration from "1s" to "8760h"`,
		`longest = "9000h"`:                `bans.longest: "9000h" is out of range`,
		`forget = "-1s"`:                   `bans.forget: "-1s" is out of range; write a duration from "0s" to "87600h"`,
		"first = \"1h\"\nlongest = \"1m\"": `bans.longest: "1m" is below first, which is "1h"; write at least that`,
		`never = ["10.0.0.0"]`:             `bans.never`,
		`kernel = "iptables"`:              `bans.kernel: "iptables" is not known, did you mean "nftables"?`,
		`frist = "1m"`:                     `unknown key "frist", did you mean "first"?`,
	} {
		if got := problemsOf(t, minimal+"[bans]\n"+file+"\n", Options{}); len(got) != 1 || !strings.Contains(got.Error(), want) {
			t.Errorf("%s: %v", file, got)
		}
	}
}

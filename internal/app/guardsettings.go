package app

import (
	"fmt"
	"slices"

	"github.com/loka/stratum/internal/config"
	"github.com/loka/stratum/internal/hub"
	"github.com/loka/stratum/internal/pipeline/logins"
	"github.com/loka/stratum/internal/pipeline/patterns"
	"github.com/loka/stratum/internal/pipeline/ratelimit"
	"github.com/loka/stratum/internal/pipeline/threat"
	"github.com/loka/stratum/internal/pipeline/validate"
)

// threatConfig maps the [threat] table.
func threatConfig(cfg *config.Config) threat.Config {
	t := cfg.Threat
	return threat.Config{
		Disabled: !t.Enabled, Weights: threat.Weights(t.Weights),
		HalfLife: t.HalfLife, Slow: t.Slow, Refuse: t.Refuse, Close: t.Close, Grace: t.Grace,
	}
}

// limitsConfig maps the [limits] table.
func limitsConfig(cfg *config.Config) ratelimit.Config {
	l := cfg.Limits
	rate := func(perSecond float64, burst int) ratelimit.Rate {
		return ratelimit.Rate{PerSecond: perSecond, Burst: burst}
	}
	return ratelimit.Config{
		Submits: rate(l.Submits, l.SubmitsBurst), Logins: rate(l.Logins, l.LoginsBurst), Others: rate(l.Others, l.OthersBurst),
		Worker: rate(l.Worker, l.WorkerBurst), Address: rate(l.Address, l.AddressBurst), Subnet: rate(l.Subnet, l.SubnetBurst),
		Bits4: l.SubnetV4, Bits6: l.SubnetV6, MaxHold: l.MaxHold,
	}
}

// fieldsConfig is what requests have to be like.
func fieldsConfig(cfg *config.Config, h *hub.Hub) validate.Config {
	// A pool judges version bits itself in dedicated mode.
	return validate.Config{VersionBits: 0xffffffff, RoutesFor: h.RoutesFor, Routes: policies(cfg)}
}

// policies are what routes do not allow, of those that have anything against something.
func policies(cfg *config.Config) map[string]validate.Policy {
	all := make(map[string]validate.Policy)
	for i := range cfg.Routes {
		r := &cfg.Routes[i]
		if len(r.Refuse)+len(r.Workers) == 0 {
			continue
		}
		refuses := func(what string) bool { return slices.Contains(r.Refuse, what) }
		all[r.Name] = validate.Policy{
			TLS: refuses(config.RefuseWithoutTLS), NoVersionRolling: refuses(config.RefuseVersionRolling),
			NoSuggestions: refuses(config.RefuseSuggestDifficulty), NoOptions: refuses(config.RefusePasswordOptions), Workers: r.Workers,
		}
	}
	return all
}

// patternsConfig maps the [patterns] table.
func patternsConfig(cfg *config.Config) patterns.Config {
	list := func(p config.Pattern) patterns.List {
		return patterns.List{Allow: p.Allow, Deny: p.Deny, Close: p.Answer == config.AnswerClose}
	}
	return patterns.Config{UserAgent: list(cfg.Patterns.UserAgent), Worker: list(cfg.Patterns.Worker), Address: list(cfg.Patterns.Address)}
}

// loginsConfig maps the [logins] table, and reads its file.
func loginsConfig(cfg *config.Config) (logins.Config, error) {
	l := cfg.Logins
	who := logins.Config{
		Allow: l.Allow, Password: l.Password, HasFile: l.File != "",
		Certificate: l.ClientCertificate == config.CertificateName, MaxRefused: l.MaxRefused,
	}
	if !who.HasFile {
		return who, nil
	}
	var err error
	if who.Entries, err = config.ReadLogins(l.File); err != nil {
		return who, fmt.Errorf("logins.file: %w", err)
	}
	return who, nil
}

package auth

import "fmt"

// Role is what one may do. Each may do all that those before it may.
type Role int

// The roles.
const (
	// Nobody has shown no token.
	Nobody Role = iota
	// Viewer sees what is going on.
	Viewer
	// Operator does what concerns miners, pools, routes, bans and silences.
	Operator
	// Admin does everything: tokens, reloads, payouts, the audit record and
	// profiles are the admin's alone.
	Admin
)

// String is the role's word.
func (r Role) String() string {
	switch r {
	case Viewer:
		return "viewer"
	case Operator:
		return "operator"
	case Admin:
		return "admin"
	default:
		return "nobody"
	}
}

// ParseRole reads the word of a role that a token can have.
func ParseRole(text string) (Role, bool) {
	for _, r := range []Role{Viewer, Operator, Admin} {
		if r.String() == text {
			return r, true
		}
	}
	return Nobody, false
}

// MarshalText writes the role's word.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads the word of a role that a token can have.
func (r *Role) UnmarshalText(text []byte) error {
	role, ok := ParseRole(string(text))
	if !ok {
		return fmt.Errorf("%q is no role: viewer, operator or admin", text)
	}
	*r = role
	return nil
}

// Identity is who asks. The zero value is nobody.
type Identity struct {
	// Name is the token's; [AdminName] is the admin token of the data directory.
	Name string
	Role Role
}

// String is the name, and the role where the name does not say it.
func (i Identity) String() string {
	if i.Name == AdminName || i.Role == Nobody {
		return i.Name
	}
	return i.Name + " (" + i.Role.String() + ")"
}

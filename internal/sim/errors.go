package sim

import "errors"

// Errors of this package.
var (
	// ErrAudit means that a pool and its miners do not agree on the shares.
	ErrAudit = errors.New("pool and miners disagree")
	// ErrConfig means that a configuration cannot be used; the error is a
	// *ConfigError.
	ErrConfig = errors.New("sim configuration")
	// ErrNode means that a node did not do what was asked of it.
	ErrNode = errors.New("node")
)

// ConfigError is a field that cannot be used as it is set. It is an ErrConfig.
type ConfigError struct {
	// Field is the field of PoolConfig, Quirks or MinersConfig.
	Field string
	// Text quotes its value and says what would be right.
	Text string
}

// Error names the field.
func (e *ConfigError) Error() string { return ErrConfig.Error() + ": " + e.Field + ": " + e.Text }

// Unwrap returns ErrConfig.
func (e *ConfigError) Unwrap() error { return ErrConfig }

// Package docs carries the part of the documentation that the binary shows by itself: who
// looks for what to do about an alert at night may have no way to the internet.
package docs

import _ "embed"

// Operations is OPERATIONS.md, with the runbooks.
//
//go:embed OPERATIONS.md
var Operations string

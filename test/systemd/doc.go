// Package systemd holds the unit of deploy/systemd against what systemd itself says
// of it: that it is right, and how exposed the service is.
package systemd

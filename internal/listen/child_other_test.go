//go:build !linux && !darwin

package listen

func isChild() bool { return false }

func child() {}

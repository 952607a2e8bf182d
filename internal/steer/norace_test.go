//go:build !race

package steer_test

const racing = false

//go:build !race

package vardiff_test

const racing = false

// Package process is programs of their own for tests: the product's binary, built
// once a test binary, and what runs of it, with all that it wrote and how it ended.
// It knows no configuration: a test says what the program is started with.
package process

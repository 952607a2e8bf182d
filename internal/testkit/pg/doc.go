// Package pg is a real PostgreSQL for tests, of what Debian's packages have
// installed. A test binary has one server at the most, which is started when the
// first test asks for it and ends with the binary, whatever way that ends; each
// test has a database of its own.
package pg

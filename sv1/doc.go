// Package sv1 is a codec for Stratum V1, the line-based JSON protocol between
// Bitcoin miners and pools, as miners and pools really speak it.
//
// A connection is a sequence of lines. [Reader] (or [SplitLine] over a buffer
// of one's own) cuts them, [Message.Scan] checks a whole line and notes where
// its members are, [ParseMethod] names the method, and the type of that name
// decodes the parameters: [Subscribe], [Submit], [Notify] and so on, one file
// a method. Every type also appends its canonical form, so that the package
// serves either end of a connection.
//
// Decoders are lenient where real firmware and real pools are sloppy and say
// so at each field; encoders are strict: bare LF, integer difficulties without
// a fraction, fixed-width lower-case hex, escaped strings, errors as
// [code,"text",null].
//
// Three things are stricter than a general JSON parser would be. A known key
// given twice or written with an escape is refused; keys are told apart by
// case, so that "ID" is an unknown key and ignored; and a method, a number or
// hex digits inside a string must stand there without escapes.
//
// The package does no I/O but Reader's, and knows no session, clock or log:
// what a message means in a given state is the caller's to decide.
//
// Invariants: no input makes the package panic or allocate more than a small
// multiple of its length; what Scan accepts is valid JSON and valid UTF-8;
// byte fields of decoded messages alias the scanned line unless their string
// held an escape, and are valid as long as the line is.
package sv1

// Package httpapi is the HTTP side: health and readiness, metrics, the JSON
// API with its OpenAPI description, and the page.
//
// It shows what [view.Model] says, and what [Records] have of the past, and
// decides who may see it. It does not know how anything is counted, and holds no
// state of its own but answers about the past, and who has shown wrong tokens, both
// for a while.
//
// Invariants:
//   - Every error is an RFC 9457 problem document, those of the router
//     included.
//   - On loopback reads are open to requests whose Host names loopback, so
//     that no web page can read them by a name of its own. Writes, reads that
//     are not for viewers, and off loopback everything but /live and /ready, need a
//     token of the role that one table has for them; what it lacks is for admins.
//   - Who has a right token is let in, whatever wrong ones come from where it is.
//   - Reads are GET and HEAD and change nothing. Every write that succeeds, but one that only asks, is in
//     the audit record before it is answered, where there are records.
//   - A file that is downloaded is whole, or its connection broke off.
package httpapi

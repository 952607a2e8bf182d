// Package web is the page of figures: one document, one style sheet, one
// script, embedded, that ask nobody but this server.
//
// It does not know where figures come from: the script polls the API.
//
// Invariants: no request leaves for another host, which the
// Content-Security-Policy enforces; whatever miners and pools call
// themselves is shown as text and never as markup.
package web

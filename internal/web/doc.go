// Package web is the page: what an operator sees of the farm. Every page is rendered here,
// from the read model, and works without its scripts; these ask for it again every two
// seconds and put in place what has changed. Templates, style sheet, scripts, and two
// scripts of others (static/vendor), are embedded: nobody but this server is asked for
// anything, and nothing is built.
//
// It does not know HTTP's guards, tokens or the store: who may see a page is for who
// serves it ([Patterns] says the least role), and figures come through the small
// interfaces of [Deps].
//
// Invariants: no request leaves for another host, and no script or style is in a page,
// which the Content-Security-Policy enforces; whatever miners and pools call themselves
// is text and never markup; no script acts on attributes that a page could be made to
// hold. A page costs the mining path nothing: where reading is not cheap the read model
// (or, of the store, this package) does it once for all who look.
//
// # More pages
//
// A [Page] is an address, a template in templates/ that defines "main", and a function that
// makes what the template shows. It is entered in the table that [pages] returns; the rest
// (navigation, title, live update, errors) follows from there.
package web

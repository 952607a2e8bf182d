package web

import (
	"net/http"
	"slices"
	"time"

	"github.com/loka/stratum/internal/auth"
)

// liveEvery is how often a page that is looked at is asked for again.
const liveEvery = 2 * time.Second

// Page is one address of the page.
type Page struct {
	// Path is a pattern of the router, without the method.
	Path string
	// Name is what the navigation calls it; one that has none is not in it, and lights
	// up Under instead, the path of another.
	Name, Under string
	// Icon is a key of the table of icons.
	Icon string
	// Gap sets it off from those above it in the navigation.
	Gap bool
	// Least is who may see it.
	Least auth.Role
	// Template is a file of templates/ that defines "main".
	Template string
	// Every is how often it is asked for again; 0: never.
	Every time.Duration
	// Data makes what the template shows as .Data. An error is shown as [Error] says, or
	// is a fault of ours.
	Data func(s *Server, r *http.Request) (any, error)
	// Title is the page's, where its name is not; it is given what Data made.
	Title func(data any) string
}

// pages are all there are, in the navigation's order.
func pages() []Page {
	return slices.Concat(
		overviewPages(),
		workerPages(),
		poolPages(),
		routePages(),
		controlPages(),
		runbookPages(),
	)
}

// Patterns is what this package serves and who may see it, by the router's patterns.
func Patterns() map[string]auth.Role {
	all := map[string]auth.Role{AssetPattern: auth.Viewer, signinPattern: auth.Nobody}
	for _, p := range pages() {
		all["GET "+p.Path] = p.Least
	}
	return all
}

// Error is what a page says in place of what was asked for.
type Error struct {
	// Status is the answer's.
	Status int
	// Title and Text are for the reader.
	Title, Text string
}

// Error implements error.
func (e *Error) Error() string { return e.Title + ": " + e.Text }

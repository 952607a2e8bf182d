// Package boards makes the boards of deploy/grafana from a table of panels, so that
// units, colours, thresholds and links are the same on all of them. It knows nothing
// of Grafana but the form of its files; the test beside it writes them (-update) and
// sees that what is there is what this makes.
package boards

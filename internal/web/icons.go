package web

import (
	"fmt"
	"html/template"
)

// icons are drawn in 24 by 24, by strokes.
//
//nolint:gochecknoglobals // a table
var icons = map[string]string{
	"overview":      `<path d="M4 13h6V4H4zM14 9h6V4h-6zM14 20h6v-7h-6zM4 20h6v-3H4z"/>`,
	"workers":       `<rect x="4" y="4" width="16" height="6" rx="1"/><rect x="4" y="14" width="16" height="6" rx="1"/><path d="M8 7h.01M8 17h.01M12 7h4M12 17h4"/>`,
	"pools":         `<path d="M3 8c2 0 2.500-2 4.500-2S10 8 12 8s2.500-2 4.500-2S19 8 21 8M3 13c2 0 2.500-2 4.500-2S10 13 12 13s2.500-2 4.500-2S19 13 21 13M3 18c2 0 2.500-2 4.500-2S10 18 12 18s2.500-2 4.500-2S19 18 21 18"/>`,
	"routes":        `<circle cx="5" cy="12" r="2"/><circle cx="19" cy="5" r="2"/><circle cx="19" cy="19" r="2"/><path d="M7 12c6 0 4-7 10-7M7 12c6 0 4 7 10 7"/>`,
	"connections":   `<path d="M9 7V3M15 7V3M6 7h12v4a6 6 0 0 1-12 0zM12 17v4"/>`,
	"alerts":        `<path d="M6 10a6 6 0 0 1 12 0c0 5 2 6 2 7H4c0-1 2-2 2-7M10 20.500a2.200 2.200 0 0 0 4 0"/>`,
	"bans":          `<circle cx="12" cy="12" r="8.500"/><path d="M6 6l12 12"/>`,
	"events":        `<path d="M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01"/>`,
	"configuration": `<path d="M4 7h9M19 7h1M4 17h1M11 17h9"/><circle cx="16" cy="7" r="2.500"/><circle cx="8" cy="17" r="2.500"/>`,
	"profile":       `<path d="M4 18a8.500 8.500 0 1 1 16 0M12 16l4-6"/><circle cx="12" cy="16" r="1"/>`,
	"audit":         `<path d="M7 3h8l4 4v14H7zM15 3v4h4M10 12h6M10 16h6"/>`,
	"runbooks":      `<path d="M12 7c-2-1.800-5-2-8-2v13c3 0 6 .200 8 2 2-1.800 5-2 8-2V5c-3 0-6 .200-8 2zM12 7v13"/>`,
	"search":        `<circle cx="11" cy="11" r="6.500"/><path d="M16 16l4.500 4.500"/>`,
	"menu":          `<path d="M4 7h16M4 12h16M4 17h16"/>`,
	"theme":         `<circle cx="12" cy="12" r="8.500"/><path d="M12 3.500v17a8.500 8.500 0 0 0 0-17z" fill="currentcolor"/>`,
	"ok":            `<circle cx="12" cy="12" r="9"/><path d="M8 12.500l2.700 2.700L16 9.500"/>`,
	"alert":         `<path d="M12 4L2.500 20h19zM12 10v4.500M12 17.300h.01"/>`,
	"info":          `<circle cx="12" cy="12" r="9"/><path d="M12 11v5.500M12 7.700h.01"/>`,
	"hourglass":     `<path d="M7 3h10M7 21h10M8 3c0 5 8 6 8 9s-8 4-8 9M16 3c0 5-8 6-8 9s8 4 8 9"/>`,
	"sign-in":       `<path d="M14 4h5v16h-5M4 12h10M10 8l4 4-4 4"/>`,
	"close":         `<path d="M6 6l12 12M18 6L6 18"/>`,
}

// icon is one of the table. It says nothing to who cannot see it.
func icon(name string) (template.HTML, error) {
	paths, ok := icons[name]
	if !ok {
		return "", fmt.Errorf("there is no icon %q", name)
	}
	return template.HTML(`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">` + paths + `</svg>`), nil //nolint:gosec // from a table of this file
}

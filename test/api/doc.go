// Package api holds the API's description to its rules: it is valid OpenAPI, every part of
// it is described, and it takes nothing back that was released. What was released is
// docs/openapi.released.json, which make api-release replaces by what is served now.
package api

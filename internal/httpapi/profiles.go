package httpapi

import (
	"fmt"
	"net/http"
	"net/http/pprof" // registers at the default mux, too, which nobody serves
	"strconv"
)

// maxProfileSeconds bounds how long a profile or a trace is taken for.
const maxProfileSeconds = 300

// profiles serves the runtime's profiles and traces. The command line is not among
// them: it may have a password in it.
func profiles(mux *http.ServeMux) {
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /debug/pprof/":        pprof.Index,
		"GET /debug/pprof/profile": pprof.Profile,
		"GET /debug/pprof/symbol":  pprof.Symbol,
		"GET /debug/pprof/trace":   pprof.Trace,
	} {
		mux.Handle(pattern, withinReason(asProblems(h)))
	}
}

// withinReason refuses what would take too long. How long it takes besides, the
// server's time to write is made longer by.
func withinReason(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if text := r.FormValue("seconds"); text != "" {
			if n, err := strconv.ParseFloat(text, 64); err != nil || !(n > 0 && n <= maxProfileSeconds) {
				problem(w, http.StatusUnprocessableEntity, fmt.Sprintf("seconds: want a number above 0 and up to %d", maxProfileSeconds))
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

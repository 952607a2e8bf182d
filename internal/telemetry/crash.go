package telemetry

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/getsentry/sentry-go"
)

// maxFrames bounds the frames of a stack.
const maxFrames = 100

// framed is the second line of a frame in what the runtime writes: a tab, the file, its
// line, and an offset.
var framed = regexp.MustCompile(`^\t(.+):(\d+)(?: \+0x[0-9a-f]+)?$`)

// parseCrash reads what the runtime writes when it dies: the first line, and the stack of
// the first goroutine, the innermost frame last. What it cannot read it leaves out.
func parseCrash(text string) (kind, value string, frames []sentry.Frame) {
	text = strings.TrimSpace(text)
	first, rest, _ := strings.Cut(text, "\n")
	kind, value, ok := strings.Cut(first, ": ")
	if !ok {
		kind, value = "crash", first
	}
	_, stack, _ := strings.Cut(rest, "\ngoroutine ")
	stack, _, _ = strings.Cut(stack, "\n\n")
	lines := strings.Split(stack, "\n")
	for i := 1; i < len(lines) && len(frames) < maxFrames; i++ {
		at := framed.FindStringSubmatch(lines[i])
		if at == nil {
			continue
		}
		function := strings.TrimPrefix(lines[i-1], "created by ")
		function, _, _ = strings.Cut(function, " in goroutine ")
		if open := strings.LastIndexByte(function, '('); open > 0 {
			function = function[:open]
		}
		line, _ := strconv.Atoi(at[2])
		module, name := splitFunction(function)
		frames = append(frames, sentry.Frame{
			Module: module, Function: name, AbsPath: at[1], Filename: at[1][strings.LastIndexByte(at[1], '/')+1:], Lineno: line,
			InApp: strings.HasPrefix(module, "github.com/loka/stratum"),
		})
	}
	slices.Reverse(frames)
	return kind, value, frames
}

// splitFunction divides a function's full name into its package and the rest.
func splitFunction(full string) (module, name string) {
	at := strings.LastIndexByte(full, '/') + 1
	if dot := strings.IndexByte(full[at:], '.'); dot >= 0 {
		return full[:at+dot], full[at+dot+1:]
	}
	return "", full
}

package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// versionCmd is `loka version`.
type versionCmd struct{}

// Run prints version, toolchain and commit.
func (versionCmd) Run(env *environment) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	_, err := fmt.Fprintf(env.stdout, "loka %s (%s, commit %s)\n", versionOf(info), runtime.Version(), commitOf(info))
	return err
}

// version is this build's version, for logs and API.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return versionOf(info)
}

// versionOf is the module's version; a build from a work tree is "devel".
func versionOf(info *debug.BuildInfo) string {
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	return "devel"
}

// commitOf is the commit built, with a plus where the tree was changed.
func commitOf(info *debug.BuildInfo) string {
	commit, changed := "unknown", ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value[:min(len(s.Value), 12)]
		case "vcs.modified":
			if s.Value == "true" {
				changed = "+"
			}
		}
	}
	return commit + changed
}

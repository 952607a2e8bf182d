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
	_, err := fmt.Fprintln(env.stdout, versionLine())
	return err
}

// versionLine is what the command and the flag print.
func versionLine() string {
	info := buildInfo()
	return fmt.Sprintf("loka %s (%s, commit %s)", versionOf(info), runtime.Version(), commitOf(info))
}

// version is this build's version, for logs and API.
func version() string { return versionOf(buildInfo()) }

func buildInfo() *debug.BuildInfo {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info
	}
	return &debug.BuildInfo{}
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

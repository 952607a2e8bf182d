package config

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/loka/stratum/internal/mining"
)

// MaxFileSize bounds a configuration file, in bytes.
const MaxFileSize = 1 << 20

// Options is what Load takes besides the file.
type Options struct {
	// Env looks a variable up, as os.LookupEnv does; nil is an empty
	// environment.
	Env func(name string) (value string, ok bool)
	// EnvNames are the names of all variables that are set, of which those
	// that look like this program's must be known; nil checks nothing.
	EnvNames []string
	// Flags override everything else.
	Flags Flags
	// Sent says that who wrote the file may not read the environment, and is shown what
	// is made of it: outside of secrets ${NAME} is replaced for the names in Told only.
	Sent bool
	Told []string
	// Database says what is wrong with the URL of a database, without its password;
	// nil takes all that look like one.
	Database func(url string) error
}

// Flags are what the command line may set; a zero field is not set.
type Flags struct {
	Listen   []string
	HTTP     string
	Pools    []string
	User     string
	Password mining.Secret
	Mode     string
	DataDir  string
}

// Override is one setting that came from the environment or a flag.
type Override struct {
	// Key is the path of what was set, From the variable or flag.
	Key, From string
}

// Load makes a Config of the bytes of a file called name, the environment and
// flags. A nil file is none: flags or environment must then name a pool and
// an account. It returns either a Config or every problem there is, in the
// order of the file.
func Load(file []byte, name string, opts Options) (*Config, Problems) {
	l := newLoader(name, opts.Env)
	l.database, l.sent, l.told = opts.Database, opts.Sent, opts.Told
	c := Defaults()
	if file != nil && !l.file(file, &c) {
		l.problems.sort()
		return nil, l.problems
	}
	l.variables = nil
	l.unknownVariables(opts.EnvNames, file)
	l.environment(&c)
	l.flags(&c, opts.Flags)
	l.complete(&c)
	l.validate(&c)
	if len(l.problems) > 0 {
		l.problems.sort()
		return nil, l.problems
	}
	l.notes.sort()
	c.Notes, c.Overrides, c.Shown = l.notes, l.overrides, l.shown
	return &c, nil
}

// Validate checks a complete Config, such as Load returns or a test makes,
// and returns every problem, by key but without a place.
func Validate(c *Config) Problems {
	l := newLoader("", nil)
	l.validate(c)
	return l.problems
}

// loader is one run of Load.
type loader struct {
	name    string
	hasFile bool
	env     func(string) (string, bool)
	// variables is what ${NAME} is looked up in; nil takes texts as they are.
	variables func(string) (string, bool)
	// sent and told are those of [Options], shown that of [Config].
	sent        bool
	told, shown []string
	// database is that of [Options].
	database func(url string) error
	where    *places

	// given holds the paths that the file sets.
	given map[string]bool
	// from names the variable or flag that set a path.
	from map[string]string
	// written holds texts as they were written, where they are read as
	// something else.
	written map[string]string
	// bad holds the paths that have a problem already: they say nothing
	// about what is built on them.
	bad map[string]bool
	// damaged: lines were left out, so what is missing may have been there.
	damaged bool

	problems, notes Problems
	overrides       []Override
	// shift is how many of Config.Listeners come from server.listen, once
	// the two are one list.
	shift int
}

func newLoader(name string, env func(string) (string, bool)) *loader {
	if env == nil {
		env = func(string) (string, bool) { return "", false }
	}
	return &loader{
		name: name, env: env, variables: env, where: locate(nil),
		given: map[string]bool{}, from: map[string]string{}, written: map[string]string{}, bad: map[string]bool{},
	}
}

// file reads the document into c. It returns false where nothing more can be
// said of it.
func (l *loader) file(doc []byte, c *Config) bool {
	if len(doc) > MaxFileSize {
		l.problems = append(l.problems, Problem{
			Origin: l.name, Line: 1, Col: 1,
			Text: fmt.Sprintf("the file has %d bytes; a configuration has at most %s", len(doc), Size(MaxFileSize)),
		})
		return false
	}
	l.hasFile = true
	tables, ok := l.parse(bytes.TrimPrefix(doc, []byte("\xef\xbb\xbf")))
	if !ok {
		return false
	}
	l.decodeTable("", tables, reflect.ValueOf(c).Elem())
	return true
}

// complete fills in what may be left out.
func (l *loader) complete(c *Config) {
	_, listenFrom := l.from["server.listen"]
	if len(c.Listeners) > 0 && !l.given["server.listen"] && !listenFrom {
		c.Server.Listen = nil
	}
	listeners := make([]Listener, 0, len(c.Server.Listen)+len(c.Listeners))
	for _, address := range c.Server.Listen {
		one := defaultListener()
		one.Address = address
		listeners = append(listeners, one)
	}
	c.Listeners = append(listeners, c.Listeners...)

	if _, from := l.from["vardiff.start"]; !from && !l.given["vardiff.start"] {
		c.Vardiff.Start = c.Vardiff.bounded(c.Vardiff.Start)
	}
	for i := range c.Pools {
		if !l.given[join(index("pool", i), "name")] {
			c.Pools[i].Name = poolName(i)
		}
	}
	l.completeRoutes(c)
	l.completeAlerts(&c.Alerts)
}

// completeRoutes fills in the implied route, names, and the pools of routes
// that name none.
func (l *loader) completeRoutes(c *Config) {
	if len(c.Routes) == 0 {
		c.Routes = []Route{impliedRoute()}
	}
	for i := range c.Routes {
		r := &c.Routes[i]
		at := index("route", i)
		if r.Name == "" && !l.given[join(at, "name")] {
			r.Name = "route" + strconv.Itoa(i+1)
		}
		if len(r.Split) > 0 || l.given[join(at, "pools")] || l.given[join(at, "split")] {
			continue
		}
		for _, p := range c.Pools {
			if !slices.Contains(r.Pools, p.Name) {
				r.Pools = append(r.Pools, p.Name)
			}
		}
	}
}

// impliedRoute is the route of a file that has none.
func impliedRoute() Route {
	r := defaultRoute()
	r.Name = "default"
	return r
}

// poolName is the name of a pool that was given none.
func poolName(i int) string {
	if i == 0 {
		return "main"
	}
	return "pool" + strconv.Itoa(i+1)
}

// add reports a problem with the value at path, unless it has one already.
func (l *loader) add(path, format string, args ...any) {
	l.report(path, l.where.at(l.fileKey(path)), fmt.Sprintf(format, args...))
}

// addKey is add, but points at the key.
func (l *loader) addKey(path, format string, args ...any) {
	l.report(path, l.where.keyAt(path), fmt.Sprintf(format, args...))
}

// missing reports something that is not there, unless it may have been in a
// line that could not be read.
func (l *loader) missing(path, format string, args ...any) {
	if !l.damaged {
		l.add(path, format, args...)
	}
}

func (l *loader) report(path string, at place, text string) {
	path = l.fileKey(path)
	for p := path; p != ""; p = parent(p) {
		if l.bad[p] {
			return
		}
	}
	l.bad[path] = true
	l.problems = append(l.problems, l.problem(path, at, text))
}

func (l *loader) note(path, text string) {
	path = l.fileKey(path)
	l.notes = append(l.notes, l.problem(path, l.where.at(path), text))
}

// fileKey is the file's name of what Config.Listeners has at path.
func (l *loader) fileKey(path string) string {
	rest, ok := strings.CutPrefix(path, "listener[")
	if !ok || l.shift == 0 {
		return path
	}
	number, rest, _ := strings.Cut(rest, "]")
	i, err := strconv.Atoi(number)
	switch {
	case err != nil:
		return path
	case i < l.shift:
		return index("server.listen", i)
	}
	return index("listener", i-l.shift) + rest
}

// problem finds out who set a path: the file, a variable or a flag.
func (l *loader) problem(path string, at place, text string) Problem {
	for p := path; p != ""; p = parent(p) {
		if from, ok := l.from[p]; ok {
			return Problem{Origin: from, Key: path, Text: text}
		}
	}
	if !l.hasFile {
		return Problem{Key: path, Text: text}
	}
	return Problem{Origin: l.name, Line: at.line, Col: at.col, Key: path, Text: text}
}

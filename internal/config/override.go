package config

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/loka/stratum/internal/mining"
)

// Variables that set more than one key, or one of a list of tables.
const (
	envPool     = "LOKA_POOL"
	envUser     = "LOKA_USER"
	envPassword = "LOKA_PASSWORD"
	envMode     = "LOKA_MODE"
)

// envName is the variable that overrides a key: "server.listen" is
// LOKA_SERVER_LISTEN. Keys within lists of tables have none of their own.
func envName(path string) string {
	if strings.Contains(path, "[") {
		return ""
	}
	return "LOKA_" + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// environment applies the LOKA_ variables. An empty variable is not set.
func (l *loader) environment(c *Config) {
	leaves("", reflect.ValueOf(c).Elem(), func(path string, v reflect.Value) {
		name := envName(path)
		if name == "" {
			return
		}
		if text, ok := l.env(name); ok && text != "" {
			l.override(path, name, text, v)
		}
	})
	get := func(name string) (string, string) {
		text, _ := l.env(name)
		return text, name
	}
	if text, name := get(envPool); text != "" {
		l.overridePools(c, splitList(text), name)
	}
	text, name := get(envUser)
	l.overrideUser(c, text, name)
	text, name = get(envPassword)
	l.overridePassword(c, mining.Secret(text), name)
	text, name = get(envMode)
	l.overrideMode(c, text, name)
}

// flags applies the command line.
func (l *loader) flags(c *Config, f Flags) {
	if len(f.Listen) > 0 {
		l.override("server.listen", "--listen", strings.Join(f.Listen, ","), reflect.ValueOf(&c.Server.Listen).Elem())
	}
	if f.HTTP != "" {
		l.override("http.listen", "--http", f.HTTP, reflect.ValueOf(&c.HTTP.Listen).Elem())
	}
	if f.DataDir != "" {
		l.override("data_dir", "--data", f.DataDir, reflect.ValueOf(&c.DataDir).Elem())
	}
	l.overridePools(c, f.Pools, "--pool")
	l.overrideUser(c, f.User, "--user")
	l.overridePassword(c, f.Password, "--password")
	l.overrideMode(c, f.Mode, "--mode")
}

// override sets one key from a text, in which ${ENV} means nothing.
func (l *loader) override(path, from, text string, out reflect.Value) {
	l.took(path, from)
	var in any = text
	switch {
	case out.Kind() == reflect.Slice:
		items := splitList(text)
		list := make([]any, len(items))
		for i, item := range items {
			list[i] = item
		}
		in = list
	case isNumber(out.Type()):
		in = numberOf(text)
	}
	l.decode(path, in, out)
}

// took books that a path's value came from elsewhere than the file.
func (l *loader) took(path, from string) {
	l.from[path] = from
	for i := range l.overrides {
		if l.overrides[i].Key == path {
			l.overrides[i].From = from
			return
		}
	}
	l.overrides = append(l.overrides, Override{Key: path, From: from})
}

// overridePools sets the URLs of the first pools, and adds pools where there
// are not as many.
func (l *loader) overridePools(c *Config, urls []string, from string) {
	for i, url := range urls {
		if i == len(c.Pools) {
			c.Pools = append(c.Pools, defaultPool())
			l.from[index("pool", i)] = from
		}
		c.Pools[i].URL = strings.TrimSpace(url)
		l.took(join(index("pool", i), "url"), from)
	}
}

// overrideUser sets the account at every pool.
func (l *loader) overrideUser(c *Config, user, from string) {
	for i := range c.Pools {
		if user != "" {
			c.Pools[i].Username = user
			l.took(join(index("pool", i), "username"), from)
		}
	}
}

// overridePassword sets the password at every pool.
func (l *loader) overridePassword(c *Config, password mining.Secret, from string) {
	for i := range c.Pools {
		if password != "" {
			c.Pools[i].Password = password
			l.took(join(index("pool", i), "password"), from)
		}
	}
}

// overrideMode sets the mode of every route, the implicit one included.
func (l *loader) overrideMode(c *Config, mode, from string) {
	if mode == "" {
		return
	}
	if len(c.Routes) == 0 {
		c.Routes = []Route{impliedRoute()}
	}
	for i := range c.Routes {
		l.override(join(index("route", i), "mode"), from, mode, reflect.ValueOf(&c.Routes[i].Mode).Elem())
	}
}

// splitList cuts a variable's text at its commas.
func splitList(text string) []string {
	var items []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// numberOf reads a number as the file would have it; what is none stays text.
func numberOf(text string) any {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	if v, err := strconv.ParseFloat(text, 64); err == nil {
		return v
	}
	return text
}

package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed static
var files embed.FS

// assetPattern is where the files are.
const assetPattern = "GET /web/"

// kinds are the files that are served, by how their names end.
//
//nolint:gochecknoglobals // a table
var kinds = map[string]string{
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml; charset=utf-8",
}

// assets are the files of the page. What is asked for by its sum may be kept for ever, for
// another one has another address.
type assets struct {
	data map[string][]byte
	sums map[string]string
	// build is a sum of all: a page of another build loads itself anew.
	build string
}

func loadAssets() (*assets, error) {
	a := &assets{data: map[string][]byte{}, sums: map[string]string{}}
	all := sha256.New()
	err := fs.WalkDir(files, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || kinds[path.Ext(name)] == "" {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		name = strings.TrimPrefix(name, "static/")
		a.data[name], a.sums[name] = data, hex.EncodeToString(sum[:6])
		_, _ = all.Write(sum[:]) // a hash takes all
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	a.build = hex.EncodeToString(all.Sum(nil)[:6])
	return a, nil
}

// address is where a file is; naming one that is not there is an error.
func (a *assets) address(name string) (string, error) {
	sum, ok := a.sums[name]
	if !ok {
		return "", fmt.Errorf("there is no %s in static/", name)
	}
	return "/web/" + name + "?v=" + sum, nil
}

// ServeHTTP implements [http.Handler].
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/web/")
	data, ok := a.data[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", kinds[path.Ext(name)])
	h.Set("ETag", `"`+a.sums[name]+`"`)
	h.Set("Cache-Control", "private, no-cache")
	if r.URL.Query().Get("v") == a.sums[name] {
		h.Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
}

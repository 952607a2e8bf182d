package deploy

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/loka/stratum/test/deploy/boards"
)

// The boards that are shipped are those that are made, and no others are there.
func TestBoardsAreGenerated(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(folder, "grafana", "boards")
	var want []string
	for _, board := range boards.All() {
		text, err := board.JSON()
		if err != nil {
			t.Fatal(err)
		}
		name := board.Name + ".json"
		want = append(want, name)
		path := filepath.Join(dir, name)
		if *update {
			if err := os.WriteFile(path, text, 0o644); err != nil { //nolint:gosec // everybody may read a board
				t.Fatal(err)
			}
		}
		if there, err := os.ReadFile(path); err != nil || !bytes.Equal(there, text) {
			t.Errorf("%s is not what is made (%v): make generate writes it", path, err)
		}
	}
	slices.Sort(want)
	there, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, one := range there {
		names = append(names, one.Name())
	}
	if !slices.Equal(names, want) {
		t.Errorf("there are %q, made are %q", names, want)
	}
}

// Grafana's own types read the boards, and know every key of them.
func TestBoardsAreRight(t *testing.T) {
	t.Parallel()
	for _, one := range shipped(t) {
		var strict dashboard.Dashboard
		for _, err := range []error{strict.UnmarshalJSONStrict(one.text), strict.Validate()} {
			if err != nil && err.Error() != "" { // an empty list of errors is none
				t.Errorf("%s: %v", one.name, err)
			}
		}
	}
}

// Grafana's own types tell what is wrong, or nothing that is above means anything.
func TestBoardsThatAreWrong(t *testing.T) {
	t.Parallel()
	text := bytes.Replace(shipped(t)[0].text, []byte(`"gridPos"`), []byte(`"gridPosition"`), 1)
	var strict dashboard.Dashboard
	if err := strict.UnmarshalJSONStrict(text); err == nil || !strings.Contains(err.Error(), "gridPosition") {
		t.Errorf("a key that does not exist is not told: %v", err)
	}
}

// Each panel says what is to be seen, has a unit, no two of a board have a title, none
// lies on another, and a link leads to a runbook that is there.
func TestBoardsAreLegible(t *testing.T) {
	t.Parallel()
	operations, err := os.ReadFile(filepath.Join(root, "docs", "OPERATIONS.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range shipped(t) {
		titles := make(map[string]bool)
		taken := make(map[[2]int]string)
		for _, p := range one.panels() {
			if titles[p.Title] || p.Title == "" || p.Description == "" || p.FieldConfig.Defaults.Unit == "" {
				t.Errorf("%s: panel %q: twice there, or without a title, a description or a unit (%q)", one.name, p.Title, p.FieldConfig.Defaults.Unit)
			}
			titles[p.Title] = true
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other := taken[[2]int{x, y}]; other != "" {
						t.Fatalf("%s: %q lies on %q", one.name, p.Title, other)
					}
					taken[[2]int{x, y}] = p.Title
					if x >= 24 {
						t.Fatalf("%s: %q is out of the grid", one.name, p.Title)
					}
				}
			}
			for _, link := range p.Links {
				_, anchor, _ := strings.Cut(link.URL, "#")
				if n := len(headed(anchor).FindAll(operations, -1)); n != 1 {
					t.Errorf("%s: %q links to %s, which is there %d times", one.name, p.Title, link.URL, n)
				}
			}
		}
	}
}

// board is a board as it is shipped, as much as is needed of it.
type board struct {
	name string
	text []byte

	UID        string
	All        []boardPanel `json:"panels"`
	Templating struct {
		List []struct {
			Name, Type string
			Query      any
		}
	}
}

type boardPanel struct {
	Type, Title, Description string
	GridPos                  struct{ X, Y, W, H int }
	Panels                   []boardPanel
	Links                    []struct{ URL string }
	Targets                  []struct {
		RefID        string
		Expr         string
		LegendFormat string
	}
	FieldConfig struct{ Defaults struct{ Unit string } }
}

// panels are those of a board that are no headings.
func (b *board) panels() (all []boardPanel) {
	for _, p := range b.All {
		if p.Type != "row" {
			all = append(all, p)
		}
		all = append(all, p.Panels...)
	}
	return all
}

// shipped are the boards of deploy/grafana.
func shipped(t *testing.T) (all []*board) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, "grafana", "boards", "*.json"))
	if err != nil || len(found) != len(boards.All()) {
		t.Fatalf("%d boards are there: %v", len(found), err)
	}
	for _, path := range found {
		one := &board{name: filepath.Base(path)}
		if one.text, err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(one.text, one); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if len(one.panels()) < 8 {
			t.Fatalf("%s has %d panels", path, len(one.panels()))
		}
		all = append(all, one)
	}
	return all
}

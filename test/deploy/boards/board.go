package boards

import (
	stdbytes "bytes"
	"encoding/json"
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// operations is where it is written what to do.
const operations = "https://github.com/loka/stratum/blob/main/docs/OPERATIONS.md"

type variantsQuery = variants.Dataquery

// Board is one board.
type Board struct {
	// Name is that of its file, without the ending, and what its address ends with.
	Name string

	title, says string
	// variables are those besides the data source and the instance.
	variables []cog.Builder[dashboard.VariableModel]
	rows      []row
}

// row is a heading and the panels below it.
type row struct {
	title  string
	panels []panel
}

// All are the boards in the order of their menu.
func All() []Board { return []Board{overview(), pools(), workers(), performance(), security()} }

// JSON is the board as Grafana reads it, the same each time.
func (b *Board) JSON() ([]byte, error) {
	menu := dashboard.NewDashboardLinkBuilder("Loka").Type(dashboard.DashboardLinkTypeDashboards).Tags([]string{"loka"}).
		IncludeVars(true).KeepTime(true)
	book := dashboard.NewDashboardLinkBuilder("Runbooks").Type(dashboard.DashboardLinkTypeLink).Icon("doc").
		Url(operations + "#prometheus-alerts").TargetBlank(true)
	d := dashboard.NewDashboardBuilder("Loka · "+b.title).Uid("loka-"+b.Name).Description(b.says).Tags([]string{"loka"}).
		Time("now-6h", "now").Refresh("30s").Timezone("browser").Tooltip(dashboard.DashboardCursorSyncCrosshair).Readonly().
		Links([]cog.Builder[dashboard.DashboardLink]{menu, book}).
		Variables(append([]cog.Builder[dashboard.VariableModel]{
			dashboard.NewDatasourceVariableBuilder("datasource").Label("Prometheus").Type("prometheus"),
			choice("instance", "Instance", "label_values(loka_build_info, instance)"),
		}, b.variables...))
	id := uint32(0)
	next := func() uint32 { id++; return id }
	for _, r := range b.rows {
		d = d.WithRow(dashboard.NewRowBuilder(r.title).Id(next()))
		for i := range r.panels {
			d = d.WithPanel(r.panels[i].build(next()))
		}
	}
	made, err := d.Build()
	if err != nil {
		return nil, fmt.Errorf("board %s: %w", b.Name, err)
	}
	plainLinks(&made)
	var out stdbytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(made); err != nil {
		return nil, fmt.Errorf("board %s: %w", b.Name, err)
	}
	return out.Bytes(), nil
}

// plainLinks takes from all links where newer versions of Grafana hide them.
func plainLinks(d *dashboard.Dashboard) {
	for i := range d.Links {
		d.Links[i].Placement = nil
	}
	for _, p := range d.Panels {
		if p.Panel == nil {
			continue
		}
		for i := range p.Panel.Links {
			p.Panel.Links[i].Placement = nil
		}
	}
}

// choice is a variable whose values Prometheus knows; all of them are chosen first.
func choice(name, label, values string) cog.Builder[dashboard.VariableModel] {
	all := dashboard.VariableOption{
		Text:  dashboard.StringOrArrayOfString{ArrayOfString: []string{"All"}},
		Value: dashboard.StringOrArrayOfString{ArrayOfString: []string{"$__all"}},
	}
	return dashboard.NewQueryVariableBuilder(name).Label(label).Datasource(source()).
		Query(dashboard.StringOrMap{String: &values}).Refresh(dashboard.VariableRefreshOnTimeRangeChanged).
		Sort(dashboard.VariableSortAlphabeticalAsc).Multi(true).IncludeAll(true).AllValue(".*").Current(all)
}

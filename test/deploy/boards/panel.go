package boards

import (
	"fmt"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/heatmap"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// The units, by what Grafana calls them.
const (
	hashrate = "si:H/s"
	satoshi  = "si:sat"
	count    = units.Short
	ratio    = units.PercentUnit
	seconds  = units.Seconds
	bytes    = units.BytesIEC
	perSec   = units.OpsPerSecond
	byteRate = units.BytesPerSecondIEC
)

// kind is how a panel shows its figures.
type kind int

const (
	figure kind = iota // one figure, with its way there as a small line
	lines              // lines over time
	stack              // areas upon one another
	bars               // a bar each, the newest figure of it
	grid               // a table, a column a query
	states             // what was so when, as a band each
	heat               // buckets of a histogram over time
)

// panel is one panel of a board.
type panel struct {
	id    uint32
	kind  kind
	title string
	// says what is to be seen, and what is good.
	says    string
	unit    string
	queries []query
	// span and height are in Grafana's grid, which is 24 wide.
	span, height uint32
	// runbook is the alert of whose runbook in docs/OPERATIONS.md it is about.
	runbook string
	// warn and bad are where yellow and red begin; where bad is the smaller one,
	// less is worse.
	warn, bad float64
	// words are what the figures of states mean.
	words []word
	// columns are the units of a grid's columns.
	columns []string
	// max is the end of the scale, if it has one.
	max float64
	// hue is the colour of a figure without thresholds.
	hue string
}

// query is one query of a panel; legend is Grafana's template of a line's name, or the
// name of a column.
type query struct{ expr, legend string }

// word is the meaning of a figure.
type word struct {
	value, text, color string
}

// q is a single query.
func q(expr, legend string) []query { return []query{{expr, legend}} }

// source is the data source that is chosen at the board's top.
func source() common.DataSourceRef {
	return common.DataSourceRef{Type: cog.ToPtr("prometheus"), Uid: cog.ToPtr("${datasource}")}
}

// build makes the panel, whose number no other of its board has.
func (p *panel) build(id uint32) cog.Builder[dashboard.Panel] {
	p.id = id
	switch p.kind {
	case figure:
		return p.figure()
	case lines, stack:
		return p.lines()
	case bars:
		return p.bars()
	case grid:
		return p.grid()
	case states:
		return p.states()
	default:
		return p.heat()
	}
}

// builder is what all builders of panels have.
type builder[B any] interface {
	cog.Builder[dashboard.Panel]
	Id(uint32) B
	Title(string) B
	Description(string) B
	Datasource(common.DataSourceRef) B
	Span(uint32) B
	Height(uint32) B
	Links([]cog.Builder[dashboard.DashboardLink]) B
	Targets([]cog.Builder[variantsQuery]) B
	Unit(string) B
	NoValue(string) B
	Thresholds(cog.Builder[dashboard.ThresholdsConfig]) B
}

// frame gives a builder what all panels have.
func frame[B builder[B]](p *panel, b B) B {
	b = b.Id(p.id).Title(p.title).Description(p.says).Datasource(source()).Span(p.span).Height(p.height).
		Unit(p.unit).NoValue("–").Thresholds(p.thresholds()).Targets(p.targets())
	if p.runbook != "" {
		link := dashboard.NewDashboardLinkBuilder("What to do").Type(dashboard.DashboardLinkTypeLink).
			Url(operations + "#" + strings.ToLower(p.runbook)).TargetBlank(true)
		b = b.Links([]cog.Builder[dashboard.DashboardLink]{link})
	}
	return b
}

// targets are the queries as Grafana has them.
func (p *panel) targets() []cog.Builder[variantsQuery] {
	all := make([]cog.Builder[variantsQuery], len(p.queries))
	for i, one := range p.queries {
		b := prometheus.NewDataqueryBuilder().Datasource(source()).RefId(refID(i)).Expr(one.expr).
			LegendFormat(one.legend).EditorMode(prometheus.QueryEditorModeCode)
		switch p.kind {
		case grid:
			b = b.Instant().Format(prometheus.PromQueryFormatTable)
		case bars:
			b = b.Instant()
		case heat:
			b = b.Range().Format(prometheus.PromQueryFormatHeatmap)
		case figure, lines, stack, states:
			b = b.Range()
		}
		all[i] = b
	}
	return all
}

// refID names a query within its panel: A, B and so on.
func refID(i int) string { return string(rune('A' + i)) }

// thresholds are green, and from warn and bad on yellow and red, or the other way
// round.
func (p *panel) thresholds() cog.Builder[dashboard.ThresholdsConfig] {
	steps := []dashboard.Threshold{{Color: "green"}}
	switch {
	case p.warn == 0 && p.bad == 0:
		hue := p.hue
		if hue == "" {
			hue = "text"
		}
		steps = []dashboard.Threshold{{Color: hue}}
	case p.bad < p.warn:
		steps = []dashboard.Threshold{{Color: "red"}, {Value: &p.bad, Color: "yellow"}, {Value: &p.warn, Color: "green"}}
	default:
		steps = append(steps, dashboard.Threshold{Value: &p.warn, Color: "yellow"}, dashboard.Threshold{Value: &p.bad, Color: "red"})
	}
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(steps)
}

// latest reduces a line to its newest figure.
func latest() cog.Builder[common.ReduceDataOptions] {
	return common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"}).Values(false)
}

func (p *panel) figure() cog.Builder[dashboard.Panel] {
	return frame(p, stat.NewPanelBuilder()).ReduceOptions(latest()).
		GraphMode(common.BigValueGraphModeArea).ColorMode(common.BigValueColorModeValue).
		Orientation(common.VizOrientationAuto).JustifyMode(common.BigValueJustifyModeAuto).TextMode(common.BigValueTextModeAuto)
}

func (p *panel) lines() cog.Builder[dashboard.Panel] {
	b := frame(p, timeseries.NewPanelBuilder()).
		LineWidth(1).FillOpacity(0).ShowPoints(common.VisibilityModeNever).AxisSoftMin(0).
		SpanNulls(common.BoolOrFloat64{Bool: cog.ToPtr(false)}).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending)).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(true).Placement(common.LegendPlacementBottom).
			DisplayMode(common.LegendDisplayModeList))
	if p.max > 0 {
		b = b.Max(p.max)
	}
	if p.kind == stack {
		b = b.FillOpacity(40).Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal))
	}
	if p.bad > 0 && p.bad > p.warn {
		b = b.ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed))
	}
	return b
}

func (p *panel) bars() cog.Builder[dashboard.Panel] {
	return frame(p, bargauge.NewPanelBuilder()).ReduceOptions(latest()).Min(0).
		Orientation(common.VizOrientationHorizontal).DisplayMode(common.BarGaugeDisplayModeBasic).
		ValueMode(common.BarGaugeValueModeText)
}

func (p *panel) states() cog.Builder[dashboard.Panel] {
	b := frame(p, statetimeline.NewPanelBuilder()).ShowValue(common.VisibilityModeAuto).MergeValues(true).
		RowHeight(0.8).FillOpacity(80).LineWidth(0).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(false).Placement(common.LegendPlacementBottom).DisplayMode(common.LegendDisplayModeList))
	options := make(map[string]dashboard.ValueMappingResult, len(p.words))
	for i, w := range p.words {
		options[w.value] = dashboard.ValueMappingResult{Text: &w.text, Color: &w.color, Index: cog.ToPtr(int32(i))} //nolint:gosec // a handful
	}
	return b.Mappings([]dashboard.ValueMapping{{ValueMap: &dashboard.ValueMap{Type: "value", Options: options}}})
}

func (p *panel) heat() cog.Builder[dashboard.Panel] {
	return frame(p, heatmap.NewPanelBuilder()).Calculate(false).
		YAxis(heatmap.NewYAxisConfigBuilder().Unit(p.unit)).
		Color(heatmap.NewHeatmapColorOptionsBuilder().Mode(heatmap.HeatmapColorModeScheme).Scheme("Blues").Steps(64)).
		CellGap(1).HideLegend()
}

// grid is a table of one row for each set of labels, and a column for each query.
func (p *panel) grid() cog.Builder[dashboard.Panel] {
	names := map[string]string{"pool": "Pool", "worker": "Worker", "route": "Route", "instance": "Instance"}
	hidden := map[string]bool{"Time": true, "job": true, "__name__": true}
	for i, one := range p.queries {
		names[fmt.Sprintf("Value #%s", refID(i))] = one.legend
	}
	if len(p.queries) == 1 {
		names["Value"] = p.queries[0].legend
	}
	b := frame(p, table.NewPanelBuilder())
	for i, unit := range p.columns {
		b = b.OverrideByName(p.queries[i].legend, []dashboard.DynamicConfigValue{{Id: "unit", Value: unit}})
	}
	return b.WithTransformation(dashboard.DataTransformerConfig{Id: "merge", Options: map[string]any{}}).
		WithTransformation(dashboard.DataTransformerConfig{Id: "organize", Options: map[string]any{"renameByName": names, "excludeByName": hidden}}).
		Filterable(true).CellHeight(common.TableCellHeightSm).ShowHeader(true)
}

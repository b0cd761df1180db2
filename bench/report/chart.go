package report

import (
	"bytes"
	"html/template"
	"math"
	"strconv"

	"github.com/go-analyze/charts"
)

// Size of a chart in CSS pixels.
const (
	chartWidth  = 760
	chartHeight = 300
	// timeLabels is about how many labels a time axis has.
	timeLabels = 9
)

// line is a series of a chart.
type line struct {
	name   string
	values []float64
}

// chart draws lines over labels as SVG that HTML can carry inline.
func chart(title string, labels []string, logarithmic bool, lines ...line) (template.HTML, error) {
	painter := charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputSVG, Width: chartWidth,
		Height: chartHeight})
	values := make([][]float64, len(lines))
	names := make([]string, len(lines))
	for i, l := range lines {
		names[i], values[i] = l.name, l.values
	}
	y := charts.YAxisOption{Min: charts.Ptr(0.0), RangeValuePaddingScale: charts.Ptr(1.0)}
	format := Count
	if logarithmic {
		y, format = decades(values)
	}
	o := charts.NewLineChartOptionWithData(values)
	o.Title = charts.TitleOption{Text: title, FontStyle: charts.FontStyle{FontSize: 14}}
	o.Legend = charts.LegendOption{SeriesNames: names, Show: charts.Ptr(len(lines) > 1)}
	o.XAxis = charts.XAxisOption{Labels: labels, LabelCount: min(len(labels), timeLabels),
		BoundaryGap: charts.Ptr(false)}
	y.ValueFormatter = format
	o.YAxis = []charts.YAxisOption{y}
	o.ValueFormatter = format
	o.Symbol = charts.SymbolNone
	o.LineStrokeWidth = 1.8
	if err := painter.LineChart(o); err != nil {
		return "", err
	}
	svg, err := painter.Bytes()
	if err != nil {
		return "", err
	}
	//nolint:gosec // made by the chart library from labels that it escapes
	return template.HTML(bytes.TrimSpace(svg)), nil
}

// decades turns milliseconds into their logarithms, with an axis that names whole powers of ten.
func decades(values [][]float64) (charts.YAxisOption, charts.ValueFormatter) {
	const least = 0.01 // ms
	low, high := math.Inf(1), math.Inf(-1)
	for _, series := range values {
		for i, v := range series {
			series[i] = math.Log10(max(v, least))
			low, high = min(low, series[i]), max(high, series[i])
		}
	}
	if math.IsInf(low, 0) {
		low, high = 0, 1
	}
	low, high = math.Floor(low), max(math.Ceil(high), math.Floor(low)+1)
	axis := charts.YAxisOption{Min: charts.Ptr(low), Max: charts.Ptr(high), LabelCount: int(high-low) + 1,
		RangeValuePaddingScale: charts.Ptr(0.0)}
	return axis, func(v float64) string {
		return strconv.FormatFloat(math.Pow(10, v), 'g', 3, 64)
	}
}

// seconds labels a time axis.
func seconds(t float64) string {
	const tenths = 10
	return strconv.FormatFloat(math.Round(t*tenths)/tenths, 'f', -1, 64)
}

// charts are the drawings of a suite.
func (s Suite) charts() ([]template.HTML, error) {
	var drawn []template.HTML
	add := func(svg template.HTML, err error) error {
		if err == nil {
			drawn = append(drawn, svg)
		}
		return err
	}
	if len(s.Series) > 1 {
		labels := make([]string, len(s.Series))
		rate, p50, p99 := line{name: "per second"}, line{name: "p50"}, line{name: "p99"}
		for i, p := range s.Series {
			labels[i] = seconds(p.T)
			rate.values = append(rate.values, p.PerSecond)
			p50.values, p99.values = append(p50.values, p.P50), append(p99.values, p.P99)
		}
		if err := add(chart("Throughput, requests a second, over seconds", labels, false, rate)); err != nil {
			return nil, err
		}
		if err := add(chart("Latency, ms, over seconds", labels, true, p50, p99)); err != nil {
			return nil, err
		}
	}
	if len(s.Distribution) > 1 {
		var labels []string
		spread := line{name: "latency"}
		for _, q := range s.Distribution {
			labels = append(labels, strconv.FormatFloat(100*q.Q, 'g', 6, 64)+" %")
			spread.values = append(spread.values, q.Ms)
		}
		if err := add(chart("Latency distribution: so many of the requests took at most so many ms", labels, true,
			spread)); err != nil {
			return nil, err
		}
	}
	if len(s.SettleLag) > 1 {
		var labels []string
		lag := line{name: "lag"}
		for _, l := range s.SettleLag {
			labels = append(labels, seconds(l.T))
			lag.values = append(lag.values, l.Ms)
		}
		if err := add(chart("Settle lag, ms: age of the oldest win that is not a credit yet, over seconds", labels,
			false, lag)); err != nil {
			return nil, err
		}
	}
	return drawn, nil
}

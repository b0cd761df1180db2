package report

import (
	_ "embed"
	"html/template"
	"io"
	"os"
)

//go:embed report.html.tmpl
var page string

// HTML writes the report as one file that needs nothing else: no script, no network.
func (r Report) HTML(w io.Writer) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"count": Count, "short": Short, "shorten": shorten, "list": list,
		"charts": Suite.charts,
	}).Parse(page)
	if err != nil {
		return err
	}
	return t.Execute(w, r)
}

// WriteHTML writes it to a file.
func (r Report) WriteHTML(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	err = r.HTML(f)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

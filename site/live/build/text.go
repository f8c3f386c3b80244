package main

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	text "text/template"

	"github.com/kernelsmith/kernelsmith/site/live/internal/page"
)

// part is what the templates of a part have.
type part struct {
	Do, Verb string
	Controls []control
	Format   control // which stands apart
	Figures  []figure
	Texts    map[string]string
	Kept     template.JS
}

type control struct {
	page.Control
	ID, Shown string
	Hidden    bool // at first
}

type figure struct {
	Name string
	SVG  template.HTML // of package chart, which escapes what it writes
}

// parts are those of the page: what their button does, and their figures in order.
var parts = []struct {
	name, do, verb string
	figures        []string
}{
	{"kernel", "fit", "Fit a formula", []string{"kernels", "shapes", "errors"}},
	{"flatten", "fit", "Fit the mimic", []string{"kernels", "shapes", "errors"}},
	{"parity", "train", "Train both nets", []string{"losses", "accuracies"}},
}

// pageText is the page with the figures that stand there at first.
func pageText(source string, scriptBytes int) ([]byte, error) {
	snippets, err := template.ParseFiles(filepath.Join(source, "parts.html"))
	if err != nil {
		return nil, err
	}
	data := map[string]any{"Size": fmt.Sprintf("%.1f MB", float64(scriptBytes)/1e6)}
	for _, p := range parts {
		one, err := partOf(p.name, p.do, p.verb, p.figures)
		if err != nil {
			return nil, err
		}
		var html bytes.Buffer
		if err := snippets.ExecuteTemplate(&html, p.name, one); err != nil {
			return nil, err
		}
		data[p.name] = html.String()
	}
	whole, err := text.ParseFiles(filepath.Join(source, "page.md"))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = whole.Execute(&out, data)
	return out.Bytes(), err
}

func partOf(name, do, verb string, figures []string) (part, error) {
	out := part{Do: do, Verb: verb, Texts: map[string]string{}}
	for _, c := range page.Controls(name) {
		one := control{Control: c, ID: name + "-" + c.Name, Shown: c.Value}
		one.Hidden = c.Only != "" && !slices.Contains(strings.Fields(c.Only),
			page.Defaults(name)["source"])
		if n, err := strconv.Atoi(c.Value); c.Power && err == nil {
			one.Shown = strconv.Itoa(1 << n)
		}
		if c.Name == "format" {
			out.Format = one
			continue
		}
		out.Controls = append(out.Controls, one)
	}
	// What is drawn at first, then what is fitted or trained.
	for _, what := range slices.Compact([]string{"draw", do}) {
		q := page.Request{Part: name, Do: what, Values: page.Defaults(name)}
		r := page.Answer(context.Background(), q, nil)
		if r.Error != "" {
			return out, fmt.Errorf("the part %s as the page comes: %s", name, r.Error)
		}
		out.Kept = template.JS("null")
		if r.Kept != nil {
			out.Kept = template.JS(r.Kept)
		}
		for where, words := range r.Texts {
			out.Texts[where] = words
		}
		out.Figures = nil
		for _, place := range figures {
			out.Figures = append(out.Figures, figure{place, template.HTML(r.Figures[place])})
		}
	}
	return out, nil
}

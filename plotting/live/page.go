package live

import (
	_ "embed"
	"encoding/base64"
	"fmt"
	"html"
	"strings"

	"github.com/kernelsmith/kernelsmith/plotting"
)

//go:embed page.js
var script string

//go:embed page.css
var style string

// settings are what the script is told.
type settings struct {
	ID   string `json:"id"`
	View int    `json:"view"`
}

// page is the output of the cell: live with its script, or as it stays when there is nobody to
// answer.
func (s *session) page(live bool, status string) string {
	var b strings.Builder
	fmt.Fprintf(
		&b,
		`<div class="kernelsmith-live" id="%s" data-lm-suppress-shortcuts="true" role="group" `+
			`aria-label="Live figure">`,
		s.id,
	)
	fmt.Fprintf(&b, "<style>%s</style>", style)
	fmt.Fprintf(
		&b,
		`<div class="problem" role="alert"%s>%s</div>`,
		hidden(s.view.problem),
		html.EscapeString(s.view.problem),
	)
	fmt.Fprintf(
		&b,
		`<img%s alt="%s"%s>`,
		s.source(live),
		html.EscapeString(s.view.caption),
		hidden(s.view.svg),
	)
	fmt.Fprintf(
		&b,
		`<p class="caption"%s>%s</p>`,
		hidden(s.view.caption),
		html.EscapeString(s.view.caption),
	)
	b.WriteString(`<div class="controls">`)
	values := s.inbox.current()
	for i, c := range s.controls {
		s.control(&b, c, fmt.Sprintf("%s_%d", s.id, i), values[c.name()])
	}
	b.WriteString(`</div><div class="buttons">`)
	for _, c := range append(s.buttons(), Button{Name: stopName, Label: "Stop"}) {
		fmt.Fprintf(
			&b,
			`<button type="button" data-name="%s" disabled>%s</button>`,
			html.EscapeString(c.Name),
			html.EscapeString(c.label()),
		)
	}
	fmt.Fprintf(&b, `<span class="status" role="status">%s</span></div>`, html.EscapeString(status))
	fmt.Fprintf(
		&b,
		`<pre class="text"%s>%s</pre>`,
		hidden(s.view.text),
		html.EscapeString(s.view.text),
	)
	if live {
		// JSON as Go writes it has no character that could end the script.
		fmt.Fprintf(
			&b,
			`<script>(%s)(%s)</script>`,
			strings.TrimSpace(script),
			encode(settings{s.id, s.view.number}),
		)
	}
	b.WriteString("</div>")
	return b.String()
}

func hidden(content string) string {
	if content == "" {
		return " hidden"
	}
	return ""
}

// source is the picture as the src of an image: sharp and small while it is live, as a PNG in what
// stays, because not every reader of notebooks draws an SVG.
func (s *session) source(live bool) string {
	if s.view.svg == "" {
		return ""
	}
	kind, data := "svg+xml", []byte(s.view.svg)
	if !live {
		if png, err := plotting.PNG(s.view.picture); err == nil {
			kind, data = "png", png
		}
	}
	return fmt.Sprintf(
		` src="data:image/%s;base64,%s"`,
		kind,
		base64.StdEncoding.EncodeToString(data),
	)
}

// files are what a published page offers of the picture that stays.
func (s *session) files() []byte {
	if s.view.svg == "" {
		return nil
	}
	b, err := plotting.Files(s.view.picture)
	if err != nil {
		return nil // the picture itself could be drawn, and is shown
	}
	return b
}

func (s *session) buttons() []Button {
	var buttons []Button
	for _, c := range s.controls {
		if b, ok := c.(Button); ok {
			buttons = append(buttons, b)
		}
	}
	return buttons
}

func (s *session) control(b *strings.Builder, c Control, id string, value float64) {
	switch c := c.(type) {
	case Slider:
		text := c.text(value)
		fmt.Fprintf(
			b,
			`<label for="%s">%s</label><input type="range" id="%s" data-name="%s" min="%v" `+
				`max="%v" step="%v" value="%s" data-decimals="%d" autocomplete="off" disabled>`+
				`<output for="%s">%s</output>`,
			id,
			html.EscapeString(orName(c.Label, c.Name)),
			id,
			html.EscapeString(c.Name),
			c.Min,
			c.Max,
			c.Step,
			text,
			c.decimals(),
			id,
			text,
		)
	case Choice:
		fmt.Fprintf(
			b,
			`<label for="%s">%s</label><select id="%s" data-name="%s" autocomplete="off" disabled>`,
			id,
			html.EscapeString(orName(c.Label, c.Name)),
			id,
			html.EscapeString(c.Name),
		)
		for i, option := range c.Options {
			chosen := ""
			if i == int(value) {
				chosen = " selected"
			}
			fmt.Fprintf(b, `<option value="%d"%s>%s</option>`, i, chosen, html.EscapeString(option))
		}
		b.WriteString("</select>")
	}
}

func (b Button) label() string { return orName(b.Label, b.Name) }

func orName(label, name string) string {
	if label == "" {
		return name
	}
	return label
}

// plain is the view for readers that show no HTML.
func (s *session) plain() string {
	var lines []string
	for _, line := range []string{s.view.problem, s.view.caption, s.view.text} {
		if line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

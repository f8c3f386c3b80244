package plotting

import (
	"errors"
	"fmt"
	"html"
	"maps"
	"math"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// Show displays the drawing in the output of the notebook cell that is running, as a PNG at the
// drawing's DPI, by default twice the screen's resolution. The caption says in words what is to be
// seen; it is the text of the picture for readers and tools that do not show pictures. Empty, it is
// made of title and labels. Beside the picture go what [Files] returns, for the published page to
// offer.
//
// Show returns when the notebook has confirmed the picture, or with an error after 5 seconds
// without that. An error in the drawing ends the cell of a notebook, where a returned one would
// pass unseen: Show panics with it there. Outside a notebook Show draws nothing and returns the
// error.
func Show(d Drawing, caption string) error {
	dim, err := check(d)
	if err != nil {
		return fail(err)
	}
	if !gonbui.IsNotebook {
		return nil
	}
	// Beside the picture, on another core: a cell hardly takes longer for them.
	var archive []byte
	packed := make(chan error, 1)
	go func() {
		var err error
		archive, err = Files(d)
		packed <- err
	}()
	picture, err := PNG(d)
	if err := errors.Join(err, <-packed); err != nil {
		return fail(err)
	}
	if caption == "" {
		caption = d.describe()
	}
	const cssPixels = 96 // to the inch
	return display(&protocol.DisplayData{
		Data: map[protocol.MIMEType]any{
			protocol.MIMEImagePNG:  picture,
			MIMEFiles:              archive,
			protocol.MIMETextPlain: caption,
		},
		Metadata: map[string]any{
			// A map[string]int, which the transport knows: it closes for good on types it was not
			// told of.
			string(protocol.MIMEImagePNG): map[string]int{
				"width":  int(math.Round(dim.width * cssPixels)),
				"height": int(math.Round(dim.height * cssPixels)),
			},
			"alt": caption,
		},
	})
}

// fail ends the cell of a notebook with the error; elsewhere it returns it.
func fail(err error) error {
	if gonbui.IsNotebook {
		panic(err)
	}
	return err
}

// ShowTable displays rows under a header, as an HTML table in a notebook and as aligned plain text
// on the standard output elsewhere. Text is shown as it is, HTML in it included. Columns of numbers
// are aligned right. An empty caption is left out. A row whose length is not the header's is an
// error, which ends the cell of a notebook as with [Show].
func ShowTable(header []string, rows [][]string, caption string) error {
	return showTable(header, rows, caption, nil)
}

// showTable displays a table with further data beside it.
func showTable(
	header []string, rows [][]string, caption string, beside map[protocol.MIMEType]any,
) error {
	if len(header) == 0 {
		return fail(errors.New("plotting: table without columns"))
	}
	for i, row := range rows {
		if len(row) != len(header) {
			return fail(
				fmt.Errorf("plotting: row %d of the table has %d cells, its header %d", i+1,
					len(row), len(header)),
			)
		}
	}
	plain := plainTable(header, rows, caption)
	if !gonbui.IsNotebook {
		return writeOut(plain)
	}
	data := map[protocol.MIMEType]any{
		protocol.MIMETextHTML:  htmlTable(header, rows, caption),
		protocol.MIMETextPlain: plain,
	}
	maps.Copy(data, beside)
	return display(&protocol.DisplayData{Data: data})
}

// ShowMarkdown displays Markdown in a notebook, formulas between dollar signs included, and prints
// its source on the standard output elsewhere.
func ShowMarkdown(markdown string) error {
	if !gonbui.IsNotebook {
		return writeOut(markdown + "\n")
	}
	return display(&protocol.DisplayData{Data: map[protocol.MIMEType]any{
		protocol.MIMETextMarkdown: markdown,
		protocol.MIMETextPlain:    markdown,
	}})
}

func writeOut(s string) error {
	if _, err := os.Stdout.WriteString(s); err != nil {
		return fmt.Errorf("plotting: writing to the standard output: %w", err)
	}
	return nil
}

const (
	// displayPause keeps a picture behind what was printed before it, which takes another way.
	displayPause = 5 * time.Millisecond
	displayLimit = 5 * time.Second
)

// display sends data and waits until the notebook has them: what is still on its way when a cell's
// program ends is lost.
func display(data *protocol.DisplayData) error {
	time.Sleep(displayPause)
	return within(displayLimit, func() {
		gonbui.SendData(data)
		gonbui.Sync()
	})
}

// within runs f, which may never return, and reports what became of the display.
func within(limit time.Duration, f func()) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(limit):
		return fmt.Errorf(
			"plotting: the notebook did not confirm the output within %v; run the cell again",
			limit)
	}
	if err := gonbui.Error(); err != nil {
		return fmt.Errorf("plotting: sending output to the notebook: %w", err)
	}
	return nil
}

// notebookLine is a line of the cell's output that is replaced by each write.
type notebookLine struct {
	id string
}

func newNotebookLine() *notebookLine { return &notebookLine{id: "progress_" + gonbui.UniqueId()} }

func (l *notebookLine) write(text string, last bool) error {
	if text != "" {
		text = `<pre style="margin:0">` + html.EscapeString(text) + `</pre>`
	}
	return within(displayLimit, func() {
		gonbui.UpdateHTML(l.id, text)
		if last {
			gonbui.Sync()
		}
	})
}

func inNotebook() bool { return gonbui.IsNotebook }

// rightAligned tells for each column whether it has numbers, perhaps with signs, exponents,
// spreads, percent or seconds, and nothing else but empty cells and dashes.
func rightAligned(header []string, rows [][]string) []bool {
	right := make([]bool, len(header))
	for j := range header {
		numbers, others := 0, 0
		for _, row := range rows {
			switch {
			case strings.Trim(row[j], " -–—") == "":
			case strings.ContainsAny(row[j], "0123456789") && strings.Trim(row[j],
				"0123456789 .,:+-−±×~≈<>≤≥()/%eEs") == "":
				numbers++
			default:
				others++
			}
		}
		right[j] = numbers > 0 && others == 0
	}
	return right
}

func htmlTable(header []string, rows [][]string, caption string) string {
	right := rightAligned(header, rows)
	var b strings.Builder
	cell := func(tag, scope, text string, j int) {
		align := "left"
		if right[j] {
			align = "right"
		}
		fmt.Fprintf(
			&b,
			`<%s%s style="text-align:%s">%s</%s>`,
			tag,
			scope,
			align,
			html.EscapeString(text),
			tag,
		)
	}
	b.WriteString("<table>")
	if caption != "" {
		b.WriteString(
			`<caption style="text-align:left">` + html.EscapeString(caption) + "</caption>",
		)
	}
	b.WriteString("<thead><tr>")
	for j, h := range header {
		cell("th", ` scope="col"`, h, j)
	}
	b.WriteString("</tr></thead><tbody>")
	for _, row := range rows {
		b.WriteString("<tr>")
		for j, text := range row {
			cell("td", "", text, j)
		}
		b.WriteString("</tr>")
	}
	b.WriteString("</tbody></table>")
	return b.String()
}

func plainTable(header []string, rows [][]string, caption string) string {
	right := rightAligned(header, rows)
	widths := make([]int, len(header))
	for _, row := range append([][]string{header}, rows...) {
		for j, text := range row {
			widths[j] = max(widths[j], columns(text))
		}
	}
	var b strings.Builder
	if caption != "" {
		b.WriteString(caption + "\n")
	}
	writeRow := func(row []string) {
		var l strings.Builder
		for j, text := range row {
			if j > 0 {
				l.WriteString("  ")
			}
			pad := strings.Repeat(" ", widths[j]-columns(text))
			if right[j] {
				l.WriteString(pad + oneLine(text))
			} else {
				l.WriteString(oneLine(text) + pad)
			}
		}
		b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
	}
	writeRow(header)
	rule := make([]string, len(header))
	for j, w := range widths {
		rule[j] = strings.Repeat("-", w)
	}
	writeRow(rule)
	for _, row := range rows {
		writeRow(row)
	}
	return b.String()
}

// oneLine keeps a cell on its row.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// columns is the width of s on a terminal, where combining marks take none.
func columns(s string) int {
	n := 0
	for _, r := range oneLine(s) {
		if !unicode.Is(unicode.Mn, r) {
			n++
		}
	}
	return n
}

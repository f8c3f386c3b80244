package train

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
)

var csvColumns = []string{"epoch", "train_loss", "test_loss", "train_accuracy", "test_accuracy"}

// WriteJSON writes the trace as indented JSON, from which package json makes an
// equal trace. A measurement that is NaN or infinite is an error.
func (t *Trace) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(t); err != nil {
		return fmt.Errorf("train: cannot write the trace: %w", err)
	}
	return nil
}

// WriteCSV writes a row for each point, under the names epoch, train_loss, test_loss,
// train_accuracy and test_accuracy. Numbers have all their digits. The settings of the trace are
// not written.
func (t *Trace) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	_ = c.Write(csvColumns)
	for _, p := range t.Points {
		row := []string{strconv.Itoa(p.Epoch)}
		for _, v := range []float64{p.TrainLoss, p.TestLoss, p.TrainAccuracy, p.TestAccuracy} {
			row = append(row, strconv.FormatFloat(v, 'g', -1, 64))
		}
		_ = c.Write(row)
	}
	if c.Flush(); c.Error() != nil { // the first of all
		return fmt.Errorf("train: cannot write the trace: %w", c.Error())
	}
	return nil
}

// WriteCSV writes a row for each snapshot: the epoch, and for each measurement of
// [Trace.WriteCSV] the mean over the trials in a column of its name and the standard deviation
// in a column of that name with the ending _std.
func (s *Summary) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	header := []string{csvColumns[0]}
	for _, name := range csvColumns[1:] {
		header = append(header, name, name+"_std")
	}
	_ = c.Write(header)
	format := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	for i, epoch := range s.Epochs {
		row := []string{format(epoch)}
		for _, m := range []Series{s.TrainLoss, s.TestLoss, s.TrainAccuracy, s.TestAccuracy} {
			row = append(row, format(m.Mean[i]), format(m.Std[i]))
		}
		_ = c.Write(row)
	}
	if c.Flush(); c.Error() != nil {
		return fmt.Errorf("train: cannot write the summary: %w", c.Error())
	}
	return nil
}

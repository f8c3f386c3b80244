package train

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
)

var csvColumns = []string{"epoch", "train_loss", "test_loss", "train_accuracy", "test_accuracy"}

// WriteJSON writes the trace as indented JSON, from which [ReadTraceJSON] makes an equal trace.
// A measurement that is NaN or infinite is an error.
func (t *Trace) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(t); err != nil {
		return fmt.Errorf("train: cannot write the trace: %w", err)
	}
	return nil
}

// ReadTraceJSON reads a trace that [Trace.WriteJSON] wrote. Unknown members, data after the
// end, and points that are not in the order of their epochs are errors.
func ReadTraceJSON(r io.Reader) (*Trace, error) {
	t := &Trace{}
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(t); err != nil {
		return nil, fmt.Errorf("train: this is not a trace: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("train: there is something behind the trace")
	}
	if err := checkOrder(t.Points); err != nil {
		return nil, err
	}
	return t, nil
}

// WriteCSV writes a row for each point, under the names epoch, train_loss, test_loss,
// train_accuracy and test_accuracy. Numbers have all their digits, so that [ReadPointsCSV]
// makes equal points. The settings of the trace are not written.
func (t *Trace) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	c.Write(csvColumns)
	for _, p := range t.Points {
		row := []string{strconv.Itoa(p.Epoch)}
		for _, v := range []float64{p.TrainLoss, p.TestLoss, p.TrainAccuracy, p.TestAccuracy} {
			row = append(row, strconv.FormatFloat(v, 'g', -1, 64))
		}
		c.Write(row)
	}
	if c.Flush(); c.Error() != nil { // the first of all
		return fmt.Errorf("train: cannot write the trace: %w", c.Error())
	}
	return nil
}

// ReadPointsCSV reads points that [Trace.WriteCSV] wrote. Other columns, entries that are not
// finite numbers, and epochs that do not increase are errors; they name the line, or the point.
func ReadPointsCSV(r io.Reader) ([]Point, error) {
	c := csv.NewReader(r)
	header, err := c.Read()
	if err != nil {
		return nil, fmt.Errorf("train: no line of column names: %w", err)
	}
	if !slices.Equal(header, csvColumns) {
		return nil, fmt.Errorf("train: the columns are %q; those of a trace are %q", header,
			csvColumns)
	}
	var points []Point
	for {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("train: %w", err)
		}
		line, _ := c.FieldPos(0)
		var p Point
		if p.Epoch, err = strconv.Atoi(row[0]); err != nil || p.Epoch < 0 {
			return nil, fmt.Errorf("train: line %d: %q is no epoch", line, row[0])
		}
		for i, v := range []*float64{&p.TrainLoss, &p.TestLoss, &p.TrainAccuracy, &p.TestAccuracy} {
			if *v, err = strconv.ParseFloat(row[i+1], 64); err != nil || math.IsNaN(*v) ||
				math.IsInf(*v, 0) {
				return nil, fmt.Errorf("train: line %d: %s is %q, which is no finite number", line,
					csvColumns[i+1], row[i+1])
			}
		}
		points = append(points, p)
	}
	return points, checkOrder(points)
}

func checkOrder(points []Point) error {
	for i := 1; i < len(points); i++ {
		if points[i].Epoch <= points[i-1].Epoch {
			return fmt.Errorf(
				"train: point %d is at epoch %d, after one at epoch %d; epochs increase", i,
				points[i].Epoch, points[i-1].Epoch)
		}
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
	c.Write(header)
	format := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	for i, epoch := range s.Epochs {
		row := []string{format(epoch)}
		for _, m := range []Series{s.TrainLoss, s.TestLoss, s.TrainAccuracy, s.TestAccuracy} {
			row = append(row, format(m.Mean[i]), format(m.Std[i]))
		}
		c.Write(row)
	}
	if c.Flush(); c.Error() != nil {
		return fmt.Errorf("train: cannot write the summary: %w", c.Error())
	}
	return nil
}

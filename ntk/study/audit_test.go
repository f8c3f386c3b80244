package study

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/data"
	"github.com/kernelsmith/kernelsmith/ntk"
	"github.com/kernelsmith/kernelsmith/plotting"
	"gonum.org/v1/gonum/mat"
)

func TestShowAuditWithoutNorms(t *testing.T) {
	for _, a := range []*data.Audit{nil, {}, {Train: data.AuditPart{Norms: make([]float64, 101)}}} {
		if err := ShowAudit(a, ""); err == nil || !strings.Contains(err.Error(), "Dataset.Audit") {
			t.Errorf("%v", err)
		}
	}
}

// What is drawn of a small set: percentiles against percentages, and classes against shares.
func TestAuditFigure(t *testing.T) {
	set := ntk.Must(data.New("s", mat.NewDense(5, 1, []float64{1, 2, 3, 1, 0}),
		[]int{0, 0, 0, 1, 1}, 3))
	a := ntk.Must(set.Audit(data.Split{Train: []int{0, 1, 2, 3}, Test: []int{4}}, nil))
	path := filepath.Join(t.TempDir(), "audit.csv")
	if err := plotting.Save(AuditFigure(a), path); err != nil {
		t.Fatal(err)
	}
	b := string(ntk.Must(os.ReadFile(path)))
	// ‖x‖²/d in training is 1, 1, 4, 9: half of the rows have at most 2.5, and the radius is its
	// root.
	for _, want := range []string{"A,training,line,2.5,50,", "A,training,line,9,100,",
		"A,test,line,0,100,", "A,recommended radius²,vertical line,2.5,",
		"B,training,points,0,75,", "B,training,points,1,25,", "B,training,points,2,0,",
		"B,test,points,1,100,"} {
		if !strings.Contains(b, "\n"+want) {
			t.Errorf("no line begins with %q", want)
		}
	}
	want := "s, as given: ‖x‖²/d of the training rows from 1 to 9, 5 to 95 % from 1 to 8.25; " +
		"recommended radius 1.58 √d; groups of equal rows: 1, test rows that are training rows " +
		"too: 0."
	if got := auditCaption(a); got != want {
		t.Errorf("caption %q", got)
	}
}

// The table counts nearly equal rows in each part and across, and names the nearest.
func TestAuditRowsOfNearRows(t *testing.T) {
	x := []float64{1, 0, 0, 1, 1, 1, 1, 1e-4, 1e-5, 1, 3, 3, -1, -1, 5e-4, 1}
	set := ntk.Must(data.New("s", mat.NewDense(8, 2, x), make([]int, 8), 2))
	a := ntk.Must(set.Audit(data.Split{Train: []int{0, 1, 2, 3}, Test: []int{4, 5, 6, 7}}, nil))
	rows := auditRows(a)
	for _, want := range [][]string{
		{"within 0.1 % of a row of the part", "2", "2"},
		{"within 0.1 % of a row of the other part", "1", "2"},
		{"the nearest of 4 such pairs", "rows 1 and 4", "0.001 % apart"},
		{"", "rows 0 and 3", "0.01 % apart"},
		{"", "rows 4 and 7", "0.049 % apart"},
	} {
		if !slices.ContainsFunc(rows, func(r []string) bool { return slices.Equal(r, want) }) {
			t.Errorf("no line %q in %q", want, rows)
		}
	}
	a.NearMore = true
	if rows := nearRows(a); len(rows) != 3 || !strings.Contains(rows[0][0], "more than 4") {
		t.Errorf("lines %q", rows)
	}
}

// Sets on the sphere, of zeros, and of one row a part can be drawn too.
func TestAuditFigureOfExtremes(t *testing.T) {
	iris := ntk.Must(data.Embedded("iris"))
	zeros := ntk.Must(data.New("z", mat.NewDense(2, 3, nil), []int{0, 1}, 2))
	huge := ntk.Must(data.New("h", mat.NewDense(2, 1, []float64{1e-150, 1e150}), []int{0, 1}, 2))
	one := data.Split{Train: []int{0}, Test: []int{1}}
	for _, a := range []*data.Audit{ntk.Must(iris.Audit(*iris.Split, data.Sphere{})),
		ntk.Must(zeros.Audit(one, nil)), ntk.Must(huge.Audit(one, nil))} {
		if _, err := plotting.PNG(AuditFigure(a)); err != nil {
			t.Errorf("%s: %v", a.Name, err)
		}
	}
}

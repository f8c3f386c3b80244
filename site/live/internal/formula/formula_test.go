package formula_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/kernelsmith/kernelsmith/ntk/inverse"
	"github.com/kernelsmith/kernelsmith/site/live/internal/formula"
)

func parse(t *testing.T, text string) *formula.Formula {
	t.Helper()
	f, err := formula.Parse(text, map[string]float64{"p": 0.5})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return f
}

// Values against the same written in Go.
func TestValues(t *testing.T) {
	of := map[string]func(c float64) float64{
		"0.3 + 0.7*c^3*exp(c-1)": func(c float64) float64 { return 0.3 + 0.7*c*c*c*math.Exp(c-1) },
		"-c^2":                   func(c float64) float64 { return -c * c },
		"(-c)^2":                 func(c float64) float64 { return c * c },
		"2^-1*c":                 func(c float64) float64 { return c / 2 },
		"2^3^2":                  func(float64) float64 { return 512 },
		"1-2-3":                  func(float64) float64 { return -4 },
		"8/2/2":                  func(float64) float64 { return 2 },
		"1 − c · 2 × 3":          func(c float64) float64 { return 1 - 6*c },
		"(pi - θ)/pi":            func(c float64) float64 { return 1 - math.Acos(c)/math.Pi },
		"1e-3 + 2e0*c + e*c":     func(c float64) float64 { return 1e-3 + 2*c + math.E*c },
		"p*tanh(c)+erf(c)":       func(c float64) float64 { return math.Tanh(c)/2 + math.Erf(c) },
		"ln(2+c)+log(2-c)":       func(c float64) float64 { return math.Log(2+c) + math.Log(2-c) },
		"+ - - c":                func(c float64) float64 { return c },
		"sqrt(1+c^2)":            func(c float64) float64 { return math.Sqrt(1 + c*c) },
		"arcsin(c)*arctan(c)":    func(c float64) float64 { return math.Asin(c) * math.Atan(c) },
	}
	for text, want := range of {
		f := parse(t, text)
		for _, c := range []float64{-1, -0.3, 0, 0.7, 1} {
			// Powers are by math.Pow, within an ulp or two.
			if got := f.At(c); !(math.Abs(got-want(c)) <= 1e-14*(1+math.Abs(want(c)))) {
				t.Errorf("%s at %v is %v, want %v", text, c, got, want(c))
			}
		}
	}
}

func TestBadFormulasSayWhatAndWhere(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "the formula is empty",
		"0.3 + ":                        "at its end: a number, c or a bracket is missing",
		"0.3 + * c":                     `at character 7: there should be a number, c or a bracket`,
		"0.7c^3":                        `at character 4: an operator is missing before "c^3"`,
		"2 (c)":                         `at character 3: an operator is missing before "(c)"`,
		"exp(c":                         "at its end: the bracket that opens at character 4 is",
		"c)":                            "at character 2: this ) closes no bracket",
		"exp c":                         "exp needs its argument in brackets, as exp(c)",
		"foo(c)":                        `at character 1: "foo" is not known`,
		"1 + x":                         `at character 5: "x" is not known`,
		"cc":                            "a power of c is written as c^2",
		"c**2":                          "at character 3: a power is written with ^",
		"0,5":                           "at character 2",
		"1.2.3*c":                       `at character 1: "1.2.3" is no number`,
		"1e999":                         `"1e999" is no number of double precision`,
		"c $ 2":                         `at character 3: "$" is none of + - * / ^`,
		"exp(c, 2)":                     "not closed by )",
		strings.Repeat("(", 60):         "nested more than",
		strings.Repeat("-", 60):         "nested more than",
		strings.Repeat("c+", 160):       "is the most",
		"c" + strings.Repeat("+c", 100): "is the most",
		`<img src=x onerror="1">`:       `at character 1: there should be`,
	} {
		_, err := formula.Parse(text, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestWhatHasNoValue(t *testing.T) {
	for text, want := range map[string]string{
		"1 + ln(c)":    `"ln(c)", at character 5, is NaN at c = -1`,
		"1/(1-c)":      `"1/(1-c)", at character 1, is +Inf at c = 1`,
		"c*sqrt(-0.5)": `"sqrt(-0.5)", at character 3, is NaN at c = -1`,
		"c^0.5 + 1":    `"c^0.5", at character 1, is NaN`,
	} {
		_, err := parse(t, text).Curve([]float64{-1, 0, 1})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// factorial returns n!.
func factorial(n int) float64 { return math.Gamma(float64(n) + 1) }

// The coefficients against the closed forms of well-known series.
func TestSeries(t *testing.T) {
	odd := func(k int, v float64) float64 { return v * float64(k%2) }
	even := func(k int, v float64) float64 { return v * float64(1-k%2) }
	turn := func(k int) float64 { return float64(1 - k/2%2*2) }
	for text, want := range map[string]func(k int) float64{
		"exp(2*c - 1)": func(k int) float64 {
			return math.Pow(2, float64(k)) / math.E / factorial(k)
		},
		"1/(2-c)":  func(k int) float64 { return math.Pow(2, -float64(k)-1) },
		"(2-c)^-2": func(k int) float64 { return float64(k+1) * math.Pow(2, -float64(k)-2) },
		"cosh(c)":  func(k int) float64 { return even(k, 1/factorial(k)) },
		"sinh(c)":  func(k int) float64 { return odd(k, 1/factorial(k)) },
		"cos(c)":   func(k int) float64 { return even(k, turn(k)/factorial(k)) },
		"sin(c)":   func(k int) float64 { return odd(k, turn(k)/factorial(k)) },
		"-ln(1 - c/2)": func(k int) float64 {
			return math.Pow(2, -float64(k)) / math.Max(1, float64(k)) * float64(min(k, 1))
		},
		"atan(c/2)": func(k int) float64 {
			return odd(k, turn(k)*math.Pow(2, -float64(k))/math.Max(1, float64(k)))
		},
		"asin(c)": func(k int) float64 {
			n := k / 2
			return odd(k, factorial(2*n)/math.Pow(4, float64(n))/
				math.Pow(factorial(n), 2)/float64(2*n+1))
		},
		"c^3*(1+c)^2": func(k int) float64 { return map[int]float64{3: 1, 4: 2, 5: 1}[k] },
		"erf(c)": func(k int) float64 {
			n := k / 2
			return odd(k, 2/math.SqrtPi*turn(k)/factorial(n)/float64(k+1-k%2))
		},
		"tanh(c) - c + c^3/3": func(k int) float64 {
			return map[int]float64{5: 2. / 15, 7: -17. / 315}[k]
		},
		"2^c": func(k int) float64 {
			return math.Pow(math.Ln2, float64(k)) / factorial(k)
		},
	} {
		e := parse(t, text).Expansion()
		if e.Coeffs == nil {
			t.Errorf("%s: no series", text)
			continue
		}
		a, err := e.Coeffs(8)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for k, v := range a {
			if math.Abs(v-want(k)) > 1e-14 {
				t.Errorf("%s: a_%d is %v, want %v", text, k, v, want(k))
			}
		}
	}
	for _, text := range []string{"abs(c)", "sqrt(c+1)*0+sqrt(c)", "1/c", "1/(1+4*c^2)", "ln(c)"} {
		if parse(t, text).Expansion().Coeffs != nil {
			t.Errorf("%s has a series that reaches c = 1", text)
		}
	}
}

func TestSeriesAddUpToValues(t *testing.T) {
	for _, text := range []string{
		"0.3 + 0.7*c^3*exp(c-1)", "tanh(c)/(3-c)", "cosh(c)^0.5", "exp(-3*c)",
	} {
		f := parse(t, text)
		e := f.Expansion()
		a, err := e.Coeffs(80)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []float64{-1, -0.4, 0.5, 1} {
			var sum float64
			for k := len(a) - 1; k >= 0; k-- {
				sum = sum*c + a[k]
			}
			if math.Abs(sum-f.At(c)) > e.Error*math.Abs(f.At(1))+1e-13 {
				t.Errorf("%s at %v: the series is %v and the value %v, error %v", text, c, sum,
					f.At(c), e.Error)
			}
		}
	}
}

// What is proved, and by a coefficient where it is refuted.
func TestCertificates(t *testing.T) {
	for text, want := range map[string]string{
		"0.3 + 0.7*c^3*exp(c-1)":      "realizable proof",
		"exp(c-1)":                    "realizable proof",
		"cosh(2*c) + asin(c)":         "realizable proof",
		"1/(1.5-c)":                   "realizable proof",
		"2 - sqrt(1.5-c)":             "realizable proof",
		"-ln(1.5 - c^2) + 1":          "realizable proof",
		"(1 + c)^5/32":                "realizable proof",
		"exp(c)*(1 - c^2*(-0.1))":     "realizable proof",
		"2^(3*c-1)":                   "realizable proof",
		"acos(-c)/pi":                 "realizable proof",
		"cosh(-c) - sinh(-c)":         "realizable proof",
		"0.5^c":                       "not realizable proof",
		"cos(c)":                      "not realizable proof",
		"c - 0.2*c^2":                 "not realizable proof",
		"exp(-c)":                     "not realizable proof",
		"tanh(c)":                     "not realizable proof",
		"exp(c) - 0.5*c^2 + 0.25*c^2": "undetermined evidence", // all is well, but nothing says so
		"abs(c)":                      "not realizable evidence",
		"1/(1+4*c^2)":                 "not realizable evidence",
	} {
		f := parse(t, text)
		c, err := inverse.Certify(f, &inverse.CertifySettings{MaxDegree: 200})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		how := "evidence"
		if c.Proof {
			how = "proof"
		}
		if got := fmt.Sprint(c.Verdict, " ", how); got != want {
			t.Errorf("%s: %s (%s), want %s", text, got, c.Reason, want)
		}
	}
}

// A sum of products of what is proved has no coefficient below 0 beyond rounding.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"0.3 + 0.7*c^3*exp(c-1)", "1/(2-c)", "((c", "1e", "θ", "2 - sqrt(1-c)",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		f, err := formula.Parse(text, nil)
		if err != nil {
			if errors.Unwrap(err) != nil || len(err.Error()) < 10 {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		e := f.Expansion()
		if e.Coeffs == nil || !e.Nonnegative {
			return
		}
		a, err := e.Coeffs(60)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range a {
			if v < -1e-9*math.Abs(f.At(1)) {
				t.Errorf("%q counts as proved, and a_%d is %v", text, k, v)
			}
		}
	})
}

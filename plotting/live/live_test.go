package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kernelsmith/kernelsmith/plotting"
)

// testPage is a front whose other end is the test.
type testPage struct {
	mu       sync.Mutex
	take     func(string)
	connects int
	slow     time.Duration // of a connection
	replies  []reply
	shows    []string
	fail     error
}

func (p *testPage) listen(take func(string)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.take = take
}

func (p *testPage) connect() {
	p.mu.Lock()
	p.connects++
	slow := p.slow
	p.mu.Unlock()
	time.Sleep(slow)
}

func (p *testPage) send(message string) {
	var r reply
	if err := json.Unmarshal([]byte(message), &r); err != nil {
		panic(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.replies = append(p.replies, r)
}

func (p *testPage) show(html, plain string, _ []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shows = append(p.shows, html)
	return p.fail
}

// say is the message of the page "p".
func (p *testPage) say(changes int, values map[string]float64, presses ...press) {
	p.sayText(encode(message{
		Client:  "p",
		Changes: changes,
		Values:  values,
		Presses: presses,
		View:    1 << 30,
	}))
}

func (p *testPage) sayText(text string) {
	p.mu.Lock()
	take := p.take
	p.mu.Unlock()
	take(text)
}

// bodies are the views that were sent.
func (p *testPage) bodies() []*body {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []*body
	for _, r := range p.replies {
		if r.Body != nil {
			list = append(list, r.Body)
		}
	}
	return list
}

func (p *testPage) attempts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.connects
}

func (p *testPage) answers() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.replies)
}

func (p *testPage) last(t *testing.T) string {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.shows) != 2 {
		t.Fatalf("%d outputs, want the live one and the last", len(p.shows))
	}
	return p.shows[1]
}

var two = []Control{
	Slider{Name: "a", Label: "a₀", Min: -1, Max: 1, Step: 0.1, Value: 0.5},
	Choice{Name: "c", Options: []string{"one", "two"}},
	Button{Name: "keep", Label: "Keep"},
}

func figure(a float64) *plotting.Figure {
	f := plotting.New(plotting.Options{})
	f.Line("", []float64{0, 1}, []float64{0, a})
	return f
}

// begin runs a session in a bubble of synthetic time and returns where its error comes.
func begin(
	t *testing.T, ctx context.Context, p *testPage, draw drawing, opt *Options,
) <-chan error {
	t.Helper()
	s, err := newSession(two, draw, opt)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.run(ctx, p) }()
	synctest.Wait()
	return done
}

func plainDraw(values map[string]float64, pressed string) (View, error) {
	return View{
		Picture: figure(values["a"]),
		Caption: "a line",
		Text:    fmt.Sprintf("a = %v %s", values["a"], pressed),
	}, nil
}

func ended(t *testing.T, done <-chan error) {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	default:
		t.Fatal("not ended")
	}
}

var stop = press{Number: 1, Name: stopName}

// Of the moves that come while a picture is made only the last is drawn.
func TestMovesAreCollected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var drawn []float64
		p := &testPage{}
		done := begin(
			t,
			t.Context(),
			p,
			func(values map[string]float64, pressed string) (View, error) {
				time.Sleep(100 * time.Millisecond)
				drawn = append(drawn, values["a"])
				return plainDraw(values, pressed)
			},
			nil,
		)
		time.Sleep(time.Second)
		for i := 1; i <= 20; i++ { // 200 ms of moves, from -0.9 to 1
			p.say(i, map[string]float64{"a": -1 + 0.1*float64(i)})
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Second)
		if len(drawn) != 4 || drawn[0] != 0.5 || drawn[1] != -0.9 || drawn[3] != 1 {
			t.Errorf("drawn for %v, want the start, the first move, one between and the last",
				drawn)
		}
		bodies := p.bodies()
		if last := bodies[len(bodies)-1]; last.Text != "a = 1 " || last.Values["a"] != 1 ||
			!strings.Contains(last.SVG, "<svg") {
			t.Errorf("last view %+v", last)
		}
		p.say(20, nil, stop)
		ended(t, done)
	})
}

// Messages may be doubled and overtake each other; each tells all that no view holds yet.
func TestOrderOfMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var presses []string
		p := &testPage{}
		done := begin(
			t,
			t.Context(),
			p,
			func(values map[string]float64, pressed string) (View, error) {
				if pressed != "" {
					presses = append(presses, fmt.Sprint(pressed, values["a"]))
				}
				return plainDraw(values, pressed)
			},
			nil,
		)
		keep := func(n int) press { return press{Number: n, Name: "keep"} }
		p.say(2, map[string]float64{"a": -0.2, "c": 1})
		p.say(1, map[string]float64{"c": 0}) // overtaken
		p.say(2, map[string]float64{"a": -0.2}, keep(1))
		p.say(2, map[string]float64{"a": -0.2}, keep(1), keep(2))
		p.say(2, map[string]float64{"a": -0.2}, keep(1), press{Number: 3, Name: "none"})
		synctest.Wait()
		bodies := p.bodies()
		if got := bodies[len(bodies)-1].Values; got["a"] != -0.2 || got["c"] != 1 {
			t.Errorf("values %v", got)
		}
		if len(presses) != 2 || presses[0] != "keep-0.2" {
			t.Errorf("presses %v, want two", presses)
		}
		p.say(2, nil, press{Number: 4, Name: stopName})
		ended(t, done)
	})
}

func TestIllegalMessages(t *testing.T) {
	b := newInbox(two)
	for _, text := range []string{"", "x", "[]", "{}", `{"c":"p","n":1,"v":{"a":"x"}}`,
		`{"c":"p","n":1,"v":{"a":1e999}}`} {
		if b.take(text) {
			t.Errorf("%q was taken", text)
		}
	}
	b.take(`{"c":"p","n":1,"v":{"a":1e300,"c":-7,"keep":1,"b":2}}`)
	if v := b.current(); len(v) != 2 || v["a"] != 1 || v["c"] != 0 {
		t.Errorf("values %v", v)
	}
	for i := range 2 * maxClients {
		b.take(fmt.Sprintf(`{"c":"%d"}`, i))
	}
	if len(b.clients) != maxClients {
		t.Errorf("%d clients", len(b.clients))
	}
}

// A page that missed a view gets it again, but not while it may still be on its way.
func TestLostView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &testPage{}
		done := begin(t, t.Context(), p, plainDraw, nil)
		p.say(1, map[string]float64{"a": 0})
		synctest.Wait()
		if n := len(p.bodies()); n != 1 {
			t.Fatalf("%d views", n)
		}
		p.sayText(`{"c":"p","n":1,"w":1}`)
		synctest.Wait()
		if n := len(p.bodies()); n != 1 {
			t.Errorf("%d views at once", n)
		}
		time.Sleep(1100 * time.Millisecond)
		p.sayText(`{"c":"p","n":1,"w":1}`)
		synctest.Wait()
		if n := len(p.bodies()); n != 2 {
			t.Errorf("%d views after a second", n)
		}
		p.say(1, nil, stop)
		ended(t, done)
	})
}

// The page is answered while a picture takes long, so that it does not give up.
func TestAnswersWhileDrawing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &testPage{}
		done := begin(
			t,
			t.Context(),
			p,
			func(values map[string]float64, pressed string) (View, error) {
				if values["a"] == 0 {
					time.Sleep(10 * time.Second)
				}
				return plainDraw(values, pressed)
			},
			nil,
		)
		p.say(1, map[string]float64{"a": 0})
		before := p.answers()
		for i := range 8 {
			time.Sleep(time.Second)
			p.say(2+i, map[string]float64{"a": 0.1})
		}
		if n := p.answers() - before; n != 8 {
			t.Errorf("%d answers to 8 messages", n)
		}
		time.Sleep(5 * time.Second)
		p.say(9, nil, stop)
		ended(t, done)
	})
}

func TestEnds(t *testing.T) {
	pings := func(p *testPage, n int) {
		for range n {
			p.say(0, nil)
			time.Sleep(time.Second)
		}
	}
	for _, c := range []struct {
		name string
		opt  *Options
		act  func(p *testPage, cancel func())
		says string
		end  bool // the page is told
	}{
		{"stop", nil, func(p *testPage, _ func()) { p.say(0, nil, stop) }, "Stopped.", true},
		{"interrupt", nil, func(p *testPage, cancel func()) { p.say(0, nil); cancel() },
			"Interrupted.", true},
		{"interrupt unseen", nil, func(p *testPage, cancel func()) { cancel() }, "Interrupted.",
			false},
		{"nobody", nil, func(p *testPage, _ func()) { time.Sleep(11 * time.Second) },
			"No page answered", false},
		{"closed", nil, func(p *testPage, _ func()) {
			p.say(0,
				nil)
			time.Sleep(151 * time.Second)
		}, "closed", false},
		{"idle", nil, func(p *testPage, _ func()) { pings(p, 15*60+1) },
			"Ended after 15 minutes without a move", true},
		{"idle after a move", &Options{IdleLimit: 20 * time.Second}, func(p *testPage, _ func()) {
			pings(p, 15)
			p.say(1, map[string]float64{"a": 0.1})
			pings(p, 21)
		}, "Ended after 20s", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				p := &testPage{}
				done := begin(t, ctx, p, plainDraw, c.opt)
				c.act(p, cancel)
				ended(t, done)
				last := p.last(t)
				for _, want := range []string{c.says, "data:image/png;base64,", "disabled",
					"a line"} {
					if !strings.Contains(last, want) {
						t.Errorf("%q is not in the last output", want)
					}
				}
				if strings.Contains(last, "<script") {
					t.Error("the last output has a script")
				}
				told := slices.ContainsFunc(p.replies, func(r reply) bool { return r.End != "" })
				if told != c.end {
					t.Errorf("page told of the end: %v, want %v", told, c.end)
				}
			})
		})
	}
}

// Before the idle limit nothing ends, however long it is.
func TestGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &testPage{}
		done := begin(t, t.Context(), p, plainDraw, nil)
		for i := range 200 { // a page in the background speaks once a minute
			p.say(i/10, map[string]float64{"a": 0.1})
			time.Sleep(time.Minute)
		}
		select {
		case <-done:
			t.Error("ended")
		default:
		}
		p.say(20, nil, stop)
		ended(t, done)
	})
}

// Silence starts the connection again, one attempt at a time and less often the longer it lasts.
func TestReconnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &testPage{slow: 500 * time.Millisecond}
		done := begin(t, t.Context(), p, plainDraw, nil)
		time.Sleep(1900 * time.Millisecond)
		if p.attempts() != 1 {
			t.Errorf("%d attempts after 1.9 s of silence, want 1", p.attempts())
		}
		time.Sleep(7 * time.Second)
		if p.attempts() < 3 || p.attempts() > 4 {
			t.Errorf("%d attempts after 9 s", p.attempts())
		}
		before := p.attempts()
		for range 60 {
			p.say(0, nil)
			time.Sleep(time.Second)
		}
		if p.attempts() != before {
			t.Errorf("%d attempts while the page spoke", p.attempts()-before)
		}
		time.Sleep(140 * time.Second)
		if n := p.attempts() - before; n < 8 || n > 30 {
			t.Errorf("%d attempts in 140 s of silence", n)
		}
		p.say(0, nil, stop)
		ended(t, done)
	})
}

// Errors and panics are shown over the last picture, and the next move mends them.
func TestProblems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &testPage{}
		done := begin(
			t,
			t.Context(),
			p,
			func(values map[string]float64, pressed string) (View, error) {
				switch values["a"] {
				case 0:
					return View{}, errors.New("nothing <here>")
				case 0.1:
					panic(fmt.Errorf("must be %d", 7))
				case 0.2:
					var list []int
					_ = list[len(list)+3]
				case 0.3:
					return View{Picture: figure(math.NaN())}, nil
				}
				return plainDraw(values, pressed)
			},
			nil,
		)
		for i, c := range []struct {
			a    float64
			says string
		}{{0, "nothing <here>"}, {0.1, "must be 7"}, {0.2, "index out of range"}, {0.3, "NaN"}} {
			p.say(i+1, map[string]float64{"a": c.a})
			synctest.Wait()
			bodies := p.bodies()
			if b := bodies[len(bodies)-1]; !strings.Contains(b.Problem, c.says) || b.SVG == "" ||
				b.Text != "a = 0.5 " {
				t.Errorf("a = %v: problem %q, text %q", c.a, b.Problem, b.Text)
			}
		}
		p.say(5, map[string]float64{"a": 0.4})
		synctest.Wait()
		bodies := p.bodies()
		if b := bodies[len(bodies)-1]; b.Problem != "" || b.Text != "a = 0.4 " {
			t.Errorf("mended: problem %q, text %q", b.Problem, b.Text)
		}
		p.say(6, map[string]float64{"a": 0}, stop)
		ended(t, done)
	})
}

// Where no page answers an error of the first view is not passed over.
func TestProblemUnseen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &testPage{}
		done := begin(t, t.Context(), p,
			func(map[string]float64, string) (View, error) { return View{}, errors.New("no") }, nil)
		time.Sleep(11 * time.Second)
		if err := <-done; err == nil || err.Error() != "no" {
			t.Errorf("error %v", err)
		}
	})
}

func TestShowFails(t *testing.T) {
	s, err := newSession(two, plainDraw, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := errors.New("no output")
	if err := s.run(t.Context(), &testPage{fail: want}); !errors.Is(err, want) {
		t.Errorf("error %v", err)
	}
}

// The draw function moves controls to values they can have.
func TestSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &testPage{}
		done := begin(
			t,
			t.Context(),
			p,
			func(values map[string]float64, pressed string) (View, error) {
				if pressed == "keep" {
					return View{
						Set: map[string]float64{"a": -7, "c": 0.8, "keep": 1, "none": 2},
					}, nil
				}
				return plainDraw(values, pressed)
			},
			nil,
		)
		p.say(0, nil, press{Number: 1, Name: "keep"})
		synctest.Wait()
		bodies := p.bodies()
		if v := bodies[len(bodies)-1].Values; len(v) != 2 || v["a"] != -1 || v["c"] != 1 {
			t.Errorf("values %v", v)
		}
		p.say(0, nil, press{Number: 2, Name: stopName})
		ended(t, done)
	})
}

func TestPageEscapes(t *testing.T) {
	const evil = `</script><script>alert("1")</script>&'`
	controls := []Control{
		Slider{Name: evil, Label: evil + "s", Min: 0, Max: 1, Step: 0.25},
		Choice{Name: evil + "c", Options: []string{evil}},
		Button{Name: evil + "b"},
	}
	s, err := newSession(controls, func(map[string]float64, string) (View, error) {
		return View{Picture: figure(1), Caption: evil, Text: evil}, errors.New(evil)
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.redraw("")
	s.view.caption, s.view.text = evil, evil
	html := s.page(true, evil)
	if n := strings.Count(html, "<script"); n != 1 {
		t.Errorf("%d scripts", n)
	}
	if n := strings.Count(html, "</script"); n != 1 || strings.Contains(html, "alert(\"1\")") {
		t.Errorf("%d ends of scripts, or text that is not escaped", n)
	}
	if strings.Contains(s.viewMessage(), "</script") {
		t.Error("a message holds the end of a script")
	}
}

// Controls have labels, values and the picture a text, for those who do not see them.
func TestPageNames(t *testing.T) {
	s, err := newSession(two, plainDraw, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.redraw("")
	html := s.page(true, "Connecting …")
	for _, want := range []string{
		`<label for="` + s.id + `_0">a₀</label><input type="range" id="` + s.id +
			`_0" data-name="a" min="-1" max="1" step="0.1" value="0.5"`,
		`<output for="` + s.id + `_0">0.5</output>`, `<label for="` + s.id + `_1">c</label><select`,
		`<option value="0" selected>one</option>`,
		`>Keep</button>`, `>Stop</button>`, `role="status"`, `alt="a line"`,
		"data:image/svg+xml;base64,", "a = 0.5",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("%s is not in the page", want)
		}
	}
	if strings.Contains(strings.ToLower(script), "</script") {
		t.Error("the script holds its own end")
	}
}

func TestControls(t *testing.T) {
	draw := plainDraw
	ok := Slider{Name: "a", Min: 0, Max: 1, Step: 0.1}
	for _, c := range []struct {
		controls []Control
		says     string
	}{
		{nil, "no controls"},
		{[]Control{nil}, "control 0 is nil"},
		{[]Control{Slider{Min: 0, Max: 1, Step: 1}}, "no name"},
		{[]Control{ok, Button{Name: "a"}}, `two controls named "a"`},
		{[]Control{Button{Name: stopName}}, "taken"},
		{[]Control{Slider{Name: "a", Min: 1, Max: 0, Step: 1}}, "Min < Max"},
		{[]Control{Slider{Name: "a", Min: 0, Max: 1, Step: 2}}, "0 < Step"},
		{[]Control{Slider{Name: "a", Min: 0, Max: 1}}, "0 < Step"},
		{[]Control{Slider{Name: "a", Min: 0, Max: math.Inf(1), Step: 1}}, "finite"},
		{[]Control{Slider{Name: "a", Min: 0, Max: 1, Step: 0.1, Value: math.NaN()}}, "finite"},
		{[]Control{Slider{Name: "a", Min: 0, Max: 1, Step: 0.1, Value: 2}}, "want 0 to 1"},
		{[]Control{Choice{Name: "a"}}, "without options"},
		{[]Control{Choice{Name: "a", Options: []string{"x"}, Value: 1}}, "option 1"},
	} {
		if err := Run(t.Context(), c.controls, draw, nil); err == nil ||
			!strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: error %v, want %q", c.controls, err, c.says)
		}
	}
	if err := Run(t.Context(), two, nil, nil); err == nil {
		t.Error("no draw function: no error")
	}
	if err := Run(t.Context(), two, draw, &Options{IdleLimit: -1}); err == nil {
		t.Error("negative idle limit: no error")
	}
}

func TestSliderLegal(t *testing.T) {
	s := Slider{Name: "a", Min: -0.5, Max: 2, Step: 0.01}
	third := Slider{Name: "b", Min: 0, Max: 1, Step: 0.3}
	for _, c := range []struct {
		s       Slider
		v, want float64
	}{
		{s, 0.1 + 0.2, 0.3}, {s, 7, 2}, {s, -7, -0.5}, {s, 1e308, 2}, {s, -0.001, 0},
		{s, 0.125001, 0.13}, {third, 1, 0.9}, {third, 0.5, 0.6},
	} {
		if got := c.s.legal(c.v); got != c.want || math.Signbit(got) != math.Signbit(c.want) {
			t.Errorf("%v in steps of %v: %v, want %v", c.v, c.s.Step, got, c.want)
		}
	}
}

// Without a page Run draws once, for the errors.
func TestStill(t *testing.T) {
	calls := 0
	draw := func(values map[string]float64, pressed string) (View, error) {
		calls++
		return plainDraw(values, pressed)
	}
	if err := Run(t.Context(), two, draw, nil); err != nil || calls != 1 {
		t.Errorf("error %v after %d calls", err, calls)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Run(ctx, two, draw, nil); !errors.Is(err, context.Canceled) || calls != 2 {
		t.Errorf("error %v after %d calls", err, calls)
	}
	no := errors.New("no")
	if err := Run(
		t.Context(), two, func(map[string]float64, string) (View, error) { return View{}, no }, nil,
	); !errors.Is(err, no) {
		t.Errorf("error %v", err)
	}
	if err := Run(
		t.Context(),
		two,
		func(map[string]float64, string) (View, error) {
			return View{Picture: figure(math.NaN())},
				nil
		},
		nil,
	); err == nil {
		t.Error("no error of a drawing that cannot be drawn")
	}
}

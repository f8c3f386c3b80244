package live

import (
	"encoding/json"
	"maps"
	"math"
	"sync"
	"time"
)

// stopName is the button that every live cell has.
const stopName = "#stop"

// inbox collects what the pages say until it is time to draw. A page tells in each message all that
// it does not know to have arrived, so that messages may be lost, doubled or come in any order.
type inbox struct {
	wake chan struct{} // holds a token when there is something to do

	mu       sync.Mutex
	controls map[string]Control
	values   map[string]float64
	clients  map[string]*client
	presses  []string
	changed  bool // values are newer than the last view
	again    bool // a page has missed the last view
	stopped  bool
	view     int
	sent     time.Time // of the last view
	answered time.Time // of the last answer, a view or not
	heard    time.Time // of the last message, zero before the first
	acted    time.Time // of the last move or press
}

// client is one page that shows the controls: usually there is one.
type client struct {
	Changes int `json:"n"` // moves that arrived
	Presses int `json:"p"` // presses that arrived
	drawn   int // moves that the last view holds
}

// message is what a page says, every second and when a control is touched.
type message struct {
	Client  string             `json:"c"`
	Changes int                `json:"n"` // count of moves so far
	Values  map[string]float64 `json:"v"` // of the controls that were moved since the last view
	Presses []press            `json:"p"` // those not known to have arrived
	View    int                `json:"w"` // number of the view it shows
}

type press struct {
	Number int    `json:"i"` // from 1 on
	Name   string `json:"b"`
}

func newInbox(controls []Control) *inbox {
	b := &inbox{
		wake:     make(chan struct{}, 1),
		controls: map[string]Control{},
		values:   map[string]float64{},
		clients:  map[string]*client{},
	}
	for _, c := range controls {
		b.controls[c.name()] = c
		if v, has := c.initial(); has {
			b.values[c.name()] = v
		}
	}
	return b
}

// resendAfter is how long a view may take to arrive before it is sent again.
const resendAfter = time.Second

// maxClients bounds what pages that come and go leave behind.
const maxClients = 100

// answerAfter is how long a page that keeps moving may wait for a word when drawing takes long.
const answerAfter = 500 * time.Millisecond

// take notes what a message says, and tells whether to answer it: what brings something to draw is
// answered by the view.
func (b *inbox) take(text string) (answer bool) {
	var m message
	if err := json.Unmarshal([]byte(text), &m); err != nil || m.Client == "" {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.heard = now
	c := b.clients[m.Client]
	if c == nil {
		if len(b.clients) >= maxClients {
			return false
		}
		c = &client{}
		b.clients[m.Client] = c
	}
	news := false
	if m.Changes > c.Changes {
		news = true
		c.Changes = m.Changes
		for name, v := range m.Values {
			if _, has := b.values[name]; has && !math.IsNaN(v) && !math.IsInf(v, 0) {
				b.values[name] = b.controls[name].legal(v)
			}
		}
		b.changed, b.acted = true, now
	}
	for _, p := range m.Presses {
		if p.Number <= c.Presses {
			continue
		}
		c.Presses, b.acted, news = p.Number, now, true
		if p.Name == stopName {
			b.stopped = true
		} else if _, isButton := b.controls[p.Name].(Button); isButton {
			b.presses = append(b.presses, p.Name)
		}
	}
	if m.View < b.view && now.Sub(b.sent) > resendAfter {
		b.again = true
	}
	if b.changed || b.again || b.stopped || len(b.presses) > 0 {
		select {
		case b.wake <- struct{}{}:
		default:
		}
	}
	if news && now.Sub(b.answered) < answerAfter {
		return false
	}
	b.answered = now
	return true
}

// work is what there is to do: at most one press, with the newest values.
type work struct {
	draw, again, stop bool
	pressed           string
	changes           map[string]int // by client, what the drawn values hold
}

func (b *inbox) next() work {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := work{
		stop:    b.stopped,
		again:   b.again,
		draw:    b.changed || len(b.presses) > 0,
		changes: map[string]int{},
	}
	if len(b.presses) > 0 {
		w.pressed = b.presses[0]
		b.presses = b.presses[1:]
	}
	b.changed, b.again = false, false
	for name, c := range b.clients {
		w.changes[name] = c.Changes
	}
	return w
}

// drawn notes that a view of the work was made.
func (b *inbox) drawn(w work) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, n := range w.changes {
		b.clients[name].drawn = n
	}
}

func (b *inbox) current() map[string]float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.values)
}

// set moves controls, by the draw function.
func (b *inbox) set(values map[string]float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, v := range values {
		if _, has := b.values[name]; has && !math.IsNaN(v) {
			b.values[name] = b.controls[name].legal(v)
		}
	}
}

func (b *inbox) times() (heard, acted time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.heard, b.acted
}

// reply is what a page is told: what arrived, and perhaps a view.
type reply struct {
	View    int            `json:"w"`
	Arrived map[string]int `json:"p"`           // presses, by client
	Drawn   map[string]int `json:"n"`           // moves in the view, by client
	Body    *body          `json:"b,omitempty"` // the view
	End     string         `json:"e,omitempty"` // why there will be nothing more
}

type body struct {
	SVG     string             `json:"svg"`
	Caption string             `json:"caption"`
	Text    string             `json:"text"`
	Problem string             `json:"problem"`
	Values  map[string]float64 `json:"values"`
}

func (b *inbox) reply() reply {
	r := reply{View: b.view, Arrived: map[string]int{}, Drawn: map[string]int{}}
	for name, c := range b.clients {
		r.Arrived[name], r.Drawn[name] = c.Presses, c.drawn
	}
	return r
}

// pong answers a page that there is still somebody.
func (b *inbox) pong() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return encode(b.reply())
}

func (s *session) viewMessage() string {
	b := s.inbox
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.view, b.sent, b.answered = s.view.number, now, now
	r := b.reply()
	r.Body = &body{s.view.svg, s.view.caption, s.view.text, s.view.problem, maps.Clone(b.values)}
	return encode(r)
}

func endMessage(why string) string { return encode(reply{End: why}) }

func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // numbers are finite, the rest is text
	}
	return string(b)
}

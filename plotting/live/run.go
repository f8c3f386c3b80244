package live

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
	"github.com/kernelsmith/kernelsmith/plotting"
)

// View is what is shown for the values of the controls.
type View struct {
	// Picture is drawn as SVG while the cell is live and stays as PNG. It may be nil.
	Picture plotting.Drawing
	// Caption is the text of the picture for those who do not see it, and is shown below it.
	Caption string
	// Text is shown below the caption as it is, lines kept, in letters of one width.
	Text string
	// Set moves controls, by name; values they cannot have are replaced by the nearest they can. It
	// does not call the draw function again: the view is to be that of the values set.
	Set map[string]float64
}

// Options are the settings of [Run]; nil means all defaults.
type Options struct {
	// IdleLimit ends the cell when nobody has touched a control for that long; 0 means 15 minutes.
	IdleLimit time.Duration
}

// Run shows the controls with the view of their initial values, and draws again whenever one is
// moved or pressed, until the Stop button, the idle limit, the closing of the page, an interrupt of
// the kernel or ctx ends it; it then leaves the last view. Where there is no page to answer (10
// seconds are given to it where there may be one), it shows the view of the initial values and
// returns; outside a notebook it only draws it, for its errors.
//
// draw makes the view for the values of sliders and choices, by name; pressed is the name of the
// button that was pressed, or "". The calls come one after the other, and values is the callee's
// to keep.
//
// It returns nil in all these cases but one: where ctx ended, its error. Of errors see the package.
func Run(ctx context.Context, controls []Control,
	draw func(values map[string]float64, pressed string) (View, error), opt *Options,
) error {
	s, err := newSession(controls, draw, opt)
	if err != nil {
		return fail(err)
	}
	if !gonbui.IsNotebook || os.Getenv(protocol.GONB_JUPYTER_KERNEL_ID_ENV) == "" ||
		ctx.Err() != nil {
		if err := s.still(); err != nil {
			return fail(err)
		}
		return ctx.Err()
	}
	// An interrupt of the kernel is one of the ways to stop, not an error.
	interrupt, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := s.run(interrupt, newNotebook(s.id)); err != nil {
		return fail(err)
	}
	return ctx.Err()
}

// fail ends the cell of a notebook with the error, where a returned one would pass unseen;
// elsewhere it returns it.
func fail(err error) error {
	if gonbui.IsNotebook {
		panic(err)
	}
	return err
}

const (
	idleLimit = 15 * time.Minute
	// answerLimit is how long a page may take to answer for the first time.
	answerLimit = 10 * time.Second
	// goneLimit without a word means that the page is closed. Browsers let pages in the background
	// speak once a minute.
	goneLimit = 150 * time.Second
	// silence without a word from the page, which speaks every second, makes the connection start
	// again.
	silence = 1500 * time.Millisecond
	tick    = 250 * time.Millisecond
)

// front is the page: a notebook's, or a test's.
type front interface {
	// listen has take called with each message of the page, from any goroutine.
	listen(take func(message string))
	// connect starts or restarts the connection, and returns when that is done or has failed.
	connect()
	// send brings a message to the page, or not.
	send(message string)
	// show sets the output of the cell.
	show(html, plain string, files []byte) error
}

// session is one call of Run.
type session struct {
	id       string
	controls []Control
	draw     drawing
	idle     time.Duration
	inbox    *inbox
	view     shown
}

// shown is the last view.
type shown struct {
	number        int
	picture       plotting.Drawing
	svg           string
	caption, text string
	problem       string
}

// drawing makes the view; see [Run].
type drawing = func(values map[string]float64, pressed string) (View, error)

func newSession(controls []Control, draw drawing, opt *Options) (*session, error) {
	if err := checkControls(controls); err != nil {
		return nil, err
	}
	if draw == nil {
		return nil, errors.New("live: no function that draws")
	}
	s := &session{
		id:       "live_" + gonbui.UniqueId(),
		controls: append([]Control(nil), controls...),
		draw:     draw,
		idle:     idleLimit,
	}
	if opt != nil {
		if opt.IdleLimit < 0 {
			return nil, fmt.Errorf("live: IdleLimit %v: want a positive duration, or 0 for %v",
				opt.IdleLimit, idleLimit)
		}
		if opt.IdleLimit > 0 {
			s.idle = opt.IdleLimit
		}
	}
	s.inbox = newInbox(s.controls)
	return s, nil
}

// still shows the view of the initial values where no one can change them.
func (s *session) still() error {
	v, err := s.draw(s.inbox.current(), "")
	if err != nil {
		return err
	}
	if v.Picture != nil {
		if err := plotting.Show(v.Picture, v.Caption); err != nil {
			return err
		}
	}
	if gonbui.IsNotebook && v.Text != "" {
		fmt.Println(v.Text)
	}
	return nil
}

// run serves the page until it ends or the context does.
func (s *session) run(ctx context.Context, f front) error {
	s.redraw("")
	if err := f.show(s.page(true, "Connecting …"), s.plain(), nil); err != nil {
		return err
	}
	f.listen(func(message string) {
		if s.inbox.take(message) {
			f.send(s.inbox.pong())
		}
	})
	why := s.serve(ctx, f)
	heard, _ := s.inbox.times()
	// Not to a page that is silent: the kernel, which is waiting for the end, would first try to
	// connect.
	if time.Since(heard) < 2*silence {
		f.send(endMessage(why))
	}
	if err := f.show(s.page(false, why), s.plain(), s.files()); err != nil {
		return err
	}
	if heard.IsZero() && s.view.problem != "" { // as it is where there can be no page
		return errors.New(s.view.problem)
	}
	return nil
}

// serve returns why it ended.
func (s *session) serve(ctx context.Context, f front) string {
	start := time.Now()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	connected := make(chan struct{}, 1)
	connecting, lastTry := false, start
	for {
		select {
		case <-ctx.Done():
			return "Interrupted."
		case <-connected:
			connecting, lastTry = false, time.Now()
		case <-s.inbox.wake:
			for {
				w := s.inbox.next()
				if w.stop {
					return "Stopped."
				}
				if w.draw {
					s.redraw(w.pressed)
					s.inbox.drawn(w)
				} else if !w.again {
					break
				}
				f.send(s.viewMessage())
				if ctx.Err() != nil {
					break
				}
			}
		case <-ticker.C:
			heard, acted := s.inbox.times()
			now := time.Now()
			switch {
			case heard.IsZero() && now.Sub(start) > answerLimit:
				return "No page answered: this is the picture of the initial values. In " +
					"JupyterLab, run the cell again."
			case !heard.IsZero() && now.Sub(heard) > goneLimit:
				return "Ended because the page was closed."
			case now.Sub(latest(start, acted)) > s.idle:
				return fmt.Sprintf("Ended after %s without a move.", words(s.idle))
			}
			// The longer it is silent the less often.
			quiet := now.Sub(latest(start, heard))
			if !connecting && quiet > silence && now.Sub(lastTry) > max(silence, quiet/5) {
				connecting = true
				go func() {
					f.connect()
					connected <- struct{}{}
				}()
			}
		}
	}
}

func words(d time.Duration) string {
	if d >= 2*time.Minute && d%time.Minute == 0 {
		return fmt.Sprintf("%d minutes", d/time.Minute)
	}
	return d.String()
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// redraw makes the next view. What is wrong with it is shown, and the picture stays as it was.
func (s *session) redraw(pressed string) {
	s.view.number++
	v, svg, err := s.try(s.inbox.current(), pressed)
	if err != nil {
		s.view.problem = err.Error()
		return
	}
	s.inbox.set(v.Set)
	s.view = shown{
		number:  s.view.number,
		picture: v.Picture,
		svg:     svg,
		caption: v.Caption,
		text:    v.Text,
	}
}

func (s *session) try(values map[string]float64, pressed string) (v View, svg string, err error) {
	defer func() {
		if r := recover(); r != nil {
			if e, ok := r.(error); ok {
				err = e
			} else {
				err = fmt.Errorf("%v", r)
			}
		}
	}()
	if v, err = s.draw(values, pressed); err != nil || v.Picture == nil {
		return v, "", err
	}
	b, err := plotting.SVG(v.Picture)
	return v, string(b), err
}

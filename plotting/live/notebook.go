package live

import (
	"errors"
	"fmt"
	"time"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/comms"
	"github.com/janpfeifer/gonb/gonbui/protocol"
	"github.com/kernelsmith/kernelsmith/plotting"
)

// notebook is the front in a notebook, by way of the kernel.
type notebook struct {
	id string
}

func newNotebook(id string) *notebook { return &notebook{id} }

// listen never ends: after the end of a subscription the kernel's library waits for ever at the
// next message to it.
func (f *notebook) listen(take func(string)) {
	// In the background, because the kernel installs its connection first and answers when it has.
	go comms.Subscribe(f.id+"/page", func(_ string, message string) { take(message) })
}

func (f *notebook) connect() {
	comms.Start()
	gonbui.Sync()
}

func (f *notebook) send(message string) { comms.Send(f.id+"/cell", message) }

const (
	// showPause keeps the output behind what was printed before it, which takes another way.
	showPause = 5 * time.Millisecond
	// showLimit is more than the kernel needs for an attempt to connect that fails.
	showLimit = 15 * time.Second
)

// show replaces what it showed before. files are those of a picture that stays, or nil.
func (f *notebook) show(html, plain string, files []byte) error {
	data := map[protocol.MIMEType]any{
		protocol.MIMETextHTML:  html,
		protocol.MIMETextPlain: plain,
	}
	if files != nil {
		data[plotting.MIMEFiles] = files
	}
	time.Sleep(showPause)
	done := make(chan struct{})
	go func() {
		defer close(done)
		gonbui.SendData(&protocol.DisplayData{
			Data:      data,
			DisplayID: f.id,
		})
		gonbui.Sync()
	}()
	select {
	case <-done:
	case <-time.After(showLimit):
		return errors.New("live: the notebook did not confirm the output; run the cell again")
	}
	if err := gonbui.Error(); err != nil {
		return fmt.Errorf("live: sending output to the notebook: %w", err)
	}
	return nil
}

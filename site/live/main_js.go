// Command live is the program of the live page, compiled to WebAssembly and run in a worker of the
// browser. It hands requests, as JSON, to package page and answers back.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"syscall/js"
	"time"

	"github.com/kernelsmith/kernelsmith/site/live/internal/page"
)

// pause is how often a long job tells how far it is, and lets other messages in.
const pause = 80 * time.Millisecond

// cancels ends the job that runs.
var cancels = func() {}

func main() {
	js.Global().Set("kernelsmithAnswer", js.FuncOf(func(_ js.Value, args []js.Value) any {
		request, say := args[0].String(), args[1]
		ctx, cancel := context.WithCancel(context.Background())
		cancels = cancel
		go func() {
			defer cancel()
			tell(say, answer(ctx, request, say))
		}()
		return nil
	}))
	js.Global().Set("kernelsmithCancel", js.FuncOf(func(js.Value, []js.Value) any {
		cancels()
		return nil
	}))
	select {}
}

func answer(ctx context.Context, request string, say js.Value) (r page.Response) {
	defer func() {
		if v := recover(); v != nil {
			r = page.Response{Error: fmt.Sprintf("a fault of the program: %v", v), Final: true}
		}
	}()
	var q page.Request
	if err := json.Unmarshal([]byte(request), &q); err != nil {
		return page.Response{Error: err.Error(), Final: true}
	}
	last := time.Now()
	return page.Answer(ctx, q, func(sofar func() page.Response) {
		if time.Since(last) < pause {
			return
		}
		tell(say, sofar())
		time.Sleep(time.Millisecond) // messages come in only while everything here waits
		last = time.Now()
	})
}

func tell(say js.Value, r page.Response) {
	text, err := json.Marshal(r)
	if err != nil { // a number that is not finite, say
		text, _ = json.Marshal(page.Response{Error: err.Error(), Final: r.Final})
	}
	say.Invoke(string(text))
}

// The worker of the live page: runs the Go program and passes requests to it. Go's own wasm_exec.js comes before it.
"use strict";
let memory;

onmessage = async ({ data }) => {
  if (data.module) {
    const go = new Go();
    const instance = await WebAssembly.instantiate(data.module, go.importObject);
    memory = instance.exports.mem;
    go.run(instance).then(() => postMessage({ ended: true }));
    postMessage({ ready: true });
  } else if (data.cancel) {
    globalThis.kernelsmithCancel();
  } else {
    globalThis.kernelsmithAnswer(JSON.stringify(data.request), (text) =>
      postMessage({ number: data.number, answer: JSON.parse(text), memory: memory.buffer.byteLength }),
    );
  }
};

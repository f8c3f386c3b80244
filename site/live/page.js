// The live page: sends what its controls say to the Go program in a worker, and shows what comes back. Nothing is
// loaded before the reader comes near; until then, and where WebAssembly is off, the page stays as it was made.
(() => {
  "use strict";
  const folder = new URL(".", document.currentScript.src);
  const forms = [...document.querySelectorAll("form.live")];

  // program loads and compiles the Go program, once.
  let loading;
  const program = () => (loading ??= load());

  async function load() {
    if (!globalThis.WebAssembly || !globalThis.DecompressionStream || !globalThis.Worker) {
      throw new Error("this browser has no WebAssembly, or has it switched off");
    }
    // As a script, since pages that are opened as files may not fetch.
    await new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = new URL("kernelsmith.js", folder).href;
      script.onload = resolve;
      script.onerror = () => reject(new Error("the program could not be loaded"));
      document.head.append(script);
    });
    const { worker, wasm } = globalThis.kernelsmithLive;
    delete globalThis.kernelsmithLive;
    const packed = Uint8Array.from(atob(wasm), (letter) => letter.charCodeAt(0));
    const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const module = await WebAssembly.compile(await new Response(unpacked).arrayBuffer());
    return { module, worker: URL.createObjectURL(new Blob([worker], { type: "text/javascript" })) };
  }

  // Machine is a worker with the program, which answers one request after the other.
  class Machine {
    waiting = new Map();
    number = 0;

    async start() {
      const { module, worker } = await program();
      this.worker = new Worker(worker);
      await new Promise((resolve, reject) => {
        this.worker.onerror = (event) => {
          reject(new Error(event.message));
          this.fail(event.message);
        };
        this.worker.onmessage = ({ data }) => {
          if (data.ready) resolve();
          else if (data.ended) this.fail("the program has ended");
          else this.receive(data);
        };
        this.worker.postMessage({ module });
      });
      return this;
    }

    receive({ number, answer, memory }) {
      this.memory = memory;
      const { progress, resolve } = this.waiting.get(number);
      if (answer.Final) {
        this.waiting.delete(number);
        resolve(answer);
      } else {
        progress?.(answer);
      }
    }

    fail(why) {
      this.failed = { Final: true, Error: `${why}; load the page again` };
      for (const { resolve } of this.waiting.values()) resolve(this.failed);
      this.waiting.clear();
    }

    ask(request, progress) {
      if (this.failed) return Promise.resolve(this.failed);
      return new Promise((resolve) => {
        this.waiting.set(++this.number, { progress, resolve });
        this.worker.postMessage({ number: this.number, request });
      });
    }

    cancel() {
      this.worker.postMessage({ cancel: true });
    }
  }

  // Drawing has a worker of its own, and so has the long work of each part: sliders move while others are busy.
  const started = {};
  const machine = (name) => (started[name] ??= new Machine().start());

  class Part {
    constructor(form) {
      this.form = form;
      this.name = form.dataset.part;
      // What the page came with, such as the fit that it shows.
      this.kept = JSON.parse(form.querySelector('script[type="application/json"]')?.textContent ?? "null");
      this.show();
      this.shown = this.said();
      form.addEventListener("submit", (event) => event.preventDefault());
      form.addEventListener("input", () => {
        this.quiet = false;
        this.show();
        this.draw();
      });
      for (const button of form.querySelectorAll("button[data-do]")) {
        button.addEventListener("click", () => this.press(button.dataset.do));
      }
      const near = new IntersectionObserver(
        (entries) => {
          if (!entries.some((entry) => entry.isIntersecting)) return;
          near.disconnect();
          this.open();
        },
        { rootMargin: "200px" },
      );
      near.observe(form);
    }

    all(selector) {
      return this.form.querySelectorAll(selector);
    }

    control(name) {
      return this.form.querySelector(`[name="${name}"]`);
    }

    async open() {
      this.state("loading", "Loading the program …");
      const began = performance.now();
      try {
        this.drawer = await machine("drawing");
      } catch (error) {
        this.state("off", `The figure stays as it is: ${error.message}.`);
        return;
      }
      this.form.querySelector("fieldset").disabled = false;
      this.form.dataset.opened = Math.round(performance.now() - began);
      this.state("ready", "");
      this.draw();
    }

    state(name, text) {
      this.form.dataset.state = name;
      this.form.querySelector("[data-status]").textContent = text;
    }

    // show brings what stands beside the controls in line with them.
    show() {
      for (const output of this.all("output[data-of]")) {
        const control = this.control(output.dataset.of);
        output.textContent = "power" in output.dataset ? String(2 ** control.value) : control.value;
        control.setAttribute("aria-valuetext", output.textContent);
      }
      for (const one of this.all("[data-for]")) {
        one.hidden = !one.dataset.for.split(" ").includes(this.control("source").value);
      }
    }

    request(what) {
      const values = {};
      for (const control of this.form.elements) if (control.name) values[control.name] = control.value;
      return { Part: this.name, Do: what, Values: values, Kept: this.kept };
    }

    said() {
      return JSON.stringify(this.request().Values);
    }

    // draw asks for what the controls say now; what they said while an answer was awaited is skipped.
    async draw() {
      this.behind = true;
      if (!this.drawer || this.drawing) return;
      this.drawing = true;
      while (this.behind) {
        this.behind = false;
        const began = performance.now();
        this.place(await this.drawer.ask(this.request("draw")));
        this.form.dataset.ms = (performance.now() - began).toFixed(1);
      }
      this.drawing = false;
      if (this.form.dataset.long && !this.job) {
        const old = this.said() !== this.shown;
        this.form.classList.toggle("stale", old);
        this.state("ready", old ? "The figure is of other settings: train anew." : "");
      }
      this.follow();
    }

    // follow fits anew by itself, in parts that do, when the controls have come to rest.
    follow() {
      clearTimeout(this.soon);
      if (!this.form.dataset.auto || this.quiet || !this.form.numbers || this.form.numbers.formula) return;
      this.soon = setTimeout(() => (this.job ? this.stop() : this.work(this.form.dataset.auto)), 400);
    }

    async stop() {
      this.stopping = true;
      (await machine(`working ${this.name}`)).cancel();
    }

    place(answer) {
      const error = this.form.querySelector("[data-error]");
      const text = answer.Error ? answer.Error.charAt(0).toUpperCase() + answer.Error.slice(1) + "." : "";
      if (error.textContent !== text) error.textContent = text;
      for (const control of this.all("[aria-invalid]")) control.removeAttribute("aria-invalid");
      if (answer.Control) this.control(answer.Control)?.setAttribute("aria-invalid", "true");
      this.form.classList.toggle("stale", Boolean(answer.Error));
      for (const [name, svg] of Object.entries(answer.Figures ?? {})) {
        this.form.querySelector(`[data-figure="${name}"]`).innerHTML = svg;
      }
      for (const [name, words] of Object.entries(answer.Texts ?? {})) {
        const place = this.form.querySelector(`[data-text="${name}"]`);
        if (place.textContent !== words) place.textContent = words;
      }
      if (answer.Final) {
        this.form.numbers = answer.Numbers;
        this.form.memory = this.drawer.memory;
        this.form.dataset.drawn = Number(this.form.dataset.drawn ?? 0) + 1;
      }
    }

    async press(what) {
      if (what === "cancel") {
        this.quiet = true;
        await this.stop();
      } else if (what === "copy") {
        await this.copy();
      } else if (!this.job) {
        await this.work(what);
      }
    }

    async copy() {
      const place = this.form.querySelector('[data-text="export"]');
      try {
        await navigator.clipboard.writeText(place.textContent);
        this.state("ready", "Copied.");
      } catch {
        getSelection().selectAllChildren(place);
        this.state("ready", "Marked: copy it with the keyboard.");
      }
    }

    // work does what takes long in the other worker.
    async work(what) {
      const bar = this.form.querySelector("progress");
      const words = { fit: ["Fitting …", "Fitted."], train: ["Training …", "Trained."] }[what];
      this.job = this.form.dataset.job = what;
      bar.value = 0;
      this.shown = this.said();
      this.buttons(true);
      this.state("working", words[0]);
      // What changes all the time is not read out.
      const verdict = this.form.querySelector('[data-text="verdict"]');
      verdict.setAttribute("aria-live", "off");
      const progress = (sofar) => {
        bar.value = sofar.Progress;
        if (sofar.Figures) this.place(sofar);
      };
      const answer = await machine(`working ${this.name}`).then(
        (worker) => worker.ask(this.request(what), progress),
        (error) => ({ Final: true, Error: error.message }),
      );
      verdict.setAttribute("aria-live", "polite");
      this.job = null;
      if (answer.Kept || this.stopping) {
        // The controls may have moved since: what is drawn is what they say now.
        this.kept = answer.Kept ?? this.kept;
        if (answer.Figures) this.place(answer);
        if (what === "fit") await this.draw();
      } else {
        this.quiet = Boolean(answer.Error);
        this.place(answer);
      }
      this.buttons(false);
      this.state("ready", this.stopping ? "Stopped." : answer.Error ? "" : words[1]);
      this.stopping = false;
      delete this.form.dataset.job;
      this.form.dataset.jobs = Number(this.form.dataset.jobs ?? 0) + 1;
    }

    buttons(working) {
      for (const one of this.all("[data-while]")) one.hidden = (one.dataset.while === "working") !== working;
    }
  }

  for (const form of forms) new Part(form);
})();

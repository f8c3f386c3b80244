(settings) => {
  "use strict";
  const script = document.currentScript;
  const root = (script && script.closest(".kernelsmith-live")) || document.getElementById(settings.id);
  if (!root) return;
  const one = (selector) => root.querySelector(selector);
  const controls = [...root.querySelectorAll("input, select")];
  const buttons = [...root.querySelectorAll("button")];
  const image = one("img");
  const client = Math.random().toString(36).slice(2);

  const tick = 250; // ms between looks at the state of things
  const period = 1000; // ms between messages while nothing is touched
  const patience = 5; // messages without an answer until the controls are disabled
  const despair = 40; // messages without an answer until the page falls silent

  let comm = null; // the connection on which answers are awaited
  let lastTry = -Infinity;
  let unanswered = 0;
  let answered = false;
  let over = false;
  let view = settings.view;
  let changes = 0; // moves so far
  let asked = 0; // moves that the last message told, while no picture of them is there
  let dirty = new Map(); // control → count of its last move that no view holds yet
  let at = new Map(); // count of a move → when it was made
  let presses = []; // not known to have arrived
  let pressed = 0;

  const say = (text) => {
    const status = one(".status");
    if (status.textContent !== text) status.textContent = text;
  };
  const enable = (on) => {
    for (const e of [...controls, ...buttons]) if (e.disabled === on) e.disabled = !on;
    root.dataset.state = on ? "live" : over ? "ended" : "waiting";
  };
  const write = (e) => {
    if (e.type !== "range") return;
    const text = Number(e.value).toFixed(Number(e.dataset.decimals));
    e.nextElementSibling.textContent = text;
    e.setAttribute("aria-valuetext", text);
  };

  const send = () => {
    const now = performance.now();
    lastTry = now;
    unanswered++;
    const c = globalThis.gonb_comm;
    if (!c || !c.websocket_is_opened) return;
    if (c !== comm) {
      comm = c;
      c.subscribe(settings.id + "/cell", receive);
    }
    const values = {};
    for (const e of dirty.keys()) values[e.dataset.name] = Number(e.value);
    asked = dirty.size ? changes : 0;
    c.send(settings.id + "/page", JSON.stringify({ c: client, n: changes, v: values, p: presses, w: view }));
  };

  // A move is told at once, unless the view for an earlier one is still awaited: then when that has come.
  const moved = (e, time) => {
    write(e);
    dirty.set(e, ++changes);
    at.set(changes, time);
    if (!asked || performance.now() - lastTry > tick) send();
  };
  for (const e of controls) e.addEventListener("input", (event) => moved(e, event.timeStamp));
  for (const e of buttons) {
    e.addEventListener("click", () => {
      presses.push({ i: ++pressed, b: e.dataset.name });
      send();
    });
  }

  // The notebook takes arrow keys for itself where they reach it.
  root.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.altKey && event.key !== "Escape") event.stopPropagation();
  });

  const receive = (_, text) => {
    if (over) return;
    const m = JSON.parse(text);
    if (m.e) {
      over = true;
      clearInterval(timer);
      enable(false);
      say(m.e);
      return;
    }
    unanswered = 0;
    if (!answered) {
      answered = true;
      say("Live: move a slider.");
    }
    enable(true);
    const arrived = m.p[client] || 0;
    presses = presses.filter((p) => p.i > arrived);
    if (!m.b || m.w < view) return;
    const drawn = m.n[client] || 0;
    for (const [e, n] of [...dirty]) if (n <= drawn) dirty.delete(e);
    view = m.w;
    show(m.b).then(() => {
      // How long it took from the move to its picture.
      if (at.has(drawn)) root.dataset.latency = (performance.now() - at.get(drawn)).toFixed(1);
      for (const n of [...at.keys()]) if (n <= drawn) at.delete(n);
      root.dataset.view = String(m.w);
      if (asked <= drawn) asked = 0;
      if (dirty.size && !asked) send();
    });
  };

  // show resolves when the picture can be seen.
  const show = (b) => {
    for (const e of controls) {
      const value = b.values[e.dataset.name];
      if (dirty.has(e) || Number(e.value) === value) continue;
      e.value = String(value);
      write(e);
    }
    const fill = (selector, content) => {
      const e = one(selector);
      e.textContent = content;
      e.hidden = !content;
    };
    fill(".problem", b.problem);
    if (!b.problem) {
      fill(".caption", b.caption);
      fill(".text", b.text);
      image.alt = b.caption;
      image.hidden = !b.svg;
      if (b.svg) image.src = "data:image/svg+xml," + encodeURIComponent(b.svg);
    }
    return image.src ? image.decode().catch(() => {}) : Promise.resolve();
  };

  const look = () => {
    if (performance.now() - lastTry >= (answered && unanswered === 0 ? period : 2 * tick)) send();
    if (unanswered > patience * (answered ? 1 : 4)) {
      enable(false);
      say("The kernel does not answer. Run the cell again for a live figure.");
      answered = false;
    }
    if (unanswered > despair) {
      over = true;
      clearInterval(timer);
      enable(false);
    }
  };
  const timer = setInterval(look, tick);
  controls.forEach(write);
  enable(false);
  look();
}

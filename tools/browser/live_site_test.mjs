// Tests the live page of a report in Chromium: node live_site_test.mjs FOLDER. SCREENSHOT=prefix keeps pictures of its states.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { checkout, launch, load } from "./chromium.mjs";

const folder = resolve(process.argv[2] ?? "");
const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 900 };
const faults = [];

function check(holds, says) {
  if (!holds) {
    faults.push(says);
    console.log(`  NOT SO: ${says}`);
  }
}

// native is the answer of the library itself, outside of the browser.
const native = (request) =>
  JSON.parse(execFileSync(join(checkout, "tools/env"), ["go", "run", "./site/live/build", "-answer"], { cwd: checkout, input: JSON.stringify(request) }));

// Live is a part of the page under test.
class Live {
  constructor(page, name) {
    this.page = page;
    this.form = page.locator(`form[data-part=${name}]`);
  }

  data(name) {
    return this.form.evaluate((form, name) => form.dataset[name], name);
  }

  async ready() {
    await this.form.scrollIntoViewIfNeeded();
    await this.until((form) => form.dataset.state === "ready" && form.dataset.drawn);
  }

  async until(holds, timeout = 60000) {
    const handle = await this.form.elementHandle();
    await this.page.waitForFunction(holds, handle, { timeout });
  }

  // set gives a control a value as a reader would, and waits for the picture that answers it.
  async set(name, value) {
    const before = Number(await this.data("drawn"));
    await this.form.locator(`[name=${name}]`).evaluate((control, value) => {
      control.value = value;
      control.dispatchEvent(new Event("input", { bubbles: true }));
    }, String(value));
    await this.page.waitForFunction(([form, before]) => Number(form.dataset.drawn) > before, [await this.form.elementHandle(), before]);
  }

  numbers() {
    return this.form.evaluate((form) => form.numbers);
  }

  request(what) {
    return this.form.evaluate((form, what) => {
      const values = {};
      for (const control of form.elements) if (control.name) values[control.name] = control.value;
      return { Part: form.dataset.part, Do: what, Values: values };
    }, what);
  }

  figure(name) {
    return this.form.locator(`[data-figure=${name}]`).innerHTML();
  }

  text(name) {
    return this.form.locator(`[data-text=${name}]`).innerText();
  }

  press(what) {
    return this.form.locator(`button[data-do=${what}]`).click();
  }

  async done(what) {
    const before = Number((await this.data("jobs")) ?? 0);
    await this.press(what);
    await this.page.waitForFunction(([form, before]) => Number(form.dataset.jobs) > before, [await this.form.elementHandle(), before], { timeout: 180000 });
  }
}

// near reports how far two lists of numbers are apart, in units of the largest.
function apart(a, b) {
  if (a?.length !== b?.length || !a.length) return Infinity;
  const size = Math.max(...b.map(Math.abs));
  return Math.max(...a.map((v, i) => Math.abs(v - b[i]))) / size;
}

// Times are those of the quicker of the two visits, since other work may be going on beside one.
const best = new Map();
const keep = (name, ms) => best.set(name, Math.min(ms, best.get(name) ?? Infinity));

const quantile = (list, share) => list.toSorted((a, b) => a - b)[Math.floor(share * (list.length - 1))];

async function shot(page, name) {
  if (process.env.SCREENSHOT) await page.screenshot({ path: `${process.env.SCREENSHOT}-${name}.png`, fullPage: true });
}

// still looks at the page as it comes: without scripts, and before the reader is near.
async function still(browser, address) {
  const silent = await browser.newContext({ javaScriptEnabled: false, viewport: DESKTOP });
  const page = await silent.newPage();
  await page.goto(address);
  check((await page.locator("form.live svg").count()) === 8, "without scripts there are not 8 figures");
  check(await page.locator("form.live input").first().isDisabled(), "without scripts controls can be moved");
  await shot(page, "still");
  await silent.close();

  const context = await browser.newContext({ viewport: { width: 390, height: 200 } });
  const distant = await context.newPage();
  const asked = [];
  distant.on("request", (request) => asked.push(request.url()));
  await distant.goto(address);
  await distant.waitForTimeout(300);
  check(!asked.some((url) => url.endsWith("kernelsmith.js")), "the program is loaded before the reader is near");
  await distant.locator("form.live").first().scrollIntoViewIfNeeded();
  await distant.waitForFunction(() => document.querySelector("form.live").dataset.state === "ready");
  await context.close();

  const off = await browser.newContext({ viewport: DESKTOP });
  const without = await off.newPage();
  await without.addInitScript(() => delete globalThis.WebAssembly);
  await without.goto(address);
  await without.waitForFunction(() => document.querySelector("form.live").dataset.state === "off");
  check((await without.locator("form.live svg").count()) === 8, "without WebAssembly the figures are gone");
  check(/stays as it is/.test(await without.locator("[data-status]").first().innerText()), "without WebAssembly the page says nothing");
  await off.close();
}

// sliders moves them: the picture follows, with the numbers of the library.
async function sliders(page) {
  const live = new Live(page, "kernel");
  await live.ready();
  const opened = Number(await live.data("opened"));
  console.log(`  ready ${opened} ms after it came into view`);
  keep("ready", opened);

  await live.set("source", "coefficients");
  const before = await live.figure("kernels");
  const slider = live.form.locator("[name=a1]");
  await slider.focus();
  const drawn = Number(await live.data("drawn"));
  await slider.press("ArrowRight");
  await page.waitForFunction((drawn) => Number(document.querySelector("form[data-part=kernel]").dataset.drawn) > drawn, drawn);
  check((await live.figure("kernels")) !== before, "an arrow key on a slider leaves the picture as it was");
  check((await slider.inputValue()) === "0.51", `the slider is at ${await slider.inputValue()}`);
  check((await slider.getAttribute("aria-valuetext")) === "0.51", "the slider does not say its value");
  const here = await live.numbers();
  const there = native(await live.request("draw")).Numbers;
  for (const name of Object.keys(there)) {
    const off = apart(here[name], there[name]);
    check(off < 1e-9, `${name} is ${off} away from the library's`);
  }

  const times = {};
  for (const [source, name, from, to] of [
    ["coefficients", "a3", 0, 2],
    ["formula", "p", 0, 2],
    ["gaussian", "length", 0.5, 2],
    ["relu", "depth", 1, 8],
  ]) {
    await live.set("source", source);
    times[source] = [];
    for (let i = 0; i < 40; i++) {
      await live.set(name, from + ((to - from) * (source === "relu" ? Math.round((7 * i) / 39) / 7 : i / 39)));
      times[source].push(Number(await live.data("ms")));
    }
    const [half, most] = [quantile(times[source], 0.5), quantile(times[source], 0.95)];
    console.log(`  redraw, ${source}: median ${half} ms, 95 % ${most} ms`);
    keep(`half of the redraws, ${source}`, half);
  }
}

// formulas types them, right and wrong.
async function formulas(page) {
  const live = new Live(page, "kernel");
  await live.set("source", "formula");
  await live.set("formula", "0.3 + 0.7*c^3*exp(c-1)");
  check(/has this kernel \(proof/.test(await live.text("verdict")), `the verdict is ${await live.text("verdict")}`);
  const before = await live.figure("kernels");
  for (const [formula, says] of [
    ["0.3 + 0.7c", /character 10: an operator is missing before "c"/],
    ["1/(1-c)", /is \+Inf at c = 1/],
    ["<img src=x onerror=alert(1)>", /character 1/],
  ]) {
    await live.set("formula", formula);
    const said = await live.form.locator("[data-error]").innerText();
    check(says.test(said), `of ${formula} it says ${said}`);
    check((await live.form.locator("[name=formula]").getAttribute("aria-invalid")) === "true", `${formula} is not marked`);
    check((await live.figure("kernels")) === before, `${formula} changes the picture`);
    if (formula === "0.3 + 0.7c") await shot(page, "wrong");
  }
  await live.set("formula", "cos(2*c)");
  check(/^No net of one hidden layer/.test(await live.text("verdict")), `of cos 2c it says ${await live.text("verdict")}`);
  check((await live.form.locator("[data-error]").innerText()) === "", "an error stays when it is gone");
  await live.done("fit");
  check(/No net has this kernel/.test(await live.form.locator("[data-error]").innerText()), "a fit to no kernel says nothing");
  await live.set("formula", "exp(c-1)*(1+p*c)");
}

// fits finds formulas, beside the library, and ends early.
async function fits(page, name) {
  const live = new Live(page, name);
  await live.ready();
  const began = Date.now();
  await live.done("fit");
  console.log(`  ${name}: fitted in ${((Date.now() - began) / 1000).toFixed(1)} s`);
  const request = await live.request("fit");
  const there = native(request).Numbers;
  const here = await live.numbers();
  for (const of of ["formula", "formula phi", "formula spread", "target"]) {
    const off = apart(here[of], there[of]);
    console.log(`  ${name}, ${of}: ${off.toExponential(1)} from the library's`);
    check(off < 1e-9, `${name}: ${of} is ${off} away from the library's`);
  }
  check(/φ\(z\) = /.test(await live.text("formula")), `${name}: no formula`);
  check(/class Phi/.test(await live.text("export")), `${name}: no source`);
  await live.set("format", "latex");
  check(/\\varphi\(z\)/.test(await live.text("export")), `${name}: no LaTeX`);
  await live.press("copy");
  await page.waitForFunction((name) => /Copied|Marked/.test(document.querySelector(`form[data-part=${name}] [data-status]`).textContent), name);
  await shot(page, `${name}-fitted`);

  // Sliders move while it fits, and it can be stopped.
  const before = await live.figure("kernels");
  await live.press("fit");
  await live.until((form) => form.querySelector("progress").value > 0.02);
  await live.set(name === "kernel" ? "p" : "sb", name === "kernel" ? 0.37 : 0.62);
  check((await live.figure("kernels")) !== before, `${name}: the sliders wait for the fit`);
  if (name === "flatten") {
    await live.until((form) => form.numbers?.formula && !form.dataset.job, 60000);
    check(apart((await live.numbers()).formula, native(await live.request("fit")).Numbers.formula) < 1e-9, "flatten: what is fitted by itself is another kernel");
    return;
  }
  await live.press("cancel");
  await live.until((form) => !form.dataset.job, 10000);
  check(/Stopped/.test(await live.form.locator("[data-status]").innerText()), `${name}: it does not say that it was stopped`);
}

// steady redraws many times, and looks at the memory of the program.
async function steady(page) {
  const live = new Live(page, "kernel");
  await live.set("source", "formula");
  await live.set("formula", "0.3 + p*c^3*exp(c-1)");
  const memory = () => live.form.evaluate((form) => form.memory);
  for (let i = 0; i < 100; i++) await live.set("p", (i % 50) / 25);
  const first = await memory();
  for (let i = 0; i < 500; i++) await live.set("p", (i % 50) / 25);
  const last = await memory();
  console.log(`  memory of the program: ${(first / 2 ** 20).toFixed(1)} MB, after 500 redraws ${(last / 2 ** 20).toFixed(1)} MB`);
  check(last <= 1.1 * first + 2 ** 20, `500 redraws took ${last - first} bytes more`);
}

async function parity(page) {
  const live = new Live(page, "parity");
  await live.ready();
  for (const bits of [9, 11]) {
    await live.set("bits", bits);
    if (bits === 11) {
      await live.set("epochs", 400);
      const says = await live.form.locator("[data-status]").innerText();
      check(/of other settings/.test(says), `beside curves of other settings it says ${says}`);
    }
    const began = Date.now();
    await live.press("train");
    await live.until((form) => /epoch/.test(form.querySelector("[data-text=verdict]").textContent) && form.querySelector("progress").value > 0);
    await live.until((form) => !form.dataset.job, 180000);
    const numbers = await live.numbers();
    const sine = numbers["formula accuracy"].at(-1);
    console.log(`  parity of ${bits} bits in ${((Date.now() - began) / 1000).toFixed(1)} s: ${await live.text("verdict")}`);
    check(sine === 100, `the designed net is at ${sine} % on ${bits} bits`);
    check(numbers["series accuracy"].at(-1) < 75, `the ReLU net is at ${numbers["series accuracy"].at(-1)} % on ${bits} bits`);
  }
  await shot(page, "parity-trained");
  await live.press("train");
  await live.until((form) => form.querySelector("progress").value > 0);
  await live.press("cancel");
  await live.until((form) => !form.dataset.job, 10000);
  check(/stopped after/.test(await live.text("verdict")), `stopped, it says ${await live.text("verdict")}`);
}

// looks is what the page is like in other colours and sizes.
async function looks(page) {
  await page.addScriptTag({ path: load.resolve("axe-core/axe.min.js") });
  await page.addStyleTag({ content: "*, *::before, *::after { transition: none !important; animation: none !important }" });
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const [name, size] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
      await page.setViewportSize(size);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      check(wide <= 1, `on a ${name} it is ${wide} pixels too wide`);
      const { violations } = await page.evaluate(() => globalThis.axe.run({ include: ["form.live"] }, { preload: false, resultTypes: ["violations"] }));
      for (const { id, help, nodes } of violations) check(false, `${id} (${colorScheme}, ${name}): ${help}: ${nodes[0].html.slice(0, 200)}`);
      await shot(page, `${colorScheme}-${name}`);
    }
  }
}

// serve is a plain file server, which packs nothing.
function serve() {
  const types = { html: "text/html", js: "text/javascript", css: "text/css", svg: "image/svg+xml" };
  const server = createServer((request, response) => {
    try {
      const path = join(folder, decodeURIComponent(new URL(request.url, "http://x").pathname));
      const body = readFileSync(path);
      response.writeHead(200, { "content-type": types[path.split(".").pop()] ?? "application/octet-stream" }).end(body);
    } catch {
      // What browsers ask for by themselves is no fault of the page.
      response.writeHead(request.url === "/favicon.ico" ? 204 : 404).end();
    }
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

const size = gzipSync(readFileSync(join(folder, "live/kernelsmith.js")), { level: 6 }).length;
console.log(`the program is ${(size / 1e6).toFixed(2)} MB by gzip`);
check(size < 3e6, `the program is ${size} bytes by gzip`);
const browser = await launch();
const server = await serve();
const file = pathToFileURL(join(folder, "live.html")).href;
for (const address of [`http://127.0.0.1:${server.address().port}/live.html`, file]) {
  console.log(address === file ? "as a file" : "from a server");
  const context = await browser.newContext({ viewport: DESKTOP, colorScheme: "light" });
  const page = await context.newPage();
  page.setDefaultTimeout(60000);
  page.on("console", (message) => message.type() === "error" && check(false, `the console says: ${message.text().slice(0, 300)}`));
  page.on("pageerror", (error) => check(false, `a script failed: ${error.message.slice(0, 300)}`));
  const origin = new URL(address).origin;
  page.on("request", (request) => check(/^(blob|data|file):/.test(request.url()) || new URL(request.url()).origin === origin, `it wants ${request.url()}`));
  await page.goto(address);
  await sliders(page);
  if (address !== file) {
    await still(browser, address);
    await formulas(page);
    await fits(page, "kernel");
    await fits(page, "flatten");
    await parity(page);
    await steady(page);
    await looks(page);
  }
  await context.close();
}
await browser.close();
server.close();
for (const [name, ms] of best) check(ms < (name === "ready" ? 2000 : 50), `${name}: ${ms} ms at best`);
if (faults.length > 0) {
  console.log(`${faults.length} faults`);
  process.exit(1);
}
console.log("the live page is as it should be");

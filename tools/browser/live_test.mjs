// Tests the live notebook in a real browser: node live_test.mjs CHECKOUT [ROUNDS]
//
// Starts JupyterLab on a free port, opens the notebook in Chromium, runs all cells, moves sliders by mouse and keyboard,
// presses the buttons, runs what Export wrote, restarts the kernel, runs all again, interrupts, closes, and looks for what is left. It prints
// how long the redraws took and fails if half of them took longer than LIMIT_MS (100): single ones do on a busy machine. CHROMIUM names the browser.

import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

import { executable, launch } from "./chromium.mjs";
import { check, command, sleep, startLab, statusOf, stray, until } from "./lab.mjs";

const checkout = resolve(process.argv[2]);
const rounds = Number(process.argv[3] ?? 1);
const limit = Number(process.env.LIMIT_MS ?? 100);
const name = "06-design-your-own-kernel.ipynb";

async function main(round) {
  // A copy of the notebook beside the original, because Jupyter saves what it shows; it must lie in the checkout for its packages.
  const copy = `kept-browser-test-${process.pid}.ipynb`;
  const path = join(checkout, "notebooks", copy);
  cpSync(join(checkout, "notebooks", name), path);
  const exported = () => readdirSync(join(checkout, "notebooks")).filter((file) => /^kept-.*\.(go|py|tex|json)$/.test(file));
  const before = new Set(exported());
  const temporary = mkdtempSync("/tmp/ks-live-");
  let browser;
  let lab;
  const latencies = [];
  try {
    lab = await startLab(checkout, temporary);
    browser = await launch();
    const page = await browser.newPage({ viewport: { width: 1300, height: 1100 } });
    await page.goto(`${lab.address(copy)}&reset`);
    const root = page.locator(".kernelsmith-live");
    const slider = (label) => root.getByRole("slider", { name: label, exact: true });
    const button = (label) => root.getByRole("button", { name: label, exact: false });
    const kernel = () => statusOf(page);
    const ready = async () => ["idle", "unknown"].includes(await kernel());
    const run = (name) => command(page, name);
    const data = (key) => root.evaluate((e, k) => e.dataset[k] ?? "", key);
    const source = () => root.locator("img").getAttribute("src");
    const text = () => root.locator("pre.text").innerText();
    const counts = () =>
      page.evaluate(() => [...globalThis.jupyterapp.shell.currentWidget.content.model.cells].filter((c) => c.type === "code").map((c) => c.executionCount));

    // next waits for the view that act brings, and returns the time it took in the browser.
    const next = async (what, act) => {
      const [view, picture, words] = [await data("view"), await source(), await text()];
      await act();
      await until(`${what}: a new view`, async () => (await data("view")) !== view);
      return { picture: (await source()) !== picture, text: (await text()) !== words, ms: Number(await data("latency")) };
    };
    const live = (what) => until(`${what}: live`, async () => (await root.count()) === 1 && (await data("state")) === "live", 240000);
    const ended = async (what, says) => {
      await until(`${what}: the cell ends`, async () => (await root.locator(".status").innerText()).includes(says));
      await until(`${what}: Run All ends`, async () => (await kernel()) === "idle" && (await counts()).every((n) => n !== null));
      check((await root.count()) === 1, `${what}: there are ${await root.count()} live figures`);
      check((await root.locator("input:enabled, select:enabled, button:enabled").count()) === 0, `${what}: controls are still enabled`);
      check((await source()).startsWith("data:image/png;base64,"), `${what}: no last picture`);
      check((await root.locator("script").count()) === 0, `${what}: the script is still there`);
    };

    await until("the kernel is there", ready, 60000);
    check(stray(temporary).some((line) => line.includes("gonb --kernel")), "the kernel is not among the processes that are looked for at the end");
    await run("notebook:run-all-cells");
    let start = Date.now();
    await live("first Run All");
    console.log(`  live after ${((Date.now() - start) / 1000).toFixed(1)} s`);
    await root.scrollIntoViewIfNeeded();
    check((await text()).includes("formula: ") && (await text()).includes("func Phi("), "the formula of the start is not there");

    // Mouse: one move, then a drag over many places.
    const box = await slider("a₁").boundingBox();
    const place = (part) => [box.x + box.width * part, box.y + box.height / 2];
    let got = await next("mouse", () => page.mouse.click(...place(0.7)));
    check(got.picture && got.text, "mouse: the picture or the text did not change");
    check(!(await text()).includes("formula: "), "mouse: the formula of another kernel is still there");
    latencies.push(got.ms);
    const viewBefore = Number(await data("view"));
    await root.evaluate((e) => {
      globalThis.latencies = [];
      new MutationObserver(() => globalThis.latencies.push(Number(e.dataset.latency))).observe(e, { attributeFilter: ["data-latency"] });
    });
    await page.mouse.move(...place(0.7));
    await page.mouse.down();
    for (let i = 0; i < 60; i++) {
      await page.mouse.move(...place(0.7 - i / 150));
      await sleep(16);
    }
    await page.mouse.up();
    await until("drag: the last value is drawn", async () => (await text()).includes("b_1") && (await root.evaluate(async (e) => {
      const a = Number(e.querySelector("[data-name=a1]").value);
      const b = Number(/b_1 = (-?[\d.]+)/.exec(e.querySelector("pre.text").textContent)[1]);
      return Math.abs(Math.sqrt(Math.max(0, a) / 2) - Math.abs(b)) < 1e-3;
    })));
    const views = Number(await data("view")) - viewBefore;
    check(views >= 5 && views <= 61, `drag: ${views} views for 60 moves`);
    latencies.push(...(await page.evaluate(() => globalThis.latencies)));
    const dragged = latencies.length;

    // Keyboard: each key is one step and one redraw.
    await slider("a₂").focus();
    const a2 = Number(await slider("a₂").inputValue());
    for (let i = 0; i < 40; i++) {
      got = await next("keyboard", () => page.keyboard.press(i < 30 ? "ArrowRight" : "ArrowLeft"));
      check(got.picture && got.text, "keyboard: the picture or the text did not change");
      latencies.push(got.ms);
    }
    check(Math.abs(Number(await slider("a₂").inputValue()) - a2 - 0.2) < 1e-9, `keyboard: the slider stands at ${await slider("a₂").inputValue()}, was ${a2}`);
    await next("a choice", () => root.getByLabel("signs of b").selectOption({ index: 0 }));

    // A negative coefficient: the certificate says no, and what was asked for is drawn beside the nearest.
    check((await text()).includes("realizable") && !(await text()).includes("not realizable"), "the kernel of the start is not realizable");
    await next("negative", () => slider("a₃").fill("-0.3"));
    check((await text()).includes("not realizable"), `negative: the certificate says ${(await text()).split("\n")[0]}`);

    await next("Fit of what cannot be", () => button("Fit").click());
    check(/no formula: .*not realizable/.test(await text()), `Fit of what cannot be: ${await text()}`);

    got = await next("Keep", () => button("Keep").click());
    check(got.picture, "Keep: the picture did not change");
    await next("an origin", () => root.getByLabel("start from").selectOption("NTK of a ReLU net"));
    check((await slider("a₀").inputValue()) === "1.51" && (await text()).includes("set to the nearest"), `an origin: a₀ is ${await slider("a₀").inputValue()}`);
    await next("a depth", () => slider("depth").press("ArrowLeft"));
    check((await slider("a₀").inputValue()) === "1.13", `a depth: a₀ is ${await slider("a₀").inputValue()}`);

    // Fit: a formula for this kernel and no other.
    const formula = async () => /^formula: (.*)$/m.exec(await text())?.[1];
    start = Date.now();
    got = await next("Fit", () => button("Fit").click());
    console.log(`  fitted after ${((Date.now() - start) / 1000).toFixed(1)} s`);
    const found = await formula();
    check(got.picture && /relu.*cos/.test(found) && (await text()).includes("formula fitted"), `Fit: ${await text()}`);
    await next("past the fit", () => slider("a₁").press("ArrowRight"));
    check((await formula()) === undefined, "past the fit: the formula is still there");
    check((await root.getByLabel("start from").inputValue()) === "0", "past the fit: the sliders are still said to be those of the net");
    await next("back to the fit", () => slider("a₁").press("ArrowLeft"));
    check((await formula()) === found, `back to the fit: ${await formula()} in place of ${found}`);

    // Export: what is shown is in the file, and the file is what its ending says.
    const inFolder = { cwd: checkout, stdio: ["ignore", "pipe", "pipe"] };
    const python = (code, file) => execFileSync(join(checkout, ".venv/bin/python"), ["-B", "-c", code, file], inFolder).toString();
    const vet = (file) => {
      execFileSync(join(checkout, "tools/env"), ["go", "vet", file], inFolder);
      const packages = execFileSync(join(checkout, "tools/env"), ["go", "list", "./..."], inFolder).toString().split("\n");
      check(!packages.some((name) => name.endsWith("/notebooks")), "Export: the file is a package of the checkout");
    };
    const numpy = (file) => JSON.parse(python("import json, runpy, sys; m = runpy.run_path(sys.argv[1]); print(json.dumps([float(m['phi'](0.7)), float(m['phi_derivative'](0.7))]))", file));
    const parses = (file) => python("import ast, sys; ast.parse(open(sys.argv[1], encoding='utf-8').read())", file);
    const exportAs = async (format, ending) => {
      if ((await root.getByLabel("export as").locator("option:checked").innerText()) !== format) await next(format, () => root.getByLabel("export as").selectOption(format));
      const already = new Set(exported());
      await next(`Export as ${format}`, () => button("Export").click());
      const written = exported().filter((file) => !already.has(file));
      check(written.length === 1 && written[0].endsWith(`.${ending}`) && (await text()).includes(written[0]), `Export as ${format}: files ${written}`);
      const file = join(checkout, "notebooks", written[0]);
      const content = readFileSync(file, "utf8");
      check((await text()).includes(content.trim()), `Export as ${format}: the file is not what is shown`);
      return { file, content };
    };
    const near = (got, want, what) => check(Math.abs(got - want) < 1e-9, `${what}: φ or φ' at 0.7 is ${got}, not ${want}`);

    vet((await exportAs("Go", "go")).file);
    const json = JSON.parse((await exportAs("JSON", "json")).content);
    check(json.format === "kernelsmith formula", `Export as JSON: the format is ${json.format}`);
    let [value, slope] = [json.offset + json.slope * 0.7, json.slope];
    for (const t of json.terms) {
      value += t.amplitude * (t.kind === "relu" ? Math.max(0, 0.7 - t.shift) : Math.cos(0.7 * t.frequency + t.phase));
      slope += t.amplitude * (t.kind === "relu" ? Number(0.7 > t.shift) : -t.frequency * Math.sin(0.7 * t.frequency + t.phase));
    }
    let values = numpy((await exportAs("NumPy", "py")).file);
    near(values[0], value, "NumPy");
    near(values[1], slope, "NumPy");
    for (const format of ["PyTorch", "JAX"]) parses((await exportAs(format, "py")).file);
    const latex = (await exportAs("LaTeX", "tex")).content;
    check(latex.includes("\\varphi(z)") && latex.includes("\\cos"), `Export as LaTeX: ${latex}`);
    if (process.env.SCREENSHOT) await root.screenshot({ path: `${process.env.SCREENSHOT}-fitted.png` });

    // Without a formula it is the Hermite series.
    got = await next("no formula", () => root.getByLabel("formula", { exact: true }).selectOption("none"));
    check(got.picture && (await formula()) === undefined, "no formula: it is still there");
    const series = JSON.parse((await exportAs("JSON", "json")).content);
    check(series.format === "kernelsmith hermite series" && series.scale === 1, `Export of the series: ${JSON.stringify(series)}`);
    let [h, previous, sum, ascent] = [1, 0, 0, 0];
    series.coeffs.forEach((b, k) => {
      sum += b * h;
      ascent += b * Math.sqrt(k) * previous;
      [h, previous] = [(0.7 * h - Math.sqrt(k) * previous) / Math.sqrt(k + 1), h];
    });
    values = numpy((await exportAs("NumPy", "py")).file);
    near(values[0], sum, "NumPy of the series");
    near(values[1], ascent, "NumPy of the series");
    vet((await exportAs("Go", "go")).file);
    check((await root.locator("img").getAttribute("alt")).length > 20, "the picture has no text");
    if (process.env.SCREENSHOT) await page.screenshot({ path: `${process.env.SCREENSHOT}-live.png` });
    await button("Stop").click();
    await ended("Stop", "Stopped");
    if (process.env.SCREENSHOT) await page.screenshot({ path: `${process.env.SCREENSHOT}-stopped.png` });

    // A kernel that is restarted while the cell is live: the figure says so, and Run All makes a new one.
    await run("notebook:run-all-cells");
    await live("second Run All");
    await page.evaluate(() => globalThis.jupyterapp.shell.currentWidget.sessionContext.restartKernel());
    // The cell leaves its last output if it still can; otherwise the script notices that nobody answers.
    await until("restart: the figure notices", async () => (await root.locator("input:enabled, button:enabled").count()) === 0, 30000);
    const status = await root.locator(".status").innerText();
    check(/does not answer|Interrupted/.test(status), `restart: the figure says ${status}`);
    await until("restart: the kernel is there", ready);
    await run("notebook:run-all-cells");
    await until("restart: the old figure goes", async () => (await root.count()) === 0 || (await data("state")) === "live", 60000);
    await live("Run All after the restart");
    for (let i = 0; i < 5; i++) {
      got = await next("after the restart", () => slider("a₁").press("ArrowRight"));
      check(got.picture && got.text, "after the restart: the picture or the text did not change");
      latencies.push(got.ms);
    }
    await run("notebook:interrupt-kernel");
    await ended("interrupt", "Interrupted");

    // A page that is loaded anew while the cell is live: the kernel goes on, and a new run is live again.
    await run("notebook:run-all-cells");
    await live("third Run All");
    await page.goto("about:blank");
    await page.goto(lab.address(copy));
    await until("reload: the kernel is there", async () => (await ready()) || (await kernel()) === "busy", 60000);
    await run("notebook:interrupt-kernel");
    await until("reload: the kernel is free after an interrupt", ready);
    await run("notebook:run-all-cells");
    await until("reload: the old figure goes", async () => (await root.count()) === 0 || (await data("state")) === "live", 60000);
    await live("Run All after loading anew");
    got = await next("after loading anew", () => slider("a₁").press("ArrowRight"));
    check(got.picture, "after loading anew: the picture did not change");

    // Closed while it is live: nothing is left.
    await browser.close();
    browser = undefined;
    await lab.end();
    await until("no process is left", () => stray(temporary).length === 0, 15000).catch((error) => {
      throw new Error(`${error.message}:\n${stray(temporary).join("\n")}`);
    });

    const stats = (list) => {
      const sorted = list.slice().sort((a, b) => a - b);
      return `median ${sorted[Math.floor(sorted.length / 2)]} ms, 95 % ${sorted[Math.floor(0.95 * sorted.length)]} ms, worst ${sorted.at(-1)} ms of ${sorted.length}`;
    };
    console.log(`  mouse: ${stats(latencies.slice(0, dragged))} (${views} views for 60 moves)`);
    console.log(`  keys:  ${stats(latencies.slice(dragged))}`);
    const median = latencies.slice().sort((a, b) => a - b)[Math.floor(latencies.length / 2)];
    check(median <= limit, `half of the redraws took longer than ${limit} ms`);
    return latencies;
  } catch (error) {
    if (process.env.SCREENSHOT && browser) await browser.contexts()[0]?.pages()[0]?.screenshot({ path: `${process.env.SCREENSHOT}-failed.png` }).catch(() => {});
    throw error;
  } finally {
    await browser?.close().catch(() => {});
    await lab?.end(10000).catch(() => lab.kill());
    rmSync(path, { force: true });
    rmSync(join(checkout, "notebooks/.ipynb_checkpoints", copy.replace(".ipynb", "-checkpoint.ipynb")), { force: true });
    for (const file of exported()) if (!before.has(file)) rmSync(join(checkout, "notebooks", file));
    rmSync(temporary, { recursive: true, force: true });
  }
}

for (let round = 1; round <= rounds; round++) {
  console.log(`${name} in ${execFileSync(executable(), ["--version"], { stdio: ["ignore", "pipe", "ignore"] }).toString().trim()}, round ${round} of ${rounds}`);
  await main(round);
}
console.log("all as it should be");

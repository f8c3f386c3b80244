// Tests the notebooks in JupyterLab in a real browser: node notebooks_test.mjs CHECKOUT [ROUNDS] [NOTEBOOK…]
//
// Each notebook, at the scale quick, passes Run All, and Run All after a restart of the kernel: every cell ran, none ended in an error,
// each shows as many pictures as it was committed with. In the first a reader edits a cell, and
// interrupts a cell that would run for ever. A NOTEBOOK is named by its number; the live one, 06, has a test of its own.

import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

import { executable, launch } from "./chromium.mjs";
import { check, command, startLab, statusOf, stray, until } from "./lab.mjs";

const checkout = resolve(process.argv[2]);
const rounds = Number(process.argv[3] ?? 1);
const chosen = process.argv.slice(4);
const minutes = 60000;
const folder = join(checkout, "notebooks");
const names = readdirSync(folder).filter((name) => /^\d.*\.ipynb$/.test(name) && !name.startsWith("06") && (chosen.length === 0 || chosen.some((c) => name.startsWith(c)))).sort();

const codeOf = (notebook) => notebook.cells.filter((cell) => cell.cell_type === "code" && [cell.source].flat().join("").trim() !== "");
const pictures = (cell) => cell.outputs.filter((output) => Object.keys(output.data ?? {}).some((kind) => kind.startsWith("image/"))).length;

// firstTab runs the imports of a kernel that has just been started, then asks for names of the library as a reader would, once.
async function firstTab(page, ready) {
  await page.evaluate(() => {
    const { content } = globalThis.jupyterapp.shell.currentWidget;
    content.activeCellIndex = content.widgets.findIndex((cell) => cell.model.type === "code");
  });
  await command(page, "notebook:run-cell");
  await until("the imports have run", async () => (await statusOf(page)) === "idle" && (await ready()), 2 * minutes);
  await command(page, "notebook:insert-cell-below");
  await command(page, "notebook:enter-edit-mode");
  await until("a new cell", () => page.evaluate(() => globalThis.jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.getSource() === ""));
  await page.keyboard.type("%%\nnet := ntk.Uni");
  const start = Date.now();
  await page.keyboard.press("Tab");
  const offered = page.locator(".jp-Completer-item", { hasText: "UniformFCN" }).or(page.locator(".cm-activeLine", { hasText: "ntk.UniformFCN" }));
  await offered.first().waitFor({ timeout: 20000 });
  console.log(`  the first Tab: ${((Date.now() - start) / 1000).toFixed(1)} s`);
  await page.keyboard.press("Escape");
  await command(page, "notebook:delete-cell");
}

async function main() {
  const temporary = mkdtempSync("/tmp/ks-lab-");
  const copies = [];
  let lab, browser;
  try {
    lab = await startLab(checkout, temporary);
    browser = await launch();
    const page = await browser.newPage({ viewport: { width: 1300, height: 1100 } });
    const shown = () => page.evaluate(() => globalThis.jupyterapp.shell.currentWidget.context.model.toJSON());
    const ready = async () => ["idle", "unknown"].includes(await statusOf(page));
    const ran = async () => (await statusOf(page)) === "idle" && codeOf(await shown()).every((cell) => cell.execution_count !== null);
    const clear = () => command(page, "notebook:clear-all-cell-outputs");

    for (const [index, name] of names.entries()) {
      const start = Date.now();
      // A copy beside the original, because Jupyter saves what it shows; it must lie in the checkout for its packages.
      const copy = `kept-browser-test-${process.pid}-${name}`;
      copies.push(copy);
      cpSync(join(folder, name), join(folder, copy));
      const committed = codeOf(JSON.parse(readFileSync(join(folder, name), "utf8")));
      await page.goto(`${lab.address(copy)}&reset`);
      await until(`${name}: the kernel is there`, ready, 2 * minutes);

      const asCommitted = async (what) => {
        await until(`${name}, ${what}: Run All ends`, ran, 30 * minutes);
        const cells = codeOf(await shown());
        check(cells.length === committed.length, `${name}, ${what}: ${cells.length} cells`);
        cells.forEach((cell, i) => {
          const failed = cell.outputs.find((output) => output.output_type === "error");
          check(!failed, `${name}, ${what}, cell ${i + 1}: ${failed?.evalue}`);
          check(pictures(cell) === pictures(committed[i]), `${name}, ${what}, cell ${i + 1}: ${pictures(cell)} pictures, not ${pictures(committed[i])}`);
        });
      };
      await clear();
      if (name.startsWith("00")) await firstTab(page, ready);
      await command(page, "notebook:run-all-cells");
      await asCommitted("Run All");
      await page.evaluate(() => globalThis.jupyterapp.shell.currentWidget.sessionContext.restartKernel());
      await until(`${name}: the kernel is there again`, ready, 2 * minutes);
      await clear();
      await command(page, "notebook:run-all-cells");
      await asCommitted("restart and Run All");

      if (index === 0) {
        // set changes the last code cell, which is then the selected one.
        const set = (source) =>
          page.evaluate((text) => {
            const { content } = globalThis.jupyterapp.shell.currentWidget;
            content.activeCellIndex = content.widgets.findLastIndex((cell) => cell.model.type === "code");
            content.activeCell.model.sharedModel.setSource(text);
          }, source);
        const last = async () => codeOf(await shown()).at(-1);
        const text = async () => (await last()).outputs.map((output) => [output.text ?? ""].flat().join("")).join("");

        await set('import "fmt"\n\nconst edited = 42\n\n%%\nfmt.Println(edited)');
        await command(page, "notebook:run-cell");
        await until("an edit: it runs", async () => (await text()) === "42\n", 2 * minutes);

        await set('%%\nfmt.Println("begun")\nfor {\n}');
        await command(page, "notebook:run-cell");
        await until("a long cell: it runs", async () => (await text()).startsWith("begun"), 2 * minutes);
        await command(page, "notebook:interrupt-kernel");
        await until("a long cell: it ends when interrupted", async () => (await statusOf(page)) === "idle", minutes);
        check((await last()).outputs.some((output) => output.output_type === "error"), "a long cell: it does not say that it was interrupted");

        await set("%%\nfmt.Println(edited + 1)");
        await command(page, "notebook:run-cell");
        await until("after the interrupt: declarations are there", async () => (await text()) === "43\n", 2 * minutes);
      }
      if (name.startsWith("01")) {
        // An edit in the middle: the net of the second cell, and what is below run again.
        await page.evaluate(() => {
          const { content } = globalThis.jupyterapp.shell.currentWidget;
          content.activeCellIndex = content.widgets.findIndex((cell) => cell.model.sharedModel.getSource().includes("UniformFCN(4, "));
          const { sharedModel } = content.activeCell.model;
          sharedModel.setSource(sharedModel.getSource().replace("UniformFCN(4, ", "UniformFCN(3, "));
        });
        const captions = async () => JSON.stringify(codeOf(await shown()).map((cell) => cell.outputs.map((output) => output.metadata?.alt)));
        check(/4HL ReLU/.test(await captions()), `${name}: no caption names the net before the edit`);
        await command(page, "notebook:run-all-below");
        await until(`${name}: what is below an edit is of the new net`, async () => /NTK of the 3HL ReLU/.test(await captions()) && (await ran()), 10 * minutes);
      }
      await command(page, "docmanager:save");
      await page.evaluate(() => globalThis.jupyterapp.shell.currentWidget.sessionContext.shutdown());
      console.log(`  ${name}: ${((Date.now() - start) / 1000).toFixed(0)} s`);
    }

    await browser.close();
    browser = undefined;
    await lab.end();
    await until("no process is left", () => stray(temporary).length === 0, 20000).catch((error) => {
      throw new Error(`${error.message}:\n${stray(temporary).join("\n")}`);
    });
    const files = readdirSync(temporary);
    check(files.length === 0, `temporary files are left: ${files}`);
  } finally {
    await browser?.close().catch(() => {});
    await lab?.end(10000).catch(() => lab.kill());
    for (const copy of copies) {
      rmSync(join(folder, copy), { force: true });
      rmSync(join(folder, ".ipynb_checkpoints", copy.replace(".ipynb", "-checkpoint.ipynb")), { force: true });
    }
    rmSync(temporary, { recursive: true, force: true });
  }
}

executable(); // says at once if there is none
check(names.length > 0, `There is no notebook ${chosen}`);
for (let round = 1; round <= rounds; round++) {
  console.log(`${names.length} notebooks, round ${round} of ${rounds}`);
  await main();
}
console.log("all as they should be");

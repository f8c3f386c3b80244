// Checks a site: node check_site.mjs FOLDER. First it makes sure that faults are found, on pages that have one each.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { faults, searchFaults, weightFaults } from "./site.mjs";

const page = (body, head = "") =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>A page</title>${head}</head><body><main><h1>A page</h1>${body}</main></body></html>`;

const broken = {
  "picture.html": [page('<img src="missing.png" alt="a curve">'), "the picture missing.png is missing"],
  "link.html": [page('<a href="nowhere.html">a page</a>'), "the link to nowhere.html leads nowhere"],
  "anchor.html": [page('<a href="good.html#nothing">a place</a>'), "the link to good.html#nothing leads to no place in it"],
  "formula.html": [page('<p><span class="math">\\(x^2\\)</span></p>'), "is not typeset"],
  "console.html": [page("<p>text</p>", '<script>console.error("broken")</script>'), "the console says: broken"],
  "script.html": [page("<p>text</p>", "<script>nothing.here()</script>"), "a script failed: nothing is not defined"],
  "network.html": [page("<p>text</p>", '<script src="https://cdn.example/a.js"></script>'), "it wants https://cdn.example/a.js from the network"],
  "contrast.html": [page('<p style="color:#bbb;background:#fff">text</p>'), "color-contrast (light)"],
  "dark.html": [page("<p>text</p>", "<style>@media (prefers-color-scheme: dark) { p { color: #444; background: #222 } }</style>"), "color-contrast (dark)"],
  "alt.html": [page('<img src="good.svg">'), "image-alt"],
  "badge.html": [page('<p class="badge">Quick scale</p><p style="height:3000px">text</p>'), "the badge leaves a screen of 1280 pixels"],
  "fold.html": [page('<button class="fold-code">Show all code</button><details class="code"><summary>1 line</summary><pre>a</pre></details>'), "the button that folds the code leaves 0, 0, 0 of 0"],
  "paper.html": [page('<details class="code"><summary>1 line</summary><pre>a</pre></details>'), "1 cells are folded on paper"],
  "white.html": [page('<img src="white.screen.svg" alt="a curve">'), "in the dark its first drawing is as bright as 1.00"],
  "verdict.html": [page('<div class="comparisons" style="overflow-x:auto"><table><tr><td style="min-width:900px">a</td><td class="agrees">agrees</td></tr></table></div>'), "on a phone a verdict is off the screen"],
  "wide.html": [page('<p style="width:900px">text</p>'), "on a phone it is"],
};

async function provenToFail() {
  const folder = mkdtempSync(join(tmpdir(), "site."));
  try {
    writeFileSync(join(folder, "good.svg"), '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    writeFileSync(join(folder, "good.html"), page('<p id="place">text <a href="good.html#place">here</a> <img src="good.svg" alt="nothing"></p>'));
    writeFileSync(join(folder, "white.screen.svg"), '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><rect width="40" height="40" fill="#fff"/></svg>');
    for (const [name, [text]] of Object.entries(broken)) writeFileSync(join(folder, name), text);
    const found = await faults(folder);
    for (const fault of found) if (fault.startsWith("good.html")) throw new Error(`the check finds fault with a good page: ${fault}`);
    for (const [name, [, says]] of Object.entries(broken)) {
      if (!found.some((fault) => fault.startsWith(`${name}:`) && fault.includes(says))) throw new Error(`the check overlooks ${name}: nothing like "${says}" in\n${found.join("\n")}`);
    }
    writeFileSync(join(folder, "index.html"), page('<script src="heavy.js"></script>'));
    writeFileSync(join(folder, "heavy.js"), " ".repeat(5000));
    const heavy = weightFaults(folder, { site: 4000, front: 4000 }).join("\n");
    if (!/the site weighs/.test(heavy) || !/front page loads weighs 0.01 MB/.test(heavy) || weightFaults(folder).length > 0) throw new Error(`what weighs too much is overlooked: ${heavy}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await provenToFail();
console.log(`${Object.keys(broken).length} broken pages were told from a good one`);
const found = [...(await faults(process.argv[2], console.log)), ...(await searchFaults(process.argv[2], "kernel"))];
for (const fault of found) console.error(fault);
if (found.length > 0) process.exitCode = 1;
else console.log("every page opens without a network, whole and readable");

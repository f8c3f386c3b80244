// What is wrong with a site: faults(FOLDER) opens each of its pages in Chromium without a network and returns a line for each fault.

import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { launch, load, settled } from "./chromium.mjs";

const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 900 };
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];

// pagesOf are the addresses of the pages below a folder.
const pagesOf = (folder) =>
  readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith(".html") && !name.startsWith("_static"))
    .sort()
    .map((name) => join(folder, name));

// said is told each page before it is opened.
export async function faults(folder, said = () => {}) {
  const pages = pagesOf(folder);
  if (pages.length === 0) return [`${folder}: there is no page in it; make report writes them`];
  const browser = await launch();
  try {
    const found = [];
    for (const path of pages) {
      const name = relative(folder, path);
      said(name);
      found.push(...(await pageFaults(browser, folder, path)).map((fault) => `${name}: ${fault}`));
    }
    return found;
  } finally {
    await browser.close();
  }
}

async function pageFaults(browser, folder, path) {
  const found = [];
  const context = await browser.newContext({ offline: true, viewport: DESKTOP, colorScheme: "light" });
  try {
    const page = await context.newPage();
    page.on("console", (message) => message.type() === "error" && found.push(`the console says: ${message.text().slice(0, 300)}`));
    page.on("pageerror", (error) => found.push(`a script failed: ${error.message.slice(0, 300)}`));
    page.on("request", (request) => /^(https?|wss?):/.test(request.url()) && found.push(`it wants ${request.url()} from the network`));
    page.on("requestfailed", (request) => found.push(`${request.url()} could not be loaded`));
    await page.goto(pathToFileURL(path).href);
    await settled(page);
    found.push(...(await page.evaluate(contents)), ...brokenLinks(folder, await page.evaluate(links)));
    await page.evaluate(thin);
    await page.addScriptTag({ path: load.resolve("axe-core/axe.min.js") });
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      // Colours that change slowly would be measured half-way.
      await page.addStyleTag({ content: "*, *::before, *::after { transition: none !important; animation: none !important }" });
      const runOnly = colorScheme === "light" ? { type: "tag", values: RULES } : { type: "rule", values: ["color-contrast"] };
      const { violations } = await page.evaluate((runOnly) => globalThis.axe.run({ runOnly, preload: false, resultTypes: ["violations"] }), runOnly);
      for (const { id, help, nodes } of violations) found.push(`${id} (${colorScheme}): ${help}: ${nodes.length} times, as ${nodes[0].html.slice(0, 200)}`);
    }
    await page.emulateMedia({ colorScheme: "light" });
    found.push(...(await page.evaluate(badge)), ...(await page.evaluate(folds)));
    await page.emulateMedia({ media: "print" });
    const unprinted = await page.evaluate(folded);
    if (unprinted > 0) found.push(`${unprinted} cells are folded on paper`);
    await page.emulateMedia({ media: "screen" });
    await page.setViewportSize(PHONE);
    found.push(...(await page.evaluate(badge)));
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (wide > 1) found.push(`on a phone it is ${wide} pixels wider than the screen`);
  } finally {
    await context.close();
  }
  return found;
}

// contents runs in the page: pictures and formulas.
function contents() {
  const found = [];
  for (const image of document.images) {
    if (!(image.complete && image.naturalWidth > 0)) found.push(`the picture ${image.getAttribute("src")} is missing`);
  }
  for (const formula of document.querySelectorAll(".math")) {
    const bad = formula.querySelector("mjx-merror, [data-mml-node=merror]");
    if (!formula.querySelector("mjx-container") || bad) found.push(`the formula ${(bad ?? formula).textContent.trim().slice(0, 80)} is not typeset`);
  }
  return found;
}

// badge runs in the page: what says that it is of less than the published setting stays on the screen.
function badge() {
  const one = document.querySelector(".badge");
  if (!one) return [];
  scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" });
  const { top, bottom } = one.getBoundingClientRect();
  scrollTo({ top: 0, behavior: "instant" });
  return top >= 0 && bottom <= innerHeight ? [] : [`the badge leaves a screen of ${innerWidth} pixels`];
}

// folds runs in the page: the button shows all code, folds all, and leaves the page as it came.
function folds() {
  const code = [...document.querySelectorAll("details.code")];
  if (code.length === 0) return [];
  const button = document.querySelector(".fold-code");
  if (!button) return ["there is no button that folds the code"];
  const opened = () => code.map((one) => Number(one.open)).join("");
  const came = opened();
  const states = [1, 2, 3].map(() => {
    button.click();
    return opened();
  });
  const want = ["1".repeat(code.length), "0".repeat(code.length), came];
  return states.join() === want.join() ? [] : [`the button that folds the code leaves ${states.join(", ")} of ${came}`];
}

// folded runs in the page: how many cells' code is not to be seen.
async function folded() {
  // What a change of media shows is laid out in the next frames.
  for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
  return [...document.querySelectorAll("details.code pre")].filter((code) => !code.checkVisibility({ contentVisibilityAuto: true })).length;
}

// thin runs in the page: it leaves a few of the coloured words of each kind, and no formulas, whose thousands of elements
// take axe minutes. Formulas have the colour of their text.
function thin() {
  const seen = new Map();
  for (const word of document.querySelectorAll(".highlight span[class]")) {
    const times = (seen.get(word.className) ?? 0) + 1;
    seen.set(word.className, times);
    if (times > 3) word.replaceWith(...word.childNodes);
  }
  for (const formula of document.querySelectorAll("mjx-container")) formula.replaceWith("x");
}

// links runs in the page: where it leads.
function links() {
  return [...document.querySelectorAll("a[href]")].map((a) => a.href);
}

const anchors = new Map();

function anchorsOf(path) {
  if (!anchors.has(path)) anchors.set(path, new Set([...readFileSync(path, "utf8").matchAll(/\b(?:id|name)="([^"]*)"/g)].map((match) => match[1])));
  return anchors.get(path);
}

function brokenLinks(folder, addresses) {
  const found = [];
  for (const address of new Set(addresses)) {
    if (!address.startsWith("file:")) continue;
    const url = new URL(address);
    const path = fileURLToPath(url.origin === "null" ? `file://${url.pathname}` : url);
    const named = relative(folder, path);
    if (named.startsWith("..") || !existsSync(path) || statSync(path).isDirectory()) found.push(`the link to ${named} leads nowhere`);
    else if (url.hash.length > 1 && path.endsWith(".html") && !anchorsOf(path).has(decodeURIComponent(url.hash.slice(1)))) found.push(`the link to ${named}${url.hash} leads to no place in it`);
  }
  return found;
}

// searchFaults tells what is wrong with a search for a word, without a network.
export async function searchFaults(folder, word) {
  const browser = await launch();
  try {
    const context = await browser.newContext({ offline: true });
    const page = await context.newPage();
    const found = [];
    page.on("pageerror", (error) => found.push(`search.html: a script failed: ${error.message}`));
    await page.goto(`${pathToFileURL(join(folder, "search.html")).href}?q=${word}`);
    try {
      await page.waitForSelector("#search-results li a", { timeout: 10000 });
    } catch {
      found.push(`search.html: a search for "${word}" finds nothing`);
    }
    return found;
  } finally {
    await browser.close();
  }
}

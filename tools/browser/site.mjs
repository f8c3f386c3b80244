// What is wrong with a site: faults(FOLDER) opens each of its pages in Chromium without a network and returns a line for each fault.

import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { launch, load, settled } from "./chromium.mjs";

const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 900 };
const MEGABYTE = 1e6;
const LIMITS = { site: 30 * MEGABYTE, front: 0.3 * MEGABYTE };
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
    found.push(...weightFaults(folder));
    return found;
  } finally {
    await browser.close();
  }
}

// weightFaults tells whether the site, and what its front page loads, weigh more than they may.
export function weightFaults(folder, limits = LIMITS) {
  const size = (path) => statSync(path).size;
  const found = [];
  const weigh = (what, files, limit) => {
    const sum = files.reduce((all, file) => all + size(file), 0);
    if (sum > limit) found.push(`${what} weighs ${(sum / MEGABYTE).toFixed(2)} MB, more than ${limit / MEGABYTE}`);
  };
  const all = readdirSync(folder, { recursive: true }).map((name) => join(folder, name));
  weigh("the site", all.filter((path) => statSync(path).isFile()), limits.site);
  const front = join(folder, "index.html");
  if (existsSync(front)) {
    const loads = [...readFileSync(front, "utf8").matchAll(/<(?:script|img|link rel="(?:stylesheet|icon|shortcut icon)"[^>]*?)\b[^>]*?\b(?:src|href)="([^"?#]+)/g)];
    const files = new Set(loads.map(([, address]) => join(folder, address)).filter((path) => existsSync(path)));
    weigh("index.html: what the front page loads", [front, ...files], limits.front);
  }
  return found;
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
      // The dark page is looked at as on a phone.
      await page.setViewportSize(colorScheme === "light" ? DESKTOP : PHONE);
      // The page hears of its new size in the next frames.
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      const runOnly = { type: "tag", values: RULES };
      const { violations } = await page.evaluate((runOnly) => globalThis.axe.run({ runOnly, preload: false, resultTypes: ["violations"] }), runOnly);
      for (const { id, help, nodes } of violations) found.push(`${id} (${colorScheme}): ${help}: ${nodes.length} times, as ${nodes[0].html.slice(0, 200)}`);
    }
    found.push(...(await brightFigures(context, page)));
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize(DESKTOP);
    found.push(...(await page.evaluate(badge)), ...(await page.evaluate(folds)));
    await page.emulateMedia({ media: "print" });
    const unprinted = await page.evaluate(folded);
    if (unprinted > 0) found.push(`${unprinted} cells are folded on paper`);
    await page.emulateMedia({ media: "screen" });
    await page.setViewportSize(PHONE);
    found.push(...(await page.evaluate(badge)));
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (wide > 1) found.push(`on a phone it is ${wide} pixels wider than the screen`);
    found.push(...(await page.evaluate(verdicts)));
  } finally {
    await context.close();
  }
  return found;
}

// brightFigures tells whether the first drawing of a dark page is on white.
async function brightFigures(context, page) {
  const drawing = page.locator('img[src$=".screen.svg"]').first();
  if ((await drawing.count()) === 0 || !(await drawing.isVisible())) return [];
  const shot = (await drawing.screenshot()).toString("base64");
  const other = await context.newPage();
  try {
    const light = await other.evaluate(async (shot) => {
      const image = new Image();
      image.src = `data:image/png;base64,${shot}`;
      await image.decode();
      const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
      const pen = canvas.getContext("2d");
      pen.drawImage(image, 0, 0);
      const { data } = pen.getImageData(0, 0, image.width, image.height);
      let sum = 0;
      for (let i = 0; i < data.length; i += 4) sum += (data[i] + data[i + 1] + data[i + 2]) / 3;
      return sum / (data.length / 4) / 255;
    }, shot);
    return light < 0.5 ? [] : [`in the dark its first drawing is as bright as ${light.toFixed(2)} of white`];
  } finally {
    await other.close();
  }
}

// verdicts runs in the page, on a phone: those of the first table of published numbers are on the screen.
function verdicts() {
  const cells = [...(document.querySelector(".comparisons")?.querySelectorAll("td.agrees, td.differs") ?? [])];
  return cells.some((cell) => cell.getBoundingClientRect().right > innerWidth) ? ["on a phone a verdict is off the screen"] : [];
}

// contents runs in the page: pictures and formulas.
function contents() {
  const found = [];
  for (const image of document.images) {
    if (!(image.complete && image.naturalWidth > 0)) found.push(`the picture ${image.getAttribute("src")} is missing`);
  }
  for (const formula of document.querySelectorAll(".math")) {
    const bad = formula.querySelector("merror");
    if (!formula.querySelector("math") || bad) found.push(`the formula ${(bad ?? formula).textContent.trim().slice(0, 80)} is not typeset`);
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

// thin runs in the page: it leaves a few of the coloured words of each kind, and no formulas, whose many elements take axe
// long. Formulas have the colour of their text.
function thin() {
  const seen = new Map();
  for (const word of document.querySelectorAll(".highlight span[class]")) {
    const times = (seen.get(word.className) ?? 0) + 1;
    seen.set(word.className, times);
    if (times > 3) word.replaceWith(...word.childNodes);
  }
  for (const formula of document.querySelectorAll("math")) formula.replaceWith("x");
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

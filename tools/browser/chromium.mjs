// Chromium as the tests in JupyterLab, the check of the report and its printing use it.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

export const checkout = resolve(import.meta.dirname, "../..");
export const load = createRequire(join(checkout, ".cache/browser/package.json"));

// executable is the browser that CHROMIUM names, or the system's.
export const executable = () => {
  const found = process.env.CHROMIUM || ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
  if (!found) throw new Error('There is no Chromium: "apt install chromium", or name a browser in CHROMIUM.');
  return found;
};

// launch starts the browser.
export const launch = () =>
  // Chromium's sandbox does not start as root.
  load("playwright-core").chromium.launch({ executablePath: executable(), args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });

// settled waits until a page has its pictures.
export const settled = (page) =>
  page.evaluate(async () => {
    for (const image of document.images) image.loading = "eager";
    await Promise.all([...document.images].map((image) => image.decode().catch(() => {})));
  });

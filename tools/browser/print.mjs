// Prints pages of a site to PDF: node print.mjs FOLDER NAME… writes FOLDER/pdf/NAME.pdf from FOLDER/NAME.html.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { launch, settled } from "./chromium.mjs";

const [folder, ...names] = process.argv.slice(2);
mkdirSync(join(folder, "pdf"), { recursive: true });
const browser = await launch();
try {
  const context = await browser.newContext({ offline: true, colorScheme: "light" });
  for (const name of names) {
    const page = await context.newPage();
    await page.goto(pathToFileURL(join(folder, `${name}.html`)).href);
    // Figures are printed as the drawings that they link to: sharp, and a fraction of the size.
    await page.evaluate(() => {
      for (const link of document.querySelectorAll("a.full-size[href$='.svg']")) link.querySelector("img").src = link.href;
      // Tags for every coloured word of the code would take three times the room of all else.
      for (const code of document.querySelectorAll(".highlight pre")) code.ariaHidden = "true";
    });
    await settled(page);
    await page.pdf({
      path: join(folder, "pdf", `${name}.pdf`),
      format: "A4",
      margin: { top: "16mm", bottom: "18mm", left: "16mm", right: "16mm" },
      printBackground: true,
      outline: true,
      tagged: true,
      displayHeaderFooter: true,
      headerTemplate: "<span></span>",
      footerTemplate: '<div style="width:100%;font:8px sans-serif;text-align:center"><span class="pageNumber"></span> / <span class="totalPages"></span></div>',
    });
    await page.close();
  }
} finally {
  await browser.close();
}

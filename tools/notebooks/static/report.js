// Folds and shows the code of a page; the choice is remembered for all pages.
(() => {
  const code = [...document.querySelectorAll("details.code")];
  if (code.length > 0) {
    const remembered = () => {
      try {
        return localStorage.getItem("kernelsmith-code");
      } catch {
        return null; // storage is blocked
      }
    };
    const button = document.createElement("button");
    button.type = "button";
    button.className = "fold-code";
    let shown = true;
    const turn = (to) => {
      shown = to;
      for (const one of code) one.open = shown;
      button.textContent = shown ? "Fold all code" : "Show all code";
    };
    button.textContent = "Fold all code";
    button.addEventListener("click", () => {
      turn(!shown);
      try {
        localStorage.setItem("kernelsmith-code", shown ? "shown" : "folded");
      } catch {
        // the choice holds for this page
      }
    });
    if (remembered()) turn(remembered() === "shown");
    document.querySelector("article h1")?.after(button);
  }
  // What scrolls by itself must be reachable with the keyboard.
  for (const one of document.querySelectorAll(".cell_output .output, .comparisons, .highlight pre, .table-wrapper")) {
    if (one.scrollWidth > one.clientWidth) one.tabIndex = 0;
  }
})();

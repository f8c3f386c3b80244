// Shows and folds the code of a page; the choice is remembered for all pages.
(() => {
  const code = [...document.querySelectorAll("details.code")];
  if (code.length > 0) {
    const key = "kernelsmith-code";
    const runs = code.map((one) => one.open); // as the page comes: declarations are folded
    // What the button does, in the order in which it does it.
    const ways = {
      shown: { says: "Show all code", open: () => true },
      folded: { says: "Fold all code", open: () => false },
      runs: { says: "Show the code that runs", open: (number) => runs[number] },
    };
    const order = Object.keys(ways);
    const after = (way) => order[(order.indexOf(way) + 1) % order.length];
    const button = document.createElement("button");
    button.type = "button";
    button.className = "fold-code";
    let now = "runs";
    const turn = (to) => {
      now = to;
      code.forEach((one, number) => {
        one.open = ways[now].open(number);
      });
      button.textContent = ways[after(now)].says;
    };
    button.addEventListener("click", () => {
      turn(after(now));
      try {
        localStorage.setItem(key, now);
      } catch {
        // the choice holds for this page
      }
    });
    let remembered = null;
    try {
      remembered = localStorage.getItem(key);
    } catch {
      // storage is blocked
    }
    turn(remembered in ways ? remembered : now);
    (document.querySelector(".page-head .offers") ?? document.querySelector("article h1"))?.append(button);
  }
  // What scrolls by itself must be reachable with the keyboard; what is folded has no width until it is shown.
  const reachable = (part) => {
    for (const one of part.querySelectorAll(".cell_output .output, .comparisons, .highlight pre, .table-wrapper")) {
      if (one.scrollWidth > one.clientWidth) one.tabIndex = 0;
    }
  };
  reachable(document);
  for (const one of code) one.addEventListener("toggle", () => reachable(one));
})();

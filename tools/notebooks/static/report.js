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
    for (const one of part.querySelectorAll(".cell_output .output, .cell_output pre, .comparisons, .highlight pre, .table-wrapper, div.math")) {
      if (one.scrollWidth > one.clientWidth) one.tabIndex = 0;
      else one.removeAttribute("tabindex");
    }
  };
  reachable(document);
  addEventListener("resize", () => reachable(document));
  for (const one of code) one.addEventListener("toggle", () => reachable(one));

  // Below each result of a search: the section in which the words are, and what stands around them.
  const results = document.getElementById("search-results");
  const words = (new URLSearchParams(location.search).get("q") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const excerpt = (item) => {
    const link = item.querySelector("a[href]");
    if (!link || words.length === 0 || item.querySelector(".context")) return;
    const address = new URL(link.href);
    const page = decodeURIComponent(address.pathname.split("/").pop()).replace(/\.html$/, "");
    const all = globalThis.kernelsmithSections?.[page] ?? [];
    const stem = (word) => (word.length > 4 ? word.replace(/(?:es|s|ing|ed)$/, "") : word);
    const place = ([, title, text], word) => `${text} ${title}`.toLowerCase().indexOf(stem(word));
    const named = all.find(([id]) => address.hash === `#${id}`);
    const best = named ?? all.map((one) => [words.filter((word) => place(one, word) >= 0).length, one]).sort((a, b) => b[0] - a[0])[0]?.[1];
    if (!best) return;
    const [id, title, text] = best;
    const at = Math.max(0, ...words.slice(0, 1).map((word) => place(best, word)));
    const from = text.lastIndexOf(" ", Math.max(0, at - 80)) + 1;
    const context = document.createElement("p");
    context.className = "context";
    const section = document.createElement("a");
    section.href = `${page}.html#${id}`;
    section.textContent = title;
    context.append(section, ` ${from > 0 ? "…" : ""}${text.slice(from, from + 220)}${text.length > from + 220 ? "…" : ""}`);
    item.append(context);
  };
  if (results) {
    const all = () => results.querySelectorAll("li").forEach(excerpt);
    new MutationObserver(all).observe(results, { childList: true, subtree: true });
    all();
  }
})();

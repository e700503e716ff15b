// Tables: sorted by a click on a head, and cut to their first rows until asked for all. Without scripts all is shown.
"use strict";
(() => {
  const FIRST = 30;

  const key = (row, at) => {
    const cell = row.cells[at];
    const value = cell.dataset.key ?? cell.textContent.trim();
    return value === "" || value === "–" ? null : Number.isNaN(Number(value)) ? value : Number(value);
  };

  // What is not known comes last, whichever way.
  const compare = (a, b, sign) => {
    if (a === null || b === null) return (a === null) - (b === null);
    const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
    return sign * order;
  };

  const sort = (table, at) => {
    const head = table.tHead.rows[0].cells[at];
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...table.tBodies[0].rows].sort((a, b) => compare(key(a, at), key(b, at), down ? -1 : 1));
    table.tBodies[0].append(...rows);
    cut(table);
  };

  const cut = (table) => {
    if (table.tBodies[0].rows.length <= FIRST + 5) return; // a button for so few would be a nuisance
    [...table.tBodies[0].rows].forEach((row, i) => row.classList.toggle("beyond", !table.dataset.all && i >= FIRST));
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((head, at) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => sort(table, at));
    });
    const count = table.tBodies[0].rows.length;
    if (count <= FIRST + 5) continue;
    const more = document.createElement("button");
    more.type = "button";
    more.className = "more";
    more.textContent = `Show all ${count.toLocaleString("en")} rows`;
    more.addEventListener("click", () => { table.dataset.all = "1"; cut(table); more.remove(); });
    table.parentElement.after(more);
    cut(table);
  }
})();

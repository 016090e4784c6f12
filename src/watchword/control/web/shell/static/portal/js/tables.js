// On a narrow screen tables are drawn as cards. Some browsers then no longer take them for tables, so each part says by
// its role what it is.
const roles = { TABLE: "table", THEAD: "rowgroup", TBODY: "rowgroup", TFOOT: "rowgroup", TR: "row", TD: "cell" };
const headings = { col: "columnheader", row: "rowheader", rowgroup: "rowheader" };

function name(part) {
  const role = part.tagName === "TH" ? headings[part.scope] : roles[part.tagName];
  if (role !== undefined && !part.hasAttribute("role")) part.setAttribute("role", role);
}

function nameAll() {
  for (const table of document.querySelectorAll("table")) {
    name(table);
    table.querySelectorAll("thead, tbody, tfoot, tr, th, td").forEach(name);
  }
}

nameAll();
document.body.addEventListener("htmx:load", nameAll);

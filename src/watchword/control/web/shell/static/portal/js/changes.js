// What an edit changes, before and after, while it is being typed. Fields that are edited carry what is stored.
function read(field) {
  return field.type === "checkbox" ? (field.checked ? "on" : "off") : field.value.replaceAll("\r\n", "\n");
}

// Values that people cannot compare by eye, such as certificates, are shown as "attached" or "none".
function words(field) {
  if (!("opaque" in field.dataset)) return [field.dataset.stored || "blank", read(field) || "blank"];
  const before = field.dataset.stored === "" ? "none" : "attached";
  if (read(field) === "") return [before, "none"];
  return [before, before === "none" ? "attached" : "another one"];
}

function line(field) {
  const term = document.createElement("dt");
  term.textContent = (field.labels[0] ?? document.getElementById(field.getAttribute("aria-labelledby"))).textContent;
  const before = document.createElement("del");
  const after = document.createElement("ins");
  [before.textContent, after.textContent] = words(field);
  const detail = document.createElement("dd");
  detail.append(before, " → ", after);
  const group = document.createElement("div");
  group.append(term, detail);
  return group;
}

function show(form) {
  const region = form.querySelector("#changes");
  if (region === null) return;
  const changed = [...form.querySelectorAll("[data-stored]")].filter((field) => read(field) !== field.dataset.stored);
  region.querySelector("dl").replaceChildren(...changed.map(line));
  region.hidden = changed.length === 0;
}

for (const kind of ["input", "change"]) {
  document.addEventListener(kind, (event) => {
    const form = event.target.closest?.("form[data-registration]");
    if (form) show(form);
  });
}

document.body.addEventListener("htmx:load", () => {
  for (const form of document.querySelectorAll("form[data-registration]")) show(form);
});
for (const form of document.querySelectorAll("form[data-registration]")) show(form);

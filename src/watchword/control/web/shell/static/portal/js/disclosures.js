// Rows that open: a button names what it controls, and what is open stays open when the list is replaced.
const open = new Set();
let focused = null;

function set(button, expanded) {
  const controlled = document.getElementById(button.getAttribute("aria-controls"));
  button.setAttribute("aria-expanded", String(expanded));
  controlled.hidden = !expanded;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest(".disclose");
  if (button === null) return;
  const expanded = button.getAttribute("aria-expanded") !== "true";
  if (expanded) open.add(button.id);
  else open.delete(button.id);
  set(button, expanded);
});

document.body.addEventListener("htmx:beforeSwap", () => {
  focused = document.activeElement?.id || null;
});

document.body.addEventListener("htmx:load", () => {
  for (const id of open) {
    const button = document.getElementById(id);
    if (button !== null) set(button, true);
  }
  // What was focused inside a row could not take the focus back before the row was open again.
  if (focused !== null && document.activeElement === document.body) document.getElementById(focused)?.focus();
});

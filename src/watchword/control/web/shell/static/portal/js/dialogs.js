// Dialogs: the server sends a <dialog open>; here it becomes modal, takes the focus, and gives it back when it closes.
// htmx settles without delay (its setting in document.html), so that a dialog is modal and has the focus before a person
// can see it or type into it.
import { askBeforeDiscarding, holdsTyped, remember } from "./unsaved_text.js";

let opener = null;

function firstPlace(dialog) {
  return (
    dialog.querySelector('[aria-invalid="true"]') ??
    dialog.querySelector("[role=alert]:not([hidden])") ??
    dialog.querySelector("[autofocus], [data-first]") ??
    dialog.querySelector("input[type=text], input[type=url]")
  );
}

function open(dialog, place = firstPlace(dialog)) {
  // An attribute instead of a method call opened it, so it is not modal yet.
  dialog.removeAttribute("open");
  dialog.showModal();
  place?.focus();
  remember(dialog);
}

function focusAfterwards() {
  const place = (opener && document.getElementById(opener)) ?? document.getElementById("add") ?? document.querySelector("h1");
  opener = null;
  place?.focus();
}

function close(dialog) {
  dialog.close();
  // A dialog that came with its own address leaves it with the dialog.
  if (location.pathname !== new URL(dialog.dataset.home, location.href).pathname) {
    location.assign(dialog.dataset.home);
    return;
  }
  dialog.remove();
  focusAfterwards();
}

function leave(dialog) {
  if (holdsTyped(dialog)) askBeforeDiscarding(dialog, () => close(dialog));
  else close(dialog);
}

document.addEventListener("click", (event) => {
  const closing = event.target.closest("[data-close]");
  if (closing === null) return;
  event.preventDefault();
  leave(closing.closest("dialog"));
});

document.addEventListener(
  "cancel",
  (event) => {
    // The question before discarding has no home and sees to itself.
    if (!event.target.matches("dialog.dialog[data-home]")) return;
    event.preventDefault();
    leave(event.target);
  },
  true,
);

// Enter on what looks like a button presses it, Space too: links in the role of buttons only know Enter by themselves.
document.addEventListener("keydown", (event) => {
  if (event.key !== " " || !event.target.matches("a[role=button]")) return;
  event.preventDefault();
  event.target.click();
});

// A locked button keeps its place and its reason, and does nothing.
document.addEventListener(
  "click",
  (event) => {
    if (event.target.closest('[aria-disabled="true"]') === null) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  true,
);

document.body.addEventListener("htmx:beforeRequest", (event) => {
  const source = event.detail.elt;
  // A script's own request, such as for the dialog that a proof opens, has the body as its source.
  if (source !== document.body && source.closest("dialog") === null) opener = (source.querySelector("button[id]") ?? source).id || null;
});

document.body.addEventListener("htmx:afterSettle", (event) => {
  const dialogs = document.querySelectorAll("dialog.dialog");
  for (const dialog of dialogs) if (!dialog.matches(":modal")) open(dialog);
  if (dialogs.length === 0 && event.detail.target.id === "content") focusAfterwards();
});

// A page that came with its dialog shows it before this script runs: the person may be typing in it already.
const present = document.querySelector("dialog.dialog");
if (present !== null) open(present, present.querySelector(":is(input, textarea, select):focus") ?? firstPlace(present));

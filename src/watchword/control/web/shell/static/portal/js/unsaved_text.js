// What was typed into a dialog and not saved yet. Closing such a dialog asks first.
const asOpened = new WeakMap();

// Without hidden fields, such as a version, and the name that is only there for password managers.
function fields(dialog) {
  return [...dialog.querySelectorAll("input:not([type=hidden]), textarea, select")].filter((field) => !field.hidden && !field.readOnly);
}

function content(dialog) {
  return JSON.stringify(fields(dialog).map((field) => [field.name, field.checked ?? null, field.value]));
}

export function remember(dialog) {
  asOpened.set(dialog, content(dialog));
}

export function holdsTyped(dialog) {
  // A dialog that came back from a refused Save holds what was typed before; passwords never come back.
  if ("again" in dialog.dataset && fields(dialog).some((field) => field.type !== "checkbox" && field.value !== "")) return true;
  return asOpened.get(dialog) !== content(dialog);
}

export function askBeforeDiscarding(dialog, discard) {
  const question = document.getElementById("discard").content.querySelector("dialog").cloneNode(true);
  const place = dialog.contains(document.activeElement) ? document.activeElement : null;
  const leave = () => {
    question.close();
    question.remove();
  };
  const keep = () => {
    leave();
    place?.focus();
  };
  question.addEventListener("cancel", (event) => {
    event.preventDefault();
    keep();
  });
  question.querySelector("#keep-typing").addEventListener("click", keep);
  question.querySelector("#discard-typed").addEventListener("click", () => {
    leave();
    discard();
  });
  document.body.append(question);
  question.showModal();
  question.querySelector("#keep-typing").focus();
}

// Leaving or reloading a page asks first while a dialog holds text that was not sent. Filters and the sign-in are no
// dialogs, so they never ask.
let sending = false;

addEventListener("beforeunload", (event) => {
  const dialog = document.querySelector("dialog.dialog[data-home][open]");
  if (!sending && dialog !== null && holdsTyped(dialog)) event.preventDefault();
});

// A form that the browser sends by itself leaves the page; htmx prevents that and stays.
addEventListener("submit", (event) => {
  sending = !event.defaultPrevented;
});

addEventListener("pageshow", () => {
  sending = false;
});

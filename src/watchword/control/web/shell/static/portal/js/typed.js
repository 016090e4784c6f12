// What was typed into a window and not saved yet. Closing such a window asks first.
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
  // A window that came back from a refused Save holds what was typed before; passwords never come back.
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

// Copy buttons: the text is in data-copy, or in the element that data-copy-of names; the answer is a tick for a moment
// and an announcement.
const shownFor = 1600;

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-of]");
  if (button === null) return;
  const shown = document.getElementById(button.dataset.copyOf);
  try {
    await navigator.clipboard.writeText(button.dataset.copy ?? shown.textContent);
  } catch {
    // Without permission for the clipboard, or over plain http, the text is selected so that Ctrl+C takes it.
    const text = shown ?? button.parentElement.querySelector(".mono, code");
    if (text !== null) getSelection().selectAllChildren(text);
    document.dispatchEvent(new CustomEvent("announce", { detail: "Selected; press Ctrl+C to copy" }));
    return;
  }
  button.dataset.done = "";
  document.dispatchEvent(new CustomEvent("announce", { detail: "Copied" }));
  setTimeout(() => delete button.dataset.done, shownFor);
});

// Find from issuer, Use its jwks_uri and issuer, Undo: the dialog comes back with other values in two of its fields.
const slow = 300;

let slowly = null;
let outdated = false;

function announce(sentence) {
  document.dispatchEvent(new CustomEvent("announce", { detail: sentence }));
}

document.body.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt.id !== "find") return;
  outdated = false;
  slowly = setTimeout(() => {
    event.detail.elt.setAttribute("aria-busy", "true");
    announce("Looking for the metadata of the issuer");
  }, slow);
});

document.body.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.elt.id !== "find") return;
  clearTimeout(slowly);
  event.detail.elt.removeAttribute("aria-busy");
});

// The dialog that is on its way holds what was typed when the button was pressed. What is typed meanwhile wins.
document.addEventListener("input", (event) => {
  const form = event.target.closest?.("form[data-registration]");
  if (form?.querySelector("#find.htmx-request")) {
    outdated = true;
    const sentence = "You kept typing, so nothing will be filled in from the metadata.";
    form.querySelector(".say").textContent = sentence;
    announce(sentence);
  }
  // What was found at one location is not offered beside another.
  if (event.target.name === "jwks_location") form?.querySelector(".metadata")?.remove();
});

document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.requestConfig.elt.id === "find" && outdated) event.detail.shouldSwap = false;
});

document.body.addEventListener("htmx:afterSettle", (event) => {
  if (!["find", "fill-metadata", "fill-before"].includes(event.detail.requestConfig?.elt?.id)) return;
  const said = document.querySelector("dialog.dialog [data-announce]");
  if (said !== null) announce(said.textContent.replace(/\s+/g, " ").trim());
});

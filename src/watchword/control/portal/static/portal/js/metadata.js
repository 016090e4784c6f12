// Find from issuer, Use its jwks_uri and issuer, Undo: the window comes back with other values in two of its fields.
const slow = 300;

let slowly = null;

function announce(sentence) {
  document.dispatchEvent(new CustomEvent("announce", { detail: sentence }));
}

document.body.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt.id !== "find") return;
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

// The window that is on its way holds what was typed when the button was pressed. What is typed meanwhile wins.
document.addEventListener("input", (event) => {
  const form = event.target.closest?.("form[data-registration]");
  const find = form?.querySelector("#find.htmx-request") ?? null;
  if (find !== null) {
    htmx.trigger(find, "htmx:abort");
    const sentence = "You went on typing, so the search for the metadata was stopped.";
    form.querySelector(".say").textContent = sentence;
    announce(sentence);
  }
  // What was found at one location is not offered beside another.
  if (event.target.name === "jwks_location") form?.querySelector(".metadata")?.remove();
});

document.body.addEventListener("htmx:afterSettle", (event) => {
  if (!["find", "fill-metadata", "fill-before"].includes(event.detail.requestConfig?.elt?.id)) return;
  const said = document.querySelector("dialog.window [data-announce]");
  if (said !== null) announce(said.textContent.replace(/\s+/g, " ").trim());
});

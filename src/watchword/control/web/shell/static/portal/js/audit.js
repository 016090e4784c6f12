// The address holds the filters and the place, so that a reload, a bookmark or a colleague sees the same.
const parts = new Set(["log", "content"]);

document.body.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.elt.id !== "filters") return;
  // The address does not name empty filters.
  for (const [name, value] of [...event.detail.formData.entries()]) {
    if (value === "") event.detail.formData.delete(name);
  }
});

document.body.addEventListener("htmx:afterSettle", (event) => {
  if (!parts.has(event.detail.target.id)) return;
  const address = event.detail.pathInfo.finalRequestPath;
  // Enter in a changed field asks twice; Back must not need to be pressed twice for it.
  if (address !== location.pathname + location.search) history.pushState(null, "", address);
  document.getElementById("announcement").textContent = document.getElementById("log").dataset.say;
});

// Back and forward lead to what the address says; the server has it.
addEventListener("popstate", () => location.reload());

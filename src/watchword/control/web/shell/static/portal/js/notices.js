// Announcements for screen readers, and notices that can be put away. Other modules announce by dispatching "announce".
const shownFor = 8000;

document.addEventListener("announce", (event) => {
  const region = document.getElementById("announcement");
  if (region === null) return;
  // The same sentence twice in a row is only spoken again if the region was empty between.
  region.textContent = "";
  requestAnimationFrame(() => {
    region.textContent = event.detail;
  });
});

document.addEventListener("click", (event) => {
  event.target.closest("[data-dismiss]")?.closest(".toast")?.remove();
});

function fade(toasts) {
  for (const toast of toasts.querySelectorAll(".toast")) {
    const leave = () => {
      // What is being read or about to be pressed stays.
      if (toast.matches(":hover, :focus-within")) setTimeout(leave, 2000);
      else toast.remove();
    };
    setTimeout(leave, shownFor);
  }
}

const toasts = document.getElementById("toasts");
if (toasts !== null) {
  fade(toasts);
  document.body.addEventListener("htmx:oobAfterSwap", (event) => {
    if (event.detail.target.id === "toasts") fade(event.detail.target);
  });
}

// A request that got no answer at all must not leave the person waiting.
for (const failure of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.body.addEventListener(failure, () => {
    const sentence = "The portal did not respond. What you typed is still here. Try again in a moment.";
    document.dispatchEvent(new CustomEvent("announce", { detail: sentence }));
    const region = document.querySelector("dialog[open] .say") ?? null;
    if (region !== null) region.textContent = sentence;
  });
}

// An answer for a part of the page that was replaced while it was asked for is let go: what stands there now is newer.
// htmx would put it where nobody sees it, and look there for the place of its notice as well.
const watched = new WeakSet();

document.body.addEventListener("htmx:beforeRequest", (event) => {
  const target = event.detail.target;
  if (watched.has(target)) return;
  watched.add(target);
  // On the part itself, as nothing that happens to it once it is out of the page reaches the page.
  target.addEventListener("htmx:beforeSwap", (answer) => {
    if (answer.detail.target === target && !target.isConnected) answer.detail.shouldSwap = false;
  });
});

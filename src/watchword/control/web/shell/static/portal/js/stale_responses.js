// Drops a response for a part of the page that was replaced in the meantime: the part on the page is newer. htmx would
// swap the response into the detached element, and would look there for the target of its notice as well.
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

// Characters typed against the limit. Nothing is cut off: too much is shown here and refused with a sentence.
function count(field) {
  const counter = document.querySelector(`[data-counter="${field.id}"]`);
  if (counter === null) return;
  // Characters as the server counts them, not UTF-16 units: an emoji is one.
  const length = [...field.value].length;
  const limit = Number(counter.dataset.limit);
  counter.textContent = `${length} / ${limit}`;
  counter.classList.toggle("count-over", length > limit);
}

document.addEventListener("input", (event) => {
  if (event.target.matches("input, textarea")) count(event.target);
});

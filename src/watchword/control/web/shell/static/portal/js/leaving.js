// Leaving or reloading a page asks first while a window holds text that was not sent. Filters and the sign-in are no
// windows, so they never ask.
import { holdsTyped } from "./typed.js";

let sending = false;

addEventListener("beforeunload", (event) => {
  const dialog = document.querySelector("dialog.window[data-home][open]");
  if (!sending && dialog !== null && holdsTyped(dialog)) event.preventDefault();
});

// A form that the browser sends by itself leaves the page; htmx prevents that and stays.
addEventListener("submit", (event) => {
  sending = !event.defaultPrevented;
});

addEventListener("pageshow", () => {
  sending = false;
});

// The dialog "Confirm that it is you" opens over the page or over another dialog. After the proof the asked dialog opens,
// or the dialog below is free again, with all that was typed there. Nothing is sent again by itself.
import { say } from "./sign_in_again.js";

const place = document.getElementById("proof");

function leave() {
  // Closing gives the focus back to where it was.
  place.querySelector("dialog")?.close();
  place.replaceChildren();
}

document.addEventListener("click", (event) => {
  if (event.target.id === "proof-cancel") leave();
});

document.addEventListener(
  "cancel",
  (event) => {
    if (!event.target.matches("dialog[data-proof]")) return;
    event.preventDefault();
    leave();
  },
  true,
);

document.body.addEventListener("proven", (event) => {
  leave();
  const { opens } = event.detail;
  if (opens === "") say("You have confirmed that it is you. Nothing was saved yet.");
  else if (document.getElementById("dialog") === null) location.assign(opens);
  else htmx.ajax("GET", opens, { target: "#dialog", swap: "innerHTML" });
});

// A session that ends while a dialog holds typed text takes nothing with it: the same person signs in over the dialog.
import { holdsTyped } from "./unsaved_text.js";

const template = document.getElementById("sign-in-again");
const url = template.dataset.url;
const email = template.content.querySelector("#again-email").value;
let asking = false;

export function say(sentence) {
  document.dispatchEvent(new CustomEvent("announce", { detail: sentence }));
  const foot = document.querySelector("dialog.dialog[data-home] .dialog-foot");
  if (foot === null) return;
  let region = foot.querySelector(".say");
  if (region === null) {
    region = document.createElement("p");
    region.className = "say";
    foot.prepend(region);
  }
  region.textContent = sentence;
}

// A sign-in gives the browser another form token; the page's forms carry the old one.
function renew(token) {
  for (const field of document.querySelectorAll("input[name=csrfmiddlewaretoken]")) field.value = token;
  say("You are signed in again. Nothing was saved yet.");
}

async function state() {
  const response = await fetch(url, { headers: { Accept: "application/json" } });
  return response.json();
}

async function send(form) {
  const { token } = await state();
  const body = new URLSearchParams(new FormData(form));
  body.set("csrfmiddlewaretoken", token);
  const response = await fetch(url, { method: "POST", body });
  return { good: response.ok, ...(await response.json()) };
}

// What a form has disabled is not sent: first the password, then the second factor.
function demand(dialog, choice) {
  const second = choice !== null;
  for (const field of dialog.querySelectorAll("#again-second input")) field.disabled = !second;
  const password = dialog.querySelector("#again-password");
  password.disabled = second;
  password.value = "";
  dialog.querySelector("#again-second").hidden = !second;
  if (!second) {
    password.focus();
    return;
  }
  const [passkey, code] = [dialog.querySelector("#again-passkey"), dialog.querySelector("#again-code")];
  passkey.hidden = !choice.passkey;
  passkey.dataset.options = choice.options;
  dialog.querySelector("#again-code-field").hidden = !choice.app;
  (choice.app ? code : passkey).focus();
}

function ask(other) {
  const dialog = template.content.querySelector("dialog").cloneNode(true);
  const form = dialog.querySelector("form");
  const fault = dialog.querySelector("#again-fault");
  let choice = null;
  const leave = () => {
    dialog.close();
    dialog.remove();
    asking = false;
  };
  if (other !== null) {
    dialog.querySelector("#again-text").textContent =
      `${other} has signed in with this browser. What you typed is still here, but nothing was saved.`;
  }
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    leave();
  });
  dialog.querySelector("#again-cancel").addEventListener("click", leave);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    let answer;
    try {
      answer = await send(form);
    } catch {
      answer = { good: false, sentence: "The portal did not respond. Try again in a moment." };
    }
    if (answer.good && answer.email === email) {
      leave();
      renew(answer.token);
      return;
    }
    if (answer.choice) {
      fault.hidden = true;
      form.elements.csrfmiddlewaretoken.value = answer.token;
      choice = answer.choice;
    } else {
      fault.textContent = answer.sentence ?? "Sign in as the person who opened this page.";
      fault.hidden = false;
      if (answer.good || answer.starts_over) choice = null;
    }
    form.elements.passkey.value = "";
    form.elements.code.value = "";
    demand(dialog, choice);
  });
  document.body.append(dialog);
  dialog.showModal();
  demand(dialog, choice);
}

async function resume() {
  if (asking) return;
  asking = true;
  try {
    const now = await state();
    if (now.email === email) {
      asking = false;
      renew(now.token);
    } else {
      ask(now.email);
    }
  } catch {
    asking = false;
    say("The portal did not respond. What you typed is still here. Try again in a moment.");
  }
}

// Before htmx follows the redirect to the sign-in, or puts a page into the place of the dialog.
document.body.addEventListener("htmx:beforeOnLoad", (event) => {
  if (event.detail.xhr.getResponseHeader("X-Sign-In-Again") === null) return;
  const dialog = document.querySelector("dialog.dialog[data-home]");
  if (dialog === null || !holdsTyped(dialog)) return;
  event.preventDefault();
  resume();
});

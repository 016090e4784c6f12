// Passkeys (WebAuthn): a button with data-passkey gets its options from data-options, asks the authenticator, and sends
// the form that it is in, with the response in the field "passkey".
//
// Written out because browsers of 2024 lack parseRequestOptionsFromJSON and toJSON.
const sentences = {
  AbortError: "",
  InvalidStateError: "This device already has a passkey of your account.",
  NotAllowedError: "The passkey was not used: the request was cancelled, or it took too long. Try again.",
  NotSupportedError: "This device cannot create a passkey. Use another device or another way.",
  SecurityError: "Passkeys do not work at this address.",
};
const unsupported = "This browser does not support passkeys. Use another browser or another way.";
const unreachable = "The portal did not respond. Try again in a moment.";
const expired = "Your sign-in has expired. Reload the page, and sign in again.";
const renewedAfter = 4 * 60 * 1000; // A ceremony lasts five minutes.

let autofill = null;

function bytes(text) {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
}

function text(buffer) {
  const characters = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(characters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function descriptors(listed) {
  return (listed ?? []).map((one) => ({ ...one, id: bytes(one.id) }));
}

function publicKey(options) {
  const read = { ...options, challenge: bytes(options.challenge) };
  if (options.user) read.user = { ...options.user, id: bytes(options.user.id) };
  if (options.excludeCredentials) read.excludeCredentials = descriptors(options.excludeCredentials);
  if (options.allowCredentials) read.allowCredentials = descriptors(options.allowCredentials);
  return read;
}

function json(credential) {
  const { response } = credential;
  const sent = { clientDataJSON: text(response.clientDataJSON) };
  if (response.attestationObject) {
    sent.attestationObject = text(response.attestationObject);
    sent.transports = response.getTransports?.() ?? [];
  } else {
    sent.authenticatorData = text(response.authenticatorData);
    sent.signature = text(response.signature);
    if (response.userHandle) sent.userHandle = text(response.userHandle);
  }
  return JSON.stringify({
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? null,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: sent,
  });
}

function say(form, sentence) {
  const fault = form.querySelector("[data-passkey-fault]");
  fault.textContent = sentence;
  fault.hidden = sentence === "";
}

async function optionsFor(button) {
  const token = button.form.querySelector("[name=csrfmiddlewaretoken]").value;
  const response = await fetch(button.dataset.options, { method: "POST", headers: { "X-CSRFToken": token } });
  if (response.redirected || response.status === 401) throw new Error(expired);
  if (!response.ok) throw new TypeError(unreachable);
  return publicKey(await response.json());
}

async function ask(button, more = {}) {
  const request = { publicKey: await optionsFor(button), ...more };
  return button.dataset.passkey === "create" ? navigator.credentials.create(request) : navigator.credentials.get(request);
}

function send(button, credential) {
  const { form } = button;
  form.elements.passkey.value = json(credential);
  // A passkey replaces the fields that the form demands otherwise.
  form.noValidate = true;
  form.requestSubmit();
}

function sentenceOf(fault) {
  if (fault instanceof TypeError) return unreachable;
  if (fault instanceof DOMException) return sentences[fault.name] ?? sentences.NotAllowedError;
  return fault.message;
}

async function press(button) {
  const { form } = button;
  if (button.ariaBusy === "true") return;
  autofill?.abort();
  say(form, "");
  if (!window.PublicKeyCredential) {
    say(form, unsupported);
    return;
  }
  button.ariaBusy = "true";
  try {
    send(button, await ask(button));
  } catch (fault) {
    say(form, sentenceOf(fault));
    button.focus();
  } finally {
    button.ariaBusy = null;
  }
}

// Delegated, because dialogs come and go. The button is no submit button for itself: only the response is sent.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-passkey]");
  if (button === null) return;
  event.preventDefault();
  press(button);
});

// The browser offers passkeys among the suggestions of the e-mail field.
async function offer(button) {
  if (!(await window.PublicKeyCredential?.isConditionalMediationAvailable?.())) return;
  autofill = new AbortController();
  const { signal } = autofill;
  const renewal = setTimeout(() => {
    autofill.abort();
    offer(button);
  }, renewedAfter);
  try {
    const credential = await ask(button, { mediation: "conditional", signal });
    if (!signal.aborted) send(button, credential);
  } catch {
    // Cancelled, or replaced by the button: nothing was asked for.
  } finally {
    clearTimeout(renewal);
  }
}

const offered = document.querySelector("[data-passkey][data-autofill]");
if (offered !== null) offer(offered);

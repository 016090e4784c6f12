// Save is in the document only while the JWKS location, the certificate setting and the CA certificate are exactly those
// that were validated (or, when editing, those already in force). This is for the person's eyes: the server checks a signed
// receipt of its own and refuses what this script might let through.
const slow = 300;

let kept = null;
let slowly = null;
let asked = null;
let outdated = false;

function settings(form) {
  const validates = form.elements.verify_certificate.checked;
  return {
    location: form.elements.jwks_location.value,
    certificate: validates ? "on" : "off",
    // Not asked while validation is off, so it may change without anything to validate.
    authority: validates ? form.elements.authority.value : null,
  };
}

function settled(form) {
  const { location, certificate, authority } = settings(form);
  const are = (when) =>
    location === form.dataset[`${when}Location`] &&
    certificate === form.dataset[`${when}Certificate`] &&
    (authority === null || authority === form.dataset[`${when}Authority`]);
  return are("validated") || are("kept");
}

function announce(sentence) {
  document.dispatchEvent(new CustomEvent("announce", { detail: sentence }));
}

function update(form) {
  const foot = form.querySelector(".dialog-foot");
  const hint = foot.querySelector(".say");
  const save = form.querySelector("#save");
  if (settled(form)) {
    if (save === null && kept !== null) {
      foot.append(kept);
      hint.textContent = "";
      form.querySelector("#findings")?.removeAttribute("data-outdated");
      announce("Save is available again: the JWKS location is as validated");
    }
  } else if (save !== null) {
    kept = save;
    save.remove();
    hint.textContent = "Validate the JWKS location to save";
    const findings = form.querySelector("#findings");
    if (findings !== null) findings.dataset.outdated = "";
    announce("Save was removed: validate the JWKS location to save");
  }
}

function registration(target) {
  return target.closest?.("form[data-registration]") ?? null;
}

document.addEventListener("input", (event) => {
  const form = registration(event.target);
  if (form === null || !["jwks_location", "verify_certificate", "authority"].includes(event.target.name)) return;
  // The result of a validation of other settings must not arrive, and replace a certificate that is being typed.
  outdated = true;
  // Nor may a root be trusted that was presented for other settings, nor a summary stand beside another text.
  form.querySelector(".trust")?.remove();
  if (event.target.name === "authority") form.querySelector(".attached")?.remove();
  update(form);
});

// Enter presses the first submit button, which is Validate. Once Save is there, Enter saves.
document.addEventListener("keydown", (event) => {
  const form = registration(event.target);
  if (event.key !== "Enter" || form === null || !event.target.matches("input:not([type=hidden])")) return;
  const save = form.querySelector("#save");
  if (save === null) return;
  event.preventDefault();
  // A click and not requestSubmit: htmx goes by the button pressed last, and that was Validate.
  save.click();
});

document.body.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt.id !== "validate") return;
  const button = event.detail.elt;
  // Remembered as sent, so that typing during the wait can never be taken for validated. Not in the document: a private
  // key that was pasted by mistake must not stay in it.
  asked = settings(button.form);
  outdated = false;
  slowly = setTimeout(() => {
    button.setAttribute("aria-busy", "true");
    announce("Validating the JWKS location");
  }, slow);
});

document.body.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.elt.id !== "validate") return;
  clearTimeout(slowly);
  event.detail.elt.removeAttribute("aria-busy");
});

document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.requestConfig.elt.id !== "validate" || !outdated) return;
  event.detail.shouldSwap = false;
  announce("The settings have changed since. Validate again");
});

document.body.addEventListener("htmx:afterSettle", (event) => {
  const button = event.detail.requestConfig?.elt;
  if (button?.id !== "validate" || !button.isConnected) return;
  const form = button.form;
  kept = null;
  if (form.querySelector("input[name=receipt]") === null) {
    asked = null;
    delete form.dataset.validatedLocation;
    delete form.dataset.validatedCertificate;
    delete form.dataset.validatedAuthority;
  } else {
    form.dataset.validatedLocation = asked.location;
    form.dataset.validatedCertificate = asked.certificate;
    form.dataset.validatedAuthority = asked.authority ?? "";
  }
  update(form);
  const verdict = form.querySelector(".verdict, #validation .notice");
  // The step that failed says why; where both have no room, the verdict wins.
  form.querySelector(".step-failed")?.scrollIntoView({ block: "nearest" });
  verdict?.scrollIntoView({ block: "nearest" });
  const failed = form.querySelector(".step-failed .step-text > span");
  if (failed !== null) {
    announce(`${verdict.textContent.trim()}. ${failed.textContent}`);
    return;
  }
  announce(`${verdict?.textContent.trim() ?? "Validated"}${form.querySelector("#save") === null ? "" : ". Save is available"}`);
});

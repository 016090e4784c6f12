"use strict";
// Starts Swagger UI. In a file, because the Content-Security-Policy allows no inline script.
const reference = document.getElementById("reference");
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
window.SwaggerUIBundle({
    url: reference.dataset.document,
    domNode: reference,
    deepLinking: true,
    // No validator badge: it would send the document's address to another site.
    validatorUrl: null,
    presets: [window.SwaggerUIBundle.presets.apis],
});

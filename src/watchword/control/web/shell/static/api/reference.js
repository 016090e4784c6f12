"use strict";
// Starts Swagger UI. In a file, because the Content-Security-Policy allows no inline script.
const reference = document.getElementById("reference");
window.SwaggerUIBundle({
    url: reference.dataset.document,
    domNode: reference,
    deepLinking: true,
    // No validator badge: it would send the document's address to another site.
    validatorUrl: null,
    presets: [window.SwaggerUIBundle.presets.apis],
});

// The OpenAPI document to try. Calls go to this host only, as who is signed in: the session's cookie
// and its form token stand for a token, unless one is typed in.
const place = document.getElementById("api");
const dark = matchMedia("(prefers-color-scheme: dark)");
const dress = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", dress);
dress();

SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  displayRequestDuration: true,
  docExpansion: "list",
  defaultModelsExpandDepth: -1,
  tryItOutEnabled: true,
  syntaxHighlight: { theme: "obsidian" }, // the usual theme is hard to read
  validatorUrl: null, // asks nobody else about the document
  showMutatedRequest: false, // curl is shown without the session
  requestInterceptor(request) {
    const isOurs = new URL(request.url, location.href).origin === location.origin;
    if (isOurs && !request.headers.Authorization) request.headers["X-Form-Token"] = place.dataset.formToken;
    return request;
  },
});

// What Swagger UI leaves without a name, or out of the keyboard's reach.
function name() {
  for (const field of place.querySelectorAll(":is(textarea, select, input):not([aria-label])")) {
    field.setAttribute("aria-label", field.closest("tr")?.dataset.paramName ?? "Request body");
  }
  for (const code of place.querySelectorAll(".microlight:not([tabindex])")) code.tabIndex = 0;
}
new MutationObserver(name).observe(place, { childList: true, subtree: true });

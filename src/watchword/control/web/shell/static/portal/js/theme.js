// Light, dark or the system's choice. Kept in a cookie, so that the server sends the right theme and no page flashes.
const order = ["system", "light", "dark"];

function chosen() {
  return document.documentElement.dataset.theme ?? "system";
}

function show(button) {
  const now = chosen();
  for (const icon of button.querySelectorAll("[data-theme-icon]")) icon.hidden = icon.dataset.themeIcon !== now;
  button.setAttribute("aria-label", `Theme: ${now}`);
  button.title = `Theme: ${now}`;
}

function choose(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `theme=${theme}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}

for (const button of document.querySelectorAll("[data-theme-switch]")) {
  show(button);
  button.addEventListener("click", () => {
    choose(order[(order.indexOf(chosen()) + 1) % order.length]);
    show(button);
  });
}

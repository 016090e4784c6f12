// Shows times as "5 minutes ago", with the UTC time as the title, and keeps them current on a page that stays open.
// Adds the local time to the UTC time of events.
const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

const relative = new Intl.RelativeTimeFormat("en");
const local = new Intl.DateTimeFormat("sv", { dateStyle: "short", timeStyle: "medium" });
const zone = new Intl.DateTimeFormat("en", { timeZoneName: "longOffset" });

function words(seconds) {
  const distance = Math.abs(seconds);
  if (distance < minute) return "just now";
  if (distance < hour) return relative.format(Math.trunc(seconds / minute), "minute");
  if (distance < 2 * day) return relative.format(Math.trunc(seconds / hour), "hour");
  return relative.format(Math.trunc(seconds / day), "day");
}

function showRelative() {
  for (const time of document.querySelectorAll("time[data-relative]")) {
    if (!time.title) time.title = time.textContent;
    const text = words((Date.parse(time.dateTime) - Date.now()) / 1000);
    if (time.textContent !== text) time.textContent = text;
  }
}

function localTime(at, shown) {
  const [date, time] = local.format(at).split(" ");
  const offset = zone.formatToParts(at).find((part) => part.type === "timeZoneName").value.replace("GMT", "");
  return `${shown.startsWith(date) ? "" : `${date} `}${time} ${offset}`;
}

function showLocal() {
  for (const time of document.querySelectorAll("time[data-local]")) {
    time.removeAttribute("data-local");
    const at = new Date(time.dateTime);
    if (at.getTimezoneOffset() === 0) continue;
    const own = document.createElement("span");
    own.className = "local-time";
    own.textContent = localTime(at, time.textContent);
    time.after(" ", own);
  }
}

function show() {
  showRelative();
  showLocal();
}

show();
document.body.addEventListener("htmx:load", show);
setInterval(showRelative, 30_000);

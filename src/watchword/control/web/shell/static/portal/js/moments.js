// Keeps relative times true on a page that stays open; the server's words are the model, see moments.py. Puts the person's
// own time beside the absolute ones.
const minute = 60;
const hour = 3600;
const day = 86400;

function elapsed(seconds) {
  if (seconds < hour) return `${Math.floor(seconds / minute)} min`;
  if (seconds < 2 * day) return `${Math.floor(seconds / hour)} h`;
  return `${Math.floor(seconds / day)} days`;
}

function relative(moment) {
  const seconds = (Date.now() - moment) / 1000;
  if (Math.abs(seconds) < minute) return "just now";
  return seconds > 0 ? `${elapsed(seconds)} ago` : `in ${elapsed(-seconds)}`;
}

function twoDigits(number) {
  return String(number).padStart(2, "0");
}

// The person's own time beside an event's, with the day where that is another one.
function ownTime(at, shown) {
  const day = `${at.getFullYear()}-${twoDigits(at.getMonth() + 1)}-${twoDigits(at.getDate())}`;
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(twoDigits).join(":");
  const ahead = -at.getTimezoneOffset();
  const zone = `${ahead < 0 ? "−" : "+"}${twoDigits(Math.floor(Math.abs(ahead) / 60))}:${twoDigits(Math.abs(ahead) % 60)}`;
  return `${shown.startsWith(day) ? "" : `${day} `}${time} ${zone}`;
}

function showOwnTimes() {
  for (const time of document.querySelectorAll("time[data-own-zone]")) {
    const at = new Date(time.dateTime);
    time.removeAttribute("data-own-zone");
    if (at.getTimezoneOffset() === 0) continue;
    const own = document.createElement("span");
    own.className = "own-zone";
    own.textContent = ownTime(at, time.textContent);
    time.after(" ", own);
  }
}

showOwnTimes();
document.body.addEventListener("htmx:load", showOwnTimes);

setInterval(() => {
  for (const time of document.querySelectorAll("time[data-relative]")) {
    const text = relative(Date.parse(time.dateTime));
    if (time.textContent !== text) time.textContent = text;
  }
}, 30_000);

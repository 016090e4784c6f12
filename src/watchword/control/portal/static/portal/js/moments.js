// Keeps relative times true on a page that stays open. The server's words are the model; see moments.py.
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

setInterval(() => {
  for (const time of document.querySelectorAll("time[data-relative]")) {
    const text = relative(Date.parse(time.dateTime));
    if (time.textContent !== text) time.textContent = text;
  }
}, 30_000);

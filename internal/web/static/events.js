"use strict";
// A page that shows what happens is told when something does, by the stream of events that
// everybody else can follow, too. An event is a knock: the page is asked for again, so that
// what it shows is searched, and drawn, in one place. It begins after the last event that the
// page knows of, and goes on after the last one that came, so that none is missed; while
// there is no stream the page is asked for every so often, as others are. Who does not look
// has none: a browser has few connections to a server.

(() => {
  const MOST_OFTEN = 1000, TRY_AGAIN = 30000;
  let source = null, follows = "", knock = 0, knocked = 0, later = 0;

  function knocks() {
    if (knock) return;
    knock = setTimeout(() => { knock = 0; knocked = Date.now(); loka.refresh(); }, Math.max(0, knocked + MOST_OFTEN - Date.now()));
  }

  function leave() {
    clearTimeout(later);
    later = 0;
    source?.close();
    source = null;
    loka.streams(false);
  }

  function follow() {
    const log = document.querySelector("[data-stream]"), address = log?.dataset.stream ?? "";
    if (!address || document.hidden) return leave();
    if (source && address === follows) return;
    leave();
    follows = address;
    const mine = source = new EventSource(`${address}&last_event_id=${encodeURIComponent(log.dataset.last)}`);
    mine.addEventListener("open", () => loka.streams(true));
    mine.addEventListener("error", () => {
      if (mine !== source) return;
      loka.streams(false);
      if (mine.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      leave();
      later = setTimeout(() => { later = 0; follow(); }, TRY_AGAIN);
    });
    for (const kind of [...new URLSearchParams(address.split("?")[1]).get("kinds").split(","), "gap"]) mine.addEventListener(kind, knocks);
  }

  loka.on("refreshed", () => { if (source || !later) follow(); });
  document.addEventListener("visibilitychange", follow);
  follow();
})();

"use strict";
// A link from another site (a message, say) comes without the session's cookie. Asking
// again from here brings it: whoever is signed in goes on, all others see the form.
if (location.pathname !== "/signin" && !document.getElementById("wrong")) {
  const wanted = location.pathname + location.search;
  fetch("/api/v1/session", { headers: { Accept: "application/json" } }).then(async (answer) => {
    if (answer.ok && (await answer.json()).signed_in && !sessionStorage.getItem("loka-again")) {
      sessionStorage.setItem("loka-again", "1");
      location.replace(wanted);
    }
  }).catch(() => { /* then the form it is */ });
}

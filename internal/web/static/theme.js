"use strict";
// Before anything is drawn: the look that was chosen here, if one was.
try {
  const theme = localStorage.getItem("loka-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch { /* storage is off: the system's look it is */ }

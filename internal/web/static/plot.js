"use strict";
// Draws history into elements with data-plot. What is drawn comes from the API address
// in data-src, whose points have the keys in data-series; it is asked for again once a
// minute, and at once where the address has changed.

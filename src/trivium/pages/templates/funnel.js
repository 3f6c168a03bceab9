"use strict";
(function () {
  function show() {
    var found = location.hash.length > 1 ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null;
    if (!found) return;
    for (var at = found; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    found.scrollIntoView({ behavior: "instant" });
    var summary = found.querySelector("summary");
    if (summary && found.tagName === "DETAILS") summary.focus({ preventScroll: true });
  }
  window.addEventListener("hashchange", show);
  document.addEventListener("click", function (event) {
    var link = event.target.closest ? event.target.closest("a[href]") : null;
    var href = link && link.getAttribute("href");
    if (href && href === location.hash) show();
  });
  show();
})();

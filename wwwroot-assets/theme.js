// Before the first paint: until the person has chosen, the app is light or dark as the system is. The cookie tells the server, so that the next page comes that way.
(() => {
  "use strict";

  if (/(?:^|; )evose\.theme=/.test(document.cookie)) return;
  const theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  document.documentElement.dataset.theme = theme;
  document.cookie = `evose.system=${theme}; path=/; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
})();

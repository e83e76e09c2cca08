// Small things that the browser must do itself. Nothing here reads or keeps a secret.
(() => {
  "use strict";

  const year = 31536000;
  const setCookie = (name, value) => {
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=${year}; samesite=lax${secure}`;
  };

  const setTheme = dark => {
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    setCookie("evose.theme", dark ? "dark" : "light");
  };

  const say = (button, text) => {
    const label = button.querySelector("[data-label]") || button;
    const before = label.textContent;
    if (button.dataset.busy) return;
    button.dataset.busy = "1";
    label.textContent = text;
    setTimeout(() => { label.textContent = before; delete button.dataset.busy; }, 1600);
  };

  const textOf = id => (document.getElementById(id)?.textContent || "").trim();

  // The clipboard needs a secure context; elsewhere the text is selected, ready for the keyboard.
  const copy = async (button, id) => {
    try {
      await navigator.clipboard.writeText(textOf(id));
      say(button, "Copied");
    } catch {
      getSelection().selectAllChildren(document.getElementById(id));
      say(button, "Selected: press Ctrl C");
    }
  };

  const download = (id, file) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([textOf(id) + "\n"], { type: "text/plain" }));
    link.download = file;
    link.click();
    URL.revokeObjectURL(link.href);
  };

  const closeMenus = except => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
  };

  document.addEventListener("click", event => {
    const target = event.target instanceof Element ? event.target : null;
    if (!target) return;
    const inside = target.closest("details.menu");
    closeMenus(inside);
    // A choice closes its menu, but only after it took effect.
    if (inside && target.closest(".menu-panel a, .menu-panel button")) setTimeout(() => { inside.open = false; }, 0);

    const skip = target.closest("[data-skip]");
    if (skip) {
      // With a <base> the address "#main" would leave the page.
      event.preventDefault();
      event.stopPropagation();
      document.getElementById(skip.dataset.skip)?.focus();
      return;
    }
    const copying = target.closest("[data-copy]");
    if (copying) { copy(copying, copying.dataset.copy); return; }
    const downloading = target.closest("[data-download]");
    if (downloading) { download(downloading.dataset.download, downloading.dataset.file || "evose.txt"); return; }
    if (target.closest("[data-theme-toggle]")) setTheme(document.documentElement.dataset.theme !== "dark");
    if (target.closest("[data-reload]")) location.reload();
  }, true);

  document.addEventListener("keydown", event => {
    if (event.key !== "Escape") return;
    const open = document.querySelector("details.menu[open]");
    if (!open) return;
    open.open = false;
    open.querySelector("summary")?.focus();
  });

  window.evose = {
    setTheme,
    isDark: () => document.documentElement.dataset.theme === "dark",
    /** Remembers which workspace to open next time. */
    rememberWorkspace: slug => setCookie("evose.ws", slug),
    /** Small preferences of this browser, such as a hidden checklist. */
    recall: key => { try { return localStorage.getItem(`evose.${key}`); } catch { return null; } },
    remember: (key, value) => { try { localStorage.setItem(`evose.${key}`, value); } catch { /* private mode */ } },
    copyText: async text => { try { await navigator.clipboard.writeText(text); return true; } catch { return false; } }
  };
})();

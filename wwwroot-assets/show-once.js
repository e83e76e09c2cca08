// What exists once goes from its endpoint straight to the screen: not through the page's connection, and not kept anywhere here.
window.evoseShowOnce = {
  async run(root, path, ticket) {
    let sent = false;
    try {
      const token = (await (await fetch("/ui/antiforgery", { cache: "no-store" })).json()).token;
      sent = true;
      const response = await fetch(path, {
        method: "POST",
        cache: "no-store",
        redirect: "error",
        body: JSON.stringify({ ticket }),
        headers: { "Content-Type": "application/json", RequestVerificationToken: token },
      });
      const answer = await response.json();
      if (!response.ok) return { ok: false, shown: false, message: answer.error.message, field: answer.error.details.field ?? null };
      if (answer.once === null) return { ok: true, shown: false };
      show(root, answer.once);
      return { ok: true, shown: true };
    } catch {
      return {
        ok: false,
        shown: false,
        message: sent
          ? "The answer did not arrive. Look in the list whether it was made; if it was, revoke it and try again."
          : "The app could not be reached. Check the connection and try again.",
      };
    }
  },

  clear(root) {
    window.removeEventListener("beforeunload", warn);
    if (!root) return;
    root.hidden = true;
    root.querySelector("[data-once-value]").value = "";
    const snippet = root.querySelector("[data-once-snippet]");
    if (snippet) snippet.textContent = "";
  },
};

function show(root, once) {
  const text = once.startsWith("/") ? new URL(once, location.origin).href : once;
  const value = root.querySelector("[data-once-value]");
  const snippet = root.querySelector("[data-once-snippet]");
  value.value = text;
  if (snippet) snippet.textContent = snippet.dataset.onceSnippet.replaceAll("{origin}", location.origin).replaceAll("{value}", text);
  root.hidden = false;
  window.addEventListener("beforeunload", warn);
  value.focus();
  value.select();
}

function warn(e) {
  e.preventDefault();
}

// A page that the browser keeps for the back button must not keep the value.
window.addEventListener("pagehide", () => {
  for (const root of document.querySelectorAll("[data-once]")) window.evoseShowOnce.clear(root);
});

document.addEventListener("click", async e => {
  const button = e.target.closest("[data-once-copy]");
  if (!button) return;
  const source = button.closest("[data-once]").querySelector(button.dataset.onceCopy);
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent);
    button.textContent = "Copied";
  } catch {
    // Without HTTPS there is no clipboard: what is selected can be copied by hand.
    if (source.select) source.select();
    else getSelection().selectAllChildren(source);
    button.textContent = "Press Ctrl+C";
  }
  setTimeout(() => (button.textContent = "Copy"), 2000);
});

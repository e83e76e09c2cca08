// Values go from the input straight to the intake endpoint: not through the page's connection, and not kept anywhere here.
window.evoseSecretField = {
  hasValue: input => input.value.trim().length > 0,

  async send(input, ticket) {
    const bytes = new TextEncoder().encode(input.value);
    input.value = "";
    try {
      const token = (await (await fetch("/ui/antiforgery", { cache: "no-store" })).json()).token;
      const answer = await fetch("/ui/intake", {
        method: "POST",
        body: bytes,
        headers: { "Content-Type": "application/octet-stream", "X-Evose-Ticket": ticket, RequestVerificationToken: token },
      });
      if (answer.ok) return { ok: true };
      return { ok: false, message: (await answer.json()).error.message };
    } catch {
      return { ok: false, message: "The value could not be sent. Check the connection and enter it again." };
    } finally {
      bytes.fill(0);
    }
  },
};

document.addEventListener("click", e => {
  const button = e.target.closest("[data-peek]");
  if (!button) return;
  const input = document.getElementById(button.dataset.peek);
  const area = input.tagName === "TEXTAREA";
  const hidden = area ? !input.classList.contains("shown") : input.type === "password";
  if (area) input.classList.toggle("shown", hidden);
  else input.type = hidden ? "text" : "password";
  button.textContent = hidden ? "Hide" : "Show";
});

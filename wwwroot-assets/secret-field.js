// Values go from the input straight to the intake endpoint: not through the page's connection, and not kept anywhere here.
window.evoseSecretField = {
  hasValue: input => input.value.trim().length > 0,

  // Whether what is typed has the form that the service's keys have. Said here and nowhere else.
  look(input) {
    const { form, formOf, testForm, hint } = input.dataset;
    const said = document.getElementById(hint);
    if (!said) return;
    const value = input.value.trim();
    const fits = pattern => new RegExp(pattern).test(value);
    said.textContent =
      value.length < 8 ? ""
      : testForm && fits(`^(?:${testForm})$`) ? `This is a test key of ${formOf}, and the name says production.`
      : !form ? ""
      : fits(form) ? `Has the form of a key of ${formOf}.`
      : `This does not have the form of a key of ${formOf}. Check that all of it was copied; it is taken all the same.`;
    said.classList.toggle("form-hint-warn", said.textContent.startsWith("This"));
  },

  async send(input, ticket) {
    const bytes = new TextEncoder().encode(input.value);
    input.value = "";
    evoseSecretField.look(input);
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

document.addEventListener("input", e => {
  if (e.target.dataset?.hint) evoseSecretField.look(e.target);
});

// Enter chooses in the list of services; it does not send the form around it.
document.addEventListener("keydown", e => {
  if (e.key === "Enter" && e.target.closest?.(".provider-picker [role=combobox]")) e.preventDefault();
});

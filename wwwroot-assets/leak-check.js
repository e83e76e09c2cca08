// The text to check goes from the box straight to where it is compared: not through the page's connection, and not kept anywhere here.
document.addEventListener("click", async event => {
  const button = event.target instanceof Element ? event.target.closest("[data-check]") : null;
  if (!button) return;
  const box = document.getElementById(button.dataset.check);
  const answer = document.getElementById(button.dataset.checkTo);
  const say = (kind, ...parts) => {
    const line = document.createElement("div");
    line.className = `banner banner-${kind}`;
    const span = document.createElement("span");
    span.append(...parts);
    line.append(span);
    answer.append(line);
  };
  answer.replaceChildren();
  const text = box.value;
  if (text.trim().length === 0) { say("warn", "Paste a text first."); return; }
  // Read before it is sent: a text of many megabytes would only be refused.
  if (new Blob([text]).size > 1000 * 1000) { say("bad", "The text is too large: at most 1 MiB at a time. For files and logs of any size use the command line: scan PATH."); return; }
  button.disabled = true;
  try {
    const token = (await (await fetch("/ui/antiforgery", { cache: "no-store" })).json()).token;
    const sent = await fetch("/ui/leaks/check", { method: "POST", body: JSON.stringify({ text }), headers: { "Content-Type": "application/json", RequestVerificationToken: token } });
    const body = await sent.json();
    if (!sent.ok) { say("bad", body.error.message); return; }
    box.value = "";
    for (const hit of body.found) {
      const link = document.createElement("a");
      link.href = `/w/${hit.workspace}/leaks/${hit.report}`;
      link.textContent = "Open the report";
      link.dataset.testid = "check-hit";
      say("bad", `This is version ${hit.version} (${hit.state}) of ${hit.credential} in ${hit.workspace}. `, link);
    }
    for (const form of body.looks_like) say("warn", `It holds something that looks like ${form}.`);
    if (body.found.length === 0) say("info", `${body.checked} pieces compared. None of them is the value of a credential that you may see.`);
  } catch {
    say("bad", "The text could not be sent. Check the connection and try again.");
  } finally {
    button.disabled = false;
  }
});

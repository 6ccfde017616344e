/** A whole page in the style of the door. `title` is text, `body` is HTML. */
export function page(title: string, body: string, head = ""): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
${head}<title>${escapeHtml(title)} · Nightshift</title>
<link rel="icon" href="/assets/moon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/pages.css">
</head>
<body>
<main>
<header><img src="/assets/moon.svg" alt=""><h1>${escapeHtml(title)}</h1></header>
${body}
</main>
</body>
</html>
`;
}

/** The door. `refusal`: why the last key did not open it. */
export function signInPage(options: { next: string; refusal?: string }): string {
  const { next, refusal } = options;
  const alarm = refusal ? `<p class="alarm" role="alert" id="refusal">${escapeHtml(refusal)}</p>` : "";
  const described = refusal ? 'aria-invalid="true" aria-describedby="refusal hint"' : 'aria-describedby="hint"';
  return page(
    "Nightshift dashboard",
    `<p>See what waits, what runs and what failed, and act on it.</p>
${alarm}
<form method="post" action="/sign-in">
<input type="hidden" name="next" value="${escapeHtml(next)}">
<input type="text" name="username" value="nightshift" autocomplete="username" readonly hidden>
<label for="key">API key</label>
<input id="key" name="key" type="password" required autofocus autocomplete="current-password" spellcheck="false" autocapitalize="off" ${described}>
<p class="hint" id="hint">A viewer, operator or admin key for all tenants. <code>npm run key</code> makes one.</p>
<button type="submit">Sign in</button>
</form>`,
  );
}

export function signOutPage(options: { keyId: string; role: string; board: string }): string {
  const { keyId, role, board } = options;
  return page(
    "Sign out",
    `<p>You are signed in as ${escapeHtml(role)} with key <code>${escapeHtml(keyId)}</code>.</p>
<form method="post" action="/sign-out">
<button type="submit">Sign out</button>
</form>
<p class="aside"><a href="${escapeHtml(board)}">Back to the board</a></p>`,
  );
}

/**
 * A link in a chat or a pager leads here from another site, so the browser keeps the session cookie back. This page comes
 * again by itself, this time from our own site and with the cookie.
 */
export function comeAgainPage(): string {
  return page("One moment", "<p>Opening the dashboard…</p>", '<meta http-equiv="refresh" content="0">\n');
}

export function errorPage(title: string, explanation: string): string {
  return page(title, `<p role="alert">${escapeHtml(explanation)}</p>`);
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

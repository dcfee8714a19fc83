import type { Problem } from "./problem";
import { problemTitle } from "./problem";

// The door's pages: one screen each, without a request to anybody else.

export interface Page {
    readonly html: string;
    readonly headers: Readonly<Record<string, string>>;
}

/** The fragment in which whoever signed somebody in hands the token on: a fragment is never sent, so no log or referrer has it. */
export const TOKEN_FRAGMENT = "taskgate-token";

const style = `:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}
body{display:grid;place-content:center;min-height:100vh;margin:0;padding:1rem;box-sizing:border-box}
main{max-width:32rem}
h1{font-size:1.4rem;margin:0 0 1rem}
ol{list-style:none;padding:0;margin:1rem 0}
li{padding:.25rem 0 .25rem 1.75rem;position:relative;opacity:.6}
li::before{content:"○";position:absolute;left:0}
li.done{opacity:1}
li.done::before{content:"✓"}
li[aria-current]{opacity:1;font-weight:600}
li[aria-current]::before{content:"●"}
@media (prefers-reduced-motion:no-preference){li[aria-current]::before{animation:b 1.2s infinite alternate}@keyframes b{to{opacity:.2}}}`;

/** The steps to a session that answers, in the words of its page. */
export const STEPS = [
    "Asked for",
    "Its machine is prepared, its image pulled",
    "Its name is made known",
    "It answers",
] as const;

/** Shown while a session starts. It asks every second or so, and goes on by itself. */
export function waitingPage(key: string, step: number, isEnding: boolean, nonce: string): Page {
    const steps = STEPS.map((text, index) => {
        const state = index < step ? ' class="done"' : index === step ? ' aria-current="step"' : "";
        return `<li${state}>${text}</li>`;
    }).join("");
    const words = isEnding ? "The one before is ending. A new one starts when it has." : STEPS[step];
    return page(
        `Session ${key} is starting`,
        `<h1>Session ${escapeHtml(key)} is starting</h1>
<p>This page goes on by itself. Mostly it takes less than a minute, longer for a large image.</p>
<ol>${steps}</ol>
<p role="status" id="status">${escapeHtml(words)}</p>
<noscript><p>Without JavaScript it looks again every three seconds.</p></noscript>`,
        nonce,
        { head: '<noscript><meta http-equiv="refresh" content="3"></noscript>', script: waitingScript },
    );
}

const waitingScript = `
const status = document.getElementById("status"), steps = document.querySelectorAll("li");
let failures = 0;
async function look() {
    try {
        const response = await fetch(location.href, { headers: { accept: "application/json" }, cache: "no-store" });
        const answer = await response.json();
        failures = 0;
        if (answer.location) {
            location.replace(answer.location + location.hash);
            return;
        }
        if (!response.ok) {
            location.reload();
            return;
        }
        steps.forEach((one, index) => {
            one.className = index < answer.step ? "done" : "";
            if (index === answer.step) one.setAttribute("aria-current", "step");
            else one.removeAttribute("aria-current");
        });
        if (status.textContent !== answer.words) status.textContent = answer.words;
    } catch {
        if (++failures === 5) status.textContent = "There is no connection at the moment. It is tried again.";
    }
    setTimeout(look, 1000);
}
setTimeout(look, 1000);`;

/** For who brings no token, or one that is no longer good: takes the one in the fragment, else shows where to sign in. */
export function signInPage(signInUrl: string | undefined, returnTo: string, nonce: string): Page {
    const link =
        signInUrl &&
        `${signInUrl}${signInUrl.includes("?") ? "&" : "?"}${new URLSearchParams({ return: returnTo }).toString()}`;
    return page(
        "Sign in",
        `<h1>Sign in</h1>
<p id="words">${link ? `This session is open to its own people. <a href="${escapeHtml(link)}">Sign in</a> to go on.` : "This session is open to its own people: come by the link of the application that you are signed in to."}</p>
<form id="form" method="post" action="/_enter"><input type="hidden" name="token"><input type="hidden" name="to"></form>`,
        nonce,
        { script: signInScript },
    );
}

const signInScript = `
const token = new URLSearchParams(location.hash.slice(1)).get("${TOKEN_FRAGMENT}");
if (token) {
    history.replaceState(null, "", location.pathname + location.search);
    const form = document.getElementById("form");
    form.elements.token.value = token;
    form.elements.to.value = location.pathname + location.search;
    document.getElementById("words").textContent = "One moment.";
    form.submit();
}`;

export function problemPage(problem: Problem, nonce: string): Page {
    const title = problemTitle(problem);
    return page(title, `<h1>${escapeHtml(title)}</h1>\n<p>${escapeHtml(problem.detail)}</p>`, nonce, {});
}

function page(
    title: string,
    body: string,
    nonce: string,
    { head = "", script }: { head?: string; script?: string },
): Page {
    return {
        html: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
${head}<style nonce="${nonce}">${style}</style>
</head>
<body>
<main>
${body}
</main>
${script === undefined ? "" : `<script nonce="${nonce}">${script}\n</script>\n`}</body>
</html>
`,
        headers: {
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
        },
    };
}

export function escapeHtml(text: string): string {
    return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

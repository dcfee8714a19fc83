// The console's page: it reads the stream of entries, and draws them once a frame at most.
import { render } from "./preact.mjs";
import { Certificates, Dashboards, Functions, html, Log, Plot, Queues, Requests, Tasks } from "./parts.mjs";

const token = location.hash.slice(1);
const authorization = { authorization: `Bearer ${token}` };
const entries = new Map();
/** Lists by kind, made anew when one of their entries has changed, so that parts can tell by identity. */
const lists = new Map();
let limits = {};
let connection = "connecting";
let said = "";
let isAsked = false;

function take(changes) {
    for (const { kind, key, value } of changes) {
        const ofKind = entries.get(kind) ?? new Map();
        entries.set(kind, ofKind);
        lists.delete(kind);
        const before = ofKind.get(key);
        ofKind.delete(key);
        if (value === null) {
            continue;
        }
        ofKind.set(key, value);
        if (ofKind.size > limits[kind]) {
            ofKind.delete(ofKind.keys().next().value);
        }
        if (kind === "task" && before !== undefined && before.status !== value.status) {
            said = `Task ${key.slice(0, 8)} is ${value.status}${value.status === "STOPPED" ? `: ${value.note}` : ""}`;
        }
    }
    ask();
}

function listOf(kind) {
    if (!lists.has(kind)) {
        lists.set(kind, [...(entries.get(kind) ?? [])]);
    }
    return lists.get(kind);
}

const values = new Map();
function valuesOf(kind) {
    const list = listOf(kind);
    if (values.get(kind)?.list !== list) {
        values.set(kind, { list, values: list.map(([, value]) => value) });
    }
    return values.get(kind).values;
}

const keySets = new Map();
function keysOf(kind) {
    const list = listOf(kind);
    if (keySets.get(kind)?.list !== list) {
        keySets.set(kind, { list, keys: new Set(list.map(([key]) => key)) });
    }
    return keySets.get(kind).keys;
}

function ask() {
    if (!isAsked) {
        isAsked = true;
        requestAnimationFrame(() => {
            isAsked = false;
            draw();
        });
    }
}

async function act(action, input = {}) {
    said = `${action} …`;
    ask();
    try {
        const response = await fetch(`/actions/${action}`, {
            method: "POST",
            headers: authorization,
            body: JSON.stringify(input),
        });
        const text = await response.text();
        said = response.ok ? (JSON.parse(text) ?? `${action}: done`) : `${action} failed: ${text}`;
    } catch (error) {
        said = `${action} failed: ${error.message}`;
    }
    ask();
}

const sections = [
    ["tasks", "Tasks"],
    ["break", "Break"],
    ["certificate", "Certificate"],
    ["functions", "Functions"],
    ["queues", "Queues"],
    ["requests", "Requests"],
    ["plots", "Plots"],
    ["dashboards", "Dashboards"],
    ["log-one", "Logs"],
];

/** The fragment holds the token: a jump must not replace it. */
function jump(event) {
    const id = event.target.closest("[data-section]")?.dataset.section;
    if (id !== undefined) {
        event.preventDefault();
        const section = document.getElementById(id);
        section?.setAttribute("tabindex", "-1");
        section?.focus();
        section?.scrollIntoView();
    }
}

const switches = [
    ["loseEvents", "Lose task events"],
    ["throttle route53", "Throttle Route 53"],
    ["throttle ecs", "Throttle ECS"],
    ["throttle secretsmanager", "Throttle Secrets Manager"],
    ["authority", "Hang the certificate authority"],
];

function Break({ faults }) {
    return html`<section id="break" class=${faults.size > 0 ? "broken" : ""} aria-labelledby="break-heading">
        <h2 id="break-heading">
            Break <span class="quiet">and see what it leads to; each stays so until it is switched off</span>
        </h2>
        <div class="bar">
            ${switches.map(
                ([name, label]) =>
                    html`<button
                        type="button"
                        role="switch"
                        aria-checked=${String(faults.has(name))}
                        class=${faults.has(name) ? "bad" : ""}
                        onClick=${() => act("breakOrMend", { fault: name })}
                    >
                        ${label}${faults.has(name) ? " (on)" : ""}
                    </button>`,
            )}
        </div>
    </section>`;
}

const startTasks = (event) => {
    event.preventDefault();
    void act("run", { count: event.target.elements.count.value });
};

function App() {
    const about = Object.fromEntries(listOf("about"));
    const samples = valuesOf("sample");
    const cost = samples.at(-1)?.cost ?? 0;
    const isBusy = about.operation?.isRunning ?? false;
    return html`<header>
            <h1>taskgate</h1>
            <span>${about.system?.name} <span class="quiet">${about.system?.gatewayUrl}</span></span>
            <span class=${connection === "live" ? "good" : "bad"}>${connection}</span>
            <span title="Fargate and IPv4 in eu-west-1, of the tasks that run now"
                >an hour like this on AWS: <b class="number">$${cost.toFixed(4)}</b></span
            >
        </header>
        <nav aria-label="Sections">
            ${sections.map(([id, label]) => html`<a href=${`#${id}`} data-section=${id}>${label}</a>`)}
        </nav>
        <div class="bar">
            <form class="bar" onSubmit=${startTasks}>
                <label>Tasks <input type="number" name="count" min="1" max="100" value="1" /></label>
                <button type="submit">Run</button>
            </form>
            <button type="button" onClick=${() => act("stop")}>Stop all</button>
            <button type="button" onClick=${() => act("renew")}>Renew the certificate</button>
            <button type="button" disabled=${isBusy} onClick=${() => act("up")}>pulumi up</button>
            <button type="button" disabled=${isBusy} onClick=${() => confirm("Destroy the stack?") && act("destroy")}>
                pulumi destroy
            </button>
        </div>
        <p role="status">${said} ${about.operation ? html`<span class="quiet">${about.operation.text}</span>` : ""}</p>
        <${Tasks} tasks=${valuesOf("task")} faults=${keysOf("fault")} act=${act} />
        <${Break} faults=${keysOf("fault")} />
        <div class="pair">
            <${Certificates} certificates=${valuesOf("certificate")} now=${Math.floor(Date.now() / 60_000) * 60_000} />
            <${Queues} queues=${valuesOf("queue")} targets=${valuesOf("target")} />
        </div>
        <div class="pair">
            <${Functions} runs=${listOf("run")} />
            <${Requests} requests=${listOf("request")} />
        </div>
        <section id="plots" aria-label="Plots" class="pair">
            <${Plot} samples=${samples} member="running" label="Tasks that run" />
            <${Plot}
                samples=${samples}
                member="toAnswer"
                label="From RUNNING to the first answer, ms, of the last task"
            />
        </section>
        <${Dashboards} dashboards=${listOf("dashboard")} metrics=${valuesOf("metric")} />
        <div class="pair">
            <${Log} id="log-one" label="Log" lines=${listOf("line")} />
            <${Log} id="log-two" label="Log beside it" lines=${listOf("line")} />
        </div>`;
}

function draw() {
    render(html`<${App} />`, document.getElementById("app"));
}

async function read() {
    const response = await fetch("/stream", { headers: authorization });
    if (!response.ok) {
        throw new Error(await response.text());
    }
    entries.clear();
    lists.clear();
    connection = "live";
    let rest = "";
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
        const { value, done } = await reader.read();
        if (done) {
            return;
        }
        const lines = (rest + value).split("\n");
        rest = lines.pop();
        for (const line of lines) {
            const told = JSON.parse(line);
            if (Array.isArray(told)) {
                take(told);
            } else {
                limits = told.limits;
            }
        }
    }
}

async function stayConnected() {
    for (;;) {
        try {
            await read();
            connection = "ended: the system has stopped";
        } catch (error) {
            connection = error.message;
        }
        ask();
        await new Promise((resolve) => setTimeout(resolve, 2_000));
    }
}

document.getElementById("app").replaceChildren();
document.addEventListener("click", jump);
void stayConnected();

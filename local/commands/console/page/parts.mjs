// The parts of the page: each shows one kind of entry, and is drawn again when what it shows has changed.
import { Component, h } from "./preact.mjs";
import htm from "./htm.mjs";
import uPlot from "./uPlot.mjs";

export const html = htm.bind(h);

/** A part that is drawn again only when one of its properties is another. */
class Part extends Component {
    shouldComponentUpdate(next) {
        return Object.keys({ ...next, ...this.props }).some((name) => next[name] !== this.props[name]);
    }
}

export const clock = (time) => new Date(time).toLocaleTimeString("en-GB");
const date = (time) => new Date(time).toISOString().slice(0, 16).replace("T", " ");
const took = (from, to) => (to - from < 10_000 ? `${to - from} ms` : `${Math.round((to - from) / 1000)} s`);

const stepNames = [
    ["PROVISIONING", "provisioning"],
    ["PENDING", "pending"],
    ["RUNNING", "running"],
    ["named", "name in DNS"],
    ["answered", "first answer"],
    ["stopping", "told to stop"],
    ["STOPPED", "stopped"],
];

/** When each step came, and how long after the one before. */
function stepsOf({ steps, answer }) {
    const seen = stepNames
        .filter(([key]) => steps[key] !== undefined)
        .sort(([one], [other]) => steps[one] - steps[other]);
    return seen.map(([key, name], at) => ({
        name: key === "answered" && answer !== undefined ? `${name} ${answer}` : name,
        after: at === 0 ? clock(steps[key]) : `+${took(steps[seen[at - 1][0]], steps[key])}`,
    }));
}

const tone = (status) => (status === "RUNNING" ? "good" : status === "STOPPED" ? "quiet" : "wait");

class Task extends Part {
    render({ task, act, isHung }) {
        const { id, status, note, hostname, address, health, steps } = task;
        const short = id.slice(0, 8);
        const alive = status !== "STOPPED";
        const button = (label, action, input) =>
            html`<button type="button" aria-label=${`${label} ${short}`} onClick=${() => act(action, input)}>
                ${label}
            </button>`;
        return html`<tr data-task=${id}>
            <td><code title=${id}>${short}</code></td>
            <td class=${tone(status)}>
                ${status}${health === "UNKNOWN" ? "" : html` <span class=${health === "HEALTHY" ? "good" : "bad"}>${health.toLowerCase()}</span>`}
            </td>
            <td>
                <ol class="steps">
                    ${stepsOf(task).map(({ name, after }) => html`<li key=${name}>${name} <span class="number quiet">${after}</span></li>`)}
                </ol>
            </td>
            <td class="number">${steps.RUNNING && steps.answered ? took(steps.RUNNING, steps.answered) : ""}</td>
            <td>
                ${address === undefined ? html`<span class="quiet">no record</span>` : html`<code title=${hostname}>${address}</code>`}
            </td>
            <td class=${alive ? "wait" : "quiet"}>${note}</td>
            <td>
                ${
                    alive &&
                    html`<div class="bar">
                        ${button("Open", "open", { task: id })} ${button("Stop", "stop", { task: id })}
                        <details class="menu">
                            <summary aria-label=${`Break ${short}`}>Break</summary>
                            <div>
                                ${button("Kill Envoy", "killEnvoy", { task: id })}
                                ${isHung ? button("Resume Envoy", "resumeEnvoy", { task: id }) : button("Hang Envoy", "hangEnvoy", { task: id })}
                                ${button("Delete record", "deleteRecord", { task: id })}
                            </div>
                        </details>
                    </div>`
                }
            </td>
        </tr>`;
    }
}

export class Tasks extends Part {
    render({ tasks, faults, act }) {
        const living = tasks.filter(({ status }) => status !== "STOPPED");
        const past = tasks.filter(({ status }) => status === "STOPPED").slice(-30);
        const shown = [...living, ...past].sort(
            (one, other) => (other.steps.PROVISIONING ?? 0) - (one.steps.PROVISIONING ?? 0),
        );
        return html`<section id="tasks" tabindex="-1" aria-labelledby="tasks-heading">
            <h2 id="tasks-heading">Tasks <span class="quiet">${living.length} live, ${past.length} stopped</span></h2>
            ${
                shown.length === 0
                    ? html`<p class="quiet">No task yet: run one.</p>`
                    : html`<div class="scroll" tabindex="0" role="region" aria-labelledby="tasks-heading">
                          <table class="stack">
                              <thead>
                                  <tr>
                                      ${["Task", "Status", "Its way", "To first answer", "Address", "Waits for, or ended by", "Actions"].map((head) => html`<th scope="col">${head}</th>`)}
                                  </tr>
                              </thead>
                              <tbody>
                                  ${shown.map((task) => html`<${Task} key=${task.id} task=${task} act=${act} isHung=${faults.has(`hung ${task.id}`)} />`)}
                              </tbody>
                          </table>
                      </div>`
            }
        </section>`;
    }
}

export class Certificates extends Part {
    render({ certificates, now }) {
        const [current, ...past] = [...certificates].sort((one, other) => other.issued - one.issued);
        const share = (time) =>
            `${Math.min(100, Math.max(0, ((time - current.issued) / (current.expires - current.issued)) * 100))}%`;
        return html`<section id="certificate" aria-labelledby="certificate-heading">
            <h2 id="certificate-heading">Certificate</h2>
            ${
                current === undefined
                    ? html`<p class="wait">None has been delivered yet.</p>`
                    : html`<div><code>${current.names.join(", ")}</code> ${current.keyType}</div>
                          <div
                              class="life"
                              style=${{ "--due": share(current.due), "--now": share(now) }}
                              aria-hidden="true"
                          >
                              <i></i>
                          </div>
                          <div class="ends">
                              <span>issued ${date(current.issued)}</span
                              ><span class="wait">renewal due ${date(current.due)}</span
                              ><span>expires ${date(current.expires)}</span>
                          </div>`
            }
            ${
                past.length > 0 &&
                html`<details>
                    <summary>${past.length} before</summary>
                    <ul>
                        ${past.map((one) => html`<li>issued ${date(one.issued)}, expires ${date(one.expires)}: <code>${one.names.join(", ")}</code></li>`)}
                    </ul>
                </details>`
            }
        </section>`;
    }
}

class Run extends Part {
    render({ run }) {
        return html`<tr>
            <td class="number">${clock(run.started)}</td>
            <td>
                <details>
                    <summary>${run.function}</summary>
                    <pre class="log">${run.lines.join("\n")}</pre>
                </details>
            </td>
            <td class="number">${run.milliseconds === undefined ? "" : `${Math.round(run.milliseconds)} ms`}</td>
            <td class="number">${run.memory === undefined ? "" : `${run.memory} MB`}</td>
            <td class=${run.outcome === "ok" ? "good" : run.outcome === "error" ? "bad" : "wait"}>${run.outcome}</td>
        </tr>`;
    }
}

export class Functions extends Part {
    render({ runs }) {
        return html`<section id="functions" aria-labelledby="functions-heading">
            <h2 id="functions-heading">Functions</h2>
            <div class="scroll" tabindex="0" role="region" aria-labelledby="functions-heading">
                <table>
                    <thead>
                        <tr>
                            ${["At", "Function", "Time", "Memory", "Outcome"].map((head) => html`<th scope="col">${head}</th>`)}
                        </tr>
                    </thead>
                    <tbody>
                        ${runs
                            .slice(-50)
                            .reverse()
                            .map(([key, run]) => html`<${Run} key=${key} run=${run} />`)}
                    </tbody>
                </table>
            </div>
        </section>`;
    }
}

export class Queues extends Part {
    render({ queues, targets }) {
        const isDead = (queue) => queues.some(({ deadLetters }) => deadLetters === queue.name);
        return html`<section id="queues" aria-labelledby="queues-heading">
            <h2 id="queues-heading">Queues and load balancers</h2>
            <table>
                <thead>
                    <tr>
                        ${["Queue", "Waiting", "In flight"].map((head) => html`<th scope="col">${head}</th>`)}
                    </tr>
                </thead>
                <tbody>
                    ${queues.map(
                        (queue) =>
                            html`<tr key=${queue.region + queue.name}>
                                <td>
                                    ${queue.name}
                                    ${isDead(queue) ? html`<span class="quiet">(dead letters)</span>` : ""}
                                </td>
                                <td class=${`number ${isDead(queue) && queue.waiting > 0 ? "bad" : ""}`}>
                                    ${queue.waiting}
                                </td>
                                <td class="number">${queue.inFlight}</td>
                            </tr>`,
                    )}
                </tbody>
            </table>
            ${targets.map(
                (group) =>
                    html`<h3>${group.group} <span class="quiet">${group.loadBalancers.join(", ")}</span></h3>
                        <ul>
                            ${group.targets.map(({ address, state, reason }) => html`<li><code>${address}</code> <span class=${state === "healthy" ? "good" : "bad"}>${state}</span> ${reason ?? ""}</li>`)}
                        </ul>`,
            )}
        </section>`;
    }
}

/** The last of many lines that hold a text. */
class Filtered extends Part {
    constructor() {
        super();
        this.state = { text: "" };
    }
    shouldComponentUpdate(next, state) {
        return state.text !== this.state.text || super.shouldComponentUpdate(next);
    }
    filter(label) {
        const onInput = ({ target }) => this.setState({ text: target.value });
        return html`<label class="bar"
            >${label} <input type="search" value=${this.state.text} onInput=${onInput}
        /></label>`;
    }
    chosen(entries, textOf) {
        const wanted = this.state.text.toLowerCase().split(/\s+/).filter(Boolean);
        const found = [];
        for (let at = entries.length - 1; at >= 0 && found.length < 150; at--) {
            const text = textOf(entries[at][1]).toLowerCase();
            if (wanted.every((word) => text.includes(word))) {
                found.push(entries[at]);
            }
        }
        return found;
    }
}

export class Requests extends Filtered {
    render({ requests }) {
        const chosen = this.chosen(
            requests,
            ({ caller, action, region, outcome }) => `${caller} ${action} ${region} ${outcome}`,
        );
        return html`<section id="requests" aria-labelledby="requests-heading">
            <h2 id="requests-heading">Requests to AWS</h2>
            ${this.filter("Search by caller, action, outcome")}
            <div class="scroll" tabindex="0" role="region" aria-labelledby="requests-heading">
                <table>
                    <thead>
                        <tr>
                            ${["At", "Caller", "Action", "Outcome", "Time"].map((head) => html`<th scope="col">${head}</th>`)}
                        </tr>
                    </thead>
                    <tbody>
                        ${chosen.map(
                            ([key, one]) =>
                                html`<tr key=${key}>
                                    <td class="number">${clock(one.time)}</td>
                                    <td>${one.caller}</td>
                                    <td><code>${one.action}</code></td>
                                    <td class=${one.outcome === "ok" ? "good" : "bad"}>${one.outcome}</td>
                                    <td class="number">${one.milliseconds} ms</td>
                                </tr>`,
                        )}
                    </tbody>
                </table>
            </div>
        </section>`;
    }
}

export class Log extends Filtered {
    render({ lines, id, label }) {
        const chosen = this.chosen(lines, ({ name, text }) => `${name} ${text}`).reverse();
        return html`<section id=${id} aria-labelledby=${`${id}-heading`}>
            <h2 id=${`${id}-heading`}>${label}</h2>
            ${this.filter("Only lines with")}
            <pre class="log scroll" tabindex="0">
${chosen.map(([, { name, text }]) => `${name.replace(/^tasks\/(.{8})[0-9a-f]{24}/, "$1")} | ${text}`).join("\n")}</pre>
        </section>`;
    }
}

const curveColours = ["good", "accent", "wait", "bad", "text", "quiet"];

/** As a canvas takes it, which knows neither variables nor themes: of the theme as it is now. */
function colourOf(name) {
    const probe = document.createElement("i");
    probe.style.color = `var(--${name})`;
    document.body.append(probe);
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
}

/** Curves over time: uPlot keeps them, Preact leaves them alone. They are drawn anew when `source` is another. */
class Curves extends Component {
    shouldComponentUpdate() {
        return false;
    }
    describe({ label, names, source, dataOf }) {
        const latest = dataOf(source)
            .slice(1)
            .map((values, at) => `${names[at]} ${values.findLast((value) => value !== null) ?? "nothing yet"}`);
        this.base.setAttribute("aria-label", `${label}: ${latest.join(", ")}`);
    }
    componentDidMount() {
        const { names, source, dataOf, height = 150 } = this.props;
        const axis = { stroke: colourOf("quiet"), grid: { stroke: colourOf("line"), width: 1 } };
        const points = { show: true, size: 5 };
        this.plot = new uPlot(
            {
                ...{ width: this.base.clientWidth, height },
                legend: { show: false },
                cursor: { show: false },
                axes: [axis, axis],
                scales: { y: { range: (_, least, most) => [0, Math.max(1, most ?? 1) * 1.1] } },
                series: [
                    {},
                    ...names.map((_, at) => ({
                        ...{ stroke: colourOf(curveColours[at]), width: 2, spanGaps: true },
                        ...(names.length > 1 && { points }),
                    })),
                ],
            },
            dataOf(source),
            this.base.querySelector("div"),
        );
        this.describe(this.props);
        this.resized = new ResizeObserver(() => this.plot.setSize({ width: this.base.clientWidth, height }));
        this.resized.observe(this.base);
    }
    componentWillReceiveProps(next) {
        if (next.source !== this.props.source) {
            this.plot.setData(next.dataOf(next.source));
            this.describe(next);
        }
    }
    componentWillUnmount() {
        this.resized.disconnect();
        this.plot.destroy();
    }
    render({ label, names }) {
        return html`<figure role="img" aria-label=${label}>
            <figcaption>
                ${label}${names.length > 1 ? names.map((name, at) => html` <span class="quiet"><i style=${`background: var(--${curveColours[at]})`}></i> ${name}</span>`) : ""}
            </figcaption>
            <div></div>
        </figure>`;
    }
}

/** One member of the samples. */
export function Plot({ samples, member, label }) {
    const dataOf = (all) => [all.map(({ time }) => time), all.map((sample) => sample[member] ?? null)];
    return html`<${Curves} label=${label} names=${[label]} source=${samples} dataOf=${dataOf} />`;
}

/** The values of a minute, as CloudWatch's statistics have them. */
const statistics = {
    Sum: (values) => values.reduce((sum, value) => sum + value, 0),
    Average: (values) => statistics.Sum(values) / values.length,
    Maximum: (values) => Math.max(...values),
    Minimum: (values) => Math.min(...values),
};
function statisticOf(stat, values) {
    const [, share] = /^p(\d+)$/.exec(stat) ?? [];
    const sorted = [...values].sort((one, other) => one - other);
    return share === undefined
        ? statistics[stat](values)
        : sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * Number(share)) / 100))];
}

/** A widget's curves: [namespace, metric, dimension, value, …, { stat }] each, and a point for each period. */
function widgetData({ metrics, period }) {
    const curves = metrics.map(([namespace, metric, ...rest]) => {
        const { stat } = rest.pop();
        const dimensions = Object.fromEntries(rest.flatMap((name, at) => (at % 2 === 0 ? [[name, rest[at + 1]]] : [])));
        return { namespace, metric, stat, dimensions };
    });
    return (all) => {
        const points = curves.map(({ namespace, metric, stat, dimensions }) => {
            const periods = new Map();
            for (const one of all) {
                const isIt =
                    one.namespace === namespace &&
                    one.metric === metric &&
                    Object.entries(dimensions).every(([name, value]) => one.dimensions[name] === value);
                if (isIt) {
                    const start = Math.floor(one.time / 1_000 / period) * period;
                    periods.set(start, [...(periods.get(start) ?? []), ...one.values]);
                }
            }
            return new Map([...periods].map(([start, values]) => [start, statisticOf(stat, values)]));
        });
        const times = [...new Set(points.flatMap((ofCurve) => [...ofCurve.keys()]))].sort((one, other) => one - other);
        return [times, ...points.map((ofCurve) => times.map((time) => ofCurve.get(time) ?? null))];
    };
}

/** The dashboards that the stack has in CloudWatch, from their own definition, with the values that are known here. */
export class Dashboards extends Part {
    render({ dashboards, metrics }) {
        return html`<section id="dashboards" aria-labelledby="dashboards-heading">
            <h2 id="dashboards-heading">
                Dashboards <span class="quiet">as CloudWatch has them; taskgate:dashboard true makes one a region</span>
            </h2>
            ${dashboards.map(
                ([name, { widgets }]) =>
                    html`<h3 key=${name}>${name}</h3>
                        <div class="widgets">
                            ${widgets.map(
                                ({ width, properties }) =>
                                    html`<div key=${properties.title} style=${`--columns: ${width}`}>
                                        <${Curves}
                                            label=${properties.title}
                                            names=${properties.metrics.map(([, metric, ...rest]) => `${metric} ${rest.at(-1).stat}`)}
                                            source=${metrics}
                                            dataOf=${widgetData(properties)}
                                        />
                                    </div>`,
                            )}
                        </div>`,
            )}
        </section>`;
    }
}

// What is looked at in examples/internal alone: `npm start -- --scenario internal`.
import { existsSync, readFileSync } from "node:fs";
import { get } from "node:http";
import { get as getByHttps } from "node:https";
import { join } from "node:path";

import type { Task } from "@aws-sdk/client-ecs";
import { ListrTask } from "listr2";

import { resolve, visit } from "../../internet/visitor";
import { runningSystem } from "../steps";
import { Life, Shape, ShapeReport, upLife } from "./life";

/** What a caller gets who connects to somebody: an answer, a connection that is cut off, or none. */
type Outcome = "answered" | "cut off" | "nobody listens";

/** What one of the services says: who it is, and what those said whom it called. */
interface Said {
    readonly name: string;
    readonly version?: string;
    readonly calls: Readonly<Record<string, Said | string>>;
}

/** What `--report` writes besides. */
export interface InternalReport extends ShapeReport {
    /** What a visitor is told: the names of who called whom, and the API's version. */
    chain?: { readonly names: readonly string[]; readonly version: string | undefined };
    /** Whom the worker has heard, by its log. */
    worker?: readonly string[];
    /** Of each that could be called: what who calls it gets. */
    reach?: Record<string, Record<string, Outcome>>;
}

export const internal: Shape = {
    example: "internal",
    host: "www",
    echoes: false,
    load: { path: "/", webSockets: 0 },
    nextVersion: { version: "1.1" },
    here: [(report: InternalReport) => chained(report), (report: InternalReport) => reachable(report)],
    steps: [],
};

function chained(report: InternalReport): ListrTask<Life> {
    return {
        title: "each calls those that it may",
        task: async (life, step) => {
            const { up, hostname } = upLife(life);
            report.chain = await up.eventually("an answer of web, api and stock", async () => {
                const { status, body } = await visit(up.internet, hostname);
                return status === 200 ? chainOf(JSON.parse(body) as Said) : undefined;
            });
            const [{ taskArn = "" }] = await up.tasks((await up.services())["worker-service"]);
            const { directory } = runningSystem(life).file;
            const log = join(directory, "logs", "tasks", `${taskArn.split("/").at(-1)}-app.log`);
            report.worker = await up.eventually("the worker's log of an answer", () => Promise.resolve(heard(log)));
            step.title = `${step.title}: ${report.chain.names.join(" calls ")}; worker calls ${report.worker.join(", ")}`;
        },
    };
}

/** The names along the way, and the version of the second. */
function chainOf(said: Said): { names: string[]; version: string | undefined } {
    const names: string[] = [];
    let version: string | undefined;
    for (let at: Said | string | undefined = said; typeof at === "object"; at = Object.values(at.calls)[0]) {
        names.push(at.name);
        version ??= at.version;
    }
    return { names, version };
}

/** Those in its last line of whom it has an answer; undefined while there is none. */
function heard(log: string): string[] | undefined {
    const line = existsSync(log) ? readFileSync(log, "utf8").trim().split("\n").at(-1) : undefined;
    const names = Object.values(JSON.parse(line || "{}") as Said["calls"]).flatMap((said) =>
        typeof said === "object" ? [said.name] : [],
    );
    return names.length > 0 ? names : undefined;
}

/** Everybody connects to everything, each from its own address, by which security groups know who it is. */
function reachable(report: InternalReport): ListrTask<Life> {
    return {
        title: "who reaches whom, by security groups",
        task: async (life, step) => {
            const { up, hostname } = upLife(life);
            const domain = hostname.slice(hostname.indexOf(".") + 1);
            const services = await up.services();
            const addressOf = async (name: string) => privateAddress((await up.tasks(services[`${name}-service`]))[0]);
            const [webBalancer] = await resolve(up.internet, hostname);
            const [apiBalancer] = await resolve(up.internet, `api.${domain}`);
            const [web, api, stock, worker] = await Promise.all(["web", "api", "stock", "worker"].map(addressOf));
            const callers = {
                ...{ "the internet": "127.0.0.1", "web's load balancer": webBalancer },
                ...{ "api's load balancer": apiBalancer, web, api, stock, worker },
            };
            const { httpsPort } = up.internet;
            const called: Record<string, readonly [string, number, "http" | "https"]> = {
                "web's load balancer": [webBalancer, httpsPort, "https"],
                "api's load balancer": [apiBalancer, httpsPort, "https"],
                web: [web, 8080, "http"],
                api: [api, 8443, "https"],
                "api's app, beside its Envoy": [api, 8080, "http"],
                stock: [stock, 8080, "http"],
                worker: [worker, 8080, "http"],
            };
            report.reach = {};
            for (const [name, [host, port, by]] of Object.entries(called)) {
                // Nobody's rules are asked when it calls itself.
                const others = Object.entries(callers).filter(([, address]) => address !== host);
                const found = others.map(
                    async ([who, from]) => [who, await knock(host, port, from, by === "https")] as const,
                );
                report.reach[name] = Object.fromEntries(await Promise.all(found));
            }
            const all = Object.values(report.reach).flatMap((each) => Object.values(each));
            const answered = all.filter((outcome) => outcome === "answered").length;
            step.title = `${step.title}: ${answered} of ${all.length} connections are let in`;
        },
    };
}

function privateAddress({ attachments = [] }: Task): string {
    const details = attachments.flatMap((attachment) => attachment.details ?? []);
    return details.find(({ name }) => name === "privateIPv4Address")?.value ?? "";
}

/** Connects from an address, and asks for something: any answer is one. */
function knock(host: string, port: number, localAddress: string, isSecure: boolean): Promise<Outcome> {
    return new Promise((done, fail) => {
        const options = { host, port, localAddress, path: "/health", agent: false, rejectUnauthorized: false } as const;
        (isSecure ? getByHttps : get)(options)
            .once("response", (response) => {
                response.resume();
                done("answered");
            })
            .once("error", (error: NodeJS.ErrnoException) => {
                const outcome = outcomes[error.code ?? ""];
                return outcome === undefined ? fail(error) : done(outcome);
            });
    });
}

const outcomes: Readonly<Record<string, Outcome | undefined>> = {
    ECONNREFUSED: "nobody listens",
    ECONNRESET: "cut off",
    EPIPE: "cut off",
};

// What is looked at in some shapes and not in others.
import { randomBytes } from "node:crypto";
import { connect } from "node:net";

import { ListrTask } from "listr2";

import { startLoad } from "../../internet/load";
import type { LoadCounts } from "../../internet/load";
import { echo, visit } from "../../internet/visitor";
import { isTls, readProxyHeader, tapWire } from "../../internet/wire";
import { runningSystem } from "../steps";
import { Life, ShapeReport, upLife } from "./life";

/** What a load balancer and a task say to each other. */
export interface WireReport {
    /** How many connections there were, health checks among them. */
    connections: number;
    bytes: number;
    /** Each of them is TLS from the first byte to the last. */
    encrypted: boolean;
    /** A word that a visitor sent could be read. */
    readable: boolean;
    /** The addresses that proxy protocol names for visitors. */
    clients: string[];
}

/** A target that stands for a task beside the service's own keeps a copy of what the load balancer and the task say. */
export function wireWatched(targetGroup: string, expected: "readable" | "encrypted") {
    return (report: ShapeReport & { wire?: WireReport }): ListrTask<Life> => ({
        title: "between load balancer and task",
        task: async (life, step) => {
            const { up, hostname } = upLife(life);
            const TargetGroupArn = up.targetGroups[targetGroup];
            const [{ address, port }] = await up.targets(TargetGroupArn);
            const tap = await tapWire(address, port);
            const Targets = [{ Id: tap.address, Port: tap.port }];
            const word = randomBytes(2_000).toString("hex"); // longer than anything a health check sends
            try {
                await up.aws.elb.registerTargets({ TargetGroupArn, Targets });
                const conversations = await up.eventually("a visitor on the watched wire", async () => {
                    await visit(up.internet, hostname, `/?word=${word}`);
                    const all = tap.conversations();
                    return all.some(({ sent, answered }) => sent.length > word.length && answered.length > 0)
                        ? all
                        : undefined;
                });
                const read = conversations.map(({ sent, answered }) => {
                    const { source, rest } = readProxyHeader(sent);
                    return { source, sent: rest, answered };
                });
                const texts = read.flatMap(({ sent, answered }) => [sent, answered]).filter(({ length }) => length > 0);
                const seen = {
                    connections: read.length,
                    bytes: texts.reduce((sum, { length }) => sum + length, 0),
                    encrypted: texts.every(isTls),
                    readable: texts.some((text) => text.includes(word)),
                    clients: [...new Set(read.flatMap(({ source }) => (source && source !== "local" ? [source] : [])))],
                };
                report.wire = seen;
                step.title = `${step.title}: ${seen.connections} connections, ${seen.bytes} bytes, ${seen.encrypted ? "all of them TLS records" : "readable"}`;
                if (seen.encrypted !== (expected === "encrypted") || seen.readable !== (expected === "readable")) {
                    throw new Error(`Expected to be ${expected}: ${JSON.stringify(seen)}`);
                }
            } finally {
                await up.aws.elb.deregisterTargets({ TargetGroupArn, Targets });
                await up.eventually("the watched target's end", async () =>
                    (await up.targets(TargetGroupArn)).some((target) => target.address === tap.address)
                        ? undefined
                        : true,
                );
                await tap.close();
            }
        },
    });
}

/** Past Envoy there is no way to the app, and no plain HTTP to Envoy's port for TLS. */
export function appReachedThroughEnvoyOnly(targetGroup: string) {
    return (report: ShapeReport & { besideEnvoy?: Record<string, string> }): ListrTask<Life> => ({
        title: "the app is reached through Envoy alone",
        task: async (life) => {
            const { up } = upLife(life);
            const [{ address, port }] = await up.targets(up.targetGroups[targetGroup]);
            report.besideEnvoy = {
                app: await plainHttp(address, 8080),
                envoy: await plainHttp(address, port),
            };
            if (report.besideEnvoy.app !== "ECONNREFUSED" || report.besideEnvoy.envoy.startsWith("HTTP/")) {
                throw new Error(`There is a way past TLS: ${JSON.stringify(report.besideEnvoy)}`);
            }
        },
    });
}

/** The first line of the answer, or why there is none. */
function plainHttp(host: string, port: number): Promise<string> {
    return new Promise((resolve) => {
        const socket = connect({ host, port }, () => socket.write("GET / HTTP/1.1\r\nHost: app\r\n\r\n"));
        socket
            .once("data", (data) => {
                resolve(data.toString("latin1").split("\r\n")[0]);
                socket.destroy();
            })
            .once("close", () => resolve("closed"))
            .once("error", ({ code = "" }: NodeJS.ErrnoException) => resolve(code));
    });
}

/** What somebody gets who calls a service that wants tokens. */
export interface TokensReport {
    without: number;
    /** From an issuer that it does not know. */
    foreign: number;
    good: number;
    webSocket: boolean;
}

/** A service that wants tokens answers callers that have one of its identity provider's, by HTTPS and by WebSocket. */
export function tokensAskedFor(host: string) {
    return (report: ShapeReport & { tokens?: TokensReport }): ListrTask<Life> => ({
        title: "callers are asked for a token",
        task: async (life, step) => {
            const { up, hostname } = upLife(life);
            const domain = hostname.slice(hostname.indexOf(".") + 1);
            const provider = await runningSystem(life).startIdentityProvider(`id.${domain}`);
            const bearing = (token: string) => ({ authorization: `Bearer ${token}` });
            const status = async (headers?: Readonly<Record<string, string>>): Promise<number> =>
                (await visit(up.internet, `${host}.${domain}`, "/", { headers })).status;
            const good = bearing(await provider.issueToken());
            // The provider is there since now: its name and keys are asked for again every few seconds.
            await up.eventually("a good token", async () => ((await status(good)) === 200 ? true : undefined));
            const seen = {
                without: await status(),
                foreign: await status(bearing(await provider.issueToken({ iss: "https://id.example.com" }))),
                good: await status(good),
                webSocket: (await echo(up.internet, `${host}.${domain}`, "/echo", "hello", good)) === "hello",
            };
            report.tokens = seen;
            step.title = `${step.title}: ${seen.without} without, ${seen.foreign} with a foreign one, ${seen.good} with a good one`;
            if (seen.without !== 401 || seen.foreign !== 401 || seen.good !== 200 || !seen.webSocket) {
                throw new Error(`Not what callers should get: ${JSON.stringify(seen)}`);
            }
        },
    });
}

/** A renewed certificate comes to the listener under its old ARN, without a deployment. */
export function certificateReplaced(
    report: ShapeReport & { renewal?: { before: string; after: string } },
): ListrTask<Life> {
    return {
        title: "a renewed certificate is shown",
        task: async (life, step) => {
            const { up, hostname } = upLife(life);
            const serialNumber = async () => (await visit(up.internet, hostname)).certificate.serialNumber;
            const before = await serialNumber();
            await up.invoke("-renewal", { force: true });
            await up.invoke("-import");
            const after = await up.eventually("another certificate", async () => {
                const seen = await serialNumber();
                return seen === before ? undefined : seen;
            });
            report.renewal = { before, after };
            step.title = `${step.title}: ${after} after ${before}`;
        },
    };
}

/** One of a service's tasks stops while visitors ask all the time: it serves until nobody sends it anything any more. */
export function taskStopped(service: string) {
    return (report: ShapeReport & { stop?: LoadCounts }): ListrTask<Life> => ({
        title: "a task stops under load",
        task: async (life, step) => {
            const { up, hostname } = upLife(life);
            const { clusterArn: cluster, ...rest } = (await up.services())[service];
            const tasks = await up.tasks(rest);
            const [{ taskArn: task }] = tasks;
            // Traefik looks at the services every ten seconds: while it knows one task alone, nobody can serve in its place.
            const seen = new Set<string>();
            await up.eventually(`an answer of each of ${tasks.length} tasks`, async () => {
                const { body } = await visit(up.internet, hostname);
                seen.add(/^Hostname: (.*)$/m.exec(body)?.[1] ?? "");
                return seen.size >= tasks.length ? true : undefined;
            });
            const load = startLoad(up.internet, hostname);
            try {
                await up.aws.ecs.stopTask({ cluster, task, reason: "to see who notices" });
                await up.eventually("the task stopped", async () => {
                    const { tasks = [] } = await up.aws.ecs.describeTasks({ cluster, tasks: [task!] });
                    return tasks[0].lastStatus === "STOPPED" ? true : undefined;
                });
                await up.steady();
            } finally {
                report.stop = await load.stop();
            }
            const { requests, failed, webSockets } = report.stop;
            step.title = `${step.title}: ${failed} of ${requests} requests failed, ${webSockets.broken} of ${webSockets.opened} WebSockets broke`;
            if (failed + webSockets.broken > 0) {
                throw new Error(`The stop failed visitors: ${JSON.stringify(report.stop)}`);
            }
        },
    });
}

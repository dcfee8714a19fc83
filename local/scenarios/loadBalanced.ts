// The whole life of a load-balanced service in one of its shapes: `npm start -- --scenario alb|end-to-end-tls|nlb`.
import { connect } from "node:net";
import { join } from "node:path";

import { DescribeServicesCommand, ECSClient } from "@aws-sdk/client-ecs";
import type { Service } from "@aws-sdk/client-ecs";
import { DescribeTargetHealthCommand, ElasticLoadBalancingV2Client } from "@aws-sdk/client-elastic-load-balancing-v2";
import { ListrTask } from "listr2";

import { clientConfig } from "../awsClients";
import { balancerStats } from "../balancers/stats";
import { eventually } from "../caller";
import { runOperation } from "../engine/operation";
import { runSteps } from "../progress";
import { destroyed, operation, Running, runningSystem, Stack, StackReport, systemUp } from "../steps";
import { SystemFile } from "../systemFile";
import { echo, Page, redirectOf, visit } from "../visitor";

export const loadBalancedShapes = ["alb", "end-to-end-tls", "nlb"] as const;
export type LoadBalancedShape = (typeof loadBalancedShapes)[number];

/** What `--report` writes. */
export interface LoadBalancedReport extends StackReport {
    targets?: { address: string; port: number; state: string }[];
    https?: Omit<Page, "certificate" | "headers" | "body"> & { issuer: string; servedBy: string };
    webSocket?: { echoed: boolean };
    redirect?: { status: number | undefined; location: string | undefined };
    /** Between the load balancer and the tasks. */
    wire?: { connections: number; tlsHandshakes: number; plainHttpAnswered: boolean };
    rollout?: { requests: number; failed: number; milliseconds: number };
}

interface Outputs {
    readonly region: string;
    readonly clusterArn: string;
    readonly serviceName: string;
    readonly targetGroupArn: string;
    readonly url: string;
}

interface Life extends Running {
    outputs?: Outputs;
}

/** Runs the whole life. The report holds what was seen, up to a step that failed. */
export async function loadBalancedLife(
    shape: LoadBalancedShape,
    report: LoadBalancedReport,
    name: string,
): Promise<void> {
    const life: Life = {};
    const stack: Stack<Life> = {
        projectName: "loadBalancedProgram",
        options: (system) => optionsOf(system, shape, "one"),
        onUp: (up, _, outputs) => (up.outputs = outputs as unknown as Outputs),
    };
    const steps: ListrTask<Life>[] = [
        systemUp(name),
        operation("preview", report, stack),
        operation("up", report, stack),
        operation("secondUp", report, stack),
        targetsHealthy(report),
        httpsVisited(shape, report),
        webSocketEchoed(report),
        ...(shape === "nlb" ? [] : [httpRedirected(report)]),
        wireWatched(shape, report),
        versionRolledOut(shape, report),
        destroyed(report, stack),
    ];
    try {
        await runSteps(life, steps);
    } finally {
        await life.system?.stop();
    }
}

function optionsOf({ hostedZoneId, domain }: SystemFile, shape: LoadBalancedShape, version: string) {
    return {
        program: join(__dirname, "loadBalancedProgram", "index.ts"),
        config: { "aws:region": "eu-west-1", shape, version, domain: `app.${domain}`, hostedZoneId },
    };
}

/** A stack that is up. */
function upStack(life: Life): { readonly file: SystemFile; readonly hostname: string; readonly outputs: Outputs } {
    if (life.outputs === undefined) {
        throw new Error("The stack is not up.");
    }
    return {
        file: runningSystem(life).file,
        hostname: new URL(life.outputs.url).hostname,
        outputs: life.outputs,
    };
}

function clientsOf(life: Life) {
    const { file, outputs } = upStack(life);
    const config = clientConfig(file.gatewayUrl, { accountId: file.accountId, region: outputs.region });
    return { ecs: new ECSClient(config), elb: new ElasticLoadBalancingV2Client(config) };
}

async function targetsOf(life: Life) {
    const { outputs } = upStack(life);
    const { TargetHealthDescriptions = [] } = await clientsOf(life).elb.send(
        new DescribeTargetHealthCommand({ TargetGroupArn: outputs.targetGroupArn }),
    );
    return TargetHealthDescriptions.map(({ Target, TargetHealth }) => ({
        address: Target?.Id ?? "",
        port: Target?.Port ?? 0,
        state: TargetHealth?.State ?? "",
    }));
}

async function describeService(life: Life): Promise<Service> {
    const { outputs } = upStack(life);
    const { services = [] } = await clientsOf(life).ecs.send(
        new DescribeServicesCommand({ cluster: outputs.clusterArn, services: [outputs.serviceName] }),
    );
    return services[0];
}

function targetsHealthy(report: LoadBalancedReport): ListrTask<Life> {
    return {
        title: "two tasks become healthy targets",
        task: async (life, step) => {
            report.targets = await eventually("two healthy targets", async () => {
                const targets = await targetsOf(life);
                return targets.length === 2 && targets.every(({ state }) => state === "healthy") ? targets : undefined;
            });
            step.title = `two healthy targets: ${report.targets.map(({ address, port }) => `${address}:${port}`).join(", ")}`;
        },
    };
}

function httpsVisited(shape: LoadBalancedShape, report: LoadBalancedReport): ListrTask<Life> {
    return {
        title: "HTTPS",
        task: async (life, step) => {
            const { file, hostname } = upStack(life);
            const page = await eventually(`${hostname} answering`, () => visit(file, hostname).catch(() => undefined));
            const { certificate, headers, body, ...seen } = page;
            report.https = {
                ...seen,
                issuer: [certificate.issuer.CN].flat().join(", "),
                servedBy: /^Name: (.*)$/m.exec(body)?.[1] ?? "",
            };
            step.title = `HTTPS: ${seen.status}, HTTP/${seen.httpVersion}, ${seen.tlsVersion}, ${seen.cipher}, certificate verified`;
            const hasHsts = shape === "nlb" || headers["strict-transport-security"] !== undefined;
            if (seen.status !== 200 || !seen.authorized || !hasHsts) {
                throw new Error(`Not what a visitor should see: ${JSON.stringify({ ...seen, headers })}`);
            }
        },
    };
}

function webSocketEchoed(report: LoadBalancedReport): ListrTask<Life> {
    return {
        title: "a WebSocket echoes",
        task: async (life) => {
            const { file, hostname } = upStack(life);
            const text = `hello ${Date.now()}`;
            report.webSocket = { echoed: (await echo(file, hostname, "/echo", text)) === text };
        },
    };
}

function httpRedirected(report: LoadBalancedReport): ListrTask<Life> {
    return {
        title: "plain HTTP is redirected",
        task: async (life, step) => {
            const { file, hostname } = upStack(life);
            report.redirect = await redirectOf(file, hostname, "/some/path?query");
            step.title = `plain HTTP: ${report.redirect.status} to ${report.redirect.location}`;
        },
    };
}

/** What goes over the wire behind the load balancer: its own Envoy counts connections and handshakes, and plain HTTP is tried. */
function wireWatched(shape: LoadBalancedShape, report: LoadBalancedReport): ListrTask<Life> {
    return {
        title: "between load balancer and tasks",
        task: async (life, step) => {
            const [{ address, port }] = await targetsOf(life);
            const count = async (stat: string) => {
                const stats = await balancerStats(upStack(life).file.directory, `^cluster\\..*\\.${stat}$`);
                return Object.values(stats).reduce((sum, value) => sum + value, 0);
            };
            report.wire = {
                connections: await count("upstream_cx_total"),
                tlsHandshakes: await count("ssl\\.handshake"),
                plainHttpAnswered: await answersPlainHttp(address, port),
            };
            const { connections, tlsHandshakes, plainHttpAnswered } = report.wire;
            const isEncrypted = tlsHandshakes === connections && !plainHttpAnswered;
            step.title = `between load balancer and tasks: ${connections} connections, ${tlsHandshakes} TLS handshakes`;
            if (connections === 0 || isEncrypted !== (shape === "end-to-end-tls")) {
                throw new Error(`Not what the shape ${shape} promises: ${JSON.stringify(report.wire)}`);
            }
        },
    };
}

function answersPlainHttp(host: string, port: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
        const socket = connect({ host, port }, () => socket.write("GET / HTTP/1.1\r\nHost: app\r\n\r\n"));
        socket
            .once("data", (data) => {
                resolve(data.toString("latin1").startsWith("HTTP/"));
                socket.destroy();
            })
            .once("close", () => resolve(false))
            .once("error", reject);
    });
}

/** Another version is deployed while visitors ask all the time. */
function versionRolledOut(shape: LoadBalancedShape, report: LoadBalancedReport): ListrTask<Life> {
    return {
        title: "a new version is rolled out under load",
        task: async (life, step) => {
            const { file, hostname } = upStack(life);
            const started = Date.now();
            const pages: (Page | undefined)[] = [];
            let isOver = false;
            const visitors = [1, 2].map(async () => {
                while (!isOver) {
                    pages.push(await visit(file, hostname, "/?wait=50ms").catch(() => undefined));
                }
            });
            try {
                await runOperation(file, "up", optionsOf(file, shape, "two"));
                await eventually("a steady service", async () => {
                    const { deployments = [] } = await describeService(life);
                    return deployments.length === 1 && deployments[0].rolloutState === "COMPLETED" ? true : undefined;
                });
            } finally {
                isOver = true;
                await Promise.all(visitors);
            }
            const failed = pages.filter((page) => page?.status !== 200).length;
            report.rollout = { requests: pages.length, failed, milliseconds: Date.now() - started };
            const { body } = await visit(file, hostname);
            step.title = `${step.title}: ${failed} of ${pages.length} requests failed`;
            if (failed > 0 || !body.startsWith("Name: two")) {
                throw new Error(`The rollout failed visitors: ${JSON.stringify(report.rollout)}, ${body}`);
            }
        },
    };
}

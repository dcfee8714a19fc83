// The whole life of one of the examples on the local system: `npm start -- --scenario <shape>`.
import { ListrTask } from "listr2";

import { createAws } from "../../aws/resources/sdk";
import { eventually } from "../../internet/caller";
import { startLoad } from "../../internet/load";
import type { LoadCounts, LoadOptions } from "../../internet/load";
import { scanTls } from "../../internet/scan";
import type { TlsScan } from "../../internet/scan";
import { echo, Page, redirectOf, visit } from "../../internet/visitor";
import { SystemFile } from "../../machine/systemFile";
import { runOperation } from "../../pulumi/operation";
import type { OperationOptions } from "../../pulumi/operation";
import { readState } from "../../pulumi/state";
import type { Config } from "../../pulumi/workspace";
import { goThrough, operations, Running, Stack, StackReport } from "../steps";
import { Deployed, deployed, region } from "./deployed";
import { exampleOptions } from "./example";

/** An example, and what is particular about its shape. */
export interface Shape {
    /** Folder in examples/, and name of its project. */
    readonly example: string;
    /** The host that is visited, below the example's domain. */
    readonly host: string;
    /** What makes the next version of the app, in the example's configuration. */
    readonly nextVersion: Config;
    /** WebSockets and requests during the rollout. */
    readonly load?: LoadOptions;
    /** Whether the host echoes WebSockets. @default true */
    readonly echoes?: boolean;
    /** Whether tasks need a certificate that is issued after they were first started. @default false */
    readonly awaitsCertificate?: boolean;
    /** What is looked at in this shape alone, in order; `here`: what can be seen on the local system alone. */
    readonly steps: readonly Look[];
    readonly here?: readonly Look[];
}

type Look = (report: ShapeReport) => ListrTask<Life>;

/** What `--report` writes; the shape's own steps add what they see. */
export interface ShapeReport extends StackReport {
    certificate?: { names: string[] };
    /** Running tasks of each service. */
    services?: Record<string, number>;
    /** Port and state of each target of each target group. */
    targets?: Record<string, string[]>;
    https?: Omit<Page, "certificate" | "headers" | "body"> & { issuer: string; hsts: boolean };
    tls?: TlsScan;
    webSocket?: { echoed: boolean };
    redirect?: { status: number | undefined; location: string | undefined };
    rollout?: LoadCounts & { milliseconds: number };
}

/** What the steps hand on to each other. */
export interface Life extends Running {
    up?: Deployed;
    /** The host that is visited. */
    hostname?: string;
}

/** Runs the whole life. The report holds what was seen, up to a step that failed. */
export async function shapeLife(shape: Shape, report: ShapeReport, name: string): Promise<void> {
    const life: Life = {};
    const stack: Stack<Life> = {
        projectName: shape.example,
        options: (system) => optionsOf(shape, system),
        onUp: (context, system) => {
            const { resources } = readState(system, "local", shape.example);
            const aws = createAws(system.gatewayUrl, { accountId: system.accountId, region });
            const redeploy = (more: Config) => runOperation(system, "up", optionsOf(shape, system, more));
            context.up = deployed({ aws, internet: system, eventually, redeploy }, resources);
            context.hostname = `${shape.host}.${domainOf(shape, system)}`;
        },
    };
    const steps: ListrTask<Life>[] = [...operations(report, stack), ...looks(shape, report, shape.here)];
    await goThrough({ name, life, report, stack }, steps);
}

/** What is looked at once a shape is up, in order: all of it from outside, but for what is given besides. */
export function looks(shape: Shape, report: ShapeReport, besides: readonly Look[] = []): ListrTask<Life>[] {
    return [
        ...(shape.awaitsCertificate === true ? [certificateAwaited(report)] : []),
        servicesSteady(report),
        httpsVisited(report),
        tlsScanned(report),
        httpRedirected(report),
        ...(shape.echoes === false ? [] : [webSocketEchoed(report)]),
        ...[...besides, ...shape.steps].map((step) => step(report)),
        versionRolledOut(shape, report),
    ];
}

/** Of a stack that is up. */
export function upLife({ up, hostname }: Life): { readonly up: Deployed; readonly hostname: string } {
    if (up === undefined || hostname === undefined) {
        throw new Error("The stack is not up.");
    }
    return { up, hostname };
}

function domainOf({ example }: Shape, { domain }: SystemFile): string {
    return `${example}.${domain}`;
}

function optionsOf(shape: Shape, system: SystemFile, more: Config = {}): OperationOptions {
    const config = { "aws:region": region, domain: domainOf(shape, system), ...more };
    return exampleOptions(shape.example, system, config);
}

/** Tasks that came before it could not start. Each service has a function that finds this out every five minutes: it is not waited for. */
function certificateAwaited(report: ShapeReport): ListrTask<Life> {
    return {
        title: "the first certificate is issued",
        task: async (life, step) => {
            const { up } = upLife(life);
            const names = await up.eventually("first certificate", () => up.certificateNames());
            report.certificate = { names };
            step.title = `${step.title}: ${names.join(", ")}`;
            await up.invoke("-redeploy");
        },
    };
}

function servicesSteady(report: ShapeReport): ListrTask<Life> {
    return {
        title: "every service is steady, every target healthy",
        task: async (life, step) => {
            const { up } = upLife(life);
            const services = await up.steady();
            report.services = Object.fromEntries(
                Object.entries(services).map(([name, { runningCount = 0 }]) => [name, runningCount]),
            );
            report.targets = {};
            for (const [name, arn] of Object.entries(up.targetGroups)) {
                const targets = await up.targets(arn);
                report.targets[name] = targets.map(({ port, state }) => `${port} ${state}`);
            }
            step.title = `${step.title}: ${Object.entries(report.targets)
                .map(([name, targets]) => `${name} ${targets.join(", ")}`)
                .join("; ")}`;
        },
    };
}

function httpsVisited(report: ShapeReport): ListrTask<Life> {
    return {
        title: "HTTPS",
        task: async (life, step) => {
            const { up, hostname } = upLife(life);
            const { certificate, headers, body, ...seen } = await up.eventually(`${hostname} answering`, async () => {
                const page = await visit(up.internet, hostname).catch(() => undefined);
                return page?.status === 200 ? page : undefined;
            });
            const hsts = headers["strict-transport-security"] !== undefined;
            report.https = { ...seen, issuer: [certificate.issuer.CN].flat().join(", "), hsts };
            step.title = `https://${hostname}:${up.internet.httpsPort}/: ${seen.status}, HTTP/${seen.httpVersion}, ${seen.tlsVersion}, ${seen.cipher}, certificate verified`;
            if (!seen.authorized || !hsts) {
                throw new Error(`Not what a visitor should see: ${JSON.stringify({ ...seen, headers, body })}`);
            }
        },
    };
}

function tlsScanned(report: ShapeReport): ListrTask<Life> {
    return {
        title: "TLS as an outsider sees it",
        task: async (life, step) => {
            const { up, hostname } = upLife(life);
            const scan = await scanTls(up.internet, hostname);
            report.tls = scan;
            step.title = `${step.title}: ${scan.versions.join(", ")}; ${[...scan.tls13Ciphers, ...scan.tls12Ciphers].join(", ")}; ${scan.groups.join(", ")}`;
            const isOld = scan.versions.some((version) => version !== "TLSv1.2" && version !== "TLSv1.3");
            const isWeak = scan.tls12Ciphers.some((cipher) => !/^ECDHE-.*-(GCM-SHA\d+|POLY1305)$/.test(cipher));
            if (isOld || isWeak || !scan.groups.includes("X25519MLKEM768") || scan.application !== "h2") {
                throw new Error(`Not what an outsider should find: ${JSON.stringify(scan)}`);
            }
        },
    };
}

function httpRedirected(report: ShapeReport): ListrTask<Life> {
    return {
        title: "plain HTTP is redirected",
        task: async (life, step) => {
            const { up, hostname } = upLife(life);
            // Its target group is another one, on which a load balancer may act a moment after it tells of healthy targets.
            report.redirect = await up.eventually("an answer by plain HTTP", () =>
                redirectOf(up.internet, hostname, "/some/path?query").catch(() => undefined),
            );
            step.title = `plain HTTP: ${report.redirect.status} to ${report.redirect.location}`;
        },
    };
}

function webSocketEchoed(report: ShapeReport): ListrTask<Life> {
    return {
        title: "a WebSocket echoes",
        task: async (life) => {
            const { up, hostname } = upLife(life);
            const text = `hello ${Date.now()}`;
            report.webSocket = { echoed: (await echo(up.internet, hostname, "/echo", text)) === text };
        },
    };
}

/** Another version is deployed while visitors ask all the time. */
function versionRolledOut(shape: Shape, report: ShapeReport): ListrTask<Life> {
    return {
        title: "a new version is rolled out under load",
        task: async (life, step) => {
            const { up, hostname } = upLife(life);
            const definitions = async () => Object.values(await up.services()).map((service) => service.taskDefinition);
            const before = await definitions();
            const started = Date.now();
            const load = startLoad(up.internet, hostname, shape.load);
            try {
                await up.redeploy(shape.nextVersion);
                await up.steady();
            } finally {
                report.rollout = { ...(await load.stop()), milliseconds: Date.now() - started };
            }
            const { requests, failed, webSockets } = report.rollout;
            step.title = `${step.title}: ${failed} of ${requests} requests failed, ${webSockets.broken} of ${webSockets.opened} WebSockets broke`;
            if (failed + webSockets.broken > 0) {
                throw new Error(`The rollout failed visitors: ${JSON.stringify(report.rollout)}`);
            }
            const after = await definitions();
            if (after.every((definition, index) => definition === before[index])) {
                throw new Error(`Nothing was rolled out: ${after.join(", ")}`);
            }
        },
    };
}

// The whole life of tasks behind a TraefikGateway: `npm start -- --scenario traefik`.
import { join } from "node:path";

import {
    DescribeServicesCommand,
    DescribeTasksCommand,
    ECSClient,
    ListTasksCommand,
    StopTaskCommand,
    UpdateServiceCommand,
} from "@aws-sdk/client-ecs";
import type { Service } from "@aws-sdk/client-ecs";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { ListrTask } from "listr2";

import { clientConfig } from "../awsClients";
import { eventually } from "../caller";
import { runSteps } from "../progress";
import { destroyed, operation, Running, runningSystem, Stack, StackReport, systemUp } from "../steps";
import { SystemFile } from "../systemFile";
import { echo, Page, visit } from "../visitor";

/** What `--report` writes. */
export interface TraefikReport extends StackReport {
    services?: Record<string, number>;
    https?: Omit<Page, "certificate" | "headers" | "body"> & { issuer: string };
    webSocket?: { echoed: boolean };
    unknownHost?: { status: number };
    stop?: { requests: number; failed: number };
}

interface Outputs {
    readonly region: string;
    readonly clusterArn: string;
    readonly certificateSecretArn: string;
    readonly gatewayServiceName: string;
    readonly appServiceName: string;
    readonly hostname: string;
}

interface Life extends Running {
    outputs?: Outputs;
}

/** Runs the whole life. The report holds what was seen, up to a step that failed. */
export async function traefikLife(report: TraefikReport, name: string): Promise<void> {
    const life: Life = {};
    const stack: Stack<Life> = {
        projectName: "traefikProgram",
        options: optionsOf,
        onUp: (up, _, outputs) => (up.outputs = outputs as unknown as Outputs),
    };
    const steps: ListrTask<Life>[] = [
        systemUp(name),
        operation("preview", report, stack),
        operation("up", report, stack),
        operation("secondUp", report, stack),
        certificateDelivered(),
        servicesSteady(report),
        httpsVisited(report),
        webSocketEchoed(report),
        taskStopped(report),
        destroyed(report, stack),
    ];
    try {
        await runSteps(life, steps);
    } finally {
        await life.system?.stop();
    }
}

function optionsOf({ acme, hostedZoneId, domain, httpsPort, httpPort }: SystemFile) {
    return {
        program: join(__dirname, "traefikProgram", "index.ts"),
        config: {
            "aws:region": "eu-west-1",
            domain: `traefik.${domain}`,
            hostedZoneId,
            acmeDirectory: acme.directoryUrl,
            httpsPort: String(httpsPort),
            httpPort: String(httpPort),
        },
    };
}

/** A stack that is up, and whom to ask about it. */
function upStack(life: Life) {
    const { file } = runningSystem(life);
    if (life.outputs === undefined) {
        throw new Error("The stack is not up.");
    }
    const { region, clusterArn: cluster } = life.outputs;
    const config = clientConfig(file.gatewayUrl, { accountId: file.accountId, region });
    return { file, cluster, ...life.outputs, ecs: new ECSClient(config), secrets: new SecretsManagerClient(config) };
}

async function describeServices(life: Life): Promise<Service[]> {
    const { ecs, cluster, gatewayServiceName, appServiceName } = upStack(life);
    const { services = [] } = await ecs.send(
        new DescribeServicesCommand({ cluster, services: [gatewayServiceName, appServiceName] }),
    );
    return services;
}

/** Tasks that came before it could not start: their services are deployed anew, as the schedule would some time later. */
function certificateDelivered(): ListrTask<Life> {
    return {
        title: "the first certificate is issued",
        task: async (life, step) => {
            const { ecs, secrets, cluster, certificateSecretArn } = upStack(life);
            await eventually("first certificate", () =>
                secrets.send(new GetSecretValueCommand({ SecretId: certificateSecretArn })).catch(() => undefined),
            );
            const given = (await describeServices(life)).filter(
                ({ deployments }) => deployments?.[0].rolloutState === "FAILED",
            );
            for (const { serviceName: service } of given) {
                await ecs.send(new UpdateServiceCommand({ cluster, service, forceNewDeployment: true }));
            }
            step.title = `${step.title}; ${given.length} services deployed anew with it`;
        },
    };
}

function servicesSteady(report: TraefikReport): ListrTask<Life> {
    return {
        title: "Traefik and the app are steady",
        task: async (life) => {
            const services = await eventually("steady services", async () => {
                const found = await describeServices(life);
                const isSteady = found.every(({ deployments = [] }) => deployments[0].rolloutState === "COMPLETED");
                return isSteady ? found : undefined;
            });
            report.services = Object.fromEntries(
                services.map(({ serviceName = "", runningCount = 0 }) => [
                    serviceName.replace(/-[0-9a-f]+$/, ""),
                    runningCount,
                ]),
            );
        },
    };
}

function httpsVisited(report: TraefikReport): ListrTask<Life> {
    return {
        title: "HTTPS",
        task: async (life, step) => {
            const { file, hostname } = upStack(life);
            const { certificate, headers, body, ...seen } = await eventually(`${hostname} routed`, async () => {
                const page = await visit(file, hostname).catch(() => undefined);
                return page?.status === 200 ? page : undefined;
            });
            report.https = { ...seen, issuer: [certificate.issuer.CN].flat().join(", ") };
            report.unknownHost = { status: (await visit(file, `nobody.${hostname.replace(/^app\./, "")}`)).status };
            step.title = `HTTPS: ${seen.status}, HTTP/${seen.httpVersion}, ${seen.tlsVersion}; ${report.unknownHost.status} for a host that nobody serves`;
            const hasHsts = headers["strict-transport-security"] !== undefined;
            if (!seen.authorized || !hasHsts || !body.startsWith("Name: app")) {
                throw new Error(`Not what a visitor should see: ${JSON.stringify({ ...seen, headers })}`);
            }
        },
    };
}

function webSocketEchoed(report: TraefikReport): ListrTask<Life> {
    return {
        title: "a WebSocket echoes",
        task: async (life) => {
            const { file, hostname } = upStack(life);
            const text = `hello ${Date.now()}`;
            report.webSocket = { echoed: (await echo(file, hostname, "/echo", text)) === text };
        },
    };
}

/** One of the app's tasks stops while visitors ask all the time: it serves until Traefik has noticed. */
function taskStopped(report: TraefikReport): ListrTask<Life> {
    return {
        title: "a task stops under load",
        task: async (life, step) => {
            const { file, hostname, ecs, cluster, appServiceName: serviceName } = upStack(life);
            const { taskArns = [] } = await ecs.send(new ListTasksCommand({ cluster, serviceName }));
            const pages: (Page | undefined)[] = [];
            let isOver = false;
            const visitors = [1, 2].map(async () => {
                while (!isOver) {
                    pages.push(await visit(file, hostname, "/?wait=50ms").catch(() => undefined));
                }
            });
            try {
                await ecs.send(new StopTaskCommand({ cluster, task: taskArns[0], reason: "to see who notices" }));
                await eventually("the task stopped", async () => {
                    const { tasks = [] } = await ecs.send(new DescribeTasksCommand({ cluster, tasks: [taskArns[0]] }));
                    const service = (await describeServices(life)).find((one) => one.serviceName === serviceName);
                    return tasks[0].lastStatus === "STOPPED" && service?.runningCount === 2 ? true : undefined;
                });
            } finally {
                isOver = true;
                await Promise.all(visitors);
            }
            const failed = pages.filter((page) => page?.status !== 200).length;
            report.stop = { requests: pages.length, failed };
            step.title = `${step.title}: ${failed} of ${pages.length} requests failed`;
            if (failed > 0) {
                throw new Error(`The stop failed visitors: ${JSON.stringify(report.stop)}`);
            }
        },
    };
}

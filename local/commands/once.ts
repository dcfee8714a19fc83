// The whole life of a stack, from nothing to nothing, with a report of what was seen: `npm start -- --once`.

import { ListrTask } from "listr2";

import {
    Caller,
    deliveredCertificate,
    eventually,
    hostnameOf,
    lastDuration,
    renew,
    runTasks,
    stopTask,
    untilRunning,
} from "../internet/caller";
import { echo, Page, redirectOf, resolve, visit } from "../internet/visitor";
import { localConfig, platformsOf } from "../pulumi/platforms";
import { inTurn, together } from "./progress";
import { goThrough, operation, Running, Stack, StackReport } from "./steps";

/** What `--report` writes. Times are in milliseconds. */
export interface Report extends StackReport {
    certificate?: {
        subjectAlternativeNames: string[];
        issuer: string;
        notBefore: string;
        notAfter: string;
        keyType: string;
        /** How long the renewal function ran to issue it. */
        milliseconds: number | undefined;
    };
    task?: {
        taskArn: string;
        hostname: string;
        address: string;
        runningToResolvableMs: number;
        runningToFirstByteMs: number;
    };
    https?: Omit<Page, "certificate" | "headers">;
    webSocket?: { echoed: boolean };
    redirect?: { status: number | undefined; location: string | undefined };
    stop?: { recordGoneMs: number };
    renewal?: { decision: string; reason: string };
}

/** What the steps hand on to each other. */
interface Life extends Running {
    caller?: Caller;
    taskArn?: string;
}

/** Runs the whole life. The report holds what was seen, up to a step that failed. */
export async function wholeLife(report: Report, name: string): Promise<void> {
    const life: Life = {};
    const stack: Stack<Life> = {
        projectName: "taskgate",
        options: (system) => ({ config: localConfig(system) }),
        onUp: (up, system, outputs) => ([up.caller] = platformsOf(system, outputs)),
    };
    const steps: ListrTask<Life>[] = [
        operation("preview", report, stack),
        operation("up", report, stack),
        together("a second up, and meanwhile a task's life", [
            operation("secondUp", report, stack),
            inTurn("a task's life", [
                certificateIssued(report),
                taskReachable(report),
                httpsVisited(report),
                webSocketEchoed(report),
                httpRedirected(report),
                taskStopped(report),
                renewalRefused(report),
            ]),
        ]),
    ];
    await goThrough({ name, life, report, stack }, steps);
}

function certificateIssued(report: Report): ListrTask<Life> {
    return {
        title: "the first certificate is issued",
        task: async (life, step) => {
            const caller = called(life);
            const certificate = await eventually("first certificate", () => deliveredCertificate(caller));
            const milliseconds = await eventually("renewal's log", () =>
                Promise.resolve(lastDuration(caller, caller.outputs.renewalFunctionName)),
            );
            report.certificate = {
                subjectAlternativeNames: certificate.names,
                issuer: "",
                notBefore: certificate.notBefore,
                notAfter: certificate.notAfter,
                keyType: certificate.keyType,
                milliseconds,
            };
            step.title = `${step.title}: ${certificate.names.join(", ")} until ${certificate.notAfter}`;
        },
    };
}

function taskReachable(report: Report): ListrTask<Life> {
    return {
        title: "a task starts and gets its name",
        task: async (life, step) => {
            const caller = called(life);
            const { system } = caller;
            const [taskArn] = await runTasks(caller);
            life.taskArn = taskArn;
            const hostname = hostnameOf(caller, taskArn);
            const task = await untilRunning(caller, taskArn);
            const running = task.startedAt?.getTime() ?? Date.now();
            const address = await eventually(`${hostname} in DNS`, async () => (await resolve(system, hostname))[0]);
            const resolvable = Date.now();
            await eventually(`${hostname} answering`, () =>
                visit(system, hostname, "/", { address }).catch(() => undefined),
            );
            report.task = {
                taskArn,
                hostname,
                address,
                runningToResolvableMs: resolvable - running,
                runningToFirstByteMs: Date.now() - running,
            };
            step.title = `https://${hostname}:${system.httpsPort}/ answers ${report.task.runningToFirstByteMs} ms after RUNNING`;
        },
    };
}

function httpsVisited(report: Report): ListrTask<Life> {
    return {
        title: "HTTPS",
        task: async (life, step) => {
            const { system } = called(life);
            const { certificate, headers, ...seen } = await visit(system, seenTask(report).hostname);
            report.https = seen;
            if (report.certificate !== undefined) {
                report.certificate.issuer = [certificate.issuer.CN].flat().join(", ");
            }
            step.title = `HTTPS: ${seen.status}, HTTP/${seen.httpVersion}, ${seen.tlsVersion}, ${seen.cipher}, certificate verified`;
            if (!seen.authorized || headers["strict-transport-security"] === undefined) {
                throw new Error(`Not what a visitor should see: ${JSON.stringify({ ...seen, headers })}`);
            }
        },
    };
}

function webSocketEchoed(report: Report): ListrTask<Life> {
    return {
        title: "a WebSocket echoes",
        task: async (life) => {
            const text = `hello ${Date.now()}`;
            const answer = await echo(called(life).system, seenTask(report).hostname, "/echo", text);
            report.webSocket = { echoed: answer === text };
        },
    };
}

function httpRedirected(report: Report): ListrTask<Life> {
    return {
        title: "plain HTTP is redirected",
        task: async (life, step) => {
            report.redirect = await redirectOf(called(life).system, seenTask(report).hostname, "/some/path?query");
            step.title = `plain HTTP: ${report.redirect.status} to ${report.redirect.location}`;
        },
    };
}

function taskStopped(report: Report): ListrTask<Life> {
    return {
        title: "the task stops and loses its name",
        task: async (life, step) => {
            const caller = called(life);
            const { taskArn, hostname } = seenTask(report);
            const asked = Date.now();
            await stopTask(caller, taskArn);
            await eventually(`${hostname} gone from DNS`, async () =>
                (await resolve(caller.system, hostname)).length === 0 ? true : undefined,
            );
            report.stop = { recordGoneMs: Date.now() - asked };
            step.title = `the task stops; its name is gone ${report.stop.recordGoneMs} ms later`;
        },
    };
}

function renewalRefused(report: Report): ListrTask<Life> {
    return {
        title: "a second renewal",
        task: async (life, step) => {
            const { outcome, reason } = await renew(called(life));
            report.renewal = { decision: outcome, reason };
            step.title = `a second renewal: ${outcome}`;
        },
    };
}

function called({ caller }: Life): Caller {
    if (caller === undefined) {
        throw new Error("The stack is not up.");
    }
    return caller;
}

function seenTask({ task }: Report): NonNullable<Report["task"]> {
    if (task === undefined) {
        throw new Error("No task was reached.");
    }
    return task;
}

// What happens in the system, as the console's entries. It sees calls and tasks as they pass, and keeps no body of either.
import type { Task } from "@aws-sdk/client-ecs";

import { renewalDueAt } from "../../../handlers/certificate/decision";
import type { AwsRequest, AwsResponse } from "../../aws/gateway/overlay";
import { AwsError } from "../../aws/gateway/overlay";
import type { Scope } from "../../machine/awsClients";
import type { SystemWatch } from "../../system";
import { taskIdOf } from "../../internet/caller";
import { noteOf } from "../taskTable";
import type { Feed } from "./feed";

/** The way of a task: when each step was seen, in milliseconds since 1970. */
export interface Steps {
    PROVISIONING?: number;
    PENDING?: number;
    RUNNING?: number;
    /** Its name is in DNS. */
    named?: number;
    /** Its app answered an HTTPS request, with any status but 503. */
    answered?: number;
    /** It was to stop. */
    stopping?: number;
    STOPPED?: number;
}

/** A task as the console shows it. */
export interface TaskRecord {
    readonly id: string;
    readonly taskArn: string;
    readonly clusterArn: string;
    readonly region: string;
    readonly group: string;
    readonly status: string;
    readonly health: string;
    readonly steps: Readonly<Steps>;
    readonly hostname?: string;
    readonly address?: string;
    /** The status of its first answer. */
    readonly answer?: number;
    readonly note: string;
    readonly containers: readonly { readonly name: string; readonly status: string }[];
    /** CPU units and MiB. */
    readonly size: readonly [number, number];
}

/** What the console can break; each stays so until it is mended. */
export interface Broken {
    loseEvents: boolean;
    /** Services that refuse every call, as AWS does when there are too many. */
    readonly throttled: Set<string>;
}

export interface Records extends SystemWatch {
    readonly broken: Broken;
    /** The regions that anybody has called. */
    readonly regions: ReadonlySet<string>;
    readonly tasks: ReadonlyMap<string, TaskRecord>;
    /** Lays something over a task's record. */
    amend(id: string, more: Partial<Omit<TaskRecord, "steps">> & { readonly steps?: Steps }): void;
}

/** The calls that the console itself makes say so, and are not shown. */
export const userAgent = "taskgate-console";

export function createRecords(feed: Feed): Records {
    const tasks = new Map<string, TaskRecord>();
    const regions = new Set<string>();
    const broken: Broken = { loseEvents: false, throttled: new Set() };
    let count = 0;

    const isOwn = ({ headers }: AwsRequest) =>
        String(headers["x-amz-user-agent"] ?? headers["user-agent"]).includes(userAgent);

    function put(given: TaskRecord): void {
        const record = { ...given, note: currentNote(given) };
        tasks.delete(record.id);
        tasks.set(record.id, record);
        const past = [...tasks.values()].filter(({ status }) => status === "STOPPED");
        past.slice(0, Math.max(0, past.length - 200)).forEach(({ id }) => tasks.delete(id));
        feed.set("task", record.id, record);
    }

    function see({ region }: Scope, task: Task): void {
        const id = taskIdOf(task.taskArn ?? "");
        put(recordOf(task, id, region, tasks.get(id), Date.now()));
    }

    return {
        broken,
        regions,
        tasks,
        amend(id, { steps, ...more }) {
            const record = tasks.get(id);
            if (record !== undefined) {
                put({ ...record, ...more, steps: { ...record.steps, ...steps } });
            }
        },
        taskChanged(scope: Scope, task: Task) {
            see(scope, task);
            return !broken.loseEvents;
        },
        healthChanged: see,
        refusal(request) {
            return broken.throttled.has(request.service) && !isOwn(request)
                ? new AwsError("ThrottlingException", "Rate exceeded")
                : undefined;
        },
        answered(request, response, milliseconds) {
            if (isOwn(request) || request.service === "") {
                return; // unsigned: no call of AWS, but of the parts among themselves
            }
            regions.add(request.region);
            const key = String(++count);
            feed.set("request", key, {
                time: Date.now(),
                caller: callerOf(request),
                action: `${request.service}:${request.operation ?? `${request.method} ${request.path}`}`,
                region: request.region,
                outcome: response.status < 400 ? "ok" : outcomeOf(response),
                milliseconds: Math.round(milliseconds * 10) / 10,
            });
            if (response.status < 400) {
                recordCertificate(feed, request);
                recordDashboards(feed, request);
            }
        },
    };
}

/** What ECS tells is out of date once DNS has the name. */
function currentNote({ status, steps, address, note }: TaskRecord): string {
    const isServing = status === "RUNNING" && steps.stopping === undefined;
    return isServing ? noteOf({ lastStatus: status }, address) : note;
}

function recordOf(task: Task, id: string, region: string, before: TaskRecord | undefined, now: number): TaskRecord {
    const { lastStatus: status = "", desiredStatus, healthStatus } = task;
    const steps: Steps = { ...before?.steps };
    if (status === "PROVISIONING" || status === "PENDING" || status === "RUNNING" || status === "STOPPED") {
        steps[status] ??= now;
    }
    if (desiredStatus === "STOPPED") {
        steps.stopping ??= now;
    }
    return {
        ...before,
        id,
        taskArn: task.taskArn ?? "",
        clusterArn: task.clusterArn ?? "",
        region,
        group: task.group ?? "",
        status,
        health: healthStatus ?? "UNKNOWN",
        steps,
        note: noteOf(task, before?.address),
        containers: (task.containers ?? []).map(({ name = "", lastStatus = "" }) => ({ name, status: lastStatus })),
        size: [Number(task.cpu ?? 0), Number(task.memory ?? 0)],
    };
}

/** What the caller's SDK says of its program, and who signed when it is not the account itself. */
function callerOf({ principal, headers }: AwsRequest): string {
    const agent = `${String(headers["user-agent"])} ${String(headers["x-amz-user-agent"] ?? "")}`;
    const program =
        (/exec-env\/AWS_Lambda/.test(agent) ? "a function" : /\bapp\/([^\s#]+)/.exec(agent)?.[1]) ??
        /^[A-Za-z][\w.-]*/.exec(agent)?.[0] ??
        "unknown";
    return principal === undefined ? program : `${program} ${principal.replace(/^.*:assumed-role\//, "")}`;
}

/** The error's name, where the service's protocol puts it. */
function outcomeOf({ status, headers, body }: AwsResponse): string {
    const name =
        headers["x-amzn-errortype"] ??
        /<Code>([^<]+)<\/Code>|"__type": ?"(?:[^"#]*#)?([^"]+)"/.exec(String(body))?.slice(1).find(Boolean);
    return `${status} ${String(name ?? "")}`.trim();
}

/** The facts of a certificate that was delivered as tasks get it; its key is not looked at. */
function recordCertificate(feed: Feed, { operation, parameters }: AwsRequest): void {
    if (operation !== "PutSecretValue") {
        return;
    }
    const { SecretString, SecretId } = (parameters ?? {}) as { SecretString?: string; SecretId?: string };
    let facts: { names?: string[]; keyType?: string; notBefore?: string; notAfter?: string } = {};
    try {
        facts = JSON.parse(SecretString ?? "{}") as typeof facts;
    } catch {
        return; // another kind of secret
    }
    const { names, keyType, notBefore, notAfter } = facts;
    if (names === undefined || notBefore === undefined || notAfter === undefined) {
        return;
    }
    const dates = { notBefore: new Date(notBefore), notAfter: new Date(notAfter) };
    feed.set("certificate", `${SecretId} ${notBefore}`, {
        ...{ names, keyType, secret: SecretId },
        issued: dates.notBefore.getTime(),
        due: renewalDueAt(dates).getTime(),
        expires: dates.notAfter.getTime(),
    });
}

/** As CloudWatch is told of them. */
function recordDashboards(feed: Feed, { operation, parameters = {} }: AwsRequest): void {
    if (operation === "PutDashboard") {
        const { DashboardName, DashboardBody } = parameters as { DashboardName: string; DashboardBody: string };
        feed.set("dashboard", DashboardName, JSON.parse(DashboardBody));
    } else if (operation === "DeleteDashboards") {
        (parameters as { DashboardNames: string[] }).DashboardNames.forEach((name) =>
            feed.set("dashboard", name, null),
        );
    }
}

// The names of tasks as three know them: ECS, the registry and the zone. Only reads, by the code of the functions that keep them.
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { EC2Client } from "@aws-sdk/client-ec2";
import type { ECSClient } from "@aws-sdk/client-ecs";
import { GetFunctionConfigurationCommand } from "@aws-sdk/client-lambda";
import type { LambdaClient } from "@aws-sdk/client-lambda";
import type { Route53Client } from "@aws-sdk/client-route-53";

import { publicAddresses, type Addresses } from "../../handlers/dns/addresses";
import { recordsOf, TASK_ID } from "../../handlers/dns/names";
import { readOpenRows, type Row, type RowState } from "../../handlers/dns/registry";
import { readTaskDnsSettings, type TaskDnsSettings } from "../../handlers/dns/settings";
import { listTasks } from "../../handlers/dns/sweep";
import { taskIdOf } from "../../handlers/dns/taskEvents";
import { lookAtTasks, type TaskTruth } from "../../handlers/dns/tasks";
import { listRecords, type RecordSet } from "../../handlers/hostedZone";

export interface NamesClients {
    readonly lambda: LambdaClient;
    readonly ecs: ECSClient;
    readonly ec2: EC2Client;
    readonly dynamodb: DynamoDBClient;
    readonly route53: Route53Client;
}

/** What there is, each as its keeper tells it. */
export interface Names {
    readonly settings: Pick<TaskDnsSettings, "domain" | "ipv6">;
    /** By the task's id: those that run or come up, and all that have a row or a record. */
    readonly truths: ReadonlyMap<string, TaskTruth>;
    /** Those that are not GONE. */
    readonly rows: readonly Row[];
    /** The zone's address records below the domain. */
    readonly records: readonly RecordSet[];
    /** What EC2 shows, by network interface. */
    readonly addresses: ReadonlyMap<string, Addresses>;
}

/** One name, or one task that should have one. */
export interface NameLine {
    /** The task's id; of a record of nobody, its name. */
    readonly id: string;
    /** What ECS's answer means: `early` has no name yet, `ready` is to have one, `missing` is not known any more. */
    readonly task: TaskTruth["state"] | undefined;
    readonly registry: RowState | undefined;
    /** Since when the registry says so. */
    readonly since: Date | undefined;
    readonly name: string | undefined;
    /** By EC2, by the registry and by the zone. */
    readonly addresses: {
        readonly task: readonly string[];
        readonly registry: readonly string[];
        readonly zone: readonly string[];
    };
    /** In what the three differ; nothing where they agree. */
    readonly difference: string | undefined;
}

/** Milliseconds that everything together may take. */
const PATIENCE = 120_000;

/**
 * Reads what a TaskDns keeps, whose function that writes the records tells where everything is.
 *
 * @throws with the action that is missing, where the credentials may not read something
 */
export async function readNames(clients: NamesClients, functionName: string): Promise<Names> {
    const { lambda, ecs, ec2, dynamodb, route53 } = clients;
    const deadline = Date.now() + PATIENCE;
    const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: functionName }));
    const settings = readTaskDnsSettings(Environment?.Variables ?? {});
    const registry = { dynamodb, tableName: settings.tableName };
    const zone = { route53, id: settings.hostedZoneId, deadline };
    // The tasks last: what has changed since is theirs to tell.
    const records = (await listRecords(zone, ["A", "AAAA"])).filter(({ name }) =>
        name.endsWith(`.${settings.domain}.`),
    );
    const rows = await readOpenRows(registry, deadline);
    const taskArns = new Map(
        [
            ...(await listTasks({ settings, ecs, deadline })),
            ...rows.map(({ taskArn }) => taskArn),
            ...records.map((record) => `${settings.clusterArn.replace(":cluster/", ":task/")}/${labelOf(record)}`),
        ].flatMap((taskArn) => {
            const id = taskIdOf(taskArn);
            return id === undefined ? [] : [[id, taskArn] as const];
        }),
    );
    const asked = [...taskArns].map(([taskId, taskArn]) => ({
        hint: { taskArn, taskId, stopping: false, version: 0, time: 0, messages: [], swept: true },
        row: rows.find((row) => row.taskId === taskId),
    }));
    const truths = await lookAtTasks(ecs, settings, asked, deadline);
    const interfaces = [...truths.values()].flatMap(({ networkInterfaceId }) => networkInterfaceId ?? []);
    return { settings, truths, rows, records, addresses: await publicAddresses(ec2, interfaces, deadline) };
}

/** A line for each task that is to have a name, and for each name; those that differ come first. */
export function compare(names: Names, now = Date.now()): NameLine[] {
    const { truths, rows, records } = names;
    const rowOf = new Map(rows.map((row) => [row.taskId, row]));
    const ids = new Set([...rowOf.keys(), ...truths.keys(), ...records.map(labelOf).filter(isTaskId)]);
    const lines = [...ids]
        .map((id) => lineOf(names, id, rowOf.get(id), now))
        // A task that has stopped, has no row and no record is no matter.
        .filter(({ task, registry, addresses }) => isUp(task) || registry !== undefined || addresses.zone.length > 0);
    return lines.sort((one, other) => Number(!one.difference) - Number(!other.difference));
}

function lineOf({ settings, truths, records, addresses }: Names, id: string, row: Row | undefined, now: number) {
    const truth = truths.get(id);
    const name = row?.name ?? truth?.name ?? `${id}.${settings.domain}.`;
    const { ipv4, ipv6 } = addresses.get(truth?.networkInterfaceId ?? "") ?? {};
    const standing = records.filter((record) => record.name === name);
    const line = {
        id,
        task: truth?.state,
        registry: row?.state,
        since: row && new Date(row.since),
        name: row?.name ?? truth?.name ?? standing[0]?.name,
        addresses: {
            task: [ipv4, settings.ipv6 ? ipv6 : undefined].filter((address) => address !== undefined),
            registry: row ? recordsOf(row).flatMap(({ values }) => values) : [],
            zone: standing.flatMap(({ values }) => values),
        },
    };
    return { ...line, difference: differenceOf(line, row, truth, now) };
}

function differenceOf(
    { task, addresses }: Omit<NameLine, "difference">,
    row: Row | undefined,
    truth: TaskTruth | undefined,
    now: number,
): string | undefined {
    const stands = addresses.zone.length > 0;
    switch (row?.state) {
        case "NAMING":
            return row.until > now ? "is being named" : "is half named";
        case "REMOVING":
            return row.until > now ? "is being removed" : "is half removed";
        case "LIVE":
            if (task === "stopping" || task === "missing") {
                return "the task is gone and its name is not";
            }
            if (!stands) {
                return "the zone has no record of it";
            }
            if (!isSame(addresses.zone, addresses.registry)) {
                return "the zone's record is another";
            }
            return addresses.task.length === 0 || addresses.registry.some((one) => addresses.task.includes(one))
                ? undefined
                : "the task has another address";
        case "GONE":
        case undefined:
            if (task !== "ready") {
                return stands ? "a record in no row" : truth?.reason;
            }
            if (stands) {
                return isSame(addresses.zone, addresses.task)
                    ? "a record in no row"
                    : "somebody else's record is in the way";
            }
            return truth?.name === undefined
                ? truth?.reason
                : addresses.task.length === 0
                  ? "has no public address"
                  : "has no name yet";
    }
}

function isUp(task: NameLine["task"]): boolean {
    return task === "ready" || task === "early" || task === "unclear";
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
    return String([...some].sort()) === String([...others].sort());
}

function labelOf({ name }: RecordSet): string {
    return name.slice(0, name.indexOf("."));
}

function isTaskId(label: string): boolean {
    return TASK_ID.test(label);
}

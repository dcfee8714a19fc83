import { createHash } from "node:crypto";
import { json, jsonError, xml, xmlError, type FakeService } from "./fakeAws";

// Fargate tasks as ECS and EC2 show them, and the "ECS Task State Change" events they cause.

export interface FakeTask {
    readonly id: string;
    readonly arn: string;
    readonly address: string;
    readonly networkInterfaceId: string;
    readonly desiredStatus: string;
    readonly lastStatus: string;
    readonly version: number;
}

export interface FakeTasks {
    readonly services: readonly FakeService[];
    /** A new task, at PROVISIONING. The same number gives the same id. */
    create(number: number): FakeTask;
    /** Moves a task on, a version further, and returns the event that this causes. */
    move(id: string, status: { lastStatus?: string; desiredStatus?: string }): object;
    /** Moves a task to RUNNING, and returns the events of the way there. */
    run(id: string): object[];
    /** The event of the task as it is now. */
    event(id: string, more?: { time?: string; clusterArn?: string }): object;
    get(id: string): FakeTask;
    all(): FakeTask[];
    /** Makes a task a service's. */
    joinService(id: string, service: string): void;
    /** From now on DescribeTasks shows the task as it was at `version`, for so many looks. */
    lag(id: string, version: number, looks: number): void;
    /** ECS forgets a stopped task after an hour: MISSING. */
    forget(id: string): void;
    /** A task without a public address, as in a private subnet. */
    hideAddress(id: string): void;
    /** A task in a dual-stack subnet. */
    addIpv6(id: string, address: string): void;
}

interface Kept {
    readonly states: FakeTask[];
    forgotten: boolean;
    addressHidden: boolean;
    ipv6?: string;
    group: string;
    lag: { version: number; looks: number };
}

export function createFakeTasks(clusterArn: string, time: () => Date = () => new Date()): FakeTasks {
    const kept = new Map<string, Kept>();
    const isTaskId = (arn: string) => /\/[0-9a-f]{32}$/.test(arn);
    const find = (id: string): Kept => {
        const task = kept.get(id);
        if (task === undefined) {
            throw new Error(`The test knows no task ${id}.`);
        }
        return task;
    };
    const current = (id: string) => find(id).states.at(-1)!;

    const tasks: FakeTasks = {
        services: [
            {
                service: "ecs",
                answer: ({ operation, body }) =>
                    operation === "ListTasks"
                        ? listTasks(body)
                        : operation === "StopTask"
                          ? stopTask(body)
                          : describeTasks(body),
            },
            { service: "ec2", answer: ({ body }) => describeNetworkInterfaces(new URLSearchParams(body)) },
        ],
        create(number) {
            const id = createHash("sha256").update(`task ${number}`).digest("hex").slice(0, 32);
            const task: FakeTask = {
                id,
                arn: `${clusterArn.replace(":cluster/", ":task/")}/${id}`,
                address: `198.${18 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`,
                networkInterfaceId: `eni-${id.slice(0, 17)}`,
                desiredStatus: "RUNNING",
                lastStatus: "PROVISIONING",
                version: 1,
            };
            kept.set(id, {
                states: [task],
                forgotten: false,
                addressHidden: false,
                group: "family:app",
                lag: { version: 0, looks: 0 },
            });
            return task;
        },
        move(id, status) {
            const before = current(id);
            find(id).states.push({ ...before, ...status, version: before.version + 1 });
            return tasks.event(id);
        },
        run: (id) => ["PENDING", "RUNNING"].map((lastStatus) => tasks.move(id, { lastStatus })),
        event: (id, more = {}) =>
            stateChangeEvent(current(id), more.clusterArn ?? clusterArn, more.time ?? time().toISOString()),
        get: current,
        all: () => [...kept.keys()].map(current),
        joinService: (id, service) => void (find(id).group = `service:${service}`),
        lag: (id, version, looks) => void (find(id).lag = { version, looks }),
        forget: (id) => void (find(id).forgotten = true),
        hideAddress: (id) => void (find(id).addressHidden = true),
        addIpv6: (id, address) => void (find(id).ipv6 = address),
    };

    function listTasks(body: string) {
        const { desiredStatus = "RUNNING" } = JSON.parse(body) as { desiredStatus?: string };
        const listed = [...kept.values()].map(({ states }) => states.at(-1)!);
        return json({
            taskArns: listed.filter((task) => task.desiredStatus === desiredStatus).map(({ arn }) => arn),
        });
    }

    /** It is STOPPED when it is looked at for the second time after that. */
    function stopTask(body: string) {
        const { task: arn } = JSON.parse(body) as { task: string };
        const id = arn.split("/").at(-1)!;
        tasks.move(id, { desiredStatus: "STOPPED" });
        tasks.move(id, { lastStatus: "STOPPED" });
        tasks.lag(id, find(id).states.length - 1, 1);
        return json({ task: taskFields(current(id), "ElasticNetworkInterface") });
    }

    function describeTasks(body: string) {
        const request = JSON.parse(body) as { cluster: string; tasks: string[] };
        if (request.cluster !== clusterArn) {
            return jsonError(400, "ClusterNotFoundException", "Cluster not found.");
        }
        if (request.tasks.length > 100) {
            return jsonError(400, "InvalidParameterException", "Tasks cannot have more than 100 elements.");
        }
        if (!request.tasks.every(isTaskId)) {
            return jsonError(400, "InvalidParameterException", "taskId length should be one of [32,36]");
        }
        const found: object[] = [];
        const failures: object[] = [];
        for (const arn of request.tasks) {
            const task = kept.get(arn.split("/").at(-1)!);
            if (task === undefined || task.forgotten) {
                failures.push({ arn, reason: "MISSING" });
            } else {
                const state = task.lag.looks-- > 0 ? task.states[task.lag.version - 1] : task.states.at(-1)!;
                found.push({ ...taskFields(state, "ElasticNetworkInterface"), clusterArn, group: task.group });
            }
        }
        return json({ tasks: found, failures });
    }

    /** The interface lives from PENDING until DEPROVISIONING is over. By id, one that is gone fails the request. */
    function describeNetworkInterfaces(query: URLSearchParams) {
        if (query.has("NetworkInterfaceId.1")) {
            return xmlError(400, "InvalidNetworkInterfaceID.NotFound", "The networkInterface ID does not exist");
        }
        const wanted = new Set(
            [...query].filter(([name]) => name.startsWith("Filter.1.Value.")).map(([, value]) => value),
        );
        if (wanted.size > 200 || query.get("Filter.1.Name") !== "network-interface-id") {
            return xmlError(400, "FilterLimitExceeded", "The maximum number of filter values on a single call is 200");
        }
        const items = [...kept.values()]
            .map(({ states, addressHidden, ipv6 }) => ({ ...states.at(-1)!, addressHidden, ipv6 }))
            .filter((task) => wanted.has(task.networkInterfaceId) && hasInterface(task))
            .map(({ networkInterfaceId, address, addressHidden, ipv6 }) => {
                const addresses = ipv6
                    ? `<ipv6AddressesSet><item><ipv6Address>fe80::1</ipv6Address></item><item><ipv6Address>${ipv6}</ipv6Address></item></ipv6AddressesSet>`
                    : "";
                const association = addressHidden ? "" : `<association><publicIp>${address}</publicIp></association>`;
                return `<item><networkInterfaceId>${networkInterfaceId}</networkInterfaceId>${association}${addresses}</item>`;
            });
        // Pages are shorter than asked for, as they may be.
        const first = Number(query.get("NextToken") ?? 0);
        const next = first + 150 < items.length ? `<nextToken>${first + 150}</nextToken>` : "";
        return xml(
            `<DescribeNetworkInterfacesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><networkInterfaceSet>${items.slice(first, first + 150).join("")}</networkInterfaceSet>${next}</DescribeNetworkInterfacesResponse>`,
        );
    }

    return tasks;
}

function hasInterface({ lastStatus }: FakeTask): boolean {
    return lastStatus !== "PROVISIONING" && lastStatus !== "STOPPED";
}

function stateChangeEvent(task: FakeTask, clusterArn: string, time: string): object {
    return {
        version: "0",
        id: `event-${task.id}-${task.version}`,
        "detail-type": "ECS Task State Change",
        source: "aws.ecs",
        account: "111122223333",
        time,
        region: "eu-west-1",
        resources: [task.arn],
        detail: { ...taskFields(task, "eni"), clusterArn, group: "family:app", launchType: "FARGATE", updatedAt: time },
    };
}

/** Another attachment stands first, as it may on AWS; no public address is told anywhere. */
function taskFields(task: FakeTask, attachmentType: string): object {
    const details = hasInterface(task)
        ? [
              { name: "subnetId", value: "subnet-1" },
              { name: "networkInterfaceId", value: task.networkInterfaceId },
              { name: "privateIPv4Address", value: "10.0.0.7" },
          ]
        : [{ name: "subnetId", value: "subnet-1" }];
    return {
        taskArn: task.arn,
        desiredStatus: task.desiredStatus,
        lastStatus: task.lastStatus,
        version: task.version,
        attachments: [
            { id: "a0", type: "sdi", status: "ATTACHED", details: [] },
            { id: "a1", type: attachmentType, status: "ATTACHED", details },
        ],
    };
}

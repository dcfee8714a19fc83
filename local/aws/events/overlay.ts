import { randomUUID } from "node:crypto";

import type { Task } from "@aws-sdk/client-ecs";
import {
    EventBridgeClient,
    ListRulesCommand,
    ListTargetsByRuleCommand,
    TestEventPatternCommand,
} from "@aws-sdk/client-eventbridge";
import type { InputTransformer, ListRulesResponse, Rule, Target } from "@aws-sdk/client-eventbridge";
import { clientConfig } from "../../machine/awsClients";
import type { Scope } from "../../machine/awsClients";
import { omit } from "../../machine/omit";
import type { AwsResponse, Overlay } from "../gateway/overlay";
import { sendToTarget } from "../gateway/targets";
import type { Identities } from "../permissions/identities";

/** An event as EventBridge delivers it. */
export interface AwsEvent {
    readonly version: "0";
    readonly id: string;
    readonly "detail-type": string;
    readonly source: string;
    readonly account: string;
    readonly time: string;
    readonly region: string;
    readonly resources: readonly string[];
    readonly detail: object;
}

/** What of an event whoever publishes it has to say. */
export type AnnouncedEvent = Pick<AwsEvent, "detail-type" | "source" | "resources" | "detail">;

export interface Events {
    /** Sees the rules change. */
    readonly overlay: Overlay;
    /** Delivers to the targets of the rules that match; those of one task in the order they were published. */
    readonly publish: (scope: Scope, task: Task) => void;
    /** Delivers an event of AWS's own to the targets of the rules that match. */
    readonly announce: (scope: Scope, event: AnnouncedEvent) => Promise<void>;
    /** Everything published so far has been delivered. */
    readonly delivered: () => Promise<void>;
    /** Nothing is delivered any more. */
    readonly stop: () => void;
}

/** EventBridge for the events of AWS itself, which PutEvents refuses from anybody else. */
export function createEvents(options: {
    readonly gatewayUrl: string;
    readonly log: (text: string) => void;
    readonly identities?: Identities;
}): Events {
    const queues = new Map<string, Promise<unknown>>();
    const rulesOf = new Map<string, Promise<readonly RuleWithTargets[]>>();

    let hasStopped = false;

    async function deliver(scope: Scope, event: AwsEvent): Promise<void> {
        const client = new EventBridgeClient(clientConfig(options.gatewayUrl, scope));
        const key = `${scope.accountId} ${scope.region}`;
        const rules = rulesOf.get(key) ?? listRules(client);
        rulesOf.set(key, rules);
        rules.catch(() => rulesOf.delete(key));
        const text = JSON.stringify(event);
        for (const { rule, targets } of await rules) {
            const { Result } = await client.send(
                new TestEventPatternCommand({ Event: text, EventPattern: rule.EventPattern }),
            );
            for (const target of Result ? targets : []) {
                const to = { arn: target.Arn!, messageGroupId: target.SqsParameters?.MessageGroupId };
                const input = targetInput(target, event, rule);
                const key = options.identities?.keyOfService("events.amazonaws.com", scope, rule.Arn!);
                await sendToTarget(options.gatewayUrl, scope, to, input, key).catch((error: Error) =>
                    options.log(`Rule ${rule.Name} could not reach ${target.Arn}: ${error.name}: ${error.message}`),
                );
            }
        }
    }

    return {
        overlay: {
            service: "events",
            async handle(request, forward) {
                const answer = await forward(request);
                if (!/^(List|Describe|Test)/.test(request.operation ?? "")) {
                    rulesOf.clear();
                }
                return request.operation === "ListRules" ? withoutCreators(answer) : answer;
            },
        },
        publish(scope, task) {
            const event = taskStateChange(scope, task);
            const taskArn = task.taskArn!;
            const before = queues.get(taskArn) ?? Promise.resolve();
            const after = before
                .then(() => (hasStopped ? undefined : deliver(scope, event)))
                .catch((error: Error) => hasStopped || options.log(`Event ${event.id} is lost: ${error.message}`))
                .finally(() => queues.get(taskArn) === after && queues.delete(taskArn));
            queues.set(taskArn, after);
        },
        announce: (scope, event) => deliver(scope, inEnvelope(scope, event)),
        async delivered() {
            await Promise.all(queues.values());
        },
        stop() {
            hasStopped = true;
        },
    };
}

/** Only DescribeRule tells who made a rule; the emulator does in lists, too. */
function withoutCreators(answer: AwsResponse): AwsResponse {
    const body: unknown = JSON.parse(answer.body.toString(), (key, value: unknown) =>
        key === "CreatedBy" ? undefined : value,
    );
    return { ...answer, body: Buffer.from(JSON.stringify(body)) };
}

interface RuleWithTargets {
    readonly rule: Rule;
    readonly targets: readonly Target[];
}

async function listRules(client: EventBridgeClient): Promise<readonly RuleWithTargets[]> {
    const rules: RuleWithTargets[] = [];
    let page: ListRulesResponse = {};
    do {
        page = await client.send(new ListRulesCommand({ NextToken: page.NextToken }));
        for (const rule of page.Rules ?? []) {
            if (rule.EventPattern && rule.State === "ENABLED") {
                const { Targets = [] } = await client.send(new ListTargetsByRuleCommand({ Rule: rule.Name }));
                rules.push({ rule, targets: Targets });
            }
        }
    } while (page.NextToken);
    return rules;
}

/** Snapshot of a task as the "ECS Task State Change" event shows it: less than DescribeTasks does. */
export function taskStateChange(scope: Scope, task: Task): AwsEvent {
    const { attachments = [], containers = [] } = task;
    const now = new Date().toISOString();
    const event = inEnvelope(scope, {
        "detail-type": "ECS Task State Change",
        source: "aws.ecs",
        resources: [task.taskArn!],
        detail: {
            ...omit(task, "tags", "healthStatus"),
            attachments: attachments.map((attachment) => ({ ...attachment, type: "eni" })),
            containers: containers.map((container) =>
                omit(container, "healthStatus", "networkBindings", "memory", "memoryReservation"),
            ),
            updatedAt: now,
        },
    });
    return JSON.parse(JSON.stringify(event)) as AwsEvent; // the task goes on changing
}

function inEnvelope({ accountId, region }: Scope, event: AnnouncedEvent): AwsEvent {
    const time = `${new Date().toISOString().slice(0, 19)}Z`;
    return { version: "0", id: randomUUID(), account: accountId, time, region, ...event };
}

/** What a target is sent: the event, a part of it, a constant, or what its template makes of it. */
export function targetInput(target: Target, event: AwsEvent, rule: Rule): string {
    if (target.InputTransformer) {
        return transformed(target.InputTransformer, event, rule);
    }
    if (target.Input !== undefined) {
        return target.Input;
    }
    return JSON.stringify(target.InputPath === undefined ? event : valueAt(event, target.InputPath));
}

function transformed(
    { InputPathsMap = {}, InputTemplate = "" }: InputTransformer,
    event: AwsEvent,
    rule: Rule,
): string {
    const values: Readonly<Record<string, unknown>> = {
        ...Object.fromEntries(Object.entries(InputPathsMap).map(([name, path]) => [name, valueAt(event, path) ?? ""])),
        "aws.events.rule-name": rule.Name,
        "aws.events.rule-arn": rule.Arn,
        "aws.events.event.ingestion-time": event.time,
        "aws.events.event.json": event,
    };
    const render = (text: string, isInString: boolean) =>
        text.replace(/<([^<>]+)>/g, (placeholder, name: string) => {
            const value = values[name];
            if (value === undefined) {
                return placeholder;
            }
            if (typeof value === "string") {
                return isInString ? value : JSON.stringify(value);
            }
            return isInString ? JSON.stringify(value).replaceAll('"', "") : JSON.stringify(value);
        });
    if (!InputTemplate.includes('"')) {
        return render(InputTemplate, true);
    }
    return InputTemplate.replace(/"(?:\\.|[^"\\])*"|<[^<>]+>/g, (token) => render(token, token.startsWith('"')));
}

/** `$.detail.containers[0].name` */
function valueAt(event: AwsEvent, path: string): unknown {
    const keys = path.match(/[^$.[\]'"]+/g) ?? [];
    return keys.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], event);
}

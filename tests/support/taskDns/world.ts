import type { SQSEvent } from "aws-lambda";
import { syncTaskDns } from "../../../handlers/syncTaskDns";
import { awsEnvironment, setEnvironment, startFakeAws, type FakeAws, type FakeService } from "../fakeAws";
import { captureLog, lambdaContext, type LogLine, type Metrics } from "../fakeLambda";
import { createFakeRoute53, type FakeRoute53, type FakeRoute53Options } from "../fakeRoute53";
import { createFakeTasks, type FakeTasks } from "../fakeTasks";
import {
    createFakeQueues,
    createFakeRegistry,
    taskDnsEnvironment,
    type FakeQueues,
    type FakeRegistry,
} from "./fakeServices";

// All that the handlers of the task DNS meet, behind the SDK's real clients, and their environment.

export const CLUSTER_ARN = "arn:aws:ecs:eu-west-1:111122223333:cluster/tasks";
export const DOMAIN = "tasks.example.test";
export const DEAD_LETTER_QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/111122223333/dead-letters";

/** Events from before the minute in which ECS may not know a task yet. */
export const EARLIER = () => new Date(Date.now() - 120_000);

export interface World {
    readonly tasks: FakeTasks;
    readonly route53: FakeRoute53;
    readonly registry: FakeRegistry;
    readonly queues: FakeQueues;
    readonly aws: FakeAws;
    /** What the handlers have logged. */
    readonly lines: readonly LogLine[];
    /** What they have told CloudWatch. */
    readonly metrics: readonly Metrics[];
    close(): Promise<void>;
}

export async function createWorld(
    options: Partial<FakeRoute53Options> = {},
    more: readonly FakeService[] = [],
    environment: Readonly<Record<string, string>> = {},
): Promise<World> {
    const tasks = createFakeTasks(CLUSTER_ARN, EARLIER);
    const route53 = createFakeRoute53({ zoneId: "Z1", zoneName: "example.test", ...options });
    const registry = createFakeRegistry();
    const queues = createFakeQueues();
    const aws = await startFakeAws([...tasks.services, route53, registry, queues, ...more]);
    const restore = setEnvironment({
        ...awsEnvironment(aws.url),
        ...taskDnsEnvironment(CLUSTER_ARN),
        DOMAIN,
        ...environment,
    });
    const log = captureLog();
    return {
        tasks,
        route53,
        registry,
        queues,
        aws,
        lines: log.lines,
        metrics: log.metrics,
        async close() {
            log.restore();
            restore();
            await aws.stop();
        },
    };
}

/** The messages m0, m1, … of one batch, received so often and sent so long ago; a string is a body as it is. */
export function batch(events: readonly (object | string)[], receives = 1, age = 0): SQSEvent {
    const records = events.map((event, index) => ({
        messageId: `m${index}`,
        receiptHandle: `r${index}`,
        body: typeof event === "string" ? event : JSON.stringify(event),
        attributes: { ApproximateReceiveCount: String(receives), SentTimestamp: String(Date.now() - age) },
    }));
    return { Records: records } as unknown as SQSEvent;
}

/** Invokes the handler; answers the ids of the messages that go back to the queue. */
export async function deliver(events: readonly (object | string)[], milliseconds?: number): Promise<string[]> {
    return deliverBatch(batch(events), milliseconds);
}

export async function deliverBatch(event: SQSEvent, milliseconds?: number): Promise<string[]> {
    const { batchItemFailures } = await syncTaskDns(event, lambdaContext(milliseconds));
    return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
}

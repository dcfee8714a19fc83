import { clientSettings } from "../calls";
import { putEvents } from "../events";
import { load } from "../load";
import { writeMetrics } from "../metrics";
import { taskAddress } from "./address";
import { fargatePlace } from "./fargate";
import type { Reach } from "./life";
import { sharedLooks } from "./looks";
import { openRegistry, openSights } from "./registry";
import type { Session, StartRequest } from "./session";
import type { SessionSettings } from "./settings";
import { END_EVENT, fenceTag, keyTag, ownerTag, tenantTag } from "../sessionNames";

/** What a run that has so long to live works with. */
export function openReach(settings: SessionSettings, remainingMilliseconds: number): Reach {
    const { DynamoDBClient } = load("@aws-sdk/client-dynamodb");
    const { ECSClient } = load("@aws-sdk/client-ecs");
    const dynamodb = new DynamoDBClient(clientSettings());
    const deadline = Date.now() + remainingMilliseconds - 1_000;
    const { cluster, launchType, capacityProviderStrategy, networkConfiguration, platformVersion } =
        settings.runTaskInput;
    const place = fargatePlace({
        ecs: new ECSClient(clientSettings()),
        runTaskInput: { cluster, launchType, capacityProviderStrategy, networkConfiguration, platformVersion },
        startedBy: settings.name,
        deadline,
        address: (taskArn, sight) =>
            taskAddress(
                { dynamodb, tableName: settings.namesTableName, httpsPort: settings.httpsPort, deadline },
                taskArn,
                sight,
            ),
    });
    return {
        registry: openRegistry(dynamodb, settings.tableName, deadline),
        place: sharedLooks(place, openSights(dynamodb, settings.tableName, deadline), Date.now),
        limits: settings.limits,
        startWithin: settings.startWithin,
        lifetime: settings.lifetime,
        taskLifetime: settings.taskLifetime,
        ...(settings.warnBefore !== undefined && {
            warning: { before: settings.warnBefore, tell: (session) => tellOfEnd(settings, session, deadline) },
        }),
        count: (metric, value) =>
            writeMetrics(
                { Sessions: settings.name },
                { [metric]: { unit: metric === "SecondsSaved" ? "Seconds" : "Count", values: [value] } },
            ),
        now: Date.now,
        newFence: () => load("node:crypto").randomUUID(),
    };
}

async function tellOfEnd(
    { name }: SessionSettings,
    { key, tenant, taskArn, endsAt }: Session,
    deadline: number,
): Promise<void> {
    const { EventBridgeClient } = load("@aws-sdk/client-eventbridge");
    const entry = {
        Source: END_EVENT.source,
        DetailType: END_EVENT.detailType,
        Resources: [taskArn!],
        Detail: JSON.stringify({ sessions: name, key, tenant, taskArn, endsAt: new Date(endsAt!).toISOString() }),
    };
    await putEvents(new EventBridgeClient(clientSettings()), [entry], deadline);
}

/** What the task of a session is started with. */
export function startRequest(
    { name, runTaskInput, tags }: SessionSettings,
    { key, tenant }: { readonly key: string; readonly tenant: string },
    environment: Readonly<Record<string, string>>,
    fence: string,
): StartRequest {
    return {
        taskDefinition: runTaskInput.taskDefinition,
        environment,
        tags: { ...tags, [ownerTag]: name, [keyTag]: key, [tenantTag]: tenant, [fenceTag]: fence },
    };
}

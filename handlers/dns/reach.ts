import { clientSettings } from "../calls";
import { openZone } from "../hostedZone";
import { load } from "../load";
import type { TaskDnsSettings } from "./settings";
import { UNDER_WAY_MILLISECONDS, type Reach } from "./settleTasks";

/** What a run that is ended after so many milliseconds works with. */
export function openReach(settings: TaskDnsSettings, remainingMilliseconds: number): Reach {
    const { DynamoDBClient } = load("@aws-sdk/client-dynamodb");
    const { EC2Client } = load("@aws-sdk/client-ec2");
    const { ECSClient } = load("@aws-sdk/client-ecs");
    const { SQSClient } = load("@aws-sdk/client-sqs");
    const times = timesOf(remainingMilliseconds);
    return {
        settings,
        ecs: new ECSClient(clientSettings()),
        ec2: new EC2Client(clientSettings()),
        // By the endpoint of the region, whatever host the URL of the queue names.
        sqs: new SQSClient({ ...clientSettings(), useQueueUrlAsEndpoint: false }),
        registry: { dynamodb: new DynamoDBClient(clientSettings()), tableName: settings.tableName },
        zone: openZone(settings.hostedZoneId, times.changesEnd, settings.zoneRoleArn),
        ...times,
    };
}

/** The times of a run that is ended after so many milliseconds, in milliseconds since the epoch. */
export function timesOf(remainingMilliseconds: number) {
    const end = Date.now() + remainingMilliseconds;
    return {
        // Kept for the last: what came of the changes is written down, and the messages are told when to come back.
        changesEnd: end - 4_000,
        deadline: end - 1_500,
        end: end - 500,
        // A request that the run sent last may be under way for a while after the run was ended.
        lease: end + UNDER_WAY_MILLISECONDS,
    };
}

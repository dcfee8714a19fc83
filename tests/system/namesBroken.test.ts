// What holds the names of tasks up is broken on purpose, while tasks come and go: once it is repaired nothing is lost, and nobody needed to tell.
import {
    CreateTableCommand,
    DeleteTableCommand,
    DescribeTableCommand,
    DynamoDBClient,
    GetItemCommand,
} from "@aws-sdk/client-dynamodb";
import {
    GetFunctionConfigurationCommand,
    ListEventSourceMappingsCommand,
    UpdateEventSourceMappingCommand,
} from "@aws-sdk/client-lambda";
import { Route53 } from "@aws-sdk/client-route-53";
import { expect } from "chai";

import {
    Caller,
    eventually,
    hostnameOf,
    runTasks,
    stopTask,
    taskIdOf,
    untilRunning,
} from "../../local/internet/caller";
import { resolve } from "../../local/internet/visitor";
import { clientConfig } from "../../local/machine/awsClients";
import { issuedCertificate, localStack } from "../support/localSystem";

describe("the names of tasks, when what keeps them breaks", () => {
    let caller: Caller;
    let route53: Route53;
    let dynamodb: DynamoDBClient;
    let tableName: string;

    before(async () => {
        caller = await localStack();
        await issuedCertificate(caller);
        const { system, region, lambda, outputs } = caller;
        const config = clientConfig(system.gatewayUrl, { ...system, region });
        route53 = new Route53(config);
        dynamodb = new DynamoDBClient(config);
        const { Environment } = await lambda.send(
            new GetFunctionConfigurationCommand({ FunctionName: outputs.dnsFunctionName }),
        );
        tableName = Environment!.Variables!.TABLE_NAME;
    });

    async function started(): Promise<{ arn: string; hostname: string }> {
        const [arn] = await runTasks(caller);
        return { arn, hostname: hostnameOf(caller, arn) };
    }

    const addressesOf = (hostname: string) => resolve(caller.system, hostname);
    const named = (hostname: string) =>
        eventually(`${hostname} named`, async () => (await addressesOf(hostname))[0] as string | undefined);
    const gone = (hostname: string) =>
        eventually(`${hostname} gone`, async () => ((await addressesOf(hostname)).length === 0 ? true : undefined));

    async function switchQueue(Enabled: boolean): Promise<void> {
        const { lambda, outputs } = caller;
        const FunctionName = outputs.dnsFunctionName;
        const { EventSourceMappings = [] } = await lambda.send(new ListEventSourceMappingsCommand({ FunctionName }));
        expect(EventSourceMappings).to.have.length(1);
        await lambda.send(new UpdateEventSourceMappingCommand({ UUID: EventSourceMappings[0].UUID, Enabled }));
    }

    it("waits for the function's queue, and for a record of somebody else to leave", async () => {
        const other = await started();
        await untilRunning(caller, other.arn);
        await named(other.hostname);
        await switchQueue(false);
        const occupied = await started();
        const free = await started();
        const change = (Action: "CREATE" | "DELETE") =>
            route53.changeResourceRecordSets({
                HostedZoneId: caller.system.hostedZoneId,
                ChangeBatch: {
                    Changes: [
                        {
                            Action,
                            ResourceRecordSet: {
                                Name: occupied.hostname,
                                Type: "A",
                                TTL: 1,
                                ResourceRecords: [{ Value: "192.0.2.1" }],
                            },
                        },
                    ],
                },
            });
        await change("CREATE");
        await Promise.all([occupied, free].map(({ arn }) => untilRunning(caller, arn)));
        await stopTask(caller, other.arn);
        expect(await addressesOf(free.hostname)).to.deep.equal([]);
        expect(await addressesOf(other.hostname)).to.have.length(1);

        await switchQueue(true);
        await named(free.hostname);
        await gone(other.hostname);
        expect(await addressesOf(occupied.hostname)).to.deep.equal(["192.0.2.1"]);

        await change("DELETE");
        await eventually(`${occupied.hostname} named`, async () =>
            (await addressesOf(occupied.hostname)).some((address) => address.startsWith("127.")) ? true : undefined,
        );
        await Promise.all([occupied, free].map(({ arn }) => stopTask(caller, arn)));
        await Promise.all([occupied, free].map(({ hostname }) => gone(hostname)));
    });

    it("forgets no task when the registry's table is gone, and takes names away that it had made before", async () => {
        const before = await started();
        await named(before.hostname);
        const { Table } = await dynamodb.send(new DescribeTableCommand({ TableName: tableName }));
        await dynamodb.send(new DeleteTableCommand({ TableName: tableName }));
        const meanwhile = await started();
        await untilRunning(caller, meanwhile.arn);
        expect(await addressesOf(meanwhile.hostname)).to.deep.equal([]);
        expect(await addressesOf(before.hostname)).to.have.length(1);

        await dynamodb.send(
            new CreateTableCommand({
                TableName: tableName,
                BillingMode: "PAY_PER_REQUEST",
                KeySchema: Table!.KeySchema,
                AttributeDefinitions: Table!.AttributeDefinitions,
                GlobalSecondaryIndexes: Table!.GlobalSecondaryIndexes!.map(({ IndexName, KeySchema, Projection }) => ({
                    ...{ IndexName, KeySchema, Projection },
                })),
            }),
        );
        await named(meanwhile.hostname);
        // The sweep has the running task found again.
        await eventually(`${before.hostname} in the registry`, async () => {
            const Key = { taskId: { S: taskIdOf(before.arn) } };
            const { Item } = await dynamodb.send(new GetItemCommand({ TableName: tableName, Key }));
            return Item?.state.S === "LIVE" ? true : undefined;
        });
        await Promise.all([before, meanwhile].map(({ arn }) => stopTask(caller, arn)));
        await Promise.all([before, meanwhile].map(({ hostname }) => gone(hostname)));
    });

    it("names and removes with what others leave of the account's budget of Route 53", async () => {
        const before = await started();
        await named(before.hostname);
        let isFlooding = true;
        let throttled = 0;
        const flood = async (): Promise<void> => {
            while (isFlooding) {
                await route53.getHostedZone({ Id: caller.system.hostedZoneId }).catch((error: Error) => {
                    throttled += error.name === "Throttling" ? 1 : 0;
                });
            }
        };
        const floods = Array.from({ length: 4 }, flood);
        try {
            await eventually("throttled", () => Promise.resolve(throttled > 0 ? true : undefined));
            const meanwhile = await started();
            await untilRunning(caller, meanwhile.arn);
            await stopTask(caller, before.arn);
            isFlooding = false;
            await named(meanwhile.hostname);
            await gone(before.hostname);
            await stopTask(caller, meanwhile.arn);
            await gone(meanwhile.hostname);
        } finally {
            isFlooding = false;
            await Promise.all(floods);
        }
    });
});

import { expect } from "chai";

import { recordExample } from "../../support/examplePrograms";
import { accountId, Recording, region } from "../../support/mocks";

const arn = (service: string, resource: string): string => `arn:aws:${service}:${region}:${accountId}:${resource}`;
const allow = (Action: string | string[], Resource: string | string[]) => ({ Effect: "Allow", Action, Resource });
const ofType = ({ resources }: Recording<unknown>, type: string) => resources.filter((one) => one.type === type);

describe("examples/reactive", () => {
    let made: Recording<unknown>;
    before(async () => {
        made = await recordExample("reactive");
    });

    const policyOf = (type: string, name: string) =>
        (ofType(made, type).find((one) => one.name === name)!.inputs.policy as { readonly Statement: unknown })
            .Statement;
    const streamReader = (stream: string) =>
        allow(
            [
                ...["kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords"],
                ...["kinesis:GetShardIterator", "kinesis:ListShards"],
            ],
            arn("kinesis", `stream/${stream}`),
        );
    const common = (name: string) => [
        allow("sqs:SendMessage", arn("sqs", "failures")),
        allow(["logs:CreateLogStream", "logs:PutLogEvents"], `${arn("logs", `log-group:${name}`)}:*`),
    ];
    const connect = (user: string) =>
        allow("elasticache:Connect", [
            arn("elasticache", "replicationgroup:campaigns"),
            arn("elasticache", `user:campaigns-test-${user}`),
        ]);

    it("lets collectors put events and connect as their user, and no more", () => {
        expect(policyOf("aws:iam/policy:Policy", "collector")).to.deep.equal([
            allow("kinesis:PutRecords", arn("kinesis", "stream/events")),
            connect("collector"),
        ]);
    });

    it("lets the function that persists write the table, read its stream and tell of failures, and no more", () => {
        expect(policyOf("aws:iam/rolePolicy:RolePolicy", "persist")).to.deep.equal([
            allow("dynamodb:BatchWriteItem", arn("dynamodb", "table/events")),
            streamReader("events"),
            ...common("persist"),
        ]);
    });

    it("lets the function that refreshes connect as its user and be in its subnets, and no more", () => {
        expect(policyOf("aws:iam/rolePolicy:RolePolicy", "refresh")).to.deep.equal([
            connect("refresher"),
            allow(
                [
                    ...["ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"],
                    ...["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses"],
                ],
                "*",
            ),
            streamReader("updates"),
            ...common("refresh"),
        ]);
    });

    it("makes users of Valkey without a password, each for its keys, its channel and its commands", () => {
        const users = ofType(made, "aws:elasticache/user:User").map(({ inputs }) => [
            ...[inputs.userId, inputs.accessString, inputs.authenticationMode],
        ]);
        const iam = { type: "iam" };
        const of = "on ~campaign:* resetchannels &campaigns -@all";
        expect(users).to.have.deep.members([
            ["campaigns-test-collector", `${of} +get +subscribe +ping`, iam],
            ["campaigns-test-refresher", `${of} +eval +get +set +publish +ping`, iam],
        ]);
    });

    it("lets collectors and the function that refreshes reach the cache, by their security groups, and nobody else", () => {
        const rules = made.resources
            .filter(({ name, type }) => type.includes("securityGroupIngressRule") && name.startsWith("cache-from-"))
            .map(({ inputs: { fromPort, toPort, securityGroupId, referencedSecurityGroupId } }) => [
                ...[fromPort, toPort, securityGroupId, referencedSecurityGroupId],
            ]);
        expect(rules).to.have.deep.members([
            [6379, 6379, "sg-cache", "sg-collector-tasks-security-group"],
            [6379, 6379, "sg-cache", "sg-refresh"],
        ]);
    });

    it("has each function tell which records failed, halve what fails and give it up to the queue after eight tries", () => {
        const mappings = ofType(made, "aws:lambda/eventSourceMapping:EventSourceMapping").map(({ inputs }) => inputs);
        for (const mapping of mappings) {
            expect([mapping.functionResponseTypes, mapping.bisectBatchOnFunctionError]).to.deep.equal([
                ["ReportBatchItemFailures"],
                true,
            ]);
            expect([mapping.maximumRetryAttempts, mapping.destinationConfig]).to.deep.equal([
                8,
                { onFailure: { destinationArn: arn("sqs", "failures") } },
            ]);
        }
        expect(mappings.map(({ eventSourceArn, batchSize }) => [eventSourceArn, batchSize])).to.have.deep.members([
            [arn("kinesis", "stream/events"), 500],
            [arn("kinesis", "stream/updates"), 100],
        ]);
    });
});

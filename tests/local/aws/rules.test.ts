import { expect } from "chai";

import { brokenRule } from "../../../local/aws/models/rule";
import { rules } from "../../../local/aws/rules";

const app = { name: "app", image: "traefik/whoami:v1.11" };
const definition = {
    ...{ family: "app", networkMode: "awsvpc", requiresCompatibilities: ["FARGATE"], cpu: "256", memory: "512" },
    containerDefinitions: [app],
};
const withApp = (more: object) => ({ ...definition, containerDefinitions: [{ ...app, ...more }] });
const target = (Values: readonly string[]) => ({
    Conditions: [{ Field: "path-pattern", PathPatternConfig: { Values } }],
});
const alias = { AliasTarget: { EvaluateTargetHealth: true } };
const ofSets = (...sets: readonly object[]) => ({
    ChangeBatch: {
        Changes: sets.map((set) => ({
            Action: "CREATE",
            ResourceRecordSet: { Name: "a.example.com", Type: "A", ...set },
        })),
    },
});
const many = (count: number) => Array.from({ length: count }, (_, i) => `v${i}`);

/** What is taken, and then what breaks each rule, in the order of the table. */
const examples: Readonly<Record<string, readonly [taken: object, ...broken: object[]]>> = {
    "acm RequestCertificate": [{ DomainName: "a.example.com" }, { DomainName: `${"a".repeat(60)}.test.` }],
    "ecs RegisterTaskDefinition": [
        definition,
        { ...definition, family: "a.b" },
        withApp({ command: ["x".repeat(65_536)] }),
        { ...definition, containerDefinitions: [] },
        withApp({ essential: false }),
        { ...definition, containerDefinitions: [app, app] },
        withApp({ image: "" }),
        withApp({ portMappings: [{ containerPort: 80, hostPort: 81 }] }),
        withApp({ secrets: [{ name: "A", valueFrom: "/a" }] }),
        {
            ...withApp({ secrets: [{ name: "A", valueFrom: "/a" }], environment: [{ name: "A", value: "b" }] }),
            executionRoleArn: "arn",
        },
        withApp({ mountPoints: [{ sourceVolume: "none", containerPath: "/x" }] }),
        withApp({ stopTimeout: 121 }),
        withApp({ healthCheck: { command: ["CMD"], interval: 4 } }),
        withApp({ healthCheck: { command: ["CMD"], timeout: 61 } }),
        withApp({ healthCheck: { command: ["CMD"], retries: 11 } }),
        withApp({ healthCheck: { command: ["CMD"], startPeriod: 301 } }),
        withApp({ dependsOn: [{ containerName: "none", condition: "START" }] }),
        { ...definition, networkMode: "bridge" },
        { ...definition, memory: undefined },
        { ...definition, memory: "4096" },
        withApp({ memory: 513 }),
        withApp({ logConfiguration: { logDriver: "awslogs" } }),
    ],
    "ecs CreateCluster": [{ clusterName: "a-b_c" }, { clusterName: "a.b" }],
    "ecs RunTask": [
        { count: 10, networkConfiguration: { awsvpcConfiguration: { subnets: many(16), securityGroups: many(5) } } },
        { count: 11 },
        { startedBy: "x".repeat(129) },
        { networkConfiguration: { awsvpcConfiguration: { subnets: many(17) } } },
    ],
    "ecs StopTask": [{ reason: "done" }, { reason: "x".repeat(1_025) }],
    "elasticloadbalancing CreateLoadBalancer": [{ Name: "a-1" }, { Name: "a".repeat(33) }],
    "elasticloadbalancing CreateTargetGroup": [{ Name: "a-1" }, { Name: "internal-a" }],
    "elasticloadbalancing CreateRule": [
        { ...target(many(5)), Priority: 50_000 },
        target(many(6)),
        { ...target(["/a"]), Priority: 50_001 },
    ],
    "elasticloadbalancing ModifyRule": [target(many(5)), target(many(6))],
    "iam CreateRole": [
        { AssumeRolePolicyDocument: `{${" ".repeat(2_048)}}` },
        { AssumeRolePolicyDocument: "x".repeat(2_049) },
    ],
    "iam PutRolePolicy": [{ PolicyDocument: "x".repeat(10_240) }, { PolicyDocument: "x".repeat(10_241) }],
    "lambda CreateFunction": [
        { FunctionName: "f", Environment: { Variables: { A: "b" } } },
        { FunctionName: "f", Environment: { Variables: { A: "b".repeat(4_096) } } },
        { FunctionName: "f".repeat(65) },
    ],
    "lambda UpdateFunctionConfiguration": [{}, { Environment: { Variables: { A: "b".repeat(4_096) } } }],
    "logs PutRetentionPolicy": [{ retentionInDays: 30 }, { retentionInDays: 31 }],
    "route53 ChangeResourceRecordSets": [
        ofSets({}, { Region: "eu-west-1", SetIdentifier: "a" }, { Failover: "PRIMARY", SetIdentifier: "a", ...alias }),
        ofSets({}, { Weight: 0 }),
        ofSets({ SetIdentifier: "a" }),
        ofSets({ Failover: "SECONDARY", SetIdentifier: "a", AliasTarget: { EvaluateTargetHealth: false } }),
        ofSets({ MultiValueAnswer: true, SetIdentifier: "a", ...alias }),
    ],
    "route53 CreateHealthCheck": [
        { HealthCheckConfig: { Type: "HTTPS", FullyQualifiedDomainName: "a.example.com", RequestInterval: 10 } },
        { HealthCheckConfig: { Type: "HTTPS", FullyQualifiedDomainName: "a.example.com", RequestInterval: 20 } },
        { HealthCheckConfig: { Type: "HTTPS" } },
        { HealthCheckConfig: { Type: "HTTP_STR_MATCH", IPAddress: "192.0.2.1" } },
    ],
    "route53 ListResourceRecordSets": [
        { StartRecordName: "a.example.com", StartRecordType: "A" },
        { StartRecordType: "A" },
    ],
    "s3 CreateBucket": [{ Bucket: "a.b-1" }, { Bucket: "A_b" }],
    "sqs CreateQueue": [{ QueueName: "a_b-1.fifo" }, { QueueName: "a.b" }],
    "ssm PutParameter": [{ Name: "/taskgate/key" }, { Name: "/AWS/key" }, { Name: "/a".repeat(16) }],
};

describe("what only AWS's documents say", () => {
    const rows = Object.entries(rules).flatMap(([service, operations]) =>
        Object.entries(operations).map(([operation, of]) => ({ service, operation, of })),
    );

    for (const { service, operation, of } of rows) {
        it(`of ${service} ${operation} takes what AWS takes, and refuses by each rule what breaks it`, () => {
            const [taken, ...broken] = examples[`${service} ${operation}`];
            expect(brokenRule(rules[service], operation, taken)).to.equal(undefined);
            expect(broken).to.have.length(of.length);
            broken.forEach((parameters, i) => {
                const refusal = brokenRule(rules[service], operation, parameters);
                expect(refusal?.message, JSON.stringify(parameters).slice(0, 200)).to.equal(
                    of[i].fault(parameters as never),
                );
                expect(refusal?.code).to.equal(of[i].code);
            });
        });
    }

    it("stands on a page of AWS's documentation", () => {
        for (const { source } of rows.flatMap(({ of }) => of)) {
            expect(source).to.match(/^https:\/\/docs\.aws\.amazon\.com\/[\w/.-]+\.html$/);
        }
    });
});

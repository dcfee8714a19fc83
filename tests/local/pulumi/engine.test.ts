import { spawn } from "node:child_process";
import {
    existsSync,
    mkdirSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    rmSync,
    symlinkSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { projectRoot } from "../../../local/machine/projectRoot";
import type { SystemFile } from "../../../local/machine/systemFile";
import { type Operation, type OperationOptions, runOperation } from "../../../local/pulumi/operation";
import { accountId, type Emulator, startEmulator } from "../../support/emulator";
import { until } from "../../support/until";

const program = `
import * as aws from "@pulumi/aws";
import * as awsx from "@pulumi/awsx";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const net = new awsx.ec2.Vpc("net", {
    numberOfAvailabilityZones: 2,
    subnetStrategy: "Auto",
    natGateways: { strategy: "Single" },
    tags: { purpose: "test" },
});
const bucket = new aws.s3.Bucket("Files", { tags: { size: config.require("size") } });
const role = new aws.iam.Role("fn", { assumeRolePolicy: "{}" });
const greet = new aws.lambda.CallbackFunction("greet", {
    role,
    runtime: "nodejs24.x",
    environment: { variables: { BUCKET: bucket.bucket, PASSWORD: config.requireSecret("password") } },
    callback: async () => (await import("greeter")).greeting,
});
const definition = new aws.ecs.TaskDefinition("app", {
    family: "app",
    cpu: "256",
    memory: "512",
    networkMode: "awsvpc",
    requiresCompatibilities: ["FARGATE"],
    containerDefinitions: JSON.stringify([{ name: "app", image: config.get("image") ?? "traefik/whoami:1" }]),
});
const america = new aws.Provider("america", { region: "us-east-1", defaultTags: { tags: { team: "gate" } } });
const there = new awsx.ec2.Vpc(
    "there",
    {
        numberOfAvailabilityZones: 1,
        subnetStrategy: "Auto",
        subnetSpecs: [{ type: "Public" }],
        natGateways: { strategy: "None" },
        assignGeneratedIpv6CidrBlock: true,
    },
    { provider: america },
);
const topic = new aws.sns.Topic("alerts", {}, { provider: america });

export = {
    bucket: bucket.bucket,
    function: greet.arn,
    environment: greet.environment,
    definition: definition.arn,
    topic: topic.arn,
    topicTags: topic.tagsAll,
    vpc: net.vpc.arn,
    publicSubnets: net.publicSubnetIds,
    zones: net.subnets.apply((subnets) => pulumi.all(subnets.map((subnet) => subnet.availabilityZone))),
    vpcThere: there.vpc.arn,
    ipv6There: pulumi.all([there.vpc.ipv6CidrBlock, there.subnets[0].ipv6CidrBlock]),
    account: aws.getCallerIdentityOutput().accountId,
};
`;

/** The children of the first Vpc, as the real awsx 3.9.0 names them: two zones, one NAT gateway. */
const netChildren = [
    ...["ec2/vpc:Vpc net", "ec2/internetGateway:InternetGateway net", "ec2/eip:Eip net-1"],
    "ec2/natGateway:NatGateway net-1",
    ...["public-1", "private-1", "public-2", "private-2"].flatMap((name) =>
        ["subnet:Subnet", "routeTable:RouteTable", "routeTableAssociation:RouteTableAssociation", "route:Route"].map(
            (type) => `ec2/${type} net-${name}`,
        ),
    ),
];

/** Of all its threads. */
function childrenOf(pid: number): number[] {
    const threads = readdirSync(`/proc/${pid}/task`);
    const lists = threads.map((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8"));
    return lists.join(" ").trim().split(/\s+/).filter(Boolean).map(Number);
}

describe("local/pulumi: operations", () => {
    let emulator: Emulator;
    let folder: string;
    let system: SystemFile;

    before(async () => {
        emulator = await startEmulator({ overlays: [] });
        folder = mkdtempSync(join(tmpdir(), "taskgate-program-"));
        system = { accountId, directory: emulator.directory, gatewayUrl: emulator.url } as SystemFile;
        // A project of its own, with node_modules of its own.
        const modules = join(projectRoot, "node_modules");
        mkdirSync(join(folder, "node_modules/greeter"), { recursive: true });
        for (const name of readdirSync(modules).filter((entry) => !entry.startsWith("."))) {
            symlinkSync(join(modules, name), join(folder, "node_modules", name));
        }
        write("node_modules/greeter/package.json", '{ "name": "greeter", "version": "1.0.0" }');
        greets("hello");
        write("package.json", '{ "name": "demo", "dependencies": { "greeter": "1.0.0" } }');
        write("tsconfig.json", '{ "compilerOptions": { "module": "commonjs", "target": "es2022" } }');
        write(
            "Pulumi.yaml",
            "name: demo\nruntime: nodejs\nconfig:\n  size: { type: string, default: small }\n  zones: { type: array, items: { type: string }, default: [] }\n",
        );
        write("Pulumi.local.yaml", "config:\n  aws:region: eu-west-1\n  demo:password: overlaid\n");
        write("index.ts", program);
    });

    after(async () => {
        rmSync(folder, { recursive: true, force: true });
        await emulator?.stop();
    });

    function write(file: string, text: string): void {
        writeFileSync(join(folder, file), text);
    }

    function greets(greeting: string): void {
        write("node_modules/greeter/index.js", `exports.greeting = "${greeting}";`);
    }

    function run(operation: Operation, config: OperationOptions["config"] = {}, options: OperationOptions = {}) {
        const all = { "demo:password": "hunter2", ...config };
        return runOperation(system, operation, { program: join(folder, "index.ts"), config: all, ...options });
    }

    async function failure(text: string, name: string): Promise<string> {
        write(`${name}.ts`, text);
        const stack = { program: join(folder, `${name}.ts`), stack: name, config: { "aws:region": "eu-west-1" } };
        return runOperation(system, "up", stack).then(
            () => "",
            (error: Error) => error.message,
        );
    }

    const log = () => `\nThe whole log: ${join(emulator.directory, "logs/engine.log")}`;

    it("preview, make, leave alone, change, repair and destroy the resources of a program elsewhere", async () => {
        const texts: string[] = [];
        const preview = await run("preview", {}, { onOutput: (text) => texts.push(text) });
        const total = preview.changes.create;
        expect(preview.changes).to.deep.equal({ create: total });
        expect(preview.outputs).to.deep.equal({});
        expect(texts.join("")).to.include(preview.stdout);

        const up = await run("up");
        expect(up.changes).to.deep.equal({ create: total });
        expect(new Set(up.resources.map(({ urn }) => urn))).to.deep.equal(
            new Set(preview.resources.map(({ urn }) => urn)),
        );
        const children = up.resources
            .filter(({ urn }) => urn.includes("::awsx:ec2:Vpc$") && / net(-|$)/.test(urn.replace(/.*::/, " ")))
            .map(({ type, urn }) => `${type.replace("aws:", "")} ${urn.replace(/.*::/, "")}`);
        expect(children.sort()).to.deep.equal([...netChildren].sort());

        const outputs = up.outputs as Record<string, never>;
        expect(outputs.bucket).to.match(/^files-[0-9a-f]{7}$/);
        expect(outputs.function).to.match(
            new RegExp(`^arn:aws:lambda:eu-west-1:${accountId}:function:greet-[0-9a-f]{7}$`),
        );
        expect(outputs.environment).to.deep.equal({ variables: { BUCKET: outputs.bucket, PASSWORD: "hunter2" } });
        expect(outputs.definition).to.equal(`arn:aws:ecs:eu-west-1:${accountId}:task-definition/app:1`);
        expect(outputs.topic).to.match(new RegExp(`^arn:aws:sns:us-east-1:${accountId}:alerts-[0-9a-f]{7}$`));
        expect(outputs.topicTags).to.deep.equal({ team: "gate" });
        expect(outputs.vpc).to.match(new RegExp(`^arn:aws:ec2:eu-west-1:${accountId}:vpc/vpc-[0-9a-f]{17}$`));
        expect(outputs.vpcThere).to.match(new RegExp(`^arn:aws:ec2:us-east-1:${accountId}:vpc/vpc-[0-9a-f]{17}$`));
        expect(outputs.publicSubnets).to.have.length(2);
        expect(outputs.zones).to.deep.equal(["a", "a", "b", "b"].map((letter) => `eu-west-1${letter}`));
        const [vpcBlock, subnetBlock] = outputs.ipv6There as string[];
        expect(subnetBlock).to.equal(vpcBlock.replace("::/56", "::/64"));
        expect(outputs.account).to.equal(accountId);

        const state = readFileSync(join(emulator.directory, "pulumi/.pulumi/stacks/demo/local.json"), "utf8");
        expect(state).to.include("PASSWORD");
        expect(state).not.to.include("hunter2");
        expect((await run("up")).changes).to.deep.equal({ same: total });

        greets("good evening");
        const changed = await run("up", { size: "large", image: "traefik/whoami:2" });
        expect(changed.changes).to.deep.equal({ same: total - 3, update: 2, replace: 1 });
        expect(changed.outputs.definition).to.equal(`arn:aws:ecs:eu-west-1:${accountId}:task-definition/app:2`);
        expect(changed.outputs.bucket).to.equal(outputs.bucket);

        expect((await run("refresh", { size: "large", image: "traefik/whoami:2" })).changes).to.deep.equal({
            same: total,
        });
        expect((await run("destroy")).changes).to.deep.equal({ delete: total });
    });

    it("leave the program's folder as it is", () => {
        expect(readdirSync(folder).sort()).to.deep.equal([
            ...["Pulumi.local.yaml", "Pulumi.yaml", "index.ts", "node_modules", "package.json", "tsconfig.json"],
        ]);
    });

    it("say what AWS refused, of which resource", async () => {
        const text =
            'import * as aws from "@pulumi/aws"; new aws.iam.RolePolicy("inline", { name: "x", role: "no", policy: "{\\"Statement\\":[]}" });';
        expect(await failure(text, "refused")).to.equal(
            "pulumi up failed: aws:iam/rolePolicy:RolePolicy (inline): creating IAM Role Policy (x): " +
                `NoSuchEntityException: The role with name no cannot be found.${log()}`,
        );
    });

    it("say what a program throws, each fault of its arguments by name", async () => {
        const text = [
            'import * as pulumi from "@pulumi/pulumi";',
            'const errors = [{ propertyPath: "domain", reason: "is empty" }, { propertyPath: "ttl", reason: "is 0" }];',
            'throw new pulumi.InputPropertiesError({ message: "Platform: two faults", errors });',
        ];
        expect(await failure(text.join("\n"), "faulty")).to.equal(
            `pulumi up failed: Platform: two faults\n    domain: is empty\n    ttl: is 0${log()}`,
        );
    });

    it("take lists in the configuration, and say what the project does not allow there", async () => {
        const refused = await run("preview", { zones: "a,b" }).catch((error: Error) => error.message);
        expect(refused).to.equal(
            "pulumi preview failed: validating stack config: Stack 'local' with configuration key 'zones' must be of type 'array<string>'" +
                log(),
        );
        const asked = { size: "large", "demo:zones": ["a", "b"] };
        write(
            "zones.ts",
            'import { Config } from "@pulumi/pulumi"; export const zones = new Config().requireObject("zones");',
        );
        const { outputs } = await run("up", asked, { program: join(folder, "zones.ts"), stack: "lists" });
        expect(outputs).to.deep.equal({ zones: ["a", "b"] });
    });

    it("say what a component of awsx refuses", async () => {
        const text = 'import * as awsx from "@pulumi/awsx"; new awsx.ec2.Vpc("v", { subnetStrategy: "Exact" });';
        expect(await failure(text, "exact")).to.equal(
            "pulumi up failed: awsx:ec2:Vpc resource 'v' has a problem: awsx.ec2.Vpc: the local system lays out subnets by " +
                `subnetStrategy "Auto" (or "Legacy" without subnetSpecs), not by "Exact".${log()}`,
        );
    });

    it("give a long result to a process that was busy when theirs ended", async () => {
        write("long.ts", 'export const text = "x".repeat(150_000);');
        const options = {
            stack: "long",
            program: join(folder, "long.ts"),
            config: {},
            // The last words: the result comes, and the process ends, before anybody listens again.
            onOutput: (words: string) => {
                if (words.includes("Duration")) {
                    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_000);
                }
            },
        };
        const { outputs } = await runOperation(system, "up", options);
        expect(outputs).to.deep.equal({ text: "x".repeat(150_000) });
    });

    it("end with the process that asked for them, however it ends", async () => {
        write(
            "endless.ts",
            'import * as aws from "@pulumi/aws"; import { writeFileSync } from "node:fs"; import { join } from "node:path";' +
                'new aws.sqs.Queue("jobs").id.apply(() => writeFileSync(join(__dirname, "pid"), String(process.pid)));' +
                "export const never = new Promise(() => setInterval(() => {}, 1000));",
        );
        const options = {
            stack: "endless",
            program: join(folder, "endless.ts"),
            config: { "aws:region": "eu-west-1" },
        };
        const operation = join(projectRoot, "local/pulumi/operation.ts");
        const script = `require("${operation}").runOperation(${JSON.stringify(system)}, "up", ${JSON.stringify(options)})`;
        const transpile = require.resolve("ts-node/register/transpile-only");
        const asking = spawn(process.execPath, ["-r", transpile, "-e", script], { stdio: "ignore" });
        await until("the program runs", () => existsSync(join(folder, "pid")));
        const program = Number(readFileSync(join(folder, "pid"), "utf8"));
        const [cli] = childrenOf(program);
        const started = [program, cli, ...childrenOf(cli)];
        expect(started).to.have.length(3); // with the provider
        asking.kill("SIGKILL");
        await until("all of them are gone", () => !started.some((pid) => existsSync(`/proc/${pid}`)));
    });

    it("need a program", async () => {
        const missing = join(folder, "missing.ts");
        const message = await run("up", {}, { program: missing }).catch((error: Error) => error.message);
        expect(message).to.equal(
            `There is no Pulumi program at ${missing}: \`program\` takes the path of its module, as in "examples/x/index.ts".`,
        );
    });
});

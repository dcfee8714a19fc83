import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { DescribeImagesCommand, ECRClient } from "@aws-sdk/client-ecr";
import {
    CreateClusterCommand,
    DescribeTaskDefinitionCommand,
    ECSClient,
    RegisterTaskDefinitionCommand,
    RunTaskCommand,
    StopTaskCommand,
} from "@aws-sdk/client-ecs";
import { expect } from "chai";

import { pullImages } from "../../components/internal/policies";
import { clientConfig } from "../../local/machine/awsClients";
import type { SystemFile } from "../../local/machine/systemFile";
import { OperationResult, runOperation } from "../../local/pulumi/operation";
import { readState } from "../../local/pulumi/state";
import { localSystem } from "../support/localSystem";
import { root } from "../support/plugin";
import { newRole } from "../support/roles";
import { until } from "../support/until";

const region = "eu-west-1";

const program = `
import * as pulumi from "@pulumi/pulumi";
import { EnvoyTask } from "../../components";

const task = new EnvoyTask("app", {
    build: { context: "app", args: { LEVEL: new pulumi.Config().require("level") } },
    vpcId: "vpc-1",
    subnetIds: ["subnet-1"],
    clusterArn: "arn:aws:ecs:eu-west-1:111122223333:cluster/images",
    certificateSecretArn: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:certificate-AbCdEf",
});
export const { taskDefinitionArn, securityGroupId } = task;
`;

const dockerfile = `
FROM node:24-alpine
ARG LEVEL
ENV LEVEL=$LEVEL MODE=production
WORKDIR /srv/app
COPY . .
CMD ["node", "/srv/app/app.mjs", "--config=/srv/app/config.json"]
`;

/** Says what it sees, and runs until it is stopped. */
const app = `
import { readFileSync } from "node:fs";
const { LEVEL, MODE } = process.env;
const [, config] = process.argv[2].split("=");
console.log(JSON.stringify({ LEVEL, MODE, here: readFileSync("config.json", "utf8"), there: readFileSync(config, "utf8") }));
setInterval(() => undefined, 60_000);
`;

describe("an image that a component builds", () => {
    let system: SystemFile;
    let folder: string;
    let ecs: ECSClient;
    let ecr: ECRClient;
    const images: string[] = [];

    before(async () => {
        system = (await localSystem()).file;
        const config = clientConfig(system.gatewayUrl, { accountId: system.accountId, region });
        [ecs, ecr] = [new ECSClient(config), new ECRClient(config)];
        folder = mkdtempSync(join(root, ".local", "test-images-")); // where it finds node_modules
        write("Pulumi.yaml", "name: images\nruntime: nodejs\n");
        write("index.ts", program);
        write("app/Dockerfile", dockerfile);
        write("app/app.mjs", app);
        write("app/config.json", "1");
    });
    after(() => rmSync(folder, { recursive: true, force: true }));

    function write(path: string, text: string): void {
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), text);
    }

    function run(operation: "preview" | "up" | "destroy", level = "info"): Promise<OperationResult> {
        const config = { "aws:region": region, level };
        return runOperation(system, operation, { program: join(folder, "index.ts"), stack: "dev", config });
    }

    /** Deploys, and gives the image that tasks are to run. */
    async function deploy(level?: string): Promise<{ image: string; changes: OperationResult["changes"] }> {
        const { outputs, changes } = await run("up", level);
        const { taskDefinition } = await ecs.send(
            new DescribeTaskDefinitionCommand({ taskDefinition: String(outputs.taskDefinitionArn) }),
        );
        const { image = "" } = taskDefinition!.containerDefinitions!.find(({ name }) => name === "app")!;
        return { image, changes };
    }

    /** How many tags each image in the repository has, by its digest. */
    async function pushed(): Promise<Record<string, number>> {
        const [, repositoryName] = /\/(.*)@/.exec(images[0])!;
        const { imageDetails = [] } = await ecr.send(new DescribeImagesCommand({ repositoryName }));
        return Object.fromEntries(
            imageDetails.map(({ imageDigest = "", imageTags = [] }): [string, number] => [
                imageDigest,
                imageTags.length,
            ]),
        );
    }

    const digestOf = (image: string): string => image.split("@")[1];

    it("is pushed to the repository that is made for it, and is the task's by its digest", async () => {
        const { image } = await deploy();
        images.push(image);
        expect(image).to.match(
            /^111122223333\.dkr\.ecr\.eu-west-1\.amazonaws\.com\/app-repository-[0-9a-f]{7}@sha256:[0-9a-f]{64}$/,
        );
        expect(await pushed()).to.deep.equal({ [digestOf(image)]: 1 });
        expect(Object.keys((await run("up")).changes)).to.deep.equal(["same"]);
    });

    it("runs in a task, with its files, variables and working directory", async () => {
        await ecs.send(new CreateClusterCommand({ clusterName: "images", capacityProviders: ["FARGATE"] }));
        const scope = { accountId: system.accountId, region: "eu-west-1" };
        const executionRoleArn = await newRole(
            clientConfig(system.gatewayUrl, scope),
            "execution-of-images",
            "ecs-tasks.amazonaws.com",
            ...pullImages([images[0]]),
        );
        const { taskDefinition } = await ecs.send(
            new RegisterTaskDefinitionCommand({
                family: "image",
                ...{ networkMode: "awsvpc", requiresCompatibilities: ["FARGATE"], cpu: "256", memory: "512" },
                executionRoleArn,
                containerDefinitions: [{ name: "app", image: images[0] }],
            }),
        );
        const securityGroups = [String(readState(system, "dev", "images").outputs.securityGroupId)];
        const { tasks } = await ecs.send(
            new RunTaskCommand({
                ...{ cluster: "images", launchType: "FARGATE" },
                networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"], securityGroups } },
                taskDefinition: taskDefinition!.taskDefinitionArn,
            }),
        );
        const taskId = tasks![0].taskArn!.split("/").at(-1);
        const log = join(system.directory, "logs", "tasks", `${taskId}-app.log`);
        const line = await until("the app has said what it sees", () => {
            try {
                return /^\{.*\}$/m.exec(readFileSync(log, "utf8"))?.[0];
            } catch {
                return undefined;
            }
        });
        await ecs.send(new StopTaskCommand({ cluster: "images", task: taskId }));
        expect(JSON.parse(String(line))).to.deep.equal({ LEVEL: "info", MODE: "production", here: "1", there: "1" });
    });

    it("follows what is built, and stays in the repository when another one is there", async () => {
        write("app/config.json", "2");
        images.push((await deploy()).image);
        images.push((await deploy("debug")).image);
        expect(new Set(images).size).to.equal(3);
        expect(await pushed()).to.deep.equal(Object.fromEntries(images.map((image) => [digestOf(image), 1])));
    });

    it("can be what it was before: its tag is none that was pushed already", async () => {
        write("app/config.json", "1");
        const { image } = await deploy();
        expect(image).to.equal(images[0]);
        expect((await pushed())[digestOf(image)]).to.equal(2);
    });

    it("is not changed by what .dockerignore names", async () => {
        write("app/.dockerignore", "notes.md\n.dockerignore\n");
        const { image } = await deploy();
        expect(image).to.equal(images[0]);
        write("app/notes.md", "nobody needs to know");
        expect((await deploy()).changes).to.have.all.keys("same");
    });

    it("is refused when something would have to be run", async () => {
        write("app/Dockerfile", dockerfile + "RUN npm ci\n");
        const error = await run("up").then(
            () => "",
            ({ message }: Error) => message,
        );
        expect(error).to.include(
            "app/Dockerfile:8: RUN cannot be followed: the local system has no container runtime.",
        );
    });

    it("goes with its repository", async () => {
        await run("destroy");
        expect(readState(system, "dev", "images").resources).to.deep.equal([]);
        const error = await pushed().catch(({ name }: Error) => name);
        expect(error).to.equal("RepositoryNotFoundException");
    });
});

import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";

import { CpuArchitecture, EnvoyTask, ImageBuild, LoadBalancedService, TaskPlatform } from "../../../../components";
import { keepsHouseRules, recordOne, refusalOf, tags } from "../../../support/houseRules";
import { Recording } from "../../../support/mocks";

const shop = join("examples", "alb", "shop");
const imageUri = `111122223333.dkr.ecr.eu-west-1.amazonaws.com/it-repository@sha256:${"a1".repeat(32)}`;

const task = {
    vpcId: "vpc-1",
    subnetIds: ["subnet-1"],
    clusterArn: "arn:aws:ecs:eu-west-1:111122223333:cluster/tasks",
    certificateSecretArn: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:certificate-AbCdEf",
    tags,
};

const make =
    (build: ImageBuild, more: { image?: string; cpuArchitecture?: CpuArchitecture } = {}) =>
    (options: pulumi.ComponentResourceOptions): EnvoyTask =>
        new EnvoyTask("it", { ...task, ...more, build }, options);

const inputsOf = (made: Recording<unknown>, name: string): Record<string, unknown> => made.find(name).inputs;

/** What decides about the image's tag. */
const stashed = async (...args: Parameters<typeof make>): Promise<unknown> =>
    inputsOf(await recordOne(make(...args)), "it-image-tag").input;

describe("an image that a component builds", () => {
    const made = keepsHouseRules(make({ context: shop }));

    it("adds these to what a task is made of", () => {
        const ofImage = made().childrenOf("it");
        expect(ofImage.filter((child) => /image|repository|lifecycle|ecr/.test(child))).to.deep.equal([
            "it-image awsx:ecr:Image",
            "it-image-tag pulumi:index:Stash",
            "it-lifecycle aws:ecr/lifecyclePolicy:LifecyclePolicy",
            "it-repository aws:ecr/repository:Repository",
        ]);
    });

    it("has a repository that scans what is pushed and in which a tag stays what it is", () => {
        expect(inputsOf(made(), "it-repository")).to.deep.equal({
            imageTagMutability: "IMMUTABLE",
            imageScanningConfiguration: { scanOnPush: true },
            encryptionConfigurations: [{ encryptionType: "AES256" }],
            forceDelete: true,
            tags,
        });
    });

    it("is kept with 19 others, by the order in which they were pushed; what has no tag goes after a day", () => {
        expect(inputsOf(made(), "it-lifecycle")).to.deep.equal({
            repository: "it-repository",
            policy: {
                rules: [
                    {
                        rulePriority: 1,
                        description: "Delete what has no tag after a day",
                        selection: {
                            tagStatus: "untagged",
                            countType: "sinceImagePushed",
                            countUnit: "days",
                            countNumber: 1,
                        },
                        action: { type: "expire" },
                    },
                    {
                        rulePriority: 2,
                        description: "Keep the last 20 images",
                        selection: {
                            tagStatus: "tagged",
                            tagPatternList: ["*"],
                            countType: "imageCountMoreThan",
                            countNumber: 20,
                        },
                        action: { type: "expire" },
                    },
                ],
            },
        });
    });

    it("is built for the task's processor, under a tag that nothing had before, and stays when it is replaced", async () => {
        expect(inputsOf(made(), "it-image")).to.deep.equal({
            context: shop,
            platform: "linux/amd64",
            repositoryUrl: "111122223333.dkr.ecr.eu-west-1.amazonaws.com/it-repository",
            imageTag: "it-image-tag-id",
        });
        expect(made().find("it-image").retainOnDelete).to.equal(true);
        expect(made().find("it-image-tag").replaceOnChanges).to.deep.equal(["input"]);

        const build = {
            context: shop,
            dockerfile: join(shop, "Dockerfile"),
            args: { LEVEL: "info" },
            target: "server",
        };
        const full = await recordOne(make(build, { cpuArchitecture: CpuArchitecture.Arm }));
        expect(inputsOf(full, "it-image")).to.deep.equal({
            ...build,
            platform: "linux/arm64",
            repositoryUrl: "111122223333.dkr.ecr.eu-west-1.amazonaws.com/it-repository",
            imageTag: "it-image-tag-id",
        });
    });

    it("runs by its digest, and may be pulled from that repository alone", () => {
        const [app] = inputsOf(made(), "it").containerDefinitions as { name: string; image: string }[];
        expect([app.name, app.image]).to.deep.equal(["app", imageUri]);
        const { Statement } = inputsOf(made(), "it-execution-policy").policy as { Statement: { Sid: string }[] };
        expect(Statement.filter(({ Sid }) => /Ecr|Images/.test(Sid))).to.deep.equal([
            { Sid: "SignInToEcr", Effect: "Allow", Action: "ecr:GetAuthorizationToken", Resource: "*" },
            {
                Sid: "PullImages",
                Effect: "Allow",
                Action: ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                Resource: ["arn:aws:ecr:eu-west-1:111122223333:repository/it-repository"],
            },
        ]);
    });

    it("belongs to whatever runs an app", async () => {
        const service = await recordOne(
            (options) =>
                new LoadBalancedService(
                    "it",
                    {
                        ...{ build: { context: shop }, vpcId: "vpc-1", subnetIds: ["subnet-1", "subnet-2"] },
                        clusterArn: task.clusterArn,
                        loadBalancerSubnetIds: ["subnet-3", "subnet-4"],
                        certificateArn: "arn:aws:acm:eu-west-1:111122223333:certificate/1",
                    },
                    options,
                ),
        );
        expect(service.find("it-task-image").parent).to.equal("it");
        const platform = await recordOne(
            (options) =>
                new TaskPlatform(
                    "it",
                    { build: { context: shop }, domain: "tasks.example.com", hostedZoneId: "Z1" },
                    options,
                ),
        );
        expect(platform.find("it-task-image").parent).to.equal("it-task");
    });

    describe("gets another tag", () => {
        let context: string;
        before(() => {
            context = mkdtempSync(join(tmpdir(), "taskgate-test-"));
            cpSync(shop, context, { recursive: true });
        });
        after(() => rmSync(context, { recursive: true }));

        it("when a file changes, and the one it had when nothing does", async () => {
            const first = await stashed({ context });
            expect(first).to.match(/^[0-9a-f]{64}$/);
            expect(await stashed({ context })).to.equal(first);
            writeFileSync(join(context, "prices.json"), "{}");
            expect(await stashed({ context })).not.to.equal(first);
        });

        it("when anything else that Docker is told does", async () => {
            const dockerfile = join(context, "Dockerfile");
            const builds: Parameters<typeof make>[] = [
                [{ context }],
                [{ context: `${context}/` }],
                [{ context, dockerfile }],
                [{ context, target: "server" }],
                [{ context, args: { A: "1" } }],
                [{ context, args: { A: "2" } }],
                [{ context }, { cpuArchitecture: CpuArchitecture.Arm }],
            ];
            const all = new Set<unknown>();
            for (const build of builds) {
                all.add(await stashed(...build));
            }
            expect(all.size).to.equal(builds.length);
        });

        it("but not for the order of the arguments, which a plugin does not keep", async () => {
            const first = await stashed({ context, args: { A: "1", B: "2" } });
            expect(await stashed({ context, args: { B: "2", A: "1" } })).to.equal(first);
        });
    });

    describe("is refused", () => {
        const faultsOf = (args: { image?: string; build?: ImageBuild }): Promise<Record<string, string>> =>
            refusalOf((options) => new EnvoyTask("it", { ...task, ...args }, options));

        it("when an image is given as well, or neither", async () => {
            expect(await faultsOf({ image: "nginx", build: { context: shop } })).to.deep.equal({
                image: "does not go with build: give one of them",
            });
            expect(await faultsOf({})).to.deep.equal({
                image: "is missing: give an image, e.g. docker.io/traefik/whoami:v1.11, or build one with build",
            });
            expect(await faultsOf({ image: "" })).to.deep.equal({
                image: "is empty: give a value, or leave it out",
            });
        });

        it("when the context is no folder", async () => {
            for (const context of ["no-such-folder", "package.json"]) {
                expect(await faultsOf({ build: { context } })).to.deep.equal({
                    "build.context": `"${context}" is not a folder: give one, relative to ${process.cwd()}`,
                });
            }
        });

        it("when there is no Dockerfile", async () => {
            const context = mkdtempSync(join(tmpdir(), "taskgate-test-"));
            const reason = (path: string): string =>
                `"${path}" is not a file: give a Dockerfile, relative to ${process.cwd()}`;
            expect(await faultsOf({ build: { context } })).to.deep.equal({
                "build.dockerfile": reason(join(context, "Dockerfile")),
            });
            mkdirSync(join(context, "web"));
            expect(await faultsOf({ build: { context, dockerfile: join(context, "web") } })).to.deep.equal({
                "build.dockerfile": reason(join(context, "web")),
            });
            rmSync(context, { recursive: true });
        });
    });
});

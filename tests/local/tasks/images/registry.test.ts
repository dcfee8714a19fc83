import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ECR, type ImageIdentifier } from "@aws-sdk/client-ecr";
import { expect } from "chai";

import { createEcr } from "../../../../local/aws/ecr/overlay";
import { clientConfig } from "../../../../local/machine/awsClients";
import { createBuildProvider } from "../../../../local/pulumi/providers/dockerBuild";
import type { State } from "../../../../local/pulumi/providers/server";
import type { BuiltImage } from "../../../../local/tasks/images/dockerfile";
import { createImagePuller } from "../../../../local/tasks/images/pull";
import { deleteImage, hasImage, pullImage, pushImage } from "../../../../local/tasks/images/registry";
import { accountId, type Emulator, startEmulator } from "../../../support/emulator";

const region = "eu-west-1";
const registry = `${accountId}.dkr.ecr.${region}.amazonaws.com`;

const image: BuiltImage = {
    base: "node:24-alpine",
    config: { Env: ["MODE=production", "PAIR=a=b"], Cmd: ["node", "app.mjs"], WorkingDir: "/app" },
    files: new Map([
        ["/app/run.sh", { mode: 0o755, content: Buffer.from("#!/bin/sh") }],
        ["/app/app.mjs", { mode: 0o644, content: Buffer.from([0, 255, 10, 13]) }],
    ]),
};
const other: BuiltImage = { ...image, config: {} };

describe("images in the emulated ECR", () => {
    let emulator: Emulator;
    let url: string;
    let ecr: ECR;
    const { overlay, setFindings } = createEcr();
    before(async () => {
        emulator = await startEmulator({ overlays: [overlay] });
        ({ url } = emulator);
        ecr = new ECR(clientConfig(url, { accountId, region }));
        await ecr.createRepository({ repositoryName: "team/shop", imageTagMutability: "IMMUTABLE" });
        await ecr.createRepository({ repositoryName: "changing" });
    });
    after(() => emulator.stop());

    const refusal = (promise: Promise<unknown>): Promise<string> =>
        promise.then(
            () => "not refused",
            ({ message }: Error) => message,
        );

    it("are pulled as they were pushed, by tag and by digest", async () => {
        const digest = await pushImage(url, `${registry}/team/shop:one`, image, "amd64");
        expect(digest).to.match(/^sha256:[0-9a-f]{64}$/);
        for (const reference of [`${registry}/team/shop:one`, `${registry}/team/shop@${digest}`]) {
            const pulled = await pullImage(url, reference);
            expect({ ...pulled, files: [...pulled!.files].sort() }).to.deep.equal({
                ...image,
                files: [...image.files].sort(),
                digest,
            });
        }
    });

    it("have a digest of their own: the same for the same image, in whatever order its files were copied", async () => {
        const reversed = { ...image, files: new Map([...image.files].reverse()) };
        const digest = await pushImage(url, `${registry}/team/shop:two`, reversed, "amd64");
        expect(await hasImage(url, `${registry}/team/shop@${digest}`)).to.equal(true);
        expect(await pushImage(url, `${registry}/team/shop:three`, image, "amd64")).to.equal(digest);
        expect(await pushImage(url, `${registry}/team/shop:arm`, image, "arm64")).not.to.equal(digest);
        expect(await pushImage(url, `${registry}/team/shop:other`, other, "amd64")).not.to.equal(digest);
    });

    it("keep their tag in an immutable repository, even from the same image", async () => {
        const tag = `${registry}/team/shop:kept`;
        const digest = await pushImage(url, tag, image, "amd64");
        const refused =
            `${registry}/team/shop: tag invalid: The image tag 'kept' already exists in the 'team/shop' repository ` +
            "and cannot be overwritten because the repository is immutable.";
        expect(await refusal(pushImage(url, tag, other, "amd64"))).to.equal(refused);
        expect(await refusal(pushImage(url, tag, image, "amd64"))).to.equal(refused);
        expect((await pullImage(url, tag))?.config).to.deep.equal(image.config);

        const first = await pushImage(url, `${registry}/changing:latest`, image, "amd64");
        const second = await pushImage(url, `${registry}/changing:latest`, other, "amd64");
        expect([first === digest, second === first]).to.deep.equal([true, false]);
    });

    it("are gone when they are deleted, and need a repository", async () => {
        const digest = await pushImage(url, `${registry}/changing:gone`, image, "amd64");
        await deleteImage(url, `${registry}/changing@${digest}`);
        expect(await pullImage(url, `${registry}/changing@${digest}`)).to.equal(undefined);
        expect(await refusal(pushImage(url, `${registry}/nowhere:1`, image, "amd64"))).to.equal(
            `${registry}/nowhere: name unknown: repository name not known to registry: nowhere`,
        );
        expect(await refusal(pushImage(url, "docker.io/library/mine:1", image, "amd64"))).to.equal(
            "docker.io/library/mine:1 is not an image in ECR: the local system has no other registry",
        );
    });

    it("are what a task pulls: the program of their base, with their files and settings", async () => {
        const pull = createImagePuller(url, "/root");
        const digest = await pushImage(url, `${registry}/team/shop:pulled`, image, "amd64");
        const pulled = await pull(`${registry}/team/shop:pulled`);
        expect({ ...pulled, files: [...pulled!.files!.keys()].sort() }).to.deep.equal({
            ...{ entryPoint: [], command: ["node", "app.mjs"], programs: { node: [process.execPath] } },
            sharesLoopback: false,
            digest,
            environment: { MODE: "production", PAIR: "a=b" },
            workingDirectory: "/app",
            files: ["/app/app.mjs", "/app/run.sh"],
        });
        const entered = { ...image, config: { Entrypoint: ["/app/run.sh"] } };
        await pushImage(url, `${registry}/team/shop:entered`, entered, "amd64");
        expect(await pull(`${registry}/team/shop:entered`)).to.deep.include({
            entryPoint: ["/app/run.sh"],
            command: [],
        });
        expect((await pull("docker.io/traefik/whoami:v1.11.0"))?.entryPoint).to.deep.equal(["whoami"]);
        expect(await pull(`${registry}/team/shop:nothing`)).to.equal(undefined);
    });

    it("are scanned where their repository says so, and where something is found", async () => {
        const imageScanningConfiguration = { scanOnPush: true };
        await ecr.createRepository({ repositoryName: "scanned", imageScanningConfiguration });
        const digest = await pushImage(url, `${registry}/scanned:main`, image, "amd64");
        await pushImage(url, `${registry}/changing:main`, image, "amd64");
        const found = async (repositoryName: string, imageId: ImageIdentifier) => {
            const answer = await ecr.describeImageScanFindings({ repositoryName, imageId });
            return [answer.imageId?.imageDigest, answer.imageScanFindings?.findingSeverityCounts];
        };
        const byDigest = { imageDigest: digest };
        expect(await found("scanned", { imageTag: "main" })).to.deep.equal([digest, {}]);
        setFindings({ accountId, region }, "scanned", digest, { HIGH: 2, LOW: 1 });
        expect(await found("scanned", byDigest)).to.deep.equal([digest, { HIGH: 2, LOW: 1 }]);

        const where = (name: string) => `in the repository with name '${name}' in the registry with id '${accountId}'`;
        expect(await refusal(found("changing", byDigest))).to.equal(
            `Image scan does not exist for the image with {imageDigest:'${digest}', imageTag:'null'} ${where("changing")}`,
        );
        setFindings({ accountId, region }, "changing", digest, { CRITICAL: 1 });
        expect(await found("changing", byDigest)).to.deep.equal([digest, { CRITICAL: 1 }]);
        expect(await refusal(found("scanned", { imageTag: "none" }))).to.equal(
            `The image with imageId {imageDigest:'null', imageTag:'none'} does not exist ${where("scanned")}`,
        );
        expect(await refusal(found("nowhere", byDigest))).to.include("nowhere");
    });

    describe("are built by what stands for @pulumi/docker-build", () => {
        const provider = (): ReturnType<typeof createBuildProvider> => createBuildProvider(url);
        let folder: string;
        before(() => {
            folder = mkdtempSync(join(tmpdir(), "taskgate-test-"));
            mkdirSync(join(folder, "app"));
            writeFileSync(join(folder, "app/Dockerfile"), "FROM node:24\nARG LEVEL\nENV LEVEL=$LEVEL\nCOPY . /app\n");
        });
        after(() => rmSync(folder, { recursive: true }));

        const inputs = (tag: string) => ({
            tags: [`${registry}/team/shop:${tag}`],
            context: { location: join(folder, "app") },
            dockerfile: {},
            buildArgs: { LEVEL: "info" },
            platforms: ["linux/arm64"],
            push: true,
        });
        async function create(tag: string): Promise<State> {
            return { inputs: inputs(tag), ...(await provider().create("urn", inputs(tag), false)) };
        }

        it("and pushed", async () => {
            const { id, outputs } = await create("built");
            expect([outputs.digest, outputs.ref]).to.deep.equal([id, `${registry}/team/shop:built@${id}`]);
            const { config, base } = (await pullImage(url, `${registry}/team/shop@${id}`))!;
            expect([base, config.Env?.at(-1)]).to.deep.equal(["node:24", "LEVEL=info"]);
        });

        it("when they are deployed, not when that is looked at before", async () => {
            const { id, outputs } = await provider().create("urn", inputs("previewed"), true);
            expect([id, "digest" in outputs]).to.deep.equal(["", false]);
            expect(await hasImage(url, `${registry}/team/shop:previewed`)).to.equal(false);
        });

        it("anew when a file or a setting changes", async () => {
            const state = await create("changed");
            const changed = (news = inputs("changed")) => provider().diff("urn", state, news).changed;
            expect(changed()).to.deep.equal([]);
            expect(changed({ ...inputs("changed"), buildArgs: { LEVEL: "debug" } })).to.deep.equal(["buildArgs"]);
            writeFileSync(join(folder, "app/new.txt"), "");
            expect(changed()).to.deep.equal(["contextHash"]);
        });

        it("until nothing has them any more", async () => {
            const state = await create("deleted");
            expect(await provider().read("urn", state)).not.to.equal(undefined);
            await provider().delete("urn", state);
            expect(await provider().read("urn", state)).to.equal(undefined);
        });
    });
});

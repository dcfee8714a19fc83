// An image that is built from a folder, and the ECR repository that is made for it.
import { createHash } from "node:crypto";

import * as aws from "@pulumi/aws";
import * as awsx from "@pulumi/awsx";
import * as pulumi from "@pulumi/pulumi";

import { Fault, faultOf, map, plain, record, required, text, word } from "../validation";
import { contextHash, contextReason, dockerfileOf, dockerfileReason } from "./buildContext";

/** How an image is built by Docker, on the machine that runs Pulumi. */
export interface ImageBuild {
    /** Folder that is built, without what its `.dockerignore` names. Paths are relative to the folder of the Pulumi program. */
    readonly context: string;
    /**
     * Path of the Dockerfile, relative to the folder of the Pulumi program too.
     * @default `Dockerfile` in the context
     */
    readonly dockerfile?: string;
    /**
     * Values of the Dockerfile's `ARG` instructions. The image may tell them: they are no place for secrets.
     * @default none
     */
    readonly args?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /**
     * Stage of the Dockerfile that becomes the image.
     * @default the last one
     */
    readonly target?: string;
}

/** How many images a repository keeps: the one that tasks use is the newest, and a deployment may be taken back to older ones. */
const keptImages = 20;

const platforms: Readonly<Record<string, string>> = { X86_64: "linux/amd64", ARM64: "linux/arm64" };

/** Makes `${name}-repository`, `${name}-lifecycle`, `${name}-image-tag` and `${name}-image`; gives the image by its digest. */
export function builtImage(
    name: string,
    build: ImageBuild,
    cpuArchitecture: pulumi.Input<string>,
    tags: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined,
    parent: pulumi.Resource,
): pulumi.Output<string> {
    const repository = new aws.ecr.Repository(
        `${name}-repository`,
        {
            imageTagMutability: "IMMUTABLE",
            imageScanningConfiguration: { scanOnPush: true },
            encryptionConfigurations: [{ encryptionType: "AES256" }],
            // What is in it can be built again, and the tasks that use it go too.
            forceDelete: true,
            tags,
        },
        { parent },
    );
    new aws.ecr.LifecyclePolicy(
        `${name}-lifecycle`,
        { repository: repository.name, policy: JSON.stringify({ rules: lifecycleRules }) },
        { parent },
    );
    const platform = pulumi.output(cpuArchitecture).apply((architecture) => platforms[architecture]);
    const content = contextHash(build);
    const input = pulumi.all([build.args, platform]).apply(([args = {}, ...rest]) => {
        const settings = [build.context, build.dockerfile, build.target, Object.entries(args).sort(), ...rest];
        return createHash("sha256")
            .update(JSON.stringify([content, ...settings]))
            .digest("hex");
    });
    // A tag can be pushed once. The id is a new one for each change, also for one back to what was built before.
    const tag = new pulumi.Stash(`${name}-image-tag`, { input }, { parent, replaceOnChanges: ["input"] });
    const image = new awsx.ecr.Image(
        `${name}-image`,
        { ...build, platform, repositoryUrl: repository.repositoryUrl, imageTag: tag.id },
        // Tasks may still use the one before when this one is there; the lifecycle policy deletes it some day.
        { parent, retainOnDelete: true },
    );
    return image.imageUri;
}

const lifecycleRules = [
    {
        rulePriority: 1,
        description: "Delete what has no tag after a day",
        selection: { tagStatus: "untagged", countType: "sinceImagePushed", countUnit: "days", countNumber: 1 },
        action: { type: "expire" },
    },
    {
        rulePriority: 2,
        description: `Keep the last ${keptImages} images`,
        selection: {
            tagStatus: "tagged",
            tagPatternList: ["*"],
            countType: "imageCountMoreThan",
            countNumber: keptImages,
        },
        action: { type: "expire" },
    },
];

/** What may be said about a build. */
export const buildRule = plain(
    record<ImageBuild>({
        context: plain(required(text(contextReason), "give the folder that is built")),
        dockerfile: plain(text()),
        args: map(word()),
        target: plain(text()),
    }),
);

/** An image is given or built: one of both. */
export function imageFaults({
    image,
    build,
}: {
    readonly image?: pulumi.Input<string>;
    readonly build?: ImageBuild;
}): Fault[] {
    if (build === undefined) {
        const reason = "is missing: give an image, e.g. docker.io/traefik/whoami:v1.11, or build one with build";
        return faultOf("image", image === undefined ? reason : undefined);
    }
    return image === undefined
        ? faultOf("build.dockerfile", dockerfileReason(dockerfileOf(build)))
        : faultOf("image", "does not go with build: give one of them");
}

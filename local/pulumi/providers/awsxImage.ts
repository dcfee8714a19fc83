import { getAuthorizationTokenOutput } from "@pulumi/aws/ecr/getAuthorizationToken";
import type { ImageArgs } from "@pulumi/awsx/ecr/image";
import { Image, type ImageArgs as BuildArgs } from "@pulumi/docker-build/image";
import * as pulumi from "@pulumi/pulumi";

/** The image of awsx.ecr.Image, by the same child as the real one has: it is called like the tag, which it pushes. */
export function makeImage(parent: pulumi.Resource, args: ImageArgs): pulumi.Inputs {
    const imageUri = pulumi.output(args).apply((known) => {
        const name = known.imageName ?? known.imageTag;
        if (name === undefined) {
            throw new Error("awsx.ecr.Image: the local system makes up no tag: give imageTag");
        }
        const tag = `${known.repositoryUrl}:${name}`;
        const [registryId] = known.repositoryUrl.split(".");
        const { proxyEndpoint, userName, password } = getAuthorizationTokenOutput({ registryId }, { parent });
        const image = new Image(
            name,
            {
                tags: [tag],
                buildArgs: known.args,
                cacheFrom: (known.cacheFrom ?? [tag]).map((ref) => ({ registry: { ref } })),
                cacheTo: [{ inline: {} }],
                context: { location: known.context ?? "." },
                dockerfile: { location: known.dockerfile },
                platforms: (known.platform === undefined ? [] : [known.platform]) as BuildArgs["platforms"],
                target: known.target,
                push: true,
                registries: [{ address: proxyEndpoint, username: userName, password }],
            },
            { parent },
        );
        return image.digest.apply((digest) => `${known.repositoryUrl}@${digest}`);
    });
    return { imageUri };
}

import type { ImageArgs } from "@pulumi/docker-build/image";
import { contextHash } from "../../../components/internal/task/buildContext";
import type { Inputs } from "../../aws/resources/adapter";
import { changedKeys, type Properties } from "../../aws/resources/values";
import { type BuildRequest, buildImage } from "../../tasks/images/dockerfile";
import { findImage } from "../../tasks/images/images";
import { deleteImage, hasImage, pushImage } from "../../tasks/images/registry";
import { type Provider, serve } from "./server";

type Args = Inputs<ImageArgs>;

/** The provider `docker-build` of @pulumi/docker-build 0.0.14: builds images without Docker, as awsx wants them, and pushes them to ECR. */
export function createBuildProvider(gatewayUrl: string): Provider {
    async function build(inputs: Properties): Promise<Properties & { readonly digest: string }> {
        const args = inputs as Args;
        const image = buildImage(requestOf(args), (base) => findImage(base, "") !== undefined);
        const [tag] = args.tags ?? [];
        const [platform = "linux/amd64"] = args.platforms ?? [];
        const digest = await pushImage(gatewayUrl, tag, image, platform.split("/")[1]);
        return { ...inputs, contextHash: hashOf(inputs), digest, ref: `${tag}@${digest}` };
    }

    return {
        version: "0.0.14",
        configure: () => undefined,
        check: (_urn, _olds, inputs) => ({ inputs }),
        diff(_urn, old, inputs) {
            const changed = changedKeys(old.inputs, inputs).filter((key) => key !== "registries");
            const isOther = hashOf(inputs) !== old.outputs.contextHash;
            return { changed: [...changed, ...(isOther ? ["contextHash"] : [])], replaces: [] };
        },
        async create(_urn, inputs, preview) {
            if (preview) {
                return { id: "", outputs: { ...inputs, contextHash: hashOf(inputs) } };
            }
            const outputs = await build(inputs);
            return { id: outputs.digest, outputs };
        },
        update: async (_urn, old, inputs, preview) => (preview ? { ...old.outputs, ...inputs } : build(inputs)),
        async read(_urn, { inputs, outputs }) {
            const [tag] = (inputs as Args).tags ?? [];
            return (await hasImage(gatewayUrl, tag)) ? { inputs, outputs } : undefined;
        },
        delete: (_urn, { outputs }) => deleteImage(gatewayUrl, outputs.ref as string),
        invoke: (token) => Promise.reject(new Error(`docker-build has no function ${token}.`)),
    };
}

function requestOf({ context, dockerfile, buildArgs, target }: Args): BuildRequest {
    return { context: context!.location, dockerfile: dockerfile?.location, args: buildArgs, target };
}

function hashOf(inputs: Properties): string {
    return contextHash(requestOf(inputs as Args));
}

if (require.main === module) {
    void serve(createBuildProvider(process.env.AWS_ENDPOINT_URL!));
}

import type { AwsResponse, Overlay } from "../gateway/overlay";

const manifestPath = /^\/v2\/(.+)\/manifests\/([^/:]+)$/;

/** The emulator lets a tag of an immutable repository be pushed again with the same image; ECR refuses that, too. */
export function ecrOverlay(): Overlay {
    return {
        service: "ecr",
        pathPrefix: "/v2/",
        async handle(request, forward) {
            const [, repository, tag] = manifestPath.exec(request.path) ?? [];
            if (request.method !== "PUT" || tag === undefined) {
                return undefined;
            }
            const [registryId, , , region] = new URLSearchParams(request.query).get("ns")?.split(".") ?? [];
            const authorization = `AWS4-HMAC-SHA256 Credential=${registryId}/20260101/${region}/ecr/aws4_request`;
            const target = "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories";
            const ask = { repositoryNames: [repository] };
            const [described, existing] = await Promise.all([
                forward({
                    ...request,
                    method: "POST",
                    path: "/",
                    query: "",
                    headers: { authorization, "x-amz-target": target, "content-type": "application/x-amz-json-1.1" },
                    body: Buffer.from(JSON.stringify(ask)),
                }),
                forward({ ...request, method: "HEAD", body: Buffer.of() }),
            ]);
            const { repositories } = JSON.parse(described.body.toString()) as Partial<Repositories>;
            const isImmutable = repositories?.[0].imageTagMutability === "IMMUTABLE";
            return isImmutable && existing.status === 200 ? refusal(repository, tag) : undefined;
        },
    };
}

interface Repositories {
    readonly repositories: readonly { readonly imageTagMutability: string }[];
}

function refusal(repository: string, tag: string): AwsResponse {
    const message = `The image tag '${tag}' already exists in the '${repository}' repository and cannot be overwritten because the repository is immutable.`;
    return {
        status: 400,
        headers: { "content-type": "application/json" },
        body: Buffer.from(JSON.stringify({ errors: [{ code: "TAG_INVALID", message, detail: {} }] })),
    };
}

import { AwsError } from "../gateway/overlay";
import type { AwsRequest, Forward, Overlay } from "../gateway/overlay";

/** What the emulator says otherwise of secrets: of those without a value, and of the names of deleted ones. */
export function secretsManagerOverlay(): Overlay {
    return {
        service: "secretsmanager",
        async handle(request, forward) {
            if (request.operation !== "GetSecretValue" && request.operation !== "CreateSecret") {
                return undefined;
            }
            const answer = await forward(request);
            const body = JSON.parse(answer.body.toString()) as Readonly<Record<string, string | undefined>>;
            if (request.operation === "CreateSecret") {
                if (body.__type?.includes("ResourceExists") === true && (await isDeleted(request, forward))) {
                    throw new AwsError(
                        "InvalidRequestException",
                        "You can't create this secret because a secret with this name is already scheduled for deletion.",
                    );
                }
            } else if (answer.status === 200 && body.SecretString === undefined && body.SecretBinary === undefined) {
                // The emulator gives a secret that never had a value an empty version; in AWS it has none.
                throw new AwsError(
                    "ResourceNotFoundException",
                    "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
                );
            }
            return answer;
        },
    };
}

/** Whether the name is a secret's whose recovery window is not over. */
async function isDeleted(request: AwsRequest, forward: Forward): Promise<boolean> {
    const { Name } = request.parameters as { readonly Name: string };
    const headers = { ...request.headers, "x-amz-target": "secretsmanager.DescribeSecret" };
    const answer = await forward({ ...request, headers, body: Buffer.from(JSON.stringify({ SecretId: Name })) });
    return (JSON.parse(answer.body.toString()) as { readonly DeletedDate?: number }).DeletedDate !== undefined;
}

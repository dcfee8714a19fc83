import { AwsError, type Overlay } from "../gateway/overlay";

/** The emulator gives a secret that never had a value an empty version; in AWS it has none. */
export function secretsManagerOverlay(): Overlay {
    return {
        service: "secretsmanager",
        async handle(request, forward) {
            if (request.operation !== "GetSecretValue") {
                return undefined;
            }
            const answer = await forward(request);
            const value = JSON.parse(answer.body.toString()) as { SecretString?: string; SecretBinary?: string };
            if (answer.status === 200 && value.SecretString === undefined && value.SecretBinary === undefined) {
                throw new AwsError(
                    "ResourceNotFoundException",
                    "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
                );
            }
            return answer;
        },
    };
}

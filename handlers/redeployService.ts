import { call, clientSettings, type LambdaContext } from "./calls";
import { required } from "./environment";
import { failure } from "./failure";
import { load } from "./load";
import { log } from "./log";

export interface RedeployResult {
    readonly redeployed: boolean;
    readonly reason: string;
}

/**
 * Replaces the tasks of a service, a few at a time, once its certificate was renewed: a task keeps the certificate it started with. Does
 * nothing when the service was deployed after the second of the secret's last change, so it may be asked at any time. With ONLY_INCOMPLETE, for
 * tasks that take up certificates while they run, it helps only a deployment that did not come to its end, perhaps for want of the first one.
 */
export async function redeployService(_event: unknown, context: LambdaContext): Promise<RedeployResult> {
    const [cluster, service, secretArn] = ["CLUSTER_ARN", "SERVICE_NAME", "SECRET_ARN"].map((name) => required(name));
    const deadline = Date.now() + context.getRemainingTimeInMillis() - 1_000;
    const { DescribeServicesCommand, ECSClient, UpdateServiceCommand } = load("@aws-sdk/client-ecs");
    const { DescribeSecretCommand, SecretsManagerClient } = load("@aws-sdk/client-secrets-manager");
    const ecs = new ECSClient(clientSettings());
    const secretsManager = new SecretsManagerClient(clientSettings());

    const changes: Date[] = [];
    for (const SecretId of [secretArn, process.env.RSA_SECRET_ARN].filter((arn) => arn !== undefined)) {
        const secret = await call(`secretsmanager:DescribeSecret of ${SecretId}`, deadline, () =>
            secretsManager.send(new DescribeSecretCommand({ SecretId })),
        );
        changes.push(...(secret.LastChangedDate === undefined ? [] : [secret.LastChangedDate]));
    }
    const { services = [] } = await call(`ecs:DescribeServices of ${service}`, deadline, () =>
        ecs.send(new DescribeServicesCommand({ cluster, services: [service] })),
    );
    const primary = services[0]?.deployments?.find(({ status }) => status === "PRIMARY");
    const deployed = primary?.createdAt;
    if (deployed === undefined) {
        throw failure("ServiceNotFound", `The service ${service} has no deployment in ${cluster}: was it deleted?`);
    }
    const [changed] = changes.sort((a, b) => Number(b) - Number(a));
    // By whole seconds: a task may have failed for want of a certificate that came later in the same one.
    const seconds = (date: Date): number => Math.floor(date.getTime() / 1_000);
    const isWanted = process.env.ONLY_INCOMPLETE !== "true" || primary?.rolloutState !== "COMPLETED";
    const isNewer = isWanted && changed !== undefined && seconds(changed) >= seconds(deployed);
    const reason = `certificate of ${changed?.toISOString() ?? "never"}, deployment of ${deployed.toISOString()}`;
    if (isNewer) {
        await call(`ecs:UpdateService of ${service}`, deadline, () =>
            ecs.send(new UpdateServiceCommand({ cluster, service, forceNewDeployment: true })),
        );
    }
    log("info", isNewer ? "service redeployed" : "service is up to date", { service, reason });
    return { redeployed: isNewer, reason };
}

// Replaces the tasks of a service after its certificate was renewed: ECS gives a task the secret's value once, when it starts.
import * as pulumi from "@pulumi/pulumi";

import { redeployService } from "../../../handlers/redeployService";
import { alarm } from "../alarm";
import { oneOrMore, secretArnsOf, Statement } from "../policies";
import { callbackFunction } from "./callback";
import { scheduled } from "./schedule";

export interface RedeployedService {
    readonly clusterArn: pulumi.Input<string>;
    readonly serviceName: pulumi.Output<string>;
    readonly serviceArn: pulumi.Input<string>;
    readonly certificateSecretArn: pulumi.Input<string>;
    readonly rsaCertificateSecretArn?: pulumi.Input<string>;
    /** Its tasks take up certificates while they run: only deployments that did not come to their end are made anew. */
    readonly onlyIncomplete?: boolean;
    readonly logRetentionDays: pulumi.Input<number>;
    /** Told when the function fails; nobody when undefined. */
    readonly topicArn?: pulumi.Input<string>;
    readonly tags: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
}

/** Makes `${name}-redeploy` and what asks it every few minutes. */
export function redeployOnRenewal(name: string, service: RedeployedService, parent: pulumi.Resource): void {
    const { tags } = service;
    const redeployment = callbackFunction(
        `${name}-redeploy`,
        {
            handler: redeployService,
            description: "Replaces the service's tasks once its certificate was renewed",
            statements: pulumi
                .all([
                    service.serviceArn,
                    [service.certificateSecretArn, service.rsaCertificateSecretArn].filter((arn) => arn !== undefined),
                ])
                .apply(([serviceArn, secrets]): Statement[] => [
                    {
                        Sid: "Redeploy",
                        Effect: "Allow",
                        Action: ["ecs:DescribeServices", "ecs:UpdateService"],
                        Resource: serviceArn,
                    },
                    {
                        Sid: "SeeRenewals",
                        Effect: "Allow",
                        Action: "secretsmanager:DescribeSecret",
                        Resource: oneOrMore(secrets.flatMap(secretArnsOf)),
                    },
                ]),
            environment: {
                CLUSTER_ARN: service.clusterArn,
                SERVICE_NAME: service.serviceName,
                SECRET_ARN: service.certificateSecretArn,
                ...(service.rsaCertificateSecretArn !== undefined && {
                    RSA_SECRET_ARN: service.rsaCertificateSecretArn,
                }),
                ...(service.onlyIncomplete === true && { ONLY_INCOMPLETE: "true" }),
            },
            packages: [],
            timeout: 60,
            memory: 128,
            logRetentionDays: service.logRetentionDays,
            tags,
        },
        parent,
    );
    alarm(
        `${name}-redeploy-errors`,
        {
            description:
                "The tasks may still have the certificate from before its renewal; the function's log says why.",
            namespace: "AWS/Lambda",
            metricName: "Errors",
            dimensions: { FunctionName: redeployment.name },
            statistic: "Sum",
            threshold: 0,
            topicArn: service.topicArn,
            tags,
        },
        parent,
    );
    // Often, because a service that is deployed with a new certificate has tasks that fail until that is issued, and its circuit
    // breaker may have given up by then: the first look after the issue deploys it anew.
    const description = "Looks whether the service's certificate was renewed";
    scheduled(`${name}-redeploy`, { invoked: redeployment, rate: "5 minutes", description, tags }, parent);
}

import type { TaskDefinition } from "@aws-sdk/client-ecs";

import type { Scope } from "../machine/awsClients";

/** What a task's two roles let be done, and how its containers call AWS. */
export interface TaskRoles {
    /** The access key of a session of a role. */
    readonly keyOfRole: (roleArn: string, session: string) => string;
    allows(roleArn: string, region: string, action: string, resource: string): Promise<boolean>;
    /** Why a service cannot take on a role; undefined when it can. */
    whyNotAssumed(roleArn: string, service: string): Promise<string | undefined>;
}

const ecrImage = /^(\d{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn|\.eu)?|on\.aws)\/([^:@]+)/;

/** What ECS does in the name of the execution role before a container runs, secrets apart: see secrets.ts. */
export function createExecutionRoleCheck(roles: TaskRoles) {
    return async ({ accountId, region }: Scope, definition: TaskDefinition): Promise<void> => {
        const { executionRoleArn: role, containerDefinitions = [] } = definition;
        const reason = role && (await roles.whyNotAssumed(role, "ecs-tasks.amazonaws.com"));
        if (reason !== undefined) {
            throw new Error(`ECS was unable to assume the role '${role}' that was provided for this task: ${reason}.`);
        }
        for (const { image = "", logConfiguration } of containerDefinitions) {
            const [, owner, imageRegion, repository] = ecrImage.exec(image) ?? [];
            const repositoryArn = repository && `arn:aws:ecr:${imageRegion}:${owner}:repository/${repository}`;
            for (const action of repositoryArn === undefined ? [] : pulls) {
                const resource = action === "ecr:GetAuthorizationToken" ? "*" : repositoryArn;
                if (!role || !(await roles.allows(role, region, action, resource))) {
                    throw new Error(
                        "CannotPullContainerError: pull image manifest has been retried 1 time(s): " +
                            `failed to resolve ref ${image}: AccessDeniedException: no policy of ${role} allows ${action} on ${resource}`,
                    );
                }
            }
            const group = logConfiguration?.logDriver === "awslogs" && logConfiguration.options?.["awslogs-group"];
            const stream = `arn:aws:logs:${region}:${accountId}:log-group:${group}:log-stream:*`;
            for (const action of group ? ["logs:CreateLogStream", "logs:PutLogEvents"] : []) {
                if (!(await roles.allows(role!, region, action, stream))) {
                    throw new Error(
                        "ResourceInitializationError: failed to validate logger args: " +
                            `AccessDeniedException: no policy of ${role} allows ${action} on ${stream}`,
                    );
                }
            }
        }
    };
}

const pulls = [
    ...["ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability"],
    ...["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
];

import { IAM } from "@aws-sdk/client-iam";
import { CreateSecretCommand } from "@aws-sdk/client-secrets-manager";
import { expect } from "chai";

import { Caller, describeTask, eventually, runTasks } from "../../local/internet/caller";
import { clientConfig } from "../../local/machine/awsClients";
import { localStack } from "../support/localSystem";
import { policyOf } from "../support/roles";

describe("a task that starts before the first certificate is there", () => {
    let caller: Caller;

    before(async () => {
        caller = await localStack();
    });

    it("stops with a message that names the secret without a value", async () => {
        const { gatewayUrl, accountId } = caller.system;
        const config = clientConfig(gatewayUrl, { accountId, region: caller.region });
        const { ARN } = await caller.secrets.send(new CreateSecretCommand({ Name: `empty-${Date.now()}` }));
        const { RegisterTaskDefinitionCommand, DescribeTaskDefinitionCommand } = await import("@aws-sdk/client-ecs");
        const { taskDefinition } = await caller.ecs.send(
            new DescribeTaskDefinitionCommand({ taskDefinition: "tasks-eu-west-1-task" }),
        );
        const text = JSON.stringify(taskDefinition?.containerDefinitions).replaceAll(
            caller.outputs.certificateSecretArn,
            ARN ?? "",
        );
        const registered = await caller.ecs.send(
            new RegisterTaskDefinitionCommand({
                family: "early",
                requiresCompatibilities: ["FARGATE"],
                networkMode: "awsvpc",
                cpu: "256",
                memory: "512",
                executionRoleArn: taskDefinition?.executionRoleArn,
                volumes: taskDefinition?.volumes,
                containerDefinitions: JSON.parse(text) as [],
            }),
        );
        // The stack's execution role may read the stack's secret alone.
        const RoleName = taskDefinition?.executionRoleArn?.split("/").at(-1);
        const PolicyDocument = policyOf({ Effect: "Allow", Action: "secretsmanager:GetSecretValue", Resource: ARN });
        await new IAM(config).putRolePolicy({ RoleName, PolicyName: "early", PolicyDocument });
        const runTaskInput = JSON.stringify({
            ...(JSON.parse(caller.outputs.runTaskInput) as object),
            taskDefinition: registered.taskDefinition?.taskDefinitionArn,
        });
        const [taskArn] = await runTasks({ ...caller, outputs: { ...caller.outputs, runTaskInput } });
        const stopped = await eventually("the task stopped", async () => {
            const task = await describeTask(caller, taskArn);
            return task?.lastStatus === "STOPPED" ? task : undefined;
        });

        await new IAM(config).deleteRolePolicy({ RoleName, PolicyName: "early" });
        expect(stopped.stoppedReason).to.contain("ResourceInitializationError");
        expect(stopped.stoppedReason).to.contain("can't find the specified secret value for staging label: AWSCURRENT");
        expect(stopped.stoppedReason).to.contain(ARN);
    });
});

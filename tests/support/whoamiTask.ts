// The containers of a task whose app is whoami, at port 8080; behind Envoy at 8443.
import type { ContainerDefinition, Task } from "@aws-sdk/client-ecs";

import { AccessLog } from "../../components/internal/envoy/accessLog";
import { envoyImage } from "../../components/internal/envoy/envoyVersion";
import { type AppContainer, containerDefinitions } from "../../components/internal/task/containers";

const logs = { logGroupName: "logs", region: "eu-west-1" };

export function whoamiTask(healthCheck?: AppContainer["healthCheck"]): {
    readonly asItIs: ContainerDefinition[];
    readonly behindEnvoy: ContainerDefinition[];
} {
    const app: AppContainer = {
        image: "traefik/whoami:v1.11",
        containerPort: 8080,
        command: ["--port", "8080"],
        healthCheck,
        stopTimeout: 5,
    };
    const envoy = {
        image: envoyImage,
        helperImage: "public.ecr.aws/docker/library/buildpack-deps:trixie-curl",
        bootstrap: { httpsPort: 8443, taskCpu: 256, accessLog: AccessLog.Off },
        certificateSecretArn: undefined,
        drainSeconds: 0,
    };
    return {
        asItIs: containerDefinitions({ app, envoy: undefined, ...logs }),
        behindEnvoy: containerDefinitions({ app, envoy, ...logs }),
    };
}

export function addressOf(task: Task): string {
    return task.containers![0].networkInterfaces![0].privateIpv4Address!;
}

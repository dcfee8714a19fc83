import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { ContainerDefinition } from "@aws-sdk/client-ecs";

import { type ContainerInside, type ContainerSetting, metadataUri, type RunningContainer } from "./container";
import { clientEnvironment, type Engine } from "./images/engine";

/**
 * Starts a container of the engine. It has a network of its own; what Envoy or a load balancer of the task asks of it is
 * published at the task's addresses, which are this machine's.
 */
export async function startByEngine(
    container: RunningContainer,
    { client }: Engine,
    setting: ContainerSetting,
): Promise<ContainerInside> {
    const { definition, override } = container;
    const { taskId, directory, networkInterface, isOpen } = setting;
    const mapped = (definition.portMappings ?? []).map(({ containerPort }) => containerPort!);
    const ports = mapped.length > 0 ? mapped : setting.portsCalled;
    const host = mapped.some(isOpen) ? networkInterface.address : networkInterface.loopback;
    const variables = Object.fromEntries([
        ...[...(definition.environment ?? []), ...(override?.environment ?? [])].map(({ name, value = "" }) => [
            name!,
            value,
        ]),
        ...Object.entries(setting.secrets),
        ["ECS_CONTAINER_METADATA_URI_V4", metadataUri(setting.runtimeId)],
    ]) as Record<string, string>;
    const own = clientEnvironment();
    const volumes = (definition.mountPoints ?? []).map(({ sourceVolume, containerPath, readOnly }) => {
        const path = join(directory, "volumes", sourceVolume!);
        mkdirSync(path, { recursive: true });
        return `${path}:${containerPath}${readOnly ? ":ro" : ""}`;
    });
    const [entryPoint, ...words] = definition.entryPoint ?? [];
    const capabilities = definition.linuxParameters?.capabilities;
    const options = {
        hostname: [networkInterface.privateDnsName],
        publish: ports.map((port) => `${host}:${port}:${port}`),
        // By name alone, so that no other process of this machine reads a value; but the client needs its own.
        env: Object.entries(variables).map(([name, value]) => (name in own ? `${name}=${value}` : name)),
        volume: volumes,
        user: given(definition.user),
        workdir: given(definition.workingDirectory),
        "cap-drop": capabilities?.drop ?? [],
        "cap-add": capabilities?.add ?? [],
        entrypoint: given(entryPoint),
    };
    const flags = {
        "read-only": definition.readonlyRootFilesystem,
        init: definition.linuxParameters?.initProcessEnabled,
    };
    const name = `taskgate-${taskId}-${definition.name}`;
    const logName = `tasks/${taskId}-${definition.name}`;
    const started = join(directory, `${definition.name}.started`);
    const running = await setting.processes.start({
        name: logName,
        command: process.execPath,
        args: [
            ...[join(__dirname, "programs", "container.mjs"), client, name, started],
            ...Object.entries(options).flatMap(([key, values]) => values.map((value) => `--${key}=${value}`)),
            ...Object.entries(flags).flatMap(([key, isSet]) => (isSet ? [`--${key}`] : [])),
            ...[definition.image!, ...words, ...(override?.command ?? definition.command ?? [])],
        ],
        env: { ...variables, ...own },
        cwd: directory,
    });
    let hasEnded = false;
    void running.exited.then(() => (hasEnded = true));
    while (!existsSync(started) && !hasEnded) {
        await delay(20);
    }
    if (!existsSync(started)) {
        const log = readFileSync(join(setting.processes.directory, "logs", `${logName}.log`), "utf8");
        throw new Error(log.trim());
    }
    container.process = running;
    return { env: own, cwd: directory, programs: {}, exec: [client, "exec", name] };
}

/** The ports at which an Envoy among these containers expects the others, as all of a task share the loopback address on AWS. */
export function portsCalled(definitions: readonly ContainerDefinition[]): number[] {
    const words = definitions.flatMap(({ command = [] }) => command);
    const endpoint = /"endpoint":\{"address":\{"socket_address":\{"address":"127\.0\.0\.1","port_value":(\d+)/g;
    return [...new Set(words.flatMap((word) => [...word.matchAll(endpoint)].map(([, port]) => Number(port))))];
}

function given(value: string | undefined): string[] {
    return value === undefined ? [] : [value];
}

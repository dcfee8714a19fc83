import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

import type {
    Container,
    ContainerDefinition,
    ContainerDependency,
    ContainerOverride,
    HealthCheck,
    HealthStatus,
    Task,
    TaskDefinition,
} from "@aws-sdk/client-ecs";

import type { ManagedProcess, ProcessExit, Processes } from "../machine/processes";
import { commandLine } from "./images/images";
import type { Image } from "./images/images";
import type { NetworkInterface } from "./networkInterfaces";
import type { IsOpen } from "./securityGroups";
import { pipeDirectories, translate } from "./translate";
import type { Translation } from "./translate";

/** A container of a task: what ECS shows of it, and the process it is. */
export interface RunningContainer {
    readonly definition: ContainerDefinition;
    readonly override: ContainerOverride | undefined;
    readonly view: Container;
    /** Aborted when its health needs no more watching. */
    readonly ended: AbortController;
    process?: ManagedProcess;
}

export function createContainers(task: Task, definition: TaskDefinition): RunningContainer[] {
    return definition.containerDefinitions!.map((container, i) => ({
        definition: container,
        override: task.overrides?.containerOverrides?.find(({ name }) => name === container.name),
        view: task.containers![i],
        ended: new AbortController(),
    }));
}

export interface ContainerSetting {
    readonly processes: Processes;
    readonly image: Image;
    readonly taskId: string;
    /** The container's. */
    readonly runtimeId: string;
    /** The task's own: every container starts in it. */
    readonly directory: string;
    readonly networkInterface: NetworkInterface;
    readonly isOpen: IsOpen;
    /** Where it stands who may connect to an open port; undefined: everybody may. */
    readonly reachFileOf: (port: number) => string | undefined;
    /** What Node.js apps are told of the network; undefined: nothing, they have the machine's. */
    readonly ownNetwork?: OwnNetwork;
    readonly secrets: Readonly<Record<string, string>>;
    /** Where the task's Envoy expects its other containers. */
    readonly portsCalled: readonly number[];
}

/** See ownNetwork.cjs. */
export interface OwnNetwork {
    readonly dnsPort: number;
    /** Authorities besides those that Node.js trusts. */
    readonly trustedRootsFile: string;
    readonly hosts: Readonly<Record<string, string>>;
    readonly reachFile: string;
}

/** What a command inside a container, such as its health check, runs with. */
export interface ContainerInside {
    /** Its own: nothing of this process's leaks in. */
    readonly env: Readonly<Record<string, string>>;
    readonly cwd: string;
    readonly programs: Image["programs"];
    /** Of a process of this machine. */
    readonly translation?: Translation;
    /** Of a container of the engine: the words before the command. */
    readonly exec?: readonly string[];
}

/** Starts a container as a process of this machine. */
export async function startProcess(container: RunningContainer, setting: ContainerSetting): Promise<ContainerInside> {
    const { definition, override } = container;
    const { image, directory, isOpen } = setting;
    const { address, loopback, privateDnsName } = setting.networkInterface;
    const files = image.files && writeFiles(image.files, join(directory, "files", definition.name!));
    const cwd =
        image.directory !== undefined
            ? image.directory
            : files === undefined
              ? directory
              : join(files, image.workingDirectory ?? "/");
    const mounts = mountsOf(definition, files === undefined ? "" : directory);
    const { reachFileOf, ownNetwork } = setting;
    const { sharesLoopback } = image;
    // What looks at each connection itself may listen before there is a rule.
    const isGuarded = (port: number): boolean =>
        !sharesLoopback && ownNetwork !== undefined && reachFileOf(port) !== undefined;
    const isServed = (definition.portMappings ?? []).some(
        ({ containerPort: port }) => isOpen(port!) || isGuarded(port!),
    );
    const host = isServed ? address : loopback;
    const ownLoopback = sharesLoopback ? loopback : host;
    const translation = { address, loopback, ownLoopback, isOpen, reachFileOf, mounts, sharesLoopback, files };
    const [program, ...args] = commandLine(
        image,
        definition.entryPoint ?? [],
        override?.command ?? definition.command ?? [],
    ).map((word) => translate(word, translation));
    const variables = [...(definition.environment ?? []), ...(override?.environment ?? [])];
    const environment = Object.fromEntries(
        [
            ...Object.entries(image.environment ?? {}),
            ...variables.map(({ name = "", value = "" }): [string, string] => [name, value]),
        ].map(([name, value]) => [name, translate(value, translation)]),
    );
    const directories = [
        cwd,
        ...Object.values(mounts),
        ...[...args, ...Object.values(environment)].flatMap(pipeDirectories),
    ];
    directories.forEach((path) => mkdirSync(resolve(directory, path), { recursive: true }));

    const programs = programsOf(image, join(directory, "programs", definition.name!));
    const env = {
        ...(sharesLoopback
            ? environment
            : ownNetworkOf(setting, environment, join(directory, `${definition.name}-network.cjs`))),
        PATH: `${programs}:${environment.PATH ?? "/usr/local/bin:/usr/bin:/bin"}`,
        ...setting.secrets,
        ECS_CONTAINER_METADATA_URI_V4: metadataUri(setting.runtimeId),
        HOSTNAME: privateDnsName,
        HOST: host,
    };
    const name = `tasks/${setting.taskId}-${definition.name}`;
    container.process = await setting.processes.start({ name, command: program, args, env, cwd });
    return { env, translation, programs: image.programs, cwd };
}

/** The environment of an app: each Node.js program in it, its health check's too, loads a program of ours first, which is put at that path. */
function ownNetworkOf(
    { ownNetwork, networkInterface: { address, loopback } }: ContainerSetting,
    environment: Readonly<Record<string, string>>,
    path: string,
): Readonly<Record<string, string>> {
    if (ownNetwork === undefined) {
        return environment;
    }
    const { dnsPort, hosts, reachFile, trustedRootsFile } = ownNetwork;
    const settings = JSON.stringify({ address, loopback, dnsPort, hosts, reachFile });
    writeFileSync(path, `require(${JSON.stringify(join(__dirname, "ownNetwork.cjs"))})(${settings});\n`);
    const { NODE_OPTIONS: own = "" } = environment;
    return {
        NODE_EXTRA_CA_CERTS: trustedRootsFile,
        ...environment,
        NODE_OPTIONS: `${own} --require ${JSON.stringify(path)}`.trim(),
    };
}

/** In Fargate's form: Envoy learns the task's own id from it. */
export function metadataUri(runtimeId: string): string {
    return `http://169.254.170.2/v4/${runtimeId}`;
}

/** Makes a folder in which scripts and health checks find the image's programs under their names. */
function programsOf({ programs }: Image, folder: string): string {
    mkdirSync(folder, { recursive: true });
    for (const [name, words] of Object.entries(programs)) {
        const quoted = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
        writeFileSync(join(folder, name), `#!/bin/sh\nexec ${quoted.join(" ")} "$@"\n`, { mode: 0o755 });
    }
    return folder;
}

/** Gives a container its own copy of the image's files. */
function writeFiles(files: NonNullable<Image["files"]>, directory: string): string {
    for (const [path, { mode, content }] of files) {
        mkdirSync(dirname(join(directory, path)), { recursive: true });
        writeFileSync(join(directory, path), content, { mode });
    }
    return directory;
}

/** Where the task's volumes are in its directory, which a container starts in unless it has files of its own. */
function mountsOf({ mountPoints = [] }: ContainerDefinition, directory: string): Record<string, string> {
    return Object.fromEntries(
        mountPoints.map(({ containerPath = "", sourceVolume = "" }) => [
            containerPath,
            join(directory, "volumes", sourceVolume),
        ]),
    );
}

/** Shows the interface in the task's attachment and in its containers. */
export function describeNetwork(task: Task, networkInterface: NetworkInterface): void {
    const { attachmentId, address, id, macAddress, privateDnsName, subnetId } = networkInterface;
    Object.assign(task.attachments![0], {
        status: "ATTACHED",
        details: [
            { name: "subnetId", value: subnetId },
            { name: "networkInterfaceId", value: id },
            { name: "macAddress", value: macAddress },
            { name: "privateDnsName", value: privateDnsName },
            { name: "privateIPv4Address", value: address },
        ],
    });
    task.containers!.forEach((container) =>
        Object.assign(container, { networkInterfaces: [{ attachmentId, privateIpv4Address: address }] }),
    );
}

/** Whether what `dependsOn` asks for has come true; throws when it never can. */
export function isFulfilled(
    { containerName, condition }: ContainerDependency,
    containers: readonly RunningContainer[],
): boolean {
    const { lastStatus, healthStatus, exitCode } = containers.find(
        ({ definition }) => definition.name === containerName,
    )!.view;
    const hasStopped = lastStatus === "STOPPED";
    switch (condition) {
        case "START":
            return lastStatus !== "PENDING";
        case "COMPLETE":
            return hasStopped;
        case "SUCCESS":
            if (hasStopped && exitCode !== 0) {
                throw new Error(`Dependency ${containerName} exited with code ${exitCode}, not with SUCCESS.`);
            }
            return hasStopped;
        case "HEALTHY":
            if (hasStopped) {
                throw new Error(`Dependency ${containerName} exited with code ${exitCode} before it was HEALTHY.`);
            }
            return healthStatus === "HEALTHY";
        case undefined:
        default:
            throw new Error(`Dependency ${containerName} has the unknown condition ${condition}.`);
    }
}

export function isDependedOnBy(container: RunningContainer, other: RunningContainer): boolean {
    return (other.definition.dependsOn ?? []).some(({ containerName }) => containerName === container.definition.name);
}

export function isEssential({ definition }: RunningContainer): boolean {
    return definition.essential !== false;
}

export function healthCheckOf({ definition }: RunningContainer): HealthCheck | undefined {
    return definition.healthCheck?.command?.[0] === "NONE" ? undefined : definition.healthCheck;
}

/** The worst of the essential containers that have a health check. */
export function taskHealth(containers: readonly RunningContainer[]): HealthStatus {
    const statuses = containers
        .filter((container) => isEssential(container) && healthCheckOf(container))
        .map(({ view }) => view.healthStatus);
    return (["UNHEALTHY", "UNKNOWN", "HEALTHY"] as const).find((status) => statuses.includes(status)) ?? "UNKNOWN";
}

/** As Docker reports it: 128 + the signal's number. */
export function exitCodeOf({ code, signal }: ProcessExit): number {
    const bySignal: Readonly<Record<string, number>> = { SIGKILL: 137, SIGTERM: 143, SIGSEGV: 139, SIGABRT: 134 };
    return code ?? bySignal[signal ?? ""] ?? 1;
}

import { globSync } from "node:fs";
import { join } from "node:path";

import type { Engine } from "./engine";
import type { ImageFile } from "./dockerfile";

/** What an image holds, as far as it matters to a container that is a process. */
export interface Image {
    readonly entryPoint: readonly string[];
    readonly command: readonly string[];
    /** The image's programs by name, and the command lines that stand for them here. */
    readonly programs: Readonly<Record<string, readonly string[]>>;
    /** Whether its configuration names addresses that all containers of a task share on AWS (loopback, 0.0.0.0). */
    readonly sharesLoopback: boolean;
    /** Whether its programs call others, and cannot be made to do so from their task's address. @default false */
    readonly isAnonymous?: boolean;
    /** Of one in ECR. */
    readonly digest?: string;
    /** Of one that was built: its variables, the folder it starts in, and its files by their paths. */
    readonly environment?: Readonly<Record<string, string>>;
    readonly workingDirectory?: string;
    /** Of this machine: its containers start there. */
    readonly directory?: string;
    readonly files?: ReadonlyMap<string, ImageFile>;
    /** What runs it as the image that it is. */
    readonly engine?: Engine;
}

/** Repository, without registry and tag -> what runs for it. Everything else cannot be pulled. */
const images: Readonly<Record<string, (root: string, s3Url: string) => Image>> = {
    "envoyproxy/envoy": (root) => ({
        entryPoint: ["envoy"],
        command: ["-c", "/etc/envoy/envoy.yaml"],
        programs: { envoy: [envoyBinary(root)] },
        sharesLoopback: true,
    }),
    "traefik/whoami": () => ({
        entryPoint: ["whoami"],
        command: [],
        programs: { whoami: [process.execPath, join(__dirname, "..", "demoApp.mjs")] },
        sharesLoopback: false,
    }),
    node: () => ({ entryPoint: [], command: ["node"], programs: { node: [process.execPath] }, sharesLoopback: false }),
    // Their scripts run in the machine's own shell, with programs of ours: not every machine has curl and openssl.
    "docker/library/buildpack-deps": (_, s3Url) => {
        const { programs, ...image } = helper("curl", "openssl");
        return { ...image, programs: { ...programs, curl: [...programs.curl, `--s3-url=${s3Url}`] } };
    },
    traefik: (root) => ({
        entryPoint: ["traefik"],
        command: [],
        programs: { traefik: [join(root, ".tools/python/bin/traefik")] },
        sharesLoopback: true,
        isAnonymous: true,
    }),
};

/** The file of the program of ours that stands for one of another's. */
export function standIn(program: "curl" | "openssl"): string {
    return join(__dirname, "..", "programs", `${program}.mjs`);
}

function helper(...names: readonly Parameters<typeof standIn>[0][]): Image {
    const programs = Object.fromEntries(names.map((name) => [name, [process.execPath, standIn(name)]]));
    return { entryPoint: [], command: ["bash"], programs, sharesLoopback: true };
}

/** What `npm start -- --app` runs: the folder and the words are the system's. */
export const appImage = "taskgate.local/app";

/** For the processes of an operation: that the system runs every image. */
export const containersVariable = "TASKGATE_LOCAL_CONTAINERS";

/** Why a container's image cannot run here, and what to do instead; undefined when it can. */
export function whyNoImage(
    container: string,
    image: string,
    environment: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
    const repository = repositoryOf(image);
    const known = Object.keys(images);
    if (
        environment[containersVariable] !== undefined ||
        repository === appImage ||
        /\.dkr\.ecr\./.test(repository) ||
        known.some((path) => repository === path || repository.endsWith(`/${path}`))
    ) {
        return undefined;
    }
    return (
        `container "${container}" has the image ${image}, which the local system cannot run: it runs programs of this machine, no images. Instead: ` +
        `the image itself with "npm start -- --containers", where there is Docker or Podman; a program of your own with "npm start -- --app <folder>", or with ` +
        `--command "<words>" beside it; an image built from a Dockerfile ` +
        `that copies files onto node (build); or one of those that something stands for here: ${known.join(", ")}`
    );
}

/** A program of one's own: a folder of this machine, and what is run in it. */
export interface LocalApp {
    readonly folder: string;
    readonly command: readonly string[];
    readonly port: number;
}

/** It starts in its folder, and is told by PORT (and HOST, as every app) where to listen. */
export function imageOfApp({ folder, command, port }: LocalApp): Image {
    const hook = join(__dirname, "..", "listenOnHost.cjs");
    return {
        entryPoint: [],
        command,
        programs: { node: [process.execPath] },
        sharesLoopback: false,
        isAnonymous: command[0] !== "node",
        environment: { PORT: String(port), NODE_OPTIONS: `--require ${hook}`, HOME: folder },
        directory: folder,
    };
}

/** undefined = there is no such image here. `s3Url` is where its programs find S3; by default nowhere. */
export function findImage(name: string, root: string, s3Url = "http://127.0.0.1:9"): Image | undefined {
    const repository = repositoryOf(name);
    const known = Object.keys(images).find((path) => repository === path || repository.endsWith(`/${path}`));
    return known === undefined ? undefined : images[known](root, s3Url);
}

/** `registry:5000/path/name:tag@digest` -> `registry:5000/path/name` */
function repositoryOf(name: string): string {
    return name.replace(/@.*$/, "").replace(/:[^/:]*$/, "");
}

/** The command line of a container: entry point and command as Docker combines them, programs replaced by ours. */
export function commandLine(image: Image, entryPoint: readonly string[], command: readonly string[]): string[] {
    const [program, ...args] =
        entryPoint.length > 0
            ? [...entryPoint, ...command]
            : [...image.entryPoint, ...(command.length > 0 ? withoutEntryPoint(image, command) : image.command)];
    return [...(image.programs[baseName(program)] ?? [program]), ...args];
}

/** The images' entry point scripts take options as well as a whole command line that starts with the program. */
function withoutEntryPoint(image: Image, command: readonly string[]): readonly string[] {
    return image.entryPoint.includes(baseName(command[0])) ? command.slice(1) : command;
}

function baseName(path: string): string {
    return path.slice(path.lastIndexOf("/") + 1);
}

/** The binary itself: the script beside it would start a Python interpreter for each container. */
export function envoyBinary(root: string, tools = "python"): string {
    const pattern = join(root, ".tools", tools, "lib/python3*/site-packages/envoy/_bin/envoy");
    const [binary] = globSync(pattern);
    if (binary === undefined) {
        throw new Error(`Envoy is not installed: nothing matches ${pattern}. Install the tools with "npm run setup".`);
    }
    return binary;
}
